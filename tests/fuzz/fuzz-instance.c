/*
 * A whole file: facts, what the scan measures, and every derived file. What was
 * promised must hold: sizes are those announced, and nothing is left unset.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"

#include "render/picture.h"

/* Small, so that a hostile header costs little. */
static const struct rn_options options = {
	.max_pixels = 1u << 20, .max_json_size = 1u << 20, .bulk_threshold = 64};

static void check_output(const struct rn_kind *kind, const struct dc_image *image,
			 struct span output)
{
	CLEANUP_BUF struct buf pixels = buf_empty(BUF_NO_LIMIT);

	if (kind->number == RN_KIND_JSON)
		fuzz_check_json(output);
	if (kind->number == RN_KIND_PNG)
		fuzz_check_png(output, image->columns, image->rows, rn_picture_channels(image),
			       true, &pixels);
}

/* Pictures into memory of exactly the size announced; JSON is longer while it is
 * written (fuzz-json.c). */
static void produce_frame(const struct rn_kind *kind, const struct rn_request *request)
{
	struct fuzz_guarded guarded CLEANUP_GUARDED = {0};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	uint64_t size = 0;

	fuzz_require(kind->size(request->instance, request->options, request->frame, &size, &err),
		     "a kind that applies has a size");
	if (kind->per_frame) {
		guarded = fuzz_guard((size_t)size, 0xa5);
		out = buf_over(guarded.bytes, guarded.size);
	}
	if (!rn_produce(kind, request, &out, &err)) {
		fuzz_require_error(&err);
		fuzz_require(kind->number != RN_KIND_JSON, "what was measured can be written");
		return;
	}
	fuzz_require(out.size == size, "the size announced is the size produced");
	check_output(kind, request->instance->image, buf_span(&out));
}

static void produce_all(struct dc_dataset *dataset, const struct rn_instance *instance,
			uint32_t kinds)
{
	for (unsigned number = 0; number < RN_KIND_LIMIT; number++) {
		const struct rn_kind *kind = rn_kind_table[number];
		struct rn_request request = {
			.dataset = dataset, .instance = instance, .options = &options};
		uint32_t frames = instance->image->frames;

		if (kind == NULL || kind->original || (kinds & (1u << number)) == 0)
			continue;
		produce_frame(kind, &request);
		if (kind->per_frame && frames > 1) {
			request.frame = frames - 1;
			produce_frame(kind, &request);
		}
	}
}

static void check_packing(const struct dc_image *image)
{
	CLEANUP_BUF struct buf once = buf_empty(BUF_NO_LIMIT), twice = buf_empty(BUF_NO_LIMIT);
	struct dc_image back;
	struct err err = {0};

	dc_image_pack(image, &once);
	fuzz_require(dc_image_unpack(&back, buf_span(&once), &err), "a packed image unpacks");
	dc_image_pack(&back, &twice);
	fuzz_require(span_equals(buf_span(&once), buf_span(&twice)), "packing loses nothing");
}

static void measure_and_produce(struct dc_dataset *dataset, size_t size)
{
	CLEANUP_FACTS struct dc_facts facts;
	struct rn_measured measured = {0};
	struct err err = {0};

	dc_facts_init(&facts);
	if (!dc_facts_read(&facts, dataset, NULL, &err))
		return;
	check_packing(&facts.image);
	if (!rn_measure(dataset, &facts, size, &options, &measured, &err))
		return;
	produce_all(dataset,
		    &(struct rn_instance){.image = &facts.image,
					  .dcm_size = size,
					  .json_base = measured.json_base,
					  .json_names = measured.json_names,
					  .name = "00001~000000"},
		    measured.kinds);
}

void fuzz_one(struct span input)
{
	struct dc_memory_source file;
	struct dc_dataset dataset;
	struct err err = {0};

	dc_memory_source_init(&file, input);
	if (dc_dataset_open(&dataset, &file.base, &err)) {
		measure_and_produce(&dataset, input.size);
		dc_dataset_release(&dataset);
	} else {
		fuzz_require_error(&err);
	}
	dc_source_release(&file.base);
}
