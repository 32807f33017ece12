/* SPDX-License-Identifier: MIT */
#include "render/lut.h"

#include "dicom/value.h"

#define DESCRIPTOR DC_TAG(0x0028, 0x3002)
#define DATA DC_TAG(0x0028, 0x3006)
#define ENTRIES_MAX 65536u
/* Of LUT Data, with some room for padding. */
#define DATA_MAX (2 * ENTRIES_MAX + 64)

struct item {
	struct rn_lut lut;
	uint32_t declared; /* entries; 0: no descriptor yet */
	uint32_t bits;
	struct buf data; /* kept: the descriptor may come later in a wrong file */
	uint16_t vr;
	bool big_endian;
};

void rn_lut_release(struct rn_lut *lut)
{
	free(lut->entries);
	*lut = (struct rn_lut){0};
}

void rn_lut_first_is_signed(struct rn_lut *lut)
{
	lut->first = (int16_t)(uint16_t)lut->first;
}

static void take_descriptor(struct item *item, const struct dc_element *element, struct span value)
{
	int64_t number[3];

	for (size_t i = 0; i < ARRAY_LEN(number); i++) {
		if (!dc_value_integer(element, value, i, &number[i]))
			return;
	}
	/* 65536 is written as 0. */
	item->declared = (uint16_t)number[0] == 0 ? ENTRIES_MAX : (uint16_t)number[0];
	item->lut.first = (uint16_t)number[1];
	item->bits = (uint16_t)number[2];
}

static bool take_element(struct item *item, struct dc_parser *parser, struct err *err)
{
	const struct dc_element *element = &parser->element;
	struct span value;

	if ((element->tag != DESCRIPTOR && element->tag != DATA) || element->length > DATA_MAX)
		return true;
	if (!dc_parser_value(parser, &value, err))
		return false;
	if (element->tag == DESCRIPTOR) {
		take_descriptor(item, element, value);
		return true;
	}
	item->vr = element->vr;
	item->big_endian = element->big_endian;
	buf_clear(&item->data);
	buf_append(&item->data, value.data, value.size);
	return buf_ok(&item->data, err);
}

/* Two entries to a word are told by the length alone: some say 16 bits of them,
 * others 8 bits of words. Where entries are missing, the bits have to do. */
static bool is_packed(const struct item *item)
{
	size_t size = item->data.size, declared = item->declared;

	if (size >= 2 * declared)
		return false;
	return size == declared + declared % 2 || size == declared || item->bits <= 8;
}

static uint16_t entry_at(const struct item *item, bool packed, uint32_t i)
{
	const uint8_t *data = item->data.data;

	if (!packed)
		return load_u16(data + 2 * (size_t)i, item->big_endian);
	if (item->big_endian && item->vr != DC_VR_OB && (i ^ 1u) < item->data.size)
		return data[i ^ 1u];
	return data[i];
}

/* White is the greatest number of the bits that entries have. 16 is also said
 * where it is the size of their place, and where they have more bits than was
 * said that is wrong: then of the bits that are in use. */
static uint16_t top_of(uint32_t bits, uint16_t greatest)
{
	uint32_t top = bits >= 1 && bits < 16 ? (1u << bits) - 1 : 0;

	if (greatest > top)
		top = UINT32_MAX >> __builtin_clz(greatest);
	return (uint16_t)(top > 0 ? top : UINT16_MAX);
}

/* False: no memory. */
static bool finish_item(struct item *item)
{
	bool packed = is_packed(item);
	size_t available = packed ? item->data.size : item->data.size / 2;
	uint32_t count = (uint32_t)MIN_OF((size_t)item->declared, available);
	uint16_t greatest = 0;

	if (count == 0)
		return true;
	item->lut.entries = malloc(count * sizeof(*item->lut.entries));
	if (item->lut.entries == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		item->lut.entries[i] = entry_at(item, packed, i);
		greatest = MAX_OF(greatest, item->lut.entries[i]);
	}
	item->lut.count = count;
	item->lut.top = top_of(item->bits, greatest);
	return true;
}

static void release_item(struct item *item)
{
	buf_release(&item->data);
	rn_lut_release(&item->lut);
}

/* From behind the ITEM event to its ITEM_END. */
static bool read_item(struct rn_lut *lut, struct dc_parser *parser, struct err *err)
{
	struct item item CLEANUP(release_item) = {.data = buf_empty(DATA_MAX)};

	for (;;) {
		if (!dc_parser_next(parser, err))
			return false;
		if (parser->event == DC_EVENT_SEQUENCE && !dc_parser_skip(parser, err))
			return false;
		if (parser->event == DC_EVENT_ITEM_END || parser->event == DC_EVENT_END)
			break;
		if (parser->event == DC_EVENT_ELEMENT && !take_element(&item, parser, err))
			return false;
	}
	if (!finish_item(&item))
		return err_set(err, ERR_NOMEM, "out of memory");
	if (item.lut.count > 0) {
		*lut = item.lut;
		item.lut.entries = NULL;
	}
	return true;
}

bool rn_lut_read(struct rn_lut *lut, struct dc_parser *parser, struct err *err)
{
	for (;;) {
		if (!dc_parser_next(parser, err))
			return false;
		if (parser->event != DC_EVENT_ITEM)
			return true;
		if (lut->count > 0 ? !dc_parser_skip(parser, err) : !read_item(lut, parser, err))
			return false;
		if (parser->event == DC_EVENT_END)
			return true;
	}
}
