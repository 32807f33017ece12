/* SPDX-License-Identifier: MIT */
#include "dicom/frames-private.h"

/* Memory for a hostile file's fragments ends here: 16 million, as elements. */
#define FRAGMENTS_MAX ((size_t)16 * 1000 * 1000)

/* Items nearer to each other than this are read in blocks. */
#define NEAR ((uint64_t)8 * 1024)
#define BLOCK ((size_t)32 * 1024)

/* What is known of a fragment, in the upper bits of its item's offset. */
#define BEGINS (1ull << 63) /* a codestream, or it is the first with any bytes */
#define ENDS (1ull << 62)   /* a codestream */
#define EMPTY (1ull << 61)
#define OFFSET(fragment) ((fragment) & (EMPTY - 1))

struct walk {
	const struct dc_fragments *fragments;
	struct dc_source *source;
	/* Bytes of the source. Reads only go forward: an inflating source that has
	 * to go back starts over. */
	uint8_t *window;
	uint64_t window_offset;
	size_t window_size;
	uint64_t last; /* offset of the last look */
	uint64_t *seen; /* the fragments */
	size_t count, capacity;
	uint64_t end; /* behind the last one */
	bool broken;
};

/* ---- Reading item headers ------------------------------------------------ */

/* Up to size bytes at offset; fewer at the end of the source. */
static bool look(struct walk *w, uint64_t offset, size_t size, struct span *bytes, struct err *err)
{
	uint64_t skip = offset - w->window_offset;
	size_t kept = 0, want, got = 0;

	if (skip > w->window_size || w->window_size - (size_t)skip < size) {
		want = offset - w->last < NEAR ? BLOCK : size;
		if (skip < w->window_size) {
			kept = w->window_size - (size_t)skip;
			memmove(w->window, w->window + skip, kept);
		}
		if (!dc_source_read(w->source, offset + kept, w->window + kept, want - kept, &got,
				    err))
			return false;
		w->window_offset = offset;
		w->window_size = kept + got;
		skip = 0;
	}
	w->last = offset;
	*bytes = span_of(w->window + skip, MIN_OF(size, w->window_size - (size_t)skip));
	return true;
}

static bool add(struct walk *w, uint64_t fragment, struct err *err)
{
	if (w->count == w->capacity) {
		size_t capacity = w->capacity == 0 ? 64 : w->capacity * 2;
		uint64_t *seen;

		if (w->count >= FRAGMENTS_MAX)
			return err_set(err, ERR_LIMIT, "more than %zu fragments", FRAGMENTS_MAX);
		seen = realloc(w->seen, capacity * sizeof(*seen));
		if (seen == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		w->seen = seen;
		w->capacity = capacity;
	}
	w->seen[w->count++] = fragment;
	return true;
}

/* Looks at one item: its header, what its fragment begins with, and how the
 * fragment in front of it (length bytes) ended. */
static bool look_at_item(struct walk *w, uint64_t at, uint64_t *length, bool *more,
			 struct err *err)
{
	const struct dc_fragments *f = w->fragments;
	enum dc_codestream codestream = (enum dc_codestream)f->codestream;
	size_t tail = (size_t)MIN_OF(*length, (uint64_t)DC_CODESTREAM_TAIL);
	struct span bytes, head;
	uint64_t fragment = at - f->first, left;

	*more = false;
	if (!look(w, at - tail, tail + DC_ITEM_SIZE + DC_CODESTREAM_HEAD, &bytes, err))
		return false;
	if (bytes.size >= tail && w->count > 0 && dc_codestream_ends(codestream, span_of(bytes.data, tail)))
		w->seen[w->count - 1] |= ENDS;
	if (bytes.size < tail + DC_ITEM_SIZE || !dc_is_item(bytes.data + tail, f->big_endian)) {
		w->broken = bytes.size < tail + DC_ITEM_SIZE ||
			    !dc_is_delimiter(bytes.data + tail, f->big_endian);
		return true;
	}
	left = w->source->size - at - DC_ITEM_SIZE;
	*length = load_u32(bytes.data + tail + 4, f->big_endian);
	head = span_of(bytes.data + tail + DC_ITEM_SIZE, bytes.size - tail - DC_ITEM_SIZE);
	head.size = (size_t)MIN_OF((uint64_t)head.size, *length);
	if (*length == 0)
		fragment |= EMPTY;
	else if (dc_codestream_begins(codestream, head, *length))
		fragment |= BEGINS;
	/* The part that is there still counts: whose it is says what is missing. */
	w->broken = *length > left;
	*more = !w->broken;
	w->end = at + DC_ITEM_SIZE + MIN_OF(*length, left);
	return add(w, fragment, err);
}

static bool walk_items(struct walk *w, struct err *err)
{
	uint64_t length = 0;
	bool more = true;

	w->end = w->fragments->first;
	w->last = w->end;
	while (more) {
		if (!look_at_item(w, w->end, &length, &more, err))
			return false;
	}
	return true;
}

/* ---- Grouping fragments ---------------------------------------------------- */

/* Ways to tell that a frame begins at a fragment. */
enum rule {
	RULE_EACH,   /* each is a frame */
	RULE_FILLED, /* each that has any bytes */
	RULE_BEGINS, /* a codestream begins */
	RULE_CHANGES, /* one begins, and another ended just before */
	RULE_ENDED,  /* one ended just before */
	RULE_EITHER, /* one begins, or one ended just before */
	RULE_LIMIT,
};

/* What is behind a fragment of a walk. */
struct grouping {
	bool first, ended; /* of fragments with any bytes */
};

static bool begins_frame(enum rule rule, uint64_t fragment, const struct grouping *g)
{
	if (rule == RULE_EACH)
		return true;
	if ((fragment & EMPTY) != 0)
		return false;
	if (g->first || rule == RULE_FILLED)
		return true;
	switch (rule) {
	case RULE_BEGINS:
		return (fragment & BEGINS) != 0;
	case RULE_CHANGES:
		return (fragment & BEGINS) != 0 && g->ended;
	case RULE_EITHER:
		return (fragment & BEGINS) != 0 || g->ended;
	default:
		return g->ended;
	}
}

/* How many frames a rule makes; the first most of them go into offsets. */
static size_t group(const struct walk *w, enum rule rule, uint64_t *offsets, size_t most)
{
	struct grouping g = {.first = true};
	size_t count = 0;

	for (size_t i = 0; i < w->count; i++) {
		if (begins_frame(rule, w->seen[i], &g)) {
			if (count < most)
				offsets[count] = OFFSET(w->seen[i]);
			count++;
		}
		if ((w->seen[i] & EMPTY) == 0) {
			g.first = false;
			g.ended = (w->seen[i] & ENDS) != 0;
		}
	}
	return count;
}

/* Whether one fragment is seen to go on with what the one before began. */
static bool has_continuation(const struct walk *w)
{
	bool open = false;

	if (w->fragments->codestream != DC_CODESTREAM_JPEG)
		return false;
	for (size_t i = 0; i < w->count; i++) {
		if ((w->seen[i] & EMPTY) != 0)
			continue;
		if (open && (w->seen[i] & BEGINS) == 0)
			return true;
		open = (w->seen[i] & ENDS) == 0 && ((w->seen[i] & BEGINS) != 0 || open);
	}
	return false;
}

/* Whether a rule may be wrong although it makes the right number of frames. Of a
 * file that breaks off, that may be chance: an empty fragment is then no frame,
 * and fragments are frames only if each begins one, where that can be seen. */
static bool is_refuted(const struct walk *w, enum rule rule)
{
	size_t filled = group(w, RULE_FILLED, NULL, 0);

	if (rule > RULE_FILLED)
		return false;
	if (w->broken && rule == RULE_EACH && filled != w->count)
		return true;
	if (w->broken && w->fragments->codestream != DC_CODESTREAM_UNKNOWN)
		return group(w, RULE_BEGINS, NULL, 0) != filled;
	return has_continuation(w);
}

static enum rule find_rule(const struct walk *w)
{
	for (enum rule rule = RULE_EACH; rule < RULE_LIMIT; rule++) {
		if (group(w, rule, NULL, 0) == w->fragments->frames && !is_refuted(w, rule))
			return rule;
	}
	return RULE_LIMIT;
}

/* Frames that are there when others are not: of a file that breaks off all that
 * begin, in order, unless one of them may have lost its beginning; else the
 * first one only, which must be where it is. */
static size_t salvage(const struct walk *w, enum rule *rule)
{
	enum rule other = RULE_EACH;
	size_t count;

	*rule = RULE_FILLED;
	if (w->fragments->codestream == DC_CODESTREAM_JPEG) {
		*rule = RULE_EITHER;
		other = RULE_BEGINS;
	} else if (w->fragments->codestream != DC_CODESTREAM_UNKNOWN) {
		*rule = RULE_BEGINS;
		other = RULE_FILLED;
	}
	count = group(w, *rule, NULL, 0);
	if (w->broken && count < w->fragments->frames && count == group(w, other, NULL, 0))
		return count;
	return MIN_OF(count, (size_t)1);
}

static bool group_frames(struct walk *w, struct dc_frame_starts *starts, struct err *err)
{
	enum rule rule = find_rule(w);
	uint64_t *offsets CLEANUP_FREE = NULL;
	size_t known = w->fragments->frames;

	starts->fragments = w->count;
	starts->codestreams = group(w, RULE_BEGINS, NULL, 0);
	starts->broken = w->broken;
	starts->end = w->end;
	starts->proven = rule != RULE_LIMIT;
	if (!starts->proven)
		known = salvage(w, &rule);
	if (known == 0)
		return true;
	/* One more: where the last of them ends. */
	offsets = malloc((known + 1) * sizeof(*offsets));
	if (offsets == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (group(w, rule, offsets, known + 1) > known)
		starts->end = w->fragments->first + offsets[known];
	dc_frame_starts_keep(starts, STEAL(offsets), (uint32_t)known);
	return true;
}

static void release_walk(struct walk *w)
{
	free(w->window);
	free(w->seen);
}

bool dc_frame_starts_walk(const struct dc_fragments *fragments, struct dc_source *source,
			  struct dc_frame_starts *starts, struct err *err)
{
	struct walk walk CLEANUP(release_walk) = {.fragments = fragments, .source = source};

	walk.window = malloc(BLOCK);
	if (walk.window == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	return walk_items(&walk, err) && group_frames(&walk, starts, err);
}

/* ---- Offsets ---------------------------------------------------------------- */

void dc_frame_starts_keep(struct dc_frame_starts *starts, uint64_t *offsets, uint32_t count)
{
	uint32_t *near = NULL;

	starts->count = count;
	starts->far = offsets;
	if (offsets[count - 1] <= UINT32_MAX)
		near = malloc((size_t)count * sizeof(*near));
	if (near == NULL)
		return; /* so they take twice the room */
	for (uint32_t i = 0; i < count; i++)
		near[i] = (uint32_t)offsets[i];
	free(offsets);
	starts->far = NULL;
	starts->near = near;
}

void dc_frame_starts_release(struct dc_frame_starts *starts)
{
	free(starts->near);
	free(starts->far);
	starts->near = NULL;
	starts->far = NULL;
	starts->count = 0;
}
