/* SPDX-License-Identifier: MIT */
#include "render/jpeg-markers.h"

void rn_jpeg_markers_init(struct rn_jpeg_markers *markers, struct span input)
{
	memset(markers, 0, sizeof(*markers));
	markers->input = input;
}

size_t rn_jpeg_markers_find(struct span input, size_t at, bool over_restarts)
{
	while (at < input.size) {
		const uint8_t *p = memchr(input.data + at, 0xFF, input.size - at);

		if (p == NULL)
			break;
		at = (size_t)(p - input.data);
		if (input.size - at < 2)
			break;
		/* Of several 0xFF in a row the last one begins the marker. */
		if (p[1] == 0xFF)
			at++;
		else if (p[1] == 0 ||
			 (over_restarts && p[1] >= RN_JPEG_RST0 && p[1] <= RN_JPEG_RST7))
			at += 2;
		else
			return at;
	}
	return input.size;
}

const char *rn_jpeg_process_name(uint8_t sof)
{
	static const char *const names[16] = {
		"baseline",
		"extended sequential",
		"progressive",
		"lossless",
		"no process",
		"hierarchical sequential",
		"hierarchical progressive",
		"hierarchical lossless",
		"no process",
		"arithmetic sequential",
		"arithmetic progressive",
		"arithmetic lossless",
		"no process",
		"hierarchical arithmetic sequential",
		"hierarchical arithmetic progressive",
		"hierarchical arithmetic lossless",
	};

	return names[sof & 15];
}

static bool has_length(uint8_t marker)
{
	return marker >= RN_JPEG_SOF0 && !(marker >= RN_JPEG_RST0 && marker <= RN_JPEG_EOI);
}

/* The next marker at or behind *at and its segment without the length; *at is
 * behind it then. False without an error: there is none. */
static bool next_segment(struct span input, size_t *at, uint8_t *marker, struct span *segment,
			 struct err *err)
{
	size_t start = rn_jpeg_markers_find(input, *at, false), length;

	*segment = span_of(NULL, 0);
	if (start == input.size) {
		*at = start;
		return false;
	}
	*marker = input.data[start + 1];
	start += 2;
	*at = start;
	if (!has_length(*marker))
		return true;
	if (input.size - start < 2)
		return err_set(err, ERR_CORRUPT,
			       "the codestream ends inside of marker segment 0xFF%02X", *marker);
	length = load_u16(input.data + start, true);
	if (length < 2 || length > input.size - start)
		return err_set(err, ERR_CORRUPT,
			       "marker segment 0xFF%02X of %zu bytes, %zu bytes are left", *marker,
			       length, input.size - start);
	*segment = span_of(input.data + start + 2, length - 2);
	*at = start + length;
	return true;
}

static bool read_dht(struct rn_jpeg_markers *markers, struct span in, struct err *err)
{
	markers->dht_segments++;
	while (in.size > 0) {
		struct rn_jpeg_dht *table;
		unsigned total = 0;
		uint8_t head = in.data[0];

		if (in.size < 17 || head >> 4 > 1 || (head & 15) >= RN_JPEG_TABLES)
			return err_set(err, ERR_CORRUPT,
				       "a Huffman table of %zu bytes, number 0x%02X", in.size,
				       head);
		table = head >> 4 == 0 ? &markers->dc[head & 15] : &markers->ac[head & 15];
		for (int i = 0; i < 16; i++)
			total += in.data[1 + i];
		if (total > sizeof(table->values) || total > in.size - 17)
			return err_set(err, ERR_CORRUPT, "a Huffman table of %u codes in %zu bytes",
				       total, in.size - 17);
		memcpy(table->counts, in.data + 1, sizeof(table->counts));
		memset(table->values, 0, sizeof(table->values));
		memcpy(table->values, in.data + 17, total);
		table->total = (uint16_t)total;
		table->present = true;
		table->version = markers->dht_segments;
		in = span_of(in.data + 17 + total, in.size - 17 - total);
	}
	return true;
}

static bool read_dqt(struct rn_jpeg_markers *markers, struct span in, struct err *err)
{
	while (in.size > 0) {
		uint8_t head = in.data[0];
		unsigned bytes = head >> 4 == 0 ? 1 : 2;
		struct rn_jpeg_dqt *table;

		if (head >> 4 > 1 || (head & 15) >= RN_JPEG_TABLES || in.size < 1 + 64 * bytes)
			return err_set(err, ERR_CORRUPT,
				       "a quantization table of %zu bytes, number 0x%02X", in.size,
				       head);
		table = &markers->quantization[head & 15];
		for (unsigned i = 0; i < 64; i++) {
			const uint8_t *p = in.data + 1 + i * bytes;

			table->values[i] = bytes == 1 ? *p : load_u16(p, true);
		}
		table->present = true;
		in = span_of(in.data + 1 + 64 * bytes, in.size - 1 - 64 * bytes);
	}
	return true;
}

/* The height of a frame that says 0: behind its first scan, B.2.5. */
static bool find_height(const struct rn_jpeg_markers *markers, uint32_t *height, struct err *err)
{
	size_t at = markers->at;
	uint8_t marker = 0;
	struct span segment;

	do {
		if (!next_segment(markers->input, &at, &marker, &segment, err))
			break;
	} while (marker != RN_JPEG_SOS && marker != RN_JPEG_EOI);
	if (marker == RN_JPEG_SOS) {
		at = rn_jpeg_markers_find(markers->input, at, true);
		if (next_segment(markers->input, &at, &marker, &segment, err) &&
		    marker == RN_JPEG_DNL && segment.size == 2)
			*height = load_u16(segment.data, true);
	}
	if (*height == 0)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has 0 rows and no DNL marker that says how many");
	return true;
}

static bool read_component(struct rn_jpeg_component *component, const uint8_t *p, struct err *err)
{
	component->id = p[0];
	component->h = p[1] >> 4;
	component->v = p[1] & 15;
	component->tq = p[2];
	if (component->h < 1 || component->h > 4 || component->v < 1 || component->v > 4 ||
	    component->tq >= RN_JPEG_TABLES)
		return err_set(
			err, ERR_CORRUPT,
			"a component with sampling factors %u x %u and quantization table %u",
			component->h, component->v, component->tq);
	return true;
}

static bool read_frame(struct rn_jpeg_markers *markers, uint8_t sof, struct span in,
		       struct err *err)
{
	struct rn_jpeg_frame *frame = &markers->frame;

	if (markers->has_frame)
		return err_set(err, ERR_CORRUPT, "a second frame header in one codestream");
	if (in.size < 6 || in.size != 6 + 3 * (size_t)in.data[5])
		return err_set(err, ERR_CORRUPT, "a frame header of %zu bytes", in.size);
	*frame = (struct rn_jpeg_frame){
		.sof = sof,
		.precision = in.data[0],
		.height = load_u16(in.data + 1, true),
		.width = load_u16(in.data + 3, true),
		.count = in.data[5],
	};
	if (frame->precision < 2 || frame->precision > 16 || frame->width == 0 || frame->count == 0)
		return err_set(err, ERR_CORRUPT,
			       "a frame header with %u bits, %u columns and %u components",
			       frame->precision, frame->width, frame->count);
	if (frame->count > RN_JPEG_COMPONENTS)
		return err_set(err, ERR_UNSUPPORTED, "%u components in a JPEG codestream",
			       frame->count);
	if (frame->height == 0 && !find_height(markers, &frame->height, err))
		return false;
	for (unsigned i = 0; i < frame->count; i++) {
		if (!read_component(&frame->component[i], in.data + 6 + 3 * i, err))
			return false;
		frame->h_max = MAX_OF(frame->h_max, frame->component[i].h);
		frame->v_max = MAX_OF(frame->v_max, frame->component[i].v);
	}
	for (unsigned i = 0; i < frame->count; i++) {
		struct rn_jpeg_component *c = &frame->component[i];

		c->width = (frame->width * c->h + frame->h_max - 1) / frame->h_max;
		c->height = (frame->height * c->v + frame->v_max - 1) / frame->v_max;
	}
	markers->has_frame = true;
	return true;
}

/* The component with this id that the scan does not have yet. */
static bool find_component(const struct rn_jpeg_markers *markers, uint8_t id, unsigned used,
			   uint8_t *index)
{
	for (uint8_t i = 0; i < markers->frame.count; i++) {
		if (markers->frame.component[i].id == id && (used & 1u << i) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool read_scan(struct rn_jpeg_markers *markers, struct span in, struct err *err)
{
	struct rn_jpeg_scan *scan = &markers->scan;
	unsigned used = 0;
	const uint8_t *p;

	if (!markers->has_frame)
		return err_set(err, ERR_CORRUPT, "a scan before the frame header");
	memset(scan, 0, sizeof(*scan));
	scan->count = in.size > 0 ? in.data[0] : 0;
	if (scan->count == 0 || scan->count > markers->frame.count ||
	    in.size != 4 + 2 * (size_t)scan->count)
		return err_set(err, ERR_CORRUPT,
			       "a scan header of %zu bytes for %u of %u components", in.size,
			       scan->count, markers->frame.count);
	p = in.data + 1;
	for (unsigned i = 0; i < scan->count; i++, p += 2) {
		if (!find_component(markers, p[0], used, &scan->part[i].component))
			return err_set(err, ERR_CORRUPT,
				       "a scan of component %u, which is not there", p[0]);
		used |= 1u << scan->part[i].component;
		scan->part[i].dc = p[1] >> 4;
		scan->part[i].ac = p[1] & 15;
		if (scan->part[i].dc >= RN_JPEG_TABLES || scan->part[i].ac >= RN_JPEG_TABLES)
			return err_set(err, ERR_CORRUPT, "a scan with Huffman tables 0x%02X", p[1]);
	}
	scan->ss = p[0];
	scan->se = p[1];
	scan->ah = p[2] >> 4;
	scan->al = p[2] & 15;
	markers->scans++;
	return true;
}

static bool read_other(struct rn_jpeg_markers *markers, uint8_t marker, struct span in,
		       struct err *err)
{
	switch (marker) {
	case RN_JPEG_SOI:
		return err_set(err, ERR_CORRUPT, "a second codestream begins inside of the first");
	case RN_JPEG_DHT:
		return read_dht(markers, in, err);
	case RN_JPEG_DQT:
		return read_dqt(markers, in, err);
	case RN_JPEG_DRI:
		if (in.size != 2)
			return err_set(err, ERR_CORRUPT, "a restart interval of %zu bytes",
				       in.size);
		markers->restart_interval = load_u16(in.data, true);
		return true;
	case RN_JPEG_DHP:
	case RN_JPEG_EXP:
		return err_set(err, ERR_UNSUPPORTED, "hierarchical JPEG");
	case RN_JPEG_APP0:
		if (in.size >= 5 && memcmp(in.data, "JFIF", 5) == 0)
			markers->has_jfif = true;
		return true;
	case RN_JPEG_APP14:
		if (in.size >= 12 && memcmp(in.data, "Adobe", 5) == 0) {
			markers->has_adobe = true;
			markers->adobe_transform = in.data[11];
		}
		return true;
	default:
		return true;
	}
}

static bool is_frame(uint8_t marker)
{
	return marker >= RN_JPEG_SOF0 && marker <= RN_JPEG_SOF15 && marker != RN_JPEG_DHT &&
	       marker != RN_JPEG_JPG && marker != RN_JPEG_DAC;
}

bool rn_jpeg_markers_next(struct rn_jpeg_markers *markers, enum rn_jpeg_event *event,
			  struct err *err)
{
	struct span in = markers->input, segment;
	uint8_t marker;

	if (markers->at == 0) {
		if (in.size < 2 || in.data[0] != 0xFF || in.data[1] != RN_JPEG_SOI)
			return err_set(err, ERR_CORRUPT, "no JPEG codestream (no SOI marker)");
		markers->at = 2;
	}
	for (;;) {
		struct err why = {0};

		if (!next_segment(in, &markers->at, &marker, &segment, &why)) {
			if (why.code != ERR_NONE)
				return err_set(err, why.code, "%s", why.message);
			marker = RN_JPEG_EOI;
		}
		if (marker == RN_JPEG_EOI) {
			if (!markers->has_frame)
				return err_set(err, ERR_CORRUPT,
					       "a JPEG codestream without a frame header");
			*event = RN_JPEG_EVENT_END;
			return true;
		}
		if (is_frame(marker)) {
			*event = RN_JPEG_EVENT_FRAME;
			return read_frame(markers, marker, segment, err);
		}
		if (marker == RN_JPEG_SOS) {
			*event = RN_JPEG_EVENT_SCAN;
			return read_scan(markers, segment, err);
		}
		if (!read_other(markers, marker, segment, err))
			return false;
	}
}

bool rn_jpeg_markers_frame(struct rn_jpeg_markers *markers, struct span input, struct err *err)
{
	enum rn_jpeg_event event;

	rn_jpeg_markers_init(markers, input);
	if (!rn_jpeg_markers_next(markers, &event, err))
		return false;
	if (event != RN_JPEG_EVENT_FRAME)
		return err_set(err, ERR_CORRUPT, "a JPEG codestream without a frame header");
	return true;
}
