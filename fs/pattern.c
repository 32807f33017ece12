/* SPDX-License-Identifier: MIT */
#include "fs/pattern.h"

/* So far out of step readers that share the work may be. */
#define SLACK 4
/* A reader that goes back as often has turned. */
#define TURN 2

void fs_pattern_init(struct fs_pattern *pattern, uint8_t orders)
{
	*pattern = (struct fs_pattern){.orders = orders};
}

static void forget_ahead(struct fs_stream *stream, fs_pattern_drop_fn drop, void *context)
{
	if (stream->direction != 0 && stream->ahead > 0)
		drop(stream, context);
	stream->ahead = 0;
	stream->window = 1;
}

void fs_pattern_break(struct fs_pattern *pattern, fs_pattern_drop_fn drop, void *context)
{
	for (size_t i = 0; i < FS_PATTERN_STREAMS; i++)
		forget_ahead(&pattern->streams[i], drop, context);
}

bool fs_stream_position(const struct fs_stream *stream, uint32_t nth, uint32_t count,
			uint32_t *position)
{
	if (stream->direction > 0) {
		*position = stream->position + nth;
		return stream->position < count && nth < count - stream->position;
	}
	*position = stream->position - nth;
	return nth <= stream->position && *position < count;
}

/* Steps in the stream's direction; negative: back. */
static int64_t steps_to(const struct fs_stream *stream, const uint32_t *positions)
{
	return ((int64_t)positions[stream->order] - stream->position) * stream->direction;
}

static bool is_step_back(const struct fs_pattern *pattern, const struct fs_stream *stream,
			 const uint32_t *positions)
{
	return pattern->recent_count > 0 &&
	       (int64_t)positions[stream->order] + stream->direction ==
		       pattern->recent[0][stream->order];
}

/* Whether the position is the stream's, or near enough. */
static bool follow(const struct fs_pattern *pattern, struct fs_stream *stream,
		   const uint32_t *positions, uint32_t max)
{
	int64_t steps = steps_to(stream, positions);
	/* Two neighbours may be chance: the next has to be close. */
	int64_t slack = MIN_OF(stream->window, (uint32_t)SLACK);

	if (stream->direction == 0 || steps > (int64_t)stream->ahead + slack || steps < -slack)
		return false;
	stream->backward = is_step_back(pattern, stream, positions)
				   ? (uint8_t)(stream->backward + 1)
				   : 0;
	if (stream->backward >= TURN)
		return false;
	if (steps <= 0)
		return true;
	stream->position = positions[stream->order];
	stream->ahead -= (uint32_t)MIN_OF(steps, (int64_t)stream->ahead);
	stream->window = MIN_OF(stream->window * 2, max);
	return true;
}

static struct fs_stream *find(struct fs_pattern *pattern, const uint32_t *positions, uint32_t max)
{
	for (size_t i = 0; i < FS_PATTERN_STREAMS; i++) {
		if (follow(pattern, &pattern->streams[i], positions, max))
			return &pattern->streams[i];
	}
	return NULL;
}

static int64_t step_from(const struct fs_pattern *pattern, const uint32_t *positions, size_t recent,
			 uint8_t order)
{
	return (int64_t)positions[order] - pattern->recent[recent][order];
}

/* Neighbours by chance are likely in a small folder of several orders: in those
 * that few readers use, it takes three in a row. */
static bool is_neighbour(const struct fs_pattern *pattern, const uint32_t *positions, size_t recent,
			 uint8_t order)
{
	int64_t step = step_from(pattern, positions, recent, order);

	if (step != 1 && step != -1)
		return false;
	return order == 0 || (recent == 0 && pattern->recent_count > 1 &&
			      step_from(pattern, positions, 1, order) == 2 * step);
}

/* Where it follows one of the last positions, and in which order. */
static bool find_neighbour(const struct fs_pattern *pattern, const uint32_t *positions,
			   uint8_t *order, int8_t *direction)
{
	for (size_t i = 0; i < pattern->recent_count; i++) {
		for (uint8_t j = 0; j < pattern->orders; j++) {
			if (!is_neighbour(pattern, positions, i, j))
				continue;
			*order = j;
			*direction = (int8_t)step_from(pattern, positions, i, j);
			return true;
		}
	}
	return false;
}

static struct fs_stream *least_used(struct fs_pattern *pattern)
{
	struct fs_stream *found = &pattern->streams[0];

	for (size_t i = 1; i < FS_PATTERN_STREAMS; i++) {
		if (pattern->streams[i].used < found->used)
			found = &pattern->streams[i];
	}
	return found;
}

static bool was_opened_before(const struct fs_pattern *pattern, const uint32_t *positions)
{
	for (size_t i = 0; i < pattern->recent_count; i++) {
		if (pattern->recent[i][0] == positions[0])
			return true;
	}
	return false;
}

static struct fs_stream *begin(struct fs_pattern *pattern, const uint32_t *positions,
			       fs_pattern_drop_fn drop, void *context)
{
	struct fs_stream *stream;
	uint8_t order = 0;
	int8_t direction = 0;

	if (was_opened_before(pattern, positions))
		return NULL;
	if (!find_neighbour(pattern, positions, &order, &direction)) {
		fs_pattern_break(pattern, drop, context);
		return NULL;
	}
	for (size_t i = 0; i < FS_PATTERN_STREAMS; i++) {
		if (pattern->streams[i].backward >= TURN)
			forget_ahead(&pattern->streams[i], drop, context);
	}
	stream = least_used(pattern);
	forget_ahead(stream, drop, context);
	*stream = (struct fs_stream){
		.order = order,
		.direction = direction,
		.position = positions[order],
		.window = 1,
	};
	return stream;
}

struct fs_stream *fs_pattern_note(struct fs_pattern *pattern, const uint32_t *positions,
				  uint32_t max, fs_pattern_drop_fn drop, void *context)
{
	struct fs_stream *stream = find(pattern, positions, max);

	if (stream == NULL)
		stream = begin(pattern, positions, drop, context);
	memmove(&pattern->recent[1], &pattern->recent[0],
		sizeof(pattern->recent) - sizeof(pattern->recent[0]));
	memcpy(&pattern->recent[0], positions, pattern->orders * sizeof(*positions));
	pattern->recent_count = (uint8_t)MIN_OF(pattern->recent_count + 1, FS_PATTERN_RECENT);
	pattern->clock++;
	if (stream != NULL)
		stream->used = pattern->clock;
	return stream;
}
