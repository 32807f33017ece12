/*
 * A whole file: facts, what the scan measures, and every derived file. What was
 * promised must hold: sizes are those announced, and nothing is left unset.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "render/render.h"

/* Small, so that a hostile header costs little. */
static const struct rn_options options = {
	.max_pixels = 1u << 20, .max_json_size = 1u << 20, .bulk_threshold = 64};

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fuzz-instance: broken promise: %s\n", what);
		abort();
	}
}

static void produce_frame(const struct rn_kind *kind, const struct rn_request *request)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	uint64_t size = 0;

	require(kind->size(request->instance, request->options, request->frame, &size, &err),
		"a kind that applies has a size");
	if (rn_produce(kind, request, &out, &err))
		require(out.size == size, "the size announced is the size produced");
	else
		require(err.code != ERR_NONE && err.message[0] != '\0', "an error says why");
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
	require(dc_image_unpack(&back, buf_span(&once), &err), "a packed image unpacks");
	dc_image_pack(&back, &twice);
	require(span_equals(buf_span(&once), buf_span(&twice)), "packing loses nothing");
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dc_memory_source file;
	struct dc_dataset dataset;
	struct err err = {0};

	dc_memory_source_init(&file, span_of(data, size));
	if (dc_dataset_open(&dataset, &file.base, &err)) {
		measure_and_produce(&dataset, size);
		dc_dataset_release(&dataset);
	}
	dc_source_release(&file.base);
	return 0;
}
