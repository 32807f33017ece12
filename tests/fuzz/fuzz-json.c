/*
 * Any bytes as a data set written as JSON: exactly as large as it was measured,
 * strict, the same again; and JSON's tokens out of any bytes. Input: what to do
 * and the encoding, the threshold of bulk data, the room for the text; the data
 * set.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "dicom/charset.h"
#include "dicom/number.h"
#include "render/json-format.h"
#include "render/json.h"
#include "tests/tools/dicom-write.h"

#define TOKENS 0x80u /* of the first byte */

/* ---- Tokens --------------------------------------------------------------- */

static void check_double(double value)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	double back;

	rn_json_double(&out, value);
	fuzz_check_json_token(buf_span(&out));
	if (isfinite(value))
		fuzz_require(dc_number_decimal(buf_span(&out), &back) &&
				     memcmp(&back, &value, sizeof(back)) == 0,
			     "a double reads back the same");
}

static void check_float(float value)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	double back;

	rn_json_float(&out, value);
	fuzz_check_json_token(buf_span(&out));
	if (isfinite(value))
		fuzz_require(dc_number_decimal(buf_span(&out), &back) && (float)back == value,
			     "a float reads back the same");
}

/* Of the same value as the text that it was made of. */
static void check_number(struct span text, bool integer)
{
	struct fuzz_guarded number CLEANUP_GUARDED = fuzz_guard(RN_JSON_NUMBER, 0xa5);
	double before, after;
	size_t size = 0;

	if (!rn_json_number(text, integer, (char *)number.bytes, &size))
		return;
	fuzz_require(size > 0 && size <= number.size, "a number has room");
	fuzz_check_json_token(span_of(number.bytes, size));
	fuzz_require(dc_number_decimal(text, &before) &&
			     dc_number_decimal(span_of(number.bytes, size), &after) &&
			     before == after,
		     "a number keeps its value");
}

static void check_text(struct span text)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct buf counter = buf_counter(BUF_NO_LIMIT);

	if (!dc_utf8_valid(text))
		return;
	rn_json_string(&out, text);
	rn_json_string(&counter, text);
	fuzz_check_json_token(buf_span(&out));
	fuzz_require(out.size == counter.size, "a text is as long as it was counted");
}

static void check_base64(struct span bytes)
{
	for (unsigned unit = 1; unit <= 8; unit *= 2) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

		rn_json_base64(&out, bytes, unit);
		fuzz_require(out.size == rn_json_base64_size(bytes.size), "base64 has its size");
		for (size_t i = 0; i < out.size; i++)
			fuzz_require(out.data[i] >= '+' && out.data[i] <= 'z', "and its digits");
	}
}

static void check_tokens(struct span input)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct span numbers = input;
	uint64_t bits = fuzz_take_64(&numbers);
	uint32_t narrow = (uint32_t)bits;
	double value;
	float single;

	memcpy(&value, &bits, sizeof(value));
	memcpy(&single, &narrow, sizeof(single));
	check_double(value);
	check_double((double)(int64_t)bits);
	check_float(single);
	rn_json_unsigned(&out, bits);
	fuzz_check_json_token(buf_span(&out));
	buf_clear(&out);
	rn_json_signed(&out, (int64_t)bits);
	fuzz_check_json_token(buf_span(&out));
	check_number(input, false);
	check_number(input, true);
	check_text(input);
	check_base64(input);
}

/* ---- Data sets ------------------------------------------------------------ */

static const char *const names[] = {"00042~p3x8wa", "", "a b\xc3\xa4%\"\\/"};

/* While elements are not in order yet the text may be longer than in the end. */
static void write_exactly(struct dc_dataset *dataset, const struct rn_options *options,
			  const char *name, struct span expected)
{
	struct fuzz_guarded guarded CLEANUP_GUARDED = fuzz_guard(expected.size, 0xa5);
	CLEANUP_BUF struct buf again = buf_empty(BUF_NO_LIMIT);
	struct buf out = buf_over(guarded.bytes, guarded.size);
	struct err err = {0};

	if (rn_json_write(dataset, name, options, NULL, &out, &err))
		fuzz_require(span_equals(buf_span(&out), expected), "it has room in its size");
	else
		fuzz_require(err.code == ERR_LIMIT, "more room is all that it may want");
	fuzz_require(rn_json_write(dataset, name, options, NULL, &again, &err) &&
			     span_equals(buf_span(&again), expected),
		     "JSON is the same again");
}

static void write_named(struct dc_dataset *dataset, const struct rn_options *options,
			const char *name)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct err err = {0}, again = {0};
	uint64_t base = 0;
	uint32_t count = 0;

	if (!rn_json_measure(dataset, options, &base, &count, NULL, &err)) {
		fuzz_require_error(&err);
		/* A limit may be met in another place. */
		fuzz_require(!rn_json_write(dataset, name, options, NULL, &out, &again) &&
				     again.code == err.code,
			     "what cannot be measured cannot be written");
		fuzz_require_error(&again);
		return;
	}
	fuzz_require(base <= options->max_json_size, "no more than may be");
	fuzz_require(rn_json_write(dataset, name, options, NULL, &out, &err),
		     "what was measured can be written");
	fuzz_require(out.size == base + count * rn_json_name_size(name),
		     "JSON has the size that was measured");
	fuzz_check_json(buf_span(&out));
	write_exactly(dataset, options, name, buf_span(&out));
}

static void write_file(struct buf *file, uint8_t encoding, struct span elements)
{
	static const char *const syntaxes[] = {DC_TS_IMPLICIT_LE, DC_TS_EXPLICIT_LE,
					       DC_TS_EXPLICIT_BE, DC_TS_DEFLATED_LE};
	size_t start;

	dw_preamble(file, NULL);
	dw_meta(file, "1.2.840.10008.5.1.4.1.1.7", "2.25.1",
		syntaxes[encoding % ARRAY_LEN(syntaxes)]);
	start = file->size;
	buf_append(file, elements.data, elements.size);
	if (encoding % ARRAY_LEN(syntaxes) == 3)
		dw_deflate(file, start);
}

void fuzz_one(struct span input)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	struct fuzz_guarded guarded CLEANUP_GUARDED = {0};
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_memory_source source;
	struct err err = {0};
	uint8_t encoding = fuzz_take_8(&input);
	struct rn_options options = {.max_pixels = 1};

	if ((encoding & TOKENS) != 0) {
		check_tokens(input);
		return;
	}
	options.bulk_threshold = fuzz_take_8(&input);
	options.max_json_size = (uint64_t)1 << (fuzz_take_8(&input) % 24);
	write_file(&file, encoding, input);
	guarded = fuzz_guard_copy(buf_span(&file));
	dc_memory_source_init(&source, fuzz_guarded_span(&guarded));
	if (!dc_dataset_open(&dataset, &source.base, &err)) {
		fuzz_require_error(&err);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		write_named(&dataset, &options, names[i]);
}
