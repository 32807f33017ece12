/* SPDX-License-Identifier: MIT */
#include "index/watch-set.h"

#include "index/names.h"

/* With more than these the whole store is looked at. */
#define PLACES_MAX ((size_t)200 * 1000)
/* A file that is written to all the time is looked at now and then. */
#define PATIENCE_NS INT64_C(30000000000)
/* Without memory, later. */
#define RETRY_NS INT64_C(1000000000)

void ix_watch_set_init(struct ix_watch_set *set)
{
	memset(set, 0, sizeof(*set));
	set->next_ns = INT64_MAX;
}

void ix_watch_set_release(struct ix_watch_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->places[i].path);
	free(set->places);
	free(set->slots);
	ix_watch_set_init(set);
}

static size_t find_slot(const struct ix_watch_set *set, const char *path, uint64_t hash)
{
	size_t mask = set->capacity * 2 - 1;
	size_t slot = (size_t)hash & mask;

	while (set->slots[slot] != 0) {
		const struct ix_watch_place *place = &set->places[set->slots[slot] - 1];

		if (place->hash == hash && strcmp(place->path, path) == 0)
			break;
		slot = (slot + 1) & mask;
	}
	return slot;
}

static void fill_slots(struct ix_watch_set *set)
{
	memset(set->slots, 0, set->capacity * 2 * sizeof(*set->slots));
	for (size_t i = 0; i < set->count; i++)
		set->slots[find_slot(set, set->places[i].path, set->places[i].hash)] =
			(uint32_t)i + 1;
}

static bool grow(struct ix_watch_set *set)
{
	size_t capacity = set->capacity > 0 ? set->capacity * 2 : 64;
	struct ix_watch_place *places = realloc(set->places, capacity * sizeof(*places));
	uint32_t *slots;

	if (places == NULL)
		return false;
	set->places = places;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (slots == NULL)
		return false;
	free(set->slots);
	set->slots = slots;
	set->capacity = capacity;
	fill_slots(set);
	return true;
}

static void renew(struct ix_watch_place *place, int64_t due_ns, enum ix_watch_when when)
{
	switch (when) {
	case IX_WATCH_BY:
		place->due_ns = MIN_OF(place->due_ns, due_ns);
		return;
	case IX_WATCH_AFTER:
		place->due_ns =
			MIN_OF(MAX_OF(place->due_ns, due_ns), place->first_ns + PATIENCE_NS);
		return;
	case IX_WATCH_ONCE:
		return;
	}
}

bool ix_watch_set_add(struct ix_watch_set *set, const char *path, int64_t now_ns, int64_t due_ns,
		      enum ix_watch_when when)
{
	uint64_t hash = ix_hash(span_of_text(path));
	struct ix_watch_place *place;
	size_t slot;

	if (set->count == PLACES_MAX || (set->count == set->capacity && !grow(set)))
		return false;
	slot = find_slot(set, path, hash);
	if (set->slots[slot] != 0) {
		place = &set->places[set->slots[slot] - 1];
		renew(place, due_ns, when);
	} else {
		place = &set->places[set->count];
		*place = (struct ix_watch_place){strdup(path), hash, now_ns, due_ns};
		if (place->path == NULL)
			return false;
		set->slots[slot] = (uint32_t)++set->count;
	}
	set->next_ns = MIN_OF(set->next_ns, place->due_ns);
	return true;
}

static int compare_paths(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

char **ix_watch_set_take(struct ix_watch_set *set, int64_t now_ns, size_t *count)
{
	size_t due = 0, kept = 0;
	char **paths;

	*count = 0;
	if (now_ns < set->next_ns)
		return NULL;
	for (size_t i = 0; i < set->count; i++)
		due += set->places[i].due_ns <= now_ns;
	paths = due > 0 ? calloc(due, sizeof(*paths)) : NULL;
	if (due > 0 && paths == NULL) {
		set->next_ns = now_ns + RETRY_NS;
		return NULL;
	}
	set->next_ns = INT64_MAX;
	for (size_t i = 0; i < set->count; i++) {
		struct ix_watch_place *place = &set->places[i];

		if (place->due_ns <= now_ns) {
			paths[(*count)++] = place->path;
		} else {
			set->next_ns = MIN_OF(set->next_ns, place->due_ns);
			set->places[kept++] = *place;
		}
	}
	set->count = kept;
	if (set->capacity > 0)
		fill_slots(set);
	if (paths != NULL)
		qsort(paths, *count, sizeof(*paths), compare_paths);
	return paths;
}

void ix_watch_paths_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}
