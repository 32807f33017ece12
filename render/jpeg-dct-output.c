/* SPDX-License-Identifier: MIT */
#include "render/jpeg-dct-private.h"

void rn_dct_put_block(struct rn_dct_component *component, uint32_t x, uint32_t y,
		      int32_t *block, unsigned last)
{
	const size_t column = (size_t)x * 8, row = (size_t)y * 8;
	const bool inside = column + 8 <= component->width && row + 8 <= component->height;
	uint16_t samples[64], *to = component->plane + row * component->stride + column;
	size_t width, height;

	if (last == 0)
		rn_jpeg_idct_dc(block[0], inside ? to : samples, inside ? component->stride : 8);
	else
		rn_jpeg_idct(block, last, inside ? to : samples, inside ? component->stride : 8);
	if (inside || column >= component->width || row >= component->height)
		return;
	width = MIN_OF(component->width - column, (size_t)8);
	height = MIN_OF(component->height - row, (size_t)8);
	for (size_t i = 0; i < height; i++)
		memcpy(to + i * component->stride, samples + i * 8, width * sizeof(*to));
}

bool rn_dct_sampling(const struct rn_dct *dct, struct err *err)
{
	const struct rn_jpeg_frame *frame = &dct->markers.frame;

	for (unsigned i = 0; i < frame->count; i++) {
		const struct rn_jpeg_component *component = &frame->component[i];

		if (frame->h_max % component->h != 0 || frame->v_max % component->v != 0)
			return err_set(err, ERR_UNSUPPORTED,
				       "JPEG: sampling factors %u x %u beside %u x %u", component->h,
				       component->v, frame->h_max, frame->v_max);
	}
	return true;
}

/* Triangle filter: each sample has its place between two pixels, so that those
 * take 3/4 of it and 1/4 of the next one. in has scale times the samples (rows
 * were weighted before); rounding alternates, that none is always up. */
static void interpolate(const int32_t *in, uint32_t count, bool rows_too, uint16_t *out)
{
	const int down = rows_too ? 4 : 2;
	const int32_t even = rows_too ? 8 : 1, odd = rows_too ? 7 : 2;

	for (uint32_t i = 0; i < count; i++) {
		int32_t before = in[i > 0 ? i - 1 : i], after = in[i + 1 < count ? i + 1 : i];

		out[2 * i] = (uint16_t)((in[i] * 3 + before + even) >> down);
		out[2 * i + 1] = (uint16_t)((in[i] * 3 + after + odd) >> down);
	}
}

/* Row y of the picture of one component, in full width; out has room for 8 more. */
static void upsample(const struct rn_dct *dct, unsigned c, uint32_t y, int32_t *sums,
		     uint16_t *out)
{
	const struct rn_dct_component *component = &dct->component[c];
	const struct rn_jpeg_frame *frame = &dct->markers.frame;
	const unsigned across = (unsigned)frame->h_max / component->jpeg->h;
	const unsigned down = (unsigned)frame->v_max / component->jpeg->v;
	const uint32_t row = y / down, count = component->jpeg->width;
	const uint16_t *in = component->plane + row * component->stride, *near = in;

	if (across != 2 || down > 2 || count <= 2) {
		for (uint32_t x = 0; x < frame->width; x++)
			out[x] = in[x / across];
		return;
	}
	if (y % 2 == 0 && row > 0)
		near -= component->stride;
	else if (y % 2 == 1 && row + 1 < component->jpeg->height)
		near += component->stride;
	for (uint32_t x = 0; x < count; x++)
		sums[x] = down == 2 ? in[x] * 3 + near[x] : in[x];
	interpolate(sums, count, down == 2, out);
}

bool rn_dct_output(const struct rn_dct *dct, struct err *err)
{
	const struct rn_jpeg_frame *frame = &dct->markers.frame;
	uint16_t *row CLEANUP_FREE = NULL, *out = dct->job->output;
	int32_t *sums CLEANUP_FREE = NULL;

	if (dct->count == 1)
		return true;
	row = malloc(((size_t)frame->width + 8) * sizeof(*row));
	sums = malloc((size_t)frame->width * sizeof(*sums));
	if (row == NULL || sums == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (uint32_t y = 0; y < frame->height; y++) {
		if (rn_dct_cancelled(dct, err))
			return false;
		for (unsigned c = 0; c < dct->count; c++) {
			upsample(dct, c, y, sums, row);
			for (size_t x = 0; x < frame->width; x++)
				out[x * dct->count + c] = row[x];
		}
		out += (size_t)frame->width * dct->count;
	}
	return true;
}
