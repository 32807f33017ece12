/* SPDX-License-Identifier: MIT */
#include "dicom/value.h"

#include <math.h>

#include "dicom/number.h"

struct span dc_value_trim(struct span value, bool both)
{
	while (value.size > 0 &&
	       (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\0'))
		value.size--;
	while (both && value.size > 0 && value.data[0] == ' ') {
		value.data++;
		value.size--;
	}
	return value;
}

bool dc_value_text(struct span text, size_t index, struct span *value)
{
	const uint8_t *at = text.data;
	size_t left = text.size;

	for (size_t i = 0;; i++) {
		const uint8_t *end = left > 0 ? memchr(at, '\\', left) : NULL;
		size_t size = end != NULL ? (size_t)(end - at) : left;

		if (i == index) {
			*value = span_of(at, size);
			return true;
		}
		if (end == NULL)
			return false;
		at = end + 1;
		left -= size + 1;
	}
}

size_t dc_value_text_count(struct span text)
{
	size_t count = 1;

	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\\';
	return count;
}

/* Size of one number in the value field; AT is a pair of 16-bit words. */
static size_t number_size(uint16_t vr)
{
	switch (vr) {
	case DC_VR_US:
	case DC_VR_SS:
	case DC_VR_OW:
		return 2;
	case DC_VR_AT:
	case DC_VR_UL:
	case DC_VR_SL:
	case DC_VR_FL:
	case DC_VR_OL:
	case DC_VR_OF:
		return 4;
	case DC_VR_UV:
	case DC_VR_SV:
	case DC_VR_FD:
	case DC_VR_OV:
	case DC_VR_OD:
		return 8;
	case DC_VR_OB:
		return 1;
	default:
		return 0;
	}
}

size_t dc_value_count(const struct dc_element *element, struct span value)
{
	size_t size = number_size(element->vr);

	if (size > 0)
		return value.size / size;
	switch (dc_vr_info(element->vr).class) {
	case DC_VR_TEXT:
	case DC_VR_ASCII:
		return value.size == 0 ? 0 : dc_value_text_count(value);
	default:
		return value.size == 0 ? 0 : 1;
	}
}

static const uint8_t *number_at(const struct dc_element *element, struct span value, size_t index)
{
	size_t size = number_size(element->vr);

	if (size == 0 || index >= value.size / size)
		return NULL;
	return value.data + index * size;
}

static double load_float(const uint8_t *p, bool big_endian)
{
	uint32_t bits = load_u32(p, big_endian);
	float number;

	memcpy(&number, &bits, sizeof(number));
	return (double)number;
}

static double load_double(const uint8_t *p, bool big_endian)
{
	uint64_t bits = load_u64(p, big_endian);
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* DS and IS, and numbers that a writer gave another VR of text. */
static bool text_number(const struct dc_element *element, struct span value, size_t index,
			struct span *text)
{
	enum dc_vr_class class = dc_vr_info(element->vr).class;

	if (class != DC_VR_TEXT && class != DC_VR_LONGTEXT && class != DC_VR_ASCII)
		return false;
	return dc_value_text(value, index, text);
}

bool dc_value_integer(const struct dc_element *element, struct span value, size_t index,
		      int64_t *out)
{
	const uint8_t *p = number_at(element, value, index);
	bool big_endian = element->big_endian;
	struct span text;
	double number;

	if (p == NULL)
		return text_number(element, value, index, &text) && dc_number_integer(text, out);
	switch (element->vr) {
	case DC_VR_OB:
		*out = *p;
		return true;
	case DC_VR_US:
	case DC_VR_OW:
		*out = load_u16(p, big_endian);
		return true;
	case DC_VR_SS:
		*out = (int16_t)load_u16(p, big_endian);
		return true;
	case DC_VR_AT:
		*out = (int64_t)(((uint32_t)load_u16(p, big_endian) << 16) | load_u16(p + 2, big_endian));
		return true;
	case DC_VR_UL:
	case DC_VR_OL:
		*out = load_u32(p, big_endian);
		return true;
	case DC_VR_SL:
		*out = (int32_t)load_u32(p, big_endian);
		return true;
	case DC_VR_SV:
		*out = (int64_t)load_u64(p, big_endian);
		return true;
	case DC_VR_UV:
	case DC_VR_OV:
		if (load_u64(p, big_endian) > INT64_MAX)
			return false;
		*out = (int64_t)load_u64(p, big_endian);
		return true;
	default:
		number = number_size(element->vr) == 4 ? load_float(p, big_endian)
						       : load_double(p, big_endian);
		if (!(fabs(number) < 9.2e18) || number != trunc(number))
			return false;
		*out = (int64_t)number;
		return true;
	}
}

bool dc_value_double(const struct dc_element *element, struct span value, size_t index,
		     double *out)
{
	const uint8_t *p = number_at(element, value, index);
	struct span text;
	int64_t integer;

	if (p == NULL)
		return text_number(element, value, index, &text) && dc_number_decimal(text, out);
	switch (element->vr) {
	case DC_VR_FL:
	case DC_VR_OF:
		*out = load_float(p, element->big_endian);
		return true;
	case DC_VR_FD:
	case DC_VR_OD:
		*out = load_double(p, element->big_endian);
		return true;
	case DC_VR_UV:
	case DC_VR_OV:
		*out = (double)load_u64(p, element->big_endian);
		return true;
	default:
		if (!dc_value_integer(element, value, index, &integer))
			return false;
		*out = (double)integer;
		return true;
	}
}
