/* SPDX-License-Identifier: MIT */
#define DICOM_NUMBER_IMPLEMENTATION
#include "dicom/number.h"

#include <errno.h>
#include <math.h>

static struct span trim(struct span text)
{
	while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\0'))
		text.size--;
	while (text.size > 0 && text.data[0] == ' ') {
		text.data++;
		text.size--;
	}
	return text;
}

/* Copies a DS to text for strtod, checking its syntax: [+-] digits [. digits]
 * [E [+-] digits]. Syntax first, because strtod would also take hex, inf and
 * nan. The process never calls setlocale(LC_NUMERIC), so '.' is right. */
static bool decimal_syntax(struct span in, char *out, size_t capacity)
{
	size_t i = 0, digits = 0;

	if (in.size == 0 || in.size >= capacity)
		return false;
	memcpy(out, in.data, in.size);
	out[in.size] = '\0';
	if (out[i] == '+' || out[i] == '-')
		i++;
	for (; out[i] >= '0' && out[i] <= '9'; i++)
		digits++;
	if (out[i] == '.' || out[i] == ',') {
		out[i++] = '.';
		for (; out[i] >= '0' && out[i] <= '9'; i++)
			digits++;
	}
	if (digits == 0)
		return false;
	if (out[i] == 'e' || out[i] == 'E') {
		i++;
		if (out[i] == '+' || out[i] == '-')
			i++;
		if (out[i] < '0' || out[i] > '9')
			return false;
		while (out[i] >= '0' && out[i] <= '9')
			i++;
	}
	return i == in.size;
}

bool dc_number_decimal(struct span text, double *out)
{
	char copy[128];
	double value;

	if (!decimal_syntax(trim(text), copy, sizeof(copy)))
		return false;
	value = strtod(copy, NULL);
	if (!isfinite(value))
		return false;
	*out = value;
	return true;
}

bool dc_number_integer(struct span text, int64_t *out)
{
	char copy[64];
	char *end;
	long long value;
	double decimal;
	struct span digits = trim(text);

	if (digits.size == 0 || digits.size >= sizeof(copy))
		return false;
	memcpy(copy, digits.data, digits.size);
	copy[digits.size] = '\0';
	errno = 0;
	value = strtoll(copy, &end, 10);
	if (end != copy && *end == '\0' && errno == 0 && copy[0] > ' ') {
		*out = value;
		return true;
	}
	if (!dc_number_decimal(digits, &decimal) || decimal != trunc(decimal) ||
	    fabs(decimal) >= 9.2e18)
		return false;
	*out = (int64_t)decimal;
	return true;
}

bool dc_number_unsigned(const char *text, uint64_t *out)
{
	char *end;
	unsigned long long value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end != '\0' || errno != 0)
		return false;
	*out = value;
	return true;
}

bool dc_number_size(const char *text, uint64_t *out)
{
	static const char units[] = "kmgt";
	char digits[32];
	size_t size = strlen(text);
	uint64_t value, factor = 1;
	const char *unit;

	if (size == 0 || size >= sizeof(digits))
		return false;
	memcpy(digits, text, size + 1);
	unit = strchr(units, digits[size - 1] | 0x20);
	if (unit != NULL && *unit != '\0') {
		digits[size - 1] = '\0';
		factor = (uint64_t)1 << (10 * (unit - units + 1));
	}
	if (!dc_number_unsigned(digits, &value))
		return false;
	return checked_mul(value, factor, out);
}

size_t dc_number_format_double(double value, char text[static DC_NUMBER_TEXT])
{
	int size = 0;

	for (int digits = 15; digits <= 17; digits++) {
		size = snprintf(text, DC_NUMBER_TEXT, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return (size_t)size;
}

size_t dc_number_format_float(float value, char text[static DC_NUMBER_TEXT])
{
	int size = 0;

	for (int digits = 6; digits <= 9; digits++) {
		size = snprintf(text, DC_NUMBER_TEXT, "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	return (size_t)size;
}
