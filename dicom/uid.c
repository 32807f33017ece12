/* SPDX-License-Identifier: MIT */
#include "dicom/uid.h"

static struct span trimmed(struct span uid)
{
	while (uid.size > 0 && (uid.data[uid.size - 1] == '\0' || uid.data[uid.size - 1] == ' '))
		uid.size--;
	return uid;
}

/* Like strcmp on the bytes. */
static int compare(struct span uid, const char *text)
{
	size_t size = strlen(text);
	size_t both = MIN_OF(uid.size, size);
	int order = both > 0 ? memcmp(uid.data, text, both) : 0;

	if (order != 0)
		return order;
	return uid.size < size ? -1 : uid.size > size;
}

const struct dc_uid *dc_uid_find(struct span uid)
{
	size_t low = 0, high = dc_uid_count;

	uid = trimmed(uid);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(uid, dc_uid_table[middle].uid);

		if (order == 0)
			return &dc_uid_table[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct dc_transfer_syntax *dc_transfer_syntax_find(struct span uid)
{
	uid = trimmed(uid);
	for (size_t i = 0; i < dc_transfer_syntax_count; i++)
		if (span_equals_text(uid, dc_transfer_syntax_table[i].uid))
			return &dc_transfer_syntax_table[i];
	return NULL;
}
