/* SPDX-License-Identifier: MIT */
#include "index/fact-set.h"

void ix_fact_set_init(struct ix_fact_set *set)
{
	memset(set, 0, sizeof(*set));
	set->text = buf_empty(BUF_NO_LIMIT);
}

void ix_fact_set_release(struct ix_fact_set *set)
{
	buf_release(&set->text);
}

void ix_fact_set_clear(struct ix_fact_set *set)
{
	buf_clear(&set->text);
	memset(set->position, 0, sizeof(set->position));
}

void ix_fact_set_put(struct ix_fact_set *set, int fact, struct span text)
{
	set->position[fact] = 0;
	if (text.size == 0)
		return;
	set->position[fact] = (uint32_t)set->text.size + 1;
	buf_append(&set->text, text.data, text.size);
	buf_append_byte(&set->text, '\0');
	if (set->text.failure != ERR_NONE)
		set->position[fact] = 0;
}

int ix_fact_set_read(struct ix_fact_set *set, sqlite3_stmt *row, int column, enum dc_level level)
{
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		if (dc_fact_table[i].level == level && ix_fact_is_kept(i))
			ix_fact_set_put(set, i, span_of_text(ix_db_text(row, column++)));
	}
	return column;
}

const char *ix_fact_set_get(const struct ix_fact_set *set, int fact)
{
	return set->position[fact] == 0 ? ""
					: (const char *)set->text.data + set->position[fact] - 1;
}

void ix_fact_set_pointers(const struct ix_fact_set *set, const char *fact[DC_FACT_COUNT])
{
	for (int i = 0; i < DC_FACT_COUNT; i++)
		fact[i] = ix_fact_set_get(set, i);
}

static void put_number(struct buf *out, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_append_byte(out, (uint8_t)(value >> (8 * i)));
}

void ix_fact_set_diff(const struct ix_fact_set *set, const struct dc_facts *facts,
		      struct buf *packed)
{
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		const char *text;
		size_t size;

		if (dc_fact_table[i].level == DC_LEVEL_INSTANCE || !ix_fact_is_kept(i))
			continue;
		text = dc_fact(facts, (enum dc_fact)i);
		if (strcmp(text, ix_fact_set_get(set, i)) == 0)
			continue;
		size = MIN_OF(strlen(text), (size_t)UINT16_MAX);
		put_number(packed, dc_fact_table[i].tag, 4);
		put_number(packed, (uint32_t)size, 2);
		buf_append(packed, text, size);
	}
}

void ix_fact_set_apply(struct ix_fact_set *set, struct span packed)
{
	while (packed.size >= 6) {
		uint32_t tag = load_u32(packed.data, false);
		size_t size = load_u16(packed.data + 4, false);

		packed = span_of(packed.data + 6, packed.size - 6);
		if (size > packed.size)
			return;
		for (int i = 0; i < DC_FACT_COUNT; i++) {
			if (dc_fact_table[i].tag == tag)
				ix_fact_set_put(set, i, span_of(packed.data, size));
		}
		packed = span_of(packed.data + size, packed.size - size);
	}
}
