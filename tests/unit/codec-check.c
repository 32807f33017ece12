/* SPDX-License-Identifier: MIT */
#include "tests/unit/codec-check.h"

#include <setjmp.h>

#include <cmocka.h>

void codec_release(struct codec_picture *picture)
{
	free(picture->cells);
	*picture = (struct codec_picture){0};
}

static uint16_t codec_syntax(const char *number)
{
	for (uint16_t i = 0; dc_transfer_syntax_table[i].uid != NULL; i++) {
		const char *uid = dc_transfer_syntax_table[i].uid;

		if (strlen(uid) > 20 && strcmp(uid + 20, number) == 0)
			return i;
	}
	fail_msg("no transfer syntax %s", number);
	return 0;
}

struct dc_image codec_image(const struct encode_spec *spec, const char *syntax)
{
	unsigned allocated = spec->precision <= 8 ? 8 : spec->precision <= 16 ? 16 : 32;

	return (struct dc_image){
		.pixel_tag = DC_TAG_PIXEL_DATA,
		.flags = DC_IMAGE_ENCAPSULATED,
		.transfer_syntax = codec_syntax(syntax),
		.rows = spec->rows,
		.columns = spec->columns,
		.frames = 1,
		.samples = (uint16_t)spec->components,
		.bits_allocated = (uint16_t)allocated,
		.bits_stored = (uint16_t)spec->precision,
		.high_bit = (uint16_t)(spec->precision - 1),
		.pixel_representation = spec->is_signed,
		.photometric = spec->components == 3 ? DC_RGB : DC_MONOCHROME2,
	};
}

bool codec_decode_for(struct codec_picture *picture, struct span input, const atomic_bool *cancel,
		       struct err *err)
{
	const struct rn_codec *codec = rn_codec_find(&picture->image);
	size_t size = (size_t)picture->image.rows * picture->image.columns *
		      picture->image.samples * rn_cell_bytes(&picture->image);
	/* In memory of its own, so that a byte too far is seen. */
	uint8_t *copy CLEANUP_FREE = malloc(input.size > 0 ? input.size : 1);
	struct rn_codec_frame frame;

	assert_non_null(codec);
	assert_non_null(copy);
	memcpy(copy, input.data, input.size);
	free(picture->cells);
	picture->decoded = (struct rn_decoded){0};
	picture->cells = calloc(1, size);
	picture->size = size;
	frame = (struct rn_codec_frame){
		.input = span_of(copy, input.size),
		.image = &picture->image,
		.output = picture->cells,
		.output_size = size,
		.decoded = &picture->decoded,
		.cancel = cancel,
	};
	err_clear(err);
	return codec->supports(&picture->image, err) && codec->decode(&frame, err);
}

bool codec_decode(struct codec_picture *picture, struct span input, struct err *err)
{
	return codec_decode_for(picture, input, NULL, err);
}

int64_t codec_cell(const struct codec_picture *picture, size_t at, bool is_signed)
{
	switch (rn_cell_bytes(&picture->image)) {
	case 1:
		return is_signed ? ((int8_t *)picture->cells)[at] : picture->cells[at];
	case 2:
		return is_signed ? ((int16_t *)(void *)picture->cells)[at]
				 : ((uint16_t *)(void *)picture->cells)[at];
	default:
		return ((int32_t *)(void *)picture->cells)[at];
	}
}

bool codec_is_there(void (*library)(struct buf *out))
{
	struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	library(&text);
	return text.size > 0;
}

void codec_make(codec_encoder *encode, const struct encode_spec *spec, struct buf *out)
{
	int32_t *values CLEANUP_FREE =
		malloc((size_t)spec->columns * spec->rows * spec->components * sizeof(*values));

	assert_non_null(values);
	encode_fill(spec, values);
	assert_true(encode(spec, values, out));
}
