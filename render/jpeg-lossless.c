/* SPDX-License-Identifier: MIT */
#include "render/jpeg-lossless.h"

#include "render/jpeg-differences.h"
#include "render/jpeg-predict.h"
#include "render/simd.h"

struct decoder {
	const struct rn_codec_frame *frame;
	unsigned cell_bytes;
	unsigned done;   /* components whose scan was decoded, a bit each */
	uint16_t *lines; /* scratch, unless samples are decoded in the output itself */
	uint32_t version[RN_JPEG_TABLES]; /* of the table; 0: none */
	struct rn_jpeg_markers markers;
	struct rn_jpeg_bits bits;
	struct rn_jpeg_differences table[RN_JPEG_TABLES];
};

/* A scan and how far it is. */
struct scan {
	unsigned components; /* in it */
	unsigned shift;      /* point transform */
	unsigned predictor;
	uint16_t start; /* what a scan or a restart interval begins with */
	const struct rn_jpeg_differences *tables[RN_JPEG_COMPONENTS];
	/* Differences are read into the output and become samples there. */
	bool direct;
	uint32_t width, height;
	size_t line;    /* samples */
	uint32_t batch; /* lines that are worth reading at once */
	uint32_t x, y;  /* the next pixel */
	uint64_t left;  /* pixels to the next restart marker */
	uint32_t restarts;
	bool fresh; /* the next pixel begins the scan or a restart interval */
};

static void decoder_free(struct decoder **decoder)
{
	if (*decoder != NULL)
		free((*decoder)->lines);
	free(*decoder);
}

/* The codestream never overrules the header. */
static bool check_frame(struct decoder *decoder, struct err *err)
{
	const struct dc_image *image = decoder->frame->image;
	const struct rn_jpeg_frame *frame = &decoder->markers.frame;
	uint64_t size;

	if (frame->sof != RN_JPEG_SOF3)
		return err_set(err, ERR_UNSUPPORTED, "JPEG, %s: not a lossless process",
			       rn_jpeg_process_name(frame->sof));
	if (frame->width != image->columns || frame->height != image->rows)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has %u x %u pixels, the header %u x %u",
			       frame->width, frame->height, image->columns, image->rows);
	if (frame->count != image->samples)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has %u samples per pixel, the header %u",
			       frame->count, image->samples);
	if (frame->precision > 8 * decoder->cell_bytes)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has samples of %u bits, the header allocates %u",
			       frame->precision, image->bits_allocated);
	if (!checked_mul((uint64_t)frame->width * frame->height,
			 (uint64_t)frame->count * decoder->cell_bytes, &size) ||
	    size != decoder->frame->output_size)
		return err_set(err, ERR_CORRUPT,
			       "a frame of %zu bytes cannot hold the codestream's",
			       decoder->frame->output_size);
	return true;
}

static bool check_scan(const struct decoder *decoder, struct err *err)
{
	const struct rn_jpeg_frame *frame = &decoder->markers.frame;
	const struct rn_jpeg_scan *scan = &decoder->markers.scan;

	if (scan->ss < 1 || scan->ss > 7)
		return err_set(err, ERR_CORRUPT, "JPEG lossless predictor %u, there are 1 to 7",
			       scan->ss);
	if (scan->al >= frame->precision)
		return err_set(err, ERR_CORRUPT, "a point transform of %u for samples of %u bits",
			       scan->al, frame->precision);
	for (unsigned i = 0; i < scan->count; i++) {
		const struct rn_jpeg_component *c = &frame->component[scan->part[i].component];

		if (c->width != frame->width || c->height != frame->height ||
		    (scan->count > 1 && (c->h != 1 || c->v != 1)))
			return err_set(err, ERR_UNSUPPORTED,
				       "JPEG lossless with sampling factors %u x %u of %u x %u",
				       c->h, c->v, frame->h_max, frame->v_max);
		if ((decoder->done & 1u << scan->part[i].component) != 0)
			return err_set(err, ERR_CORRUPT, "component %u is coded twice", c->id);
	}
	return true;
}

static bool prepare_tables(struct decoder *decoder, struct scan *scan, struct err *err)
{
	const uint64_t count = (uint64_t)scan->line * scan->height;

	for (unsigned i = 0; i < scan->components; i++) {
		unsigned n = decoder->markers.scan.part[i].dc;
		const struct rn_jpeg_dht *dht = &decoder->markers.dc[n];

		if (!dht->present || decoder->version[n] != dht->version) {
			decoder->version[n] = 0;
			if (!rn_jpeg_differences_init(&decoder->table[n], dht, count, err))
				return false;
			decoder->version[n] = dht->version;
		}
		scan->tables[i] = &decoder->table[n];
	}
	return true;
}

static bool scan_init(struct decoder *decoder, struct scan *scan, struct err *err)
{
	const struct rn_jpeg_frame *frame = &decoder->markers.frame;
	const struct rn_jpeg_scan *header = &decoder->markers.scan;

	*scan = (struct scan){
		.components = header->count,
		.shift = header->al,
		.predictor = header->ss,
		.start = (uint16_t)(1u << (frame->precision - header->al - 1)),
		.direct = decoder->cell_bytes == 2 && header->al == 0 &&
			  header->count == frame->count,
		.width = frame->width,
		.height = frame->height,
		.line = (size_t)frame->width * header->count,
		.left = UINT64_MAX,
		.fresh = true,
	};
	for (unsigned i = 0; i < header->count; i++)
		scan->direct = scan->direct && header->part[i].component == i;
	scan->batch = (uint32_t)(RN_JPEG_DIFFERENCE_MOST / scan->line);
	scan->batch = MAX_OF(scan->batch, 1);
	if (decoder->markers.restart_interval > 0)
		scan->left = decoder->markers.restart_interval;
	if (!scan->direct && decoder->lines == NULL) {
		/* Enough for a scan of more components too. */
		size_t lines = RN_JPEG_DIFFERENCE_MOST / frame->width + 2;

		decoder->lines = malloc(lines * frame->width * frame->count * sizeof(uint16_t));
		if (decoder->lines == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	return prepare_tables(decoder, scan, err);
}

RN_KERNEL
static void narrow(const uint16_t *restrict in, uint8_t *restrict out, size_t count, unsigned shift)
{
	size_t i = 0;

	for (; i + RN_LANES <= count; i += RN_LANES) {
		for (size_t k = 0; k < RN_LANES; k++)
			out[i + k] = (uint8_t)(in[i + k] << shift);
	}
	for (; i < count; i++)
		out[i] = (uint8_t)(in[i] << shift);
}

/* Pixels from the scratch lines to where they belong among all components. */
static void put(const struct decoder *decoder, const struct scan *scan, const uint16_t *in,
		size_t pixel, size_t count)
{
	const struct rn_jpeg_scan *header = &decoder->markers.scan;
	const unsigned all = decoder->markers.frame.count, n = scan->components;
	uint8_t *out8 = decoder->frame->output;
	uint16_t *out16 = decoder->frame->output;
	bool in_order = n == all;

	for (unsigned k = 0; k < n; k++)
		in_order = in_order && header->part[k].component == k;
	if (in_order && decoder->cell_bytes == 1) {
		narrow(in, out8 + pixel * all, count * all, scan->shift);
		return;
	}
	for (unsigned k = 0; k < n; k++) {
		size_t at = pixel * all + header->part[k].component;

		for (size_t i = 0; i < count; i++, at += all) {
			uint16_t sample = (uint16_t)(in[i * n + k] << scan->shift);

			if (decoder->cell_bytes == 1)
				out8[at] = (uint8_t)sample;
			else
				out16[at] = sample;
		}
	}
}

/* How many whole lines to read at once from the first pixel of one on. Close to
 * the end of the codestream single ones, so that the message about missing ones
 * is exact. */
static uint32_t lines_at_once(const struct decoder *decoder, const struct scan *scan)
{
	const struct rn_jpeg_bits *bits = &decoder->bits;
	uint64_t lines = MIN_OF(scan->batch, scan->height - scan->y), there;

	lines = MIN_OF(lines, scan->left / scan->width);
	if (bits->ended) {
		there = bits->last > bits->next ? (uint64_t)(bits->last - bits->next) : 0;
		lines = MIN_OF(lines, there / (scan->line * RN_JPEG_DIFFERENCE_BYTES));
	}
	return (uint32_t)MAX_OF(lines, 1);
}

static bool read_failed(const struct decoder *decoder, const struct scan *scan, struct err *err)
{
	if (rn_jpeg_bits_overrun(&decoder->bits))
		return err_set(err, ERR_CORRUPT,
			       "the codestream ends in row %u, column %u at the latest, of %u rows",
			       scan->y + 1, scan->width, scan->height);
	return err_set(err, ERR_CORRUPT,
		       "a Huffman code that is in no table, in row %u of %u or soon after",
		       scan->y + 1, scan->height);
}

/* The next lines, or part of one if a restart interval begins or ends in it. */
static bool decode_some(struct decoder *decoder, struct scan *scan, struct err *err)
{
	const bool whole = scan->x == 0 && scan->left >= scan->width;
	const uint32_t lines = whole ? lines_at_once(decoder, scan) : 1;
	const uint32_t width =
		whole ? scan->width : (uint32_t)MIN_OF(scan->width - scan->x, scan->left);
	const size_t n = scan->components, size = width * n;
	uint16_t *line = decoder->lines, *above;

	/* The scratch lines begin with the one above. */
	if (scan->direct)
		line = (uint16_t *)decoder->frame->output + scan->y * scan->line;
	else
		line += scan->line;
	above = line - (scan->direct && scan->y == 0 ? 0 : scan->line);
	line += scan->x * n;
	if (!rn_jpeg_differences_read(scan->tables, (unsigned)n, &decoder->bits, line,
				      lines * size))
		return read_failed(decoder, scan, err);
	for (uint32_t i = 0; i < lines; i++, above = line, line += size) {
		if (scan->fresh)
			rn_jpeg_predict_first(line, size, (unsigned)n, scan->start);
		else
			rn_jpeg_predict(scan->predictor, above, line, size, (unsigned)n);
		scan->fresh = false;
	}
	if (!scan->direct) {
		put(decoder, scan, decoder->lines + scan->line + scan->x * n,
		    (size_t)scan->y * scan->width + scan->x, (size_t)lines * width);
		if (scan->x + width == scan->width)
			memcpy(decoder->lines, decoder->lines + lines * scan->line,
			       scan->line * sizeof(uint16_t));
	}
	scan->left -= (uint64_t)lines * width;
	scan->x += width;
	if (scan->x == scan->width) {
		scan->x = 0;
		scan->y += lines;
	}
	return true;
}

static bool decode_scan(struct decoder *decoder, struct err *err)
{
	struct rn_jpeg_markers *markers = &decoder->markers;
	const atomic_bool *cancel = decoder->frame->cancel;
	struct scan scan;

	if (!check_scan(decoder, err) || !scan_init(decoder, &scan, err))
		return false;
	rn_jpeg_bits_init(&decoder->bits, markers->input.data + markers->at,
			  markers->input.data + markers->input.size);
	while (scan.y < scan.height) {
		if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
		if (scan.left == 0) {
			if (!rn_jpeg_bits_restart(&decoder->bits, scan.restarts++, err))
				return err_prefix(err, "row %u of %u", scan.y + 1, scan.height);
			scan.left = markers->restart_interval;
			scan.fresh = true;
		}
		if (!decode_some(decoder, &scan, err))
			return false;
	}
	markers->at = (size_t)(rn_jpeg_bits_end(&decoder->bits) - markers->input.data);
	for (unsigned i = 0; i < scan.components; i++)
		decoder->done |= 1u << markers->scan.part[i].component;
	return true;
}

bool rn_jpeg_lossless_decode(const struct rn_codec_frame *frame, struct err *err)
{
	CLEANUP(decoder_free) struct decoder *decoder = malloc(sizeof(*decoder));
	enum rn_jpeg_event event;

	if (decoder == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	decoder->frame = frame;
	decoder->cell_bytes = rn_cell_bytes(frame->image);
	decoder->done = 0;
	decoder->lines = NULL;
	memset(decoder->version, 0, sizeof(decoder->version));
	if (decoder->cell_bytes < 1 || decoder->cell_bytes > 2)
		return err_set(err, ERR_UNSUPPORTED, "JPEG lossless with Bits Allocated %u",
			       frame->image->bits_allocated);
	rn_jpeg_markers_init(&decoder->markers, frame->input);
	/* Whatever stands behind the last pixel does not matter. */
	while (!decoder->markers.has_frame ||
	       decoder->done != (1u << decoder->markers.frame.count) - 1) {
		if (!rn_jpeg_markers_next(&decoder->markers, &event, err))
			return false;
		if (event == RN_JPEG_EVENT_FRAME && !check_frame(decoder, err))
			return false;
		if (event == RN_JPEG_EVENT_SCAN && !decode_scan(decoder, err))
			return false;
		if (event == RN_JPEG_EVENT_END)
			return err_set(err, ERR_CORRUPT, "the codestream has %d of %u components",
				       __builtin_popcount(decoder->done),
				       decoder->markers.frame.count);
	}
	frame->decoded->precision = decoder->markers.frame.precision;
	return true;
}
