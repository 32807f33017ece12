/* SPDX-License-Identifier: MIT */
#include "dicom/source.h"

#include <zlib.h>

#include "dicom/buf.h"

#define WINDOW_SIZE ((size_t)64 * 1024)
#define INPUT_SIZE ((size_t)32 * 1024)

struct dc_inflate_state {
	struct dc_source *inner;
	uint64_t start; /* of the stream in inner */
	uint64_t max_size;
	z_stream stream;
	bool ended;         /* no more output after what is in the window */
	bool corrupt;       /* it ended by damage, not by its end mark */
	uint64_t input_at;  /* next byte of inner to feed */
	uint8_t *kept;      /* the whole output, when it is small enough */
	size_t kept_size;
	uint64_t produced;  /* output bytes so far: the window's end */
	size_t window_size; /* valid bytes in window: output [produced - size, produced) */
	uint8_t window[WINDOW_SIZE];
	uint8_t input[INPUT_SIZE];
};

static bool restart(struct dc_inflate_state *state, struct err *err)
{
	if (inflateReset(&state->stream) != Z_OK)
		return err_set(err, ERR_NOMEM, "cannot start inflating");
	state->stream.avail_in = 0;
	state->input_at = state->start;
	state->produced = 0;
	state->window_size = 0;
	state->ended = false;
	return true;
}

static bool feed(struct dc_inflate_state *state, struct err *err)
{
	size_t got = 0;

	if (!dc_source_read(state->inner, state->input_at, state->input, INPUT_SIZE, &got, err))
		return false;
	state->input_at += got;
	state->stream.next_in = state->input;
	state->stream.avail_in = (uInt)got;
	return true;
}

/* Fills the window with the next output; less than a full window only at the
 * end of the stream. */
static bool next_window(struct dc_inflate_state *state, struct err *err)
{
	state->stream.next_out = state->window;
	state->stream.avail_out = (uInt)WINDOW_SIZE;
	while (state->stream.avail_out > 0 && !state->ended) {
		int result;

		if (state->stream.avail_in == 0 && !feed(state, err))
			return false;
		result = inflate(&state->stream, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			return err_set(err, ERR_NOMEM, "out of memory");
		if (result == Z_OK)
			continue;
		/* Z_BUF_ERROR: no input left although the stream has not ended. */
		state->ended = true;
		state->corrupt = result != Z_STREAM_END;
	}
	state->window_size = WINDOW_SIZE - state->stream.avail_out;
	state->produced += state->window_size;
	return true;
}

static bool inflate_read_at(struct dc_source *source, uint64_t offset, void *to, size_t size,
			    size_t *got, struct err *err)
{
	struct dc_inflate_state *state = ((struct dc_inflate_source *)source)->state;
	size_t done = 0;

	if (state->kept != NULL) {
		if (offset < state->kept_size) {
			done = MIN_OF(size, state->kept_size - (size_t)offset);
			memcpy(to, state->kept + offset, done);
		}
		*got = done;
		return true;
	}
	/* Known without inflating all that is in front of it. */
	if (source->size > 0 && offset >= source->size) {
		*got = 0;
		return true;
	}
	if (offset < state->produced - state->window_size && !restart(state, err))
		return false;
	while (done < size) {
		uint64_t at = offset + done;

		if (at < state->produced) {
			size_t skip = (size_t)(at - (state->produced - state->window_size));
			size_t n = MIN_OF(size - done, state->window_size - skip);

			memcpy((uint8_t *)to + done, state->window + skip, n);
			done += n;
		} else if (state->ended) {
			break;
		} else if (!next_window(state, err)) {
			return false;
		}
	}
	*got = done;
	return true;
}

static const uint8_t *inflate_peek(struct dc_source *source, uint64_t offset, size_t *size)
{
	struct dc_inflate_state *state = ((struct dc_inflate_source *)source)->state;

	if (state->kept == NULL || offset >= state->kept_size)
		return NULL;
	*size = MIN_OF(*size, state->kept_size - (size_t)offset);
	return state->kept + offset;
}

static void inflate_release(struct dc_source *source)
{
	struct dc_inflate_source *inflating = (struct dc_inflate_source *)source;

	if (inflating->state != NULL) {
		(void)inflateEnd(&inflating->state->stream);
		free(inflating->state->kept);
		free(inflating->state);
		inflating->state = NULL;
	}
}

/* Runs to the end once: the size, and all of the output while it is small. */
static bool measure(struct dc_inflate_source *source, struct err *err)
{
	struct dc_inflate_state *state = source->state;
	struct buf kept CLEANUP_BUF = buf_empty(DC_INFLATE_KEEP);

	while (!state->ended) {
		if (!next_window(state, err))
			return false;
		if (state->produced > state->max_size)
			return err_set(err, ERR_LIMIT,
				       "deflated data set is larger than %llu bytes",
				       (unsigned long long)state->max_size);
		buf_append(&kept, state->window, state->window_size);
	}
	source->base.size = state->produced;
	if (state->corrupt)
		(void)err_set(&source->damage, ERR_CORRUPT,
			      "deflated data set breaks off after %llu bytes",
			      (unsigned long long)state->produced);
	if (kept.failure == ERR_NONE && kept.size > 0) {
		state->kept_size = kept.size;
		state->kept = STEAL(kept.data);
		return true;
	}
	return restart(state, err);
}

bool dc_inflate_source_init(struct dc_inflate_source *source, struct dc_source *inner,
			    uint64_t offset, uint64_t max_size, struct err *err)
{
	static const struct dc_source_ops ops = {inflate_read_at, inflate_peek, inflate_release};
	struct dc_inflate_state *state = malloc(sizeof(*state));

	memset(source, 0, sizeof(*source));
	if (state == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	/* Not the buffers: they are written before they are read. */
	memset(state, 0, offsetof(struct dc_inflate_state, window));
	state->inner = inner;
	state->start = offset;
	state->input_at = offset;
	state->max_size = max_size;
	/* Negative window bits: raw deflate, as PS3.5 A.5 asks. */
	if (inflateInit2(&state->stream, -15) != Z_OK) {
		free(state);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	source->base.ops = &ops;
	source->state = state;
	if (!measure(source, err)) {
		dc_source_release(&source->base);
		return false;
	}
	return true;
}
