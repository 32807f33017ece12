/* SPDX-License-Identifier: MIT */
#include "render/json-writer.h"

#include "dicom/value.h"
#include "render/json-format.h"

/* What bytes of a text may need, or'ed over all of them. */
enum {
	BYTE_ESCAPE = 1,    /* quote or control: escaped in JSON */
	BYTE_BACKSLASH = 2, /* separates values, or is escaped, or is a yen sign */
	BYTE_TILDE = 4,     /* an overline in JIS X 0201 */
	BYTE_SHIFT = 8,     /* ESC: code extension */
	BYTE_HIGH = 16,
};

static const uint8_t byte_kinds[256] = {
	[0x00 ... 0x1a] = BYTE_ESCAPE, [0x1b] = BYTE_ESCAPE | BYTE_SHIFT,
	[0x1c ... 0x1f] = BYTE_ESCAPE, ['"'] = BYTE_ESCAPE,
	['\\'] = BYTE_BACKSLASH,       ['~'] = BYTE_TILDE,
	[0x80 ... 0xff] = BYTE_HIGH,
};

static unsigned kinds_of(struct span text)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < text.size; i++)
		kinds |= byte_kinds[text.data[i]];
	return kinds;
}

/* Bytes that are not their own UTF-8 whatever the character set: PS3.5 6.1.2.3
 * and the contract of dc_charset_decode. */
static unsigned undecoded_kinds(uint8_t class)
{
	switch (class) {
	case DC_VR_TEXT:
		return BYTE_HIGH | BYTE_SHIFT | BYTE_TILDE;
	case DC_VR_LONGTEXT:
		return BYTE_HIGH | BYTE_SHIFT | BYTE_TILDE | BYTE_BACKSLASH;
	default:
		return BYTE_HIGH;
	}
}

/* The value as UTF-8: itself, or in the writer's scratch. */
static bool decode(struct rn_json_writer *writer, struct span value, struct span *text,
		   struct err *err)
{
	buf_clear(&writer->scratch);
	dc_charset_decode(dc_parser_charset(&writer->parser), writer->parser.element.vr, value,
			  &writer->scratch);
	*text = buf_span(&writer->scratch);
	return buf_ok(&writer->scratch, err);
}

/* Leading spaces are padding in these (PS3.5 6.2). */
static bool trims_both(uint16_t vr)
{
	switch (vr) {
	case DC_VR_AE:
	case DC_VR_CS:
	case DC_VR_DS:
	case DC_VR_IS:
	case DC_VR_LO:
	case DC_VR_SH:
		return true;
	default:
		return false;
	}
}

void rn_json_put_bulk(struct rn_json_writer *writer, uint64_t offset, uint64_t length)
{
	struct buf *out = writer->out;

	/* The limit is on the text without names, or measuring and writing would
	 * disagree on what fits. */
	writer->names++;
	writer->base_limit += MIN_OF(writer->name.size, BUF_NO_LIMIT - writer->base_limit);
	out->limit = MIN_OF(writer->base_limit, writer->outer_limit);
	rn_json_literal(out, ",\"BulkDataURI\":\"../dcm/");
	rn_json_append(out, writer->name.data, writer->name.size);
	rn_json_literal(out, ".dcm?offset=");
	rn_json_unsigned(out, offset);
	rn_json_literal(out, "&length=");
	rn_json_unsigned(out, length);
	rn_json_literal(out, "\"");
}

static void open_values(struct buf *out)
{
	rn_json_literal(out, ",\"Value\":[");
}

/* One value in an array, trimmed already; empty ones are null (F.2.5). */
static void put_text(struct buf *out, struct span text)
{
	if (text.size == 0)
		rn_json_literal(out, "null");
	else
		rn_json_string(out, text);
}

static void put_texts(struct rn_json_writer *writer, struct span text)
{
	bool both = trims_both(writer->parser.element.vr);
	struct buf *out = writer->out;

	open_values(out);
	for (;;) {
		const uint8_t *end = text.size > 0 ? memchr(text.data, '\\', text.size) : NULL;
		size_t size = end != NULL ? (size_t)(end - text.data) : text.size;

		put_text(out, dc_value_trim(span_of(text.data, size), both));
		if (end == NULL)
			break;
		rn_json_literal(out, ",");
		text = span_of(end + 1, text.size - size - 1);
	}
	rn_json_literal(out, "]");
}

/* The next part of text up to separator; moves text behind it. */
static struct span take_part(struct span *text, char separator, bool *last)
{
	const uint8_t *end = text->size > 0 ? memchr(text->data, separator, text->size) : NULL;
	struct span part = *text;

	*last = end == NULL;
	if (end != NULL) {
		part.size = (size_t)(end - text->data);
		*text = span_of(end + 1, text->size - part.size - 1);
	}
	return part;
}

static void put_person_name(struct buf *out, struct span name)
{
	static const char *const groups[] = {
		"\"Alphabetic\":", "\"Ideographic\":", "\"Phonetic\":"};
	bool last = false, any = false;

	for (size_t i = 0; i < ARRAY_LEN(groups) && !last; i++) {
		struct span group = dc_value_trim(take_part(&name, '=', &last), false);

		if (group.size == 0)
			continue;
		rn_json_append(out, any ? "," : "{", 1);
		buf_append_text(out, groups[i]);
		rn_json_string(out, group);
		any = true;
	}
	if (any)
		rn_json_literal(out, "}");
	else
		rn_json_literal(out, "null");
}

static bool has_name(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] != '=' && text.data[i] != ' ' && text.data[i] != '\0')
			return true;
	return false;
}

static void put_person_names(struct rn_json_writer *writer, struct span text)
{
	bool last = false;

	if (!has_name(text))
		return;
	open_values(writer->out);
	while (!last) {
		put_person_name(writer->out, take_part(&text, '\\', &last));
		if (!last)
			rn_json_literal(writer->out, ",");
	}
	rn_json_literal(writer->out, "]");
}

/* One value, nothing to escape, nothing to decode: most elements. */
static void put_plain(struct rn_json_writer *writer, struct span text)
{
	uint8_t *to = rn_json_extend(writer->out, text.size + 13);

	if (to == NULL)
		return;
	memcpy(to, ",\"Value\":[\"", 11);
	memcpy(to + 11, text.data, text.size);
	memcpy(to + 11 + text.size, "\"]", 2);
}

/* DS and IS; text is not decoded, since what is no ASCII is no number. */
static bool put_numbers(struct rn_json_writer *writer, struct span text, struct err *err)
{
	struct buf *out = writer->out;
	char number[RN_JSON_NUMBER];
	bool integer = writer->parser.element.vr == DC_VR_IS, last = false;
	size_t size;

	open_values(out);
	while (!last) {
		struct span part = dc_value_trim(take_part(&text, '\\', &last), true);

		if (rn_json_number(part, integer, number, &size)) {
			rn_json_append(out, number, size);
		} else {
			if ((kinds_of(part) & BYTE_HIGH) != 0 && !decode(writer, part, &part, err))
				return false;
			put_text(out, part);
		}
		if (!last)
			rn_json_literal(out, ",");
	}
	rn_json_literal(out, "]");
	return true;
}

static bool put_text_value(struct rn_json_writer *writer, struct span value, uint8_t class,
			   struct err *err)
{
	uint16_t vr = writer->parser.element.vr;
	unsigned kinds;

	value = dc_value_trim(value, trims_both(vr));
	if (value.size == 0)
		return true;
	if (vr == DC_VR_DS || vr == DC_VR_IS)
		return put_numbers(writer, value, err);
	kinds = kinds_of(value);
	if ((kinds & undecoded_kinds(class)) != 0 && !decode(writer, value, &value, err))
		return false;
	if (vr == DC_VR_PN) {
		put_person_names(writer, value);
	} else if (kinds == 0) {
		put_plain(writer, value);
	} else if (class == DC_VR_LONGTEXT || class == DC_VR_URI) {
		open_values(writer->out);
		rn_json_string(writer->out, value);
		rn_json_literal(writer->out, "]");
	} else {
		put_texts(writer, value);
	}
	return true;
}

static float float_of(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double double_of(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static size_t binary_size(uint16_t vr)
{
	return vr == DC_VR_AT ? 4 : dc_vr_info(vr).unit;
}

static void put_binary(struct buf *out, uint16_t vr, const uint8_t *p, bool big_endian)
{
	switch (vr) {
	case DC_VR_US:
		rn_json_unsigned(out, load_u16(p, big_endian));
		break;
	case DC_VR_SS:
		rn_json_signed(out, (int16_t)load_u16(p, big_endian));
		break;
	case DC_VR_UL:
		rn_json_unsigned(out, load_u32(p, big_endian));
		break;
	case DC_VR_SL:
		rn_json_signed(out, (int32_t)load_u32(p, big_endian));
		break;
	case DC_VR_UV:
		rn_json_unsigned(out, load_u64(p, big_endian));
		break;
	case DC_VR_SV:
		rn_json_signed(out, (int64_t)load_u64(p, big_endian));
		break;
	case DC_VR_FL:
		rn_json_float(out, float_of(load_u32(p, big_endian)));
		break;
	case DC_VR_FD:
		rn_json_double(out, double_of(load_u64(p, big_endian)));
		break;
	default: /* AT */
		rn_json_tag(out,
			    (uint32_t)load_u16(p, big_endian) << 16 | load_u16(p + 2, big_endian));
		break;
	}
}

/* Only the second of the three numbers of a LUT Descriptor may be negative,
 * though all have one VR (PS3.3 C.7.6.3.1.5, C.11.1.1.1). */
static uint16_t vr_of_number(const struct dc_element *element, size_t index)
{
	uint32_t tag = element->tag;
	bool descriptor = tag == DC_TAG(0x0028, 0x3002) ||
			  (tag >= DC_TAG(0x0028, 0x1101) && tag <= DC_TAG(0x0028, 0x1104));

	return descriptor && element->vr == DC_VR_SS && index != 1 ? DC_VR_US : element->vr;
}

static void put_binaries(struct rn_json_writer *writer, struct span value)
{
	const struct dc_element *element = &writer->parser.element;
	size_t size = binary_size(element->vr), count = value.size / size;

	if (count == 0)
		return;
	open_values(writer->out);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			rn_json_literal(writer->out, ",");
		put_binary(writer->out, vr_of_number(element, i), value.data + i * size,
			   element->big_endian);
	}
	rn_json_literal(writer->out, "]");
}

static void put_inline(struct rn_json_writer *writer, struct span value, unsigned unit)
{
	rn_json_literal(writer->out, ",\"InlineBinary\":\"");
	rn_json_base64(writer->out, value, unit);
	rn_json_literal(writer->out, "\"");
}

bool rn_json_put_inline_range(struct rn_json_writer *writer, uint64_t offset, uint64_t length,
			      struct err *err)
{
	struct span value = {NULL, 0};

	/* scratch may hold what the text may have: no giant allocation. */
	if (length > writer->scratch.limit) {
		writer->out->failure = ERR_LIMIT;
		return true;
	}
	value.size = (size_t)length;
	if (!writer->out->counting && length > 0) {
		uint8_t *bytes;

		buf_clear(&writer->scratch);
		bytes = buf_extend(&writer->scratch, value.size);
		if (bytes == NULL)
			return buf_ok(&writer->scratch, err);
		if (!dc_source_read_exact(writer->dataset->source, offset, bytes, value.size, err))
			return false;
		value.data = bytes;
	}
	put_inline(writer, value, 1);
	return true;
}

/* A private syntax of GE has little endian elements and big endian pixels. */
static bool is_big_endian(const struct rn_json_writer *writer)
{
	const struct dc_element *element = &writer->parser.element;

	if (element->tag == DC_TAG_PIXEL_DATA && element->depth == 0)
		return writer->dataset->layout.encoding->big_endian_pixels;
	return element->big_endian;
}

/* OB OD OF OL OV OW UN that are not behind a URI. */
static bool put_bytes(struct rn_json_writer *writer, struct err *err)
{
	const struct dc_element *element = &writer->parser.element;
	unsigned unit = is_big_endian(writer) ? dc_vr_info(element->vr).unit : 1;
	struct span value;

	if (writer->out->counting) {
		value = span_of(NULL, (size_t)element->length);
	} else if (!dc_parser_value(&writer->parser, &value, err)) {
		return false;
	}
	if (value.size > 0)
		put_inline(writer, value, unit);
	return true;
}

/* Whose text depends on the character set, of those that F.2.2 allows. */
static bool is_bulk_text(uint16_t vr)
{
	return vr == DC_VR_LT || vr == DC_VR_ST || vr == DC_VR_UC || vr == DC_VR_UT;
}

static bool may_be_bulk(uint16_t vr, uint8_t class)
{
	switch (vr) {
	case DC_VR_DS:
	case DC_VR_FD:
	case DC_VR_FL:
	case DC_VR_IS:
	case DC_VR_SL:
	case DC_VR_SS:
	case DC_VR_SV:
	case DC_VR_UL:
	case DC_VR_US:
	case DC_VR_UV:
		return true;
	default:
		return is_bulk_text(vr) || class == DC_VR_BULK || class == DC_VR_INVALID;
	}
}

/* Whether the stored bytes of a long text are what the object would say. */
static bool stored_as_utf8(struct rn_json_writer *writer, struct span value, uint8_t class,
			   bool *same, struct err *err)
{
	struct span text;

	*same = true;
	if ((kinds_of(value) & undecoded_kinds(class)) == 0)
		return true;
	if (!decode(writer, value, &text, err))
		return false;
	*same = span_equals(value, text);
	return true;
}

/* Whether the file has the bytes as (0008,3002) says. It has not in deflated
 * data sets, nor, in big endian ones, inside UN, which is little endian. */
static bool is_addressable(const struct rn_json_writer *writer)
{
	const struct dc_element *element = &writer->parser.element;

	return !writer->dataset->deflated &&
	       (element->big_endian == writer->dataset->layout.encoding->big_endian ||
		dc_vr_info(element->vr).unit == 1);
}

bool rn_json_put_value(struct rn_json_writer *writer, uint8_t class, struct err *err)
{
	const struct dc_element *element = &writer->parser.element;
	bool bulk = element->length > writer->options->bulk_threshold &&
		    may_be_bulk(element->vr, class) && is_addressable(writer);
	struct span value;

	if (bulk && is_bulk_text(element->vr) && element->length <= writer->scratch.limit) {
		if (!dc_parser_value(&writer->parser, &value, err) ||
		    !stored_as_utf8(writer, value, class, &bulk, err))
			return false;
	}
	if (bulk) {
		rn_json_put_bulk(writer, element->offset, element->length);
		return true;
	}
	if (element->length == 0)
		return true;
	if (class == DC_VR_BULK || class == DC_VR_INVALID)
		return put_bytes(writer, err);
	if (!dc_parser_value(&writer->parser, &value, err))
		return false;
	if (class != DC_VR_BINARY)
		return put_text_value(writer, value, class, err);
	put_binaries(writer, value);
	return true;
}
