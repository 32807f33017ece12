/*
 * Descriptions of images of every kind and native cells, through the whole pixel
 * pipeline: a picture of exactly the size that arithmetic gives, well formed, the
 * same again, and the same pixels when it is compressed. pixels-file.c makes the
 * file out of the input.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pixels-file.h"

#include "render/picture.h"

static const struct rn_options stored = {
	.max_pixels = PIXELS_MAX, .max_json_size = 1u << 20, .bulk_threshold = 64};
static const struct rn_options compressed = {
	.max_pixels = PIXELS_MAX, .max_json_size = 1u << 20, .bulk_threshold = 64, .png_level = 1};

/* The arithmetic of render/png.h, without profile. */
static uint64_t size_of(const struct dc_image *image)
{
	uint64_t raw = ((uint64_t)image->columns * rn_picture_channels(image) + 1) * image->rows;
	uint64_t blocks = (raw + 65534) / 65535, chunks = (blocks + 7) / 8;
	uint64_t size = 8 + 25 + 12 * chunks + 2 + 5 * blocks + raw + 4 + 12;

	if ((image->flags & DC_IMAGE_ASPECT) != 0)
		size += 21;
	return size;
}

static void produce_compressed(const struct rn_request *request, struct span expected)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT), pixels = buf_empty(BUF_NO_LIMIT);
	const struct dc_image *image = request->instance->image;
	struct rn_request again = *request;
	struct err err = {0};

	again.options = &compressed;
	again.measuring = true;
	fuzz_require(rn_produce(rn_kind_table[RN_KIND_PNG], &again, &out, &err),
		     "what can be stored can be compressed");
	fuzz_check_png(buf_span(&out), image->columns, image->rows, rn_picture_channels(image),
		       false, &pixels);
	fuzz_require(span_equals(buf_span(&pixels), expected), "compressed pixels are the same");
}

static void produce(const struct rn_request *request)
{
	const struct rn_kind *kind = rn_kind_table[RN_KIND_PNG];
	const struct dc_image *image = request->instance->image;
	size_t size = size_of(image);
	struct fuzz_guarded first CLEANUP_GUARDED = fuzz_guard(size, 0xa5);
	struct fuzz_guarded second CLEANUP_GUARDED = fuzz_guard(size, 0x5a);
	struct buf out = buf_over(first.bytes, size), again = buf_over(second.bytes, size);
	CLEANUP_BUF struct buf pixels = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	uint64_t said = 0;

	fuzz_require(kind->size(request->instance, request->options, request->frame, &said, &err) &&
			     said == size,
		     "the size is arithmetic");
	if (!rn_produce(kind, request, &out, &err)) {
		fuzz_require_error(&err);
		return;
	}
	fuzz_require(out.size == size, "all of the picture is written");
	fuzz_check_png(buf_span(&out), image->columns, image->rows, rn_picture_channels(image),
		       true, &pixels);
	fuzz_require(rn_produce(kind, request, &again, &err) &&
			     span_equals(buf_span(&out), buf_span(&again)),
		     "a picture is the same again");
	produce_compressed(request, buf_span(&pixels));
}

static void produce_frames(struct dc_dataset *dataset, const struct dc_image *image)
{
	struct rn_instance instance = {.image = image, .name = "00001~000000"};
	struct rn_request request = {.dataset = dataset, .instance = &instance, .options = &stored};
	struct err err = {0};

	if (!rn_kind_table[RN_KIND_PNG]->applies(&instance, &stored, &err)) {
		fuzz_require_error(&err);
		return;
	}
	produce(&request);
	if (image->frames > 1) {
		request.frame = image->frames - 1;
		produce(&request);
	}
}

void fuzz_one(struct span input)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	struct fuzz_guarded guarded CLEANUP_GUARDED = {0};
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_facts facts CLEANUP_FACTS;
	struct dc_memory_source source;
	struct err err = {0};

	dc_facts_init(&facts);
	pixels_file(input, &file);
	guarded = fuzz_guard_copy(buf_span(&file));
	dc_memory_source_init(&source, fuzz_guarded_span(&guarded));
	fuzz_require(dc_dataset_open(&dataset, &source.base, &err), "it is a DICOM file");
	if (dc_facts_read(&facts, &dataset, NULL, &err))
		produce_frames(&dataset, &facts.image);
	else
		fuzz_require_error(&err);
}
