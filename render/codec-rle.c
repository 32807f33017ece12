/* SPDX-License-Identifier: MIT */
/* RLE Lossless (PS3.5 Annex G): each byte of the samples is a plane of its own,
 * the more significant first, and PackBits-coded as a segment. Segments are
 * decoded side by side, a block of pixels at a time, so that planes meet in the
 * processor's cache and the picture is written once. */
#include "render/codecs.h"
#include "render/simd.h"

/* PS3.5 G.5: the number of segments and 15 offsets. */
#define HEADER_SIZE 64
#define SEGMENTS_MAX 15

/* Pixels decoded at a time. */
#define BLOCK ((size_t)8 * 1024)

/* Longest run; a run of one kind may be written this far past its end. */
#define RUN_MAX 128

static const char *const uids[] = {"1.2.840.10008.1.2.5", NULL};

/* A segment being decoded, which may stop inside a run. */
struct segment {
	const uint8_t *at, *end;
	size_t left; /* bytes of the current run that are still to come */
	bool literal;
	uint8_t value; /* of a replicate run */
};

/* ---- Runs ---------------------------------------------------------------- */

/* Short runs are the common ones: a first step that always happens, longer
 * ones behind it. All write up to RUN_MAX bytes and read as many. */
static inline void copy_run(uint8_t *to, const uint8_t *from, size_t size)
{
	memcpy(to, from, 16);
	if (size > 16)
		memcpy(to + 16, from + 16, 16);
	if (size > 32)
		memcpy(to + 32, from + 32, RUN_MAX - 32);
}

static inline void fill_run(uint8_t *to, uint8_t value, size_t size)
{
	memset(to, value, 16);
	if (size > 16)
		memset(to + 16, value, 16);
	if (size > 32)
		memset(to + 32, value, RUN_MAX - 32);
}

/* Goes on with the current run, for at most room bytes. Returns how many. */
static size_t go_on(struct segment *s, uint8_t *to, size_t room)
{
	size_t size = MIN_OF(s->left, room);

	if (s->literal) {
		size = MIN_OF(size, (size_t)(s->end - s->at));
		if (size == 0)
			s->left = 0; /* the segment ends inside the run */
		else
			memcpy(to, s->at, size);
		s->at += size;
	} else {
		memset(to, s->value, size);
	}
	if (s->left > 0)
		s->left -= size;
	return size;
}

/* Begins the next run. False at the end of the segment. */
static bool next_run(struct segment *s)
{
	uint8_t control;

	if (s->at == s->end)
		return false;
	control = *s->at++;
	if (control == 128)
		return true;
	s->literal = control < 128;
	s->left = s->literal ? control + 1u : 257u - control;
	if (s->literal)
		return true;
	if (s->at == s->end) {
		s->left = 0;
		return false;
	}
	s->value = *s->at++;
	return true;
}

/* Whole runs, while neither side's end is near. */
static size_t whole_runs(struct segment *s, uint8_t *to, size_t size)
{
	const uint8_t *at = s->at, *stop = s->end - RUN_MAX;
	uint8_t *out = to, *out_stop = to + size - RUN_MAX;

	while (at < stop && out <= out_stop) {
		unsigned control = *at++;

		if (control < 128) {
			copy_run(out, at, control + 1);
			at += control + 1;
			out += control + 1;
		} else if (control > 128) {
			fill_run(out, *at++, 257 - control);
			out += 257 - control;
		}
	}
	s->at = at;
	return (size_t)(out - to);
}

/* Decodes up to size bytes; fewer at the end of the segment. */
static size_t unpack(struct segment *s, uint8_t *to, size_t size)
{
	size_t done = 0;

	for (;;) {
		if (s->left > 0)
			done += go_on(s, to + done, size - done);
		if (done == size)
			return done;
		if (s->left == 0 && s->end - s->at > RUN_MAX && size - done >= RUN_MAX)
			done += whole_runs(s, to + done, size - done);
		if (s->left == 0 && (done == size || !next_run(s)))
			return done;
	}
}

/* How many bytes a segment decodes to, but not more than most. */
static size_t measure(struct segment s, size_t most)
{
	size_t size = 0;

	while (size < most && next_run(&s)) {
		if (s.literal) {
			s.left = MIN_OF(s.left, (size_t)(s.end - s.at));
			s.at += s.left;
		}
		size += s.left;
		s.left = 0;
	}
	return MIN_OF(size, most);
}

/* ---- Segments -------------------------------------------------------------- */

static bool find_segments(struct span input, struct segment *segments, unsigned needed,
			  struct err *err)
{
	uint32_t count, from, to;

	if (input.size < HEADER_SIZE)
		return err_set(err, ERR_CORRUPT, "an RLE frame has %zu bytes, less than its header",
			       input.size);
	count = load_u32(input.data, false);
	if (count != needed)
		return err_set(err, ERR_CORRUPT, "an RLE frame has %u segments where %u are needed",
			       count, needed);
	for (uint32_t i = 0; i < count; i++) {
		from = load_u32(input.data + 4 + (size_t)4 * i, false);
		to = (uint32_t)MIN_OF(input.size, (size_t)UINT32_MAX);
		if (i + 1 < count)
			to = load_u32(input.data + 8 + (size_t)4 * i, false);
		if (from < HEADER_SIZE || from > to || to > input.size)
			return err_set(err, ERR_CORRUPT,
				       "RLE segment %u goes from byte %u to %u of %zu", i + 1, from,
				       to, input.size);
		segments[i] = (struct segment){.at = input.data + from, .end = input.data + to};
	}
	return true;
}

static bool too_short(unsigned segment, size_t got, size_t size, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "RLE segment %u ends after %zu of %zu bytes", segment + 1,
		       got, size);
}

/* ---- Planes to samples ------------------------------------------------------ */

/* planes are BLOCK + RUN_MAX apart. */
#define PLANE (BLOCK + RUN_MAX)

/* One body for all, compiled for the numbers of planes that are common. */
static inline RN_INLINE void weave(const uint8_t *restrict planes, const uint8_t *places,
				   unsigned count, size_t pixels, uint8_t *restrict to)
{
	for (unsigned plane = 0; plane < count; plane++) {
		const uint8_t *from = planes + plane * PLANE;
		uint8_t *at = to + places[plane];

		for (size_t i = 0; i < pixels; i++)
			at[i * count] = from[i];
	}
}

RN_KERNEL static void weave_2(const uint8_t *restrict first, const uint8_t *restrict second,
			      size_t pixels, uint8_t *restrict to)
{
	size_t i = 0;

	for (; i + RN_LANES <= pixels; i += RN_LANES) {
		for (size_t k = 0; k < RN_LANES; k++) {
			uint16_t both = (uint16_t)(first[i + k] | second[i + k] << 8);

			if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
				both = __builtin_bswap16(both);
			memcpy(to + 2 * (i + k), &both, sizeof(both));
		}
	}
	for (; i < pixels; i++) {
		to[2 * i] = first[i];
		to[2 * i + 1] = second[i];
	}
}

static void weave_3(const uint8_t *restrict planes, size_t pixels, uint8_t *restrict to)
{
	const uint8_t *r = planes, *g = planes + PLANE, *b = planes + 2 * PLANE;

	for (size_t i = 0; i < pixels; i++) {
		to[3 * i] = r[i];
		to[3 * i + 1] = g[i];
		to[3 * i + 2] = b[i];
	}
}

/* places: where the byte of each plane stands in a pixel. */
static void weave_planes(const uint8_t *planes, const uint8_t *places, unsigned count,
			 size_t pixels, uint8_t *to)
{
	if (count == 2)
		weave_2(planes + places[0] * PLANE, planes + places[1] * PLANE, pixels, to);
	else if (count == 3 && places[0] == 0)
		weave_3(planes, pixels, to);
	else if (count == 4)
		weave(planes, places, 4, pixels, to);
	else if (count == 6)
		weave(planes, places, 6, pixels, to);
	else
		weave(planes, places, count, pixels, to);
}

static void find_places(const struct dc_image *image, uint8_t places[SEGMENTS_MAX])
{
	unsigned bytes = image->bits_allocated / 8u, at = 0;

	for (unsigned sample = 0; sample < image->samples; sample++) {
		for (unsigned i = 0; i < bytes; i++) {
			bool backwards = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
			unsigned byte = backwards ? bytes - 1 - i : i;

			places[at++] = (uint8_t)(sample * bytes + byte);
		}
	}
}

/* ---- The codec ---------------------------------------------------------------- */

static bool cancelled(const struct rn_codec_frame *frame, struct err *err)
{
	if (frame->cancel == NULL || !atomic_load(frame->cancel))
		return false;
	(void)err_set(err, ERR_INTERRUPTED, "interrupted");
	return true;
}

/* One segment is the picture itself. */
static bool decode_plane(const struct rn_codec_frame *frame, struct segment *segment, size_t size,
			 struct err *err)
{
	uint8_t *out = frame->output;

	for (size_t done = 0; done < size;) {
		size_t step = MIN_OF(size - done, 64 * BLOCK), got;

		if (cancelled(frame, err))
			return false;
		got = unpack(segment, out + done, step);
		if (got < step)
			return too_short(0, done + got, size, err);
		done += step;
	}
	return true;
}

static bool decode_planes(const struct rn_codec_frame *frame, struct segment *segments,
			  unsigned count, size_t pixels, struct err *err)
{
	uint8_t *planes CLEANUP_FREE = malloc(count * PLANE);
	uint8_t places[SEGMENTS_MAX];
	uint8_t *out = frame->output;

	if (planes == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	find_places(frame->image, places);
	for (size_t done = 0; done < pixels;) {
		size_t step = MIN_OF(pixels - done, BLOCK);

		if (cancelled(frame, err))
			return false;
		for (unsigned i = 0; i < count; i++) {
			size_t got = unpack(&segments[i], planes + i * PLANE, step);

			if (got < step)
				return too_short(i, done + got, pixels, err);
		}
		weave_planes(planes, places, count, step, out + done * count);
		done += step;
	}
	return true;
}

/* Bits Allocated 1: writers either code the packed bits of the frame or, as for
 * other compressed bits, a byte a pixel. The length tells. */
static bool decode_bits(const struct rn_codec_frame *frame, struct segment *segment,
			size_t pixels, struct err *err)
{
	size_t packed = pixels / 8 + (pixels % 8 != 0), size = measure(*segment, pixels);
	uint8_t *out = frame->output;

	if (size < packed)
		return too_short(0, size, packed, err);
	if (size == pixels) {
		if (!decode_plane(frame, segment, pixels, err))
			return false;
		for (size_t i = 0; i < pixels; i++)
			out[i] = out[i] != 0;
		return true;
	}
	/* Packed bits go to the end, and are spread from there to the beginning:
	 * writing never overtakes reading. */
	if (unpack(segment, out + pixels - packed, packed) < packed)
		return too_short(0, 0, packed, err);
	for (size_t i = 0; i < pixels; i += 8) {
		uint8_t bits = out[pixels - packed + i / 8];

		for (size_t k = 0; k < MIN_OF((size_t)8, pixels - i); k++)
			out[i + k] = bits >> k & 1;
	}
	return true;
}

static bool supports(const struct dc_image *image, struct err *why)
{
	unsigned bits = image->bits_allocated;

	if (image->samples == 0 || (bits != 1 && bits % 8 != 0) || bits == 0 || bits > 64 ||
	    rn_cell_bytes(image) != (bits + 7) / 8 || (bits == 1 && image->samples != 1))
		return err_set(why, ERR_UNSUPPORTED, "RLE with Bits Allocated %u and %u samples",
			       bits, image->samples);
	if ((bits + 7) / 8 * image->samples > SEGMENTS_MAX)
		return err_set(why, ERR_CORRUPT, "RLE with %u bytes a pixel: at most %u can be",
			       (bits + 7) / 8 * image->samples, SEGMENTS_MAX);
	return true;
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	const struct dc_image *image = frame->image;
	struct segment segments[SEGMENTS_MAX];
	unsigned needed = image->samples * ((image->bits_allocated + 7u) / 8u);
	size_t pixels;

	if (!supports(image, err) || !find_segments(frame->input, segments, needed, err))
		return false;
	pixels = frame->output_size / needed;
	if (image->bits_allocated == 1)
		return decode_bits(frame, segments, pixels, err);
	if (needed == 1)
		return decode_plane(frame, segments, pixels, err);
	return decode_planes(frame, segments, needed, pixels, err);
}

const struct rn_codec rn_codec_rle = {
	.name = "RLE",
	.uids = uids,
	.supports = supports,
	.decode = decode,
};
