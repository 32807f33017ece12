/* SPDX-License-Identifier: MIT */
#include "index/dirty.h"

void ix_dirty_release(struct ix_dirty_set *set)
{
	free(set->entries);
	free(set->used);
	free(set->heap);
	memset(set, 0, sizeof(*set));
}

void ix_dirty_clear(struct ix_dirty_set *set)
{
	set->count = 0;
	if (set->capacity > 0)
		memset(set->used, 0, set->capacity * sizeof(*set->used));
}

static size_t slot_of(const struct ix_dirty_set *set, int64_t id)
{
	return (size_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (set->capacity - 1);
}

static size_t find_slot(const struct ix_dirty_set *set, int64_t id)
{
	size_t slot = slot_of(set, id);

	while (set->used[slot] && set->entries[slot].id != id)
		slot = (slot + 1) & (set->capacity - 1);
	return slot;
}

static bool grow(struct ix_dirty_set *set)
{
	size_t capacity = set->capacity > 0 ? set->capacity * 2 : 256;
	struct ix_dirty_set larger = {
		.entries = calloc(capacity, sizeof(*larger.entries)),
		.used = calloc(capacity, sizeof(*larger.used)),
		.heap = calloc(capacity, sizeof(*larger.heap)),
		.capacity = capacity,
		.heap_capacity = capacity,
		.count = set->count,
	};

	if (larger.entries == NULL || larger.used == NULL || larger.heap == NULL) {
		ix_dirty_release(&larger);
		return false;
	}
	for (size_t i = 0; i < set->capacity; i++) {
		if (set->used[i]) {
			size_t slot = find_slot(&larger, set->entries[i].id);

			larger.used[slot] = true;
			larger.entries[slot] = set->entries[i];
		}
	}
	if (set->count > 0)
		memcpy(larger.heap, set->heap, set->count * sizeof(*set->heap));
	ix_dirty_release(set);
	*set = larger;
	return true;
}

static void heap_push(struct ix_dirty_set *set, int64_t id)
{
	size_t at = set->count++;

	while (at > 0 && set->heap[(at - 1) / 2] < id) {
		set->heap[at] = set->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	set->heap[at] = id;
}

static int64_t heap_pop(struct ix_dirty_set *set)
{
	int64_t top = set->heap[0], last = set->heap[--set->count];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= set->count)
			break;
		if (child + 1 < set->count && set->heap[child + 1] > set->heap[child])
			child++;
		if (set->heap[child] <= last)
			break;
		set->heap[at] = set->heap[child];
		at = child;
	}
	set->heap[at] = last;
	return top;
}

struct ix_dirty *ix_dirty_touch(struct ix_dirty_set *set, int64_t id)
{
	size_t slot;

	if (set->count * 2 >= set->capacity && !grow(set))
		return NULL;
	slot = find_slot(set, id);
	if (!set->used[slot]) {
		set->used[slot] = true;
		set->entries[slot] =
			(struct ix_dirty){.id = id, .mtime = INT64_MIN, .ctime = INT64_MIN};
		heap_push(set, id);
	}
	return &set->entries[slot];
}

bool ix_dirty_has(const struct ix_dirty_set *set, int64_t id)
{
	return set->count > 0 && set->used[find_slot(set, id)];
}

/* Open addressing: what was pushed past the free slot moves back into it. */
static void remove_slot(struct ix_dirty_set *set, size_t hole)
{
	size_t mask = set->capacity - 1;

	for (size_t at = (hole + 1) & mask; set->used[at]; at = (at + 1) & mask) {
		size_t home = slot_of(set, set->entries[at].id);

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			set->entries[hole] = set->entries[at];
			hole = at;
		}
	}
	set->used[hole] = false;
}

bool ix_dirty_take(struct ix_dirty_set *set, struct ix_dirty *entry)
{
	size_t slot;

	if (set->count == 0)
		return false;
	slot = find_slot(set, heap_pop(set));
	*entry = set->entries[slot];
	remove_slot(set, slot);
	return true;
}
