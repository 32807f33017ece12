/* The base layer: errors, buffers, numbers, value access, byte sources.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/buf.h"
#include "dicom/log.h"
#include "dicom/number.h"
#include "dicom/source.h"
#include "dicom/value.h"

#include <errno.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static void errors_carry_context(void **state)
{
	struct err err = {0};

	(void)state;
	assert_false(err_set(&err, ERR_CORRUPT, "bad %s", "thing"));
	assert_false(err_prefix(&err, "frame %d", 3));
	assert_string_equal(err.message, "frame 3: bad thing");
	assert_int_equal(err_to_errno(&err), EIO);
	assert_false(err_set_sys(&err, ENOENT, "cannot open x"));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_string_equal(err.message, "cannot open x: No such file or directory");
	assert_int_equal(err_to_errno(&err), ENOENT);
	assert_false(err_set(NULL, ERR_IO, "nobody asks"));
}

static void long_messages_end_on_a_character(void **state)
{
	struct err err = {0};
	char text[800];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[799] = '\0';
	/* The two bytes of an e-acute straddle the end of the message. */
	text[sizeof(err.message) - 2] = (char)0xc3;
	text[sizeof(err.message) - 1] = (char)0xa9;
	(void)err_set(&err, ERR_IO, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 2);
	assert_int_equal(err.message[sizeof(err.message) - 3], 'x');
}

static void buffers_stop_at_their_limit(void **state)
{
	struct buf buf CLEANUP_BUF = buf_empty(10);
	struct err err = {0};

	(void)state;
	buf_append_text(&buf, "12345");
	buf_printf(&buf, "%s", "67890");
	assert_true(buf_ok(&buf, &err));
	assert_string_equal(buf_text(&buf), "1234567890");
	assert_int_equal(buf.size, 10);
	buf_append_byte(&buf, 'x');
	assert_false(buf_ok(&buf, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(buf.size, 10);
}

/* A key of 64 bytes once lost its bytes between buf_span() and buf_text() in
 * the arguments of one call, in the order that one compiler evaluates them. */
static void text_moves_nothing(void **state)
{
	(void)state;
	for (size_t size = 1; size < 300; size++) {
		struct buf buf CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct span before;

		memset(buf_extend(&buf, size), 'k', size);
		before = buf_span(&buf);
		assert_int_equal(strlen(buf_text(&buf)), size);
		assert_ptr_equal(before.data, buf.data);
	}
}

static void counting_equals_writing(void **state)
{
	struct buf real CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf count = buf_counter(BUF_NO_LIMIT);
	struct buf *both[] = {&real, &count};
	char text[1000];

	(void)state;
	memset(text, 'y', sizeof(text));
	text[999] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		buf_append_text(both[i], "abc");
		buf_printf(both[i], "%d-%s", 17, text);
		(void)buf_extend(both[i], 0);
		buf_append_byte(both[i], 0);
	}
	assert_int_equal(real.size, count.size);
	assert_int_equal(real.size, 3 + 3 + 999 + 1);
	assert_null(count.data);
}

static void trace_words(void **state)
{
	struct err err = {0};

	(void)state;
	assert_true(log_init("test", "scan,sql", LOG_LEVEL_INFO, &err));
	assert_true(log_tracing(LOG_SCAN));
	assert_false(log_tracing(LOG_CACHE));
	assert_false(log_init("test", "scan,sq", LOG_LEVEL_INFO, &err));
	assert_string_equal(err.message, "DICOMFS_DEBUG: unknown word 'sq'; the words are scan, sql, "
					 "cache, decode, parse, fuse, inval, all");
	assert_true(log_init("test", NULL, LOG_LEVEL_INFO, &err));
	assert_false(log_tracing(LOG_SCAN));
}

static void decimals(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		double value;
	} table[] = {
		{"1", true, 1},          {" -1.50 ", true, -1.5}, {"+.5", true, 0.5},
		{"5.", true, 5},         {"1e3", true, 1000},     {"1E-3", true, 0.001},
		{"0,25", true, 0.25},    {"", false, 0},          {" ", false, 0},
		{"0x10", false, 0},      {"inf", false, 0},       {"nan", false, 0},
		{"1e999", false, 0},     {"1 2", false, 0},       {"e5", false, 0},
		{"1e", false, 0},        {"1.2.3", false, 0},     {"-", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		double value = -77;

		assert_int_equal(dc_number_decimal(span_of_text(table[i].text), &value),
				 table[i].valid);
		assert_true(value == (table[i].valid ? table[i].value : -77));
	}
}

static void decimals_end_with_padding(void **state)
{
	double value;

	(void)state;
	assert_true(dc_number_decimal(span_of("0\0", 2), &value));
	assert_true(value == 0);
	assert_false(dc_number_decimal(span_of("1\0002", 3), &value));
}

static void integers_and_sizes(void **state)
{
	int64_t value;
	uint64_t size;

	(void)state;
	assert_true(dc_number_integer(span_of_text("-0012 "), &value));
	assert_int_equal(value, -12);
	assert_true(dc_number_integer(span_of_text("3.0"), &value));
	assert_int_equal(value, 3);
	assert_false(dc_number_integer(span_of_text("3.5"), &value));
	assert_false(dc_number_integer(span_of_text("99999999999999999999"), &value));
	assert_false(dc_number_integer(span_of_text("\t1"), &value));
	assert_true(dc_number_size("32M", &size));
	assert_int_equal(size, 32 * 1024 * 1024);
	assert_true(dc_number_size("1t", &size));
	assert_false(dc_number_size("M", &size));
	assert_false(dc_number_size("-1", &size));
	assert_false(dc_number_size("1.5G", &size));
	assert_false(dc_number_size("99999999999999G", &size));
}

static void numbers_are_written_shortest(void **state)
{
	char text[DC_NUMBER_TEXT];

	(void)state;
	(void)dc_number_format_double(0.1, text);
	assert_string_equal(text, "0.1");
	(void)dc_number_format_double(1.0 / 3, text);
	assert_string_equal(text, "0.3333333333333333");
	(void)dc_number_format_float(0.1f, text);
	assert_string_equal(text, "0.1");
	(void)dc_number_format_double(-1e300, text);
	assert_string_equal(text, "-1e+300");
}

static void values_by_vr(void **state)
{
	static const uint8_t bytes[] = {0x80, 0x01, 0x00, 0x02, 0xff, 0xff, 0xff, 0xff};
	struct span value = span_of(bytes, sizeof(bytes));
	struct dc_element element = {.vr = DC_VR_US};
	int64_t number;
	double decimal;

	(void)state;
	assert_true(dc_value_integer(&element, value, 0, &number));
	assert_int_equal(number, 0x0180);
	element.big_endian = true;
	assert_true(dc_value_integer(&element, value, 0, &number));
	assert_int_equal(number, 0x8001);
	element.vr = DC_VR_SS;
	assert_true(dc_value_integer(&element, value, 0, &number));
	assert_int_equal(number, -32767);
	assert_int_equal(dc_value_count(&element, value), 4);
	assert_false(dc_value_integer(&element, value, 4, &number));
	element.vr = DC_VR_AT;
	assert_true(dc_value_integer(&element, value, 0, &number));
	assert_int_equal(number, 0x80010002);
	element.vr = DC_VR_UV;
	assert_false(dc_value_integer(&element, value, 0, &number));
	assert_true(dc_value_double(&element, value, 0, &decimal));
	element.vr = DC_VR_DS;
	assert_true(dc_value_double(&element, span_of_text("1\\2.5 "), 1, &decimal));
	assert_true(decimal == 2.5);
	assert_false(dc_value_double(&element, span_of_text("1\\2.5"), 2, &decimal));
}

static void text_values_split(void **state)
{
	struct span text = span_of_text("a\\\\b"), value;

	(void)state;
	assert_int_equal(dc_value_text_count(text), 3);
	assert_true(dc_value_text(text, 1, &value));
	assert_int_equal(value.size, 0);
	assert_true(dc_value_text(text, 2, &value));
	assert_true(span_equals_text(value, "b"));
	assert_false(dc_value_text(text, 3, &value));
	assert_true(dc_value_text(span_of(NULL, 0), 0, &value));
	assert_int_equal(dc_value_trim(span_of(" x \0 ", 5), true).size, 1);
}

static void file_source_reads_across_its_head(void **state)
{
	struct dc_file_source file;
	struct err err = {0};
	uint8_t bytes[DC_FILE_HEAD_SIZE + 1000], back[sizeof(bytes)];
	int fd CLEANUP_FD = memfd_create("source", 0);
	size_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	dc_file_source_init(&file, fd, sizeof(bytes), NULL);
	assert_true(dc_source_read(&file.base, 1, back, sizeof(back), &got, &err));
	assert_int_equal(got, sizeof(bytes) - 1);
	assert_memory_equal(back, bytes + 1, got);
	assert_true(dc_source_read(&file.base, DC_FILE_HEAD_SIZE + 10, back, 20, &got, &err));
	assert_memory_equal(back, bytes + DC_FILE_HEAD_SIZE + 10, 20);
	assert_true(dc_source_read(&file.base, sizeof(bytes), back, 1, &got, &err));
	assert_int_equal(got, 0);
	assert_false(dc_source_read_exact(&file.base, sizeof(bytes) - 3, back, 4, &err));
	assert_string_equal(err.message, "ends after 3 of 4 bytes at offset 17381");
	dc_source_release(&file.base);
}

static size_t deflate_raw(const uint8_t *in, size_t size, uint8_t *out, size_t capacity)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)in;
	z.avail_in = (uInt)size;
	z.next_out = out;
	z.avail_out = (uInt)capacity;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return z.total_out;
}

/* Twice: once small enough to be kept, once streamed through the window. */
static void inflated_bytes_are_random_access(void **state)
{
	static const size_t sizes[] = {5000, DC_INFLATE_KEEP + 300000};

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		size_t size = sizes[s], got;
		uint8_t *plain = malloc(size), *packed = malloc(size + 1000), back[4000];
		struct dc_memory_source memory;
		struct dc_inflate_source source;
		struct err err = {0};

		for (size_t i = 0; i < size; i++)
			plain[i] = (uint8_t)((i / 7) ^ (i >> 9));
		dc_memory_source_init(&memory,
				      span_of(packed, deflate_raw(plain, size, packed, size + 1000)));
		assert_true(dc_inflate_source_init(&source, &memory.base, 0, 1 << 30, &err));
		assert_int_equal(source.base.size, size);
		assert_int_equal(source.damage.code, ERR_NONE);
		for (size_t at = size - 4000; at > 200000; at -= 190001) {
			assert_true(dc_source_read(&source.base, at, back, 4000, &got, &err));
			assert_int_equal(got, 4000);
			assert_memory_equal(back, plain + at, 4000);
		}
		assert_true(dc_source_read(&source.base, size - 3, back, 4000, &got, &err));
		assert_int_equal(got, 3);
		dc_source_release(&source.base);
		free(plain);
		free(packed);
	}
}

static void inflating_is_bounded_and_survives_damage(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 };
	uint8_t *plain = calloc(1, SIZE), *packed = malloc(SIZE);
	size_t packed_size = deflate_raw(plain, SIZE, packed, SIZE);
	struct dc_memory_source memory;
	struct dc_inflate_source source;
	struct err err = {0};

	(void)state;
	dc_memory_source_init(&memory, span_of(packed, packed_size));
	assert_false(dc_inflate_source_init(&source, &memory.base, 0, SIZE - 1, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	dc_memory_source_init(&memory, span_of(packed, packed_size / 2));
	assert_true(dc_inflate_source_init(&source, &memory.base, 0, SIZE, &err));
	assert_int_equal(source.damage.code, ERR_CORRUPT);
	assert_true(source.base.size > 0 && source.base.size < SIZE);
	dc_source_release(&source.base);
	free(plain);
	free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_carry_context),
		cmocka_unit_test(long_messages_end_on_a_character),
		cmocka_unit_test(buffers_stop_at_their_limit),
		cmocka_unit_test(text_moves_nothing),
		cmocka_unit_test(counting_equals_writing),
		cmocka_unit_test(trace_words),
		cmocka_unit_test(decimals),
		cmocka_unit_test(decimals_end_with_padding),
		cmocka_unit_test(integers_and_sizes),
		cmocka_unit_test(numbers_are_written_shortest),
		cmocka_unit_test(values_by_vr),
		cmocka_unit_test(text_values_split),
		cmocka_unit_test(file_source_reads_across_its_head),
		cmocka_unit_test(inflated_bytes_are_random_access),
		cmocka_unit_test(inflating_is_bounded_and_survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
