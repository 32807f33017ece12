/* SPDX-License-Identifier: MIT */
#include "render/j2k-header.h"

/* A decoder keeps some kilobytes a tile and about one a precinct. */
#define PIXELS_PER_TILE 1024
#define TILES_ALWAYS 64
#define SAMPLES_PER_PRECINCT 64
#define PRECINCTS_PER_TILE 256 /* and component, always */
/* Behind a tile: ones enough that the header of a packet is damaged. */
#define GUARD 24
/* What writers add behind EOC. */
#define PADDING_MAX 64

struct tile_parts {
	uint8_t seen, told; /* told: 0 while the codestream does not say how many there are */
	size_t last;        /* where the last one is */
};

struct walk {
	const struct rn_j2k_header *header;
	struct span in; /* the codestream */
	size_t at;
	struct tile_parts *tiles;
	uint64_t precincts, packets;
	unsigned least_levels;
};

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* ceil(a / 2^n) */
static uint64_t shift_up(uint64_t a, unsigned n)
{
	return (a + ((uint64_t)1 << n) - 1) >> n;
}

/* B.6: how many precincts of size 2^n from start to end. */
static uint64_t precincts_along(uint64_t start, uint64_t end, unsigned n)
{
	return end > start ? shift_up(end, n) - (start >> n) : 0;
}

/* Adds up what a tile has, B.3 to B.6. */
static void count_tile(struct walk *walk, const struct rn_j2k_style *style, uint32_t tile)
{
	const struct rn_j2k_header *h = walk->header;
	uint32_t across = tile % h->tiles_across, down = tile / h->tiles_across;
	uint64_t left = h->tile_x0 + (uint64_t)across * h->tile_width;
	uint64_t top = h->tile_y0 + (uint64_t)down * h->tile_height;
	uint64_t right = MIN_OF(left + h->tile_width, (uint64_t)h->x1);
	uint64_t bottom = MIN_OF(top + h->tile_height, (uint64_t)h->y1);
	uint64_t precincts = 0;

	left = MAX_OF(left, (uint64_t)h->x0);
	top = MAX_OF(top, (uint64_t)h->y0);
	for (uint32_t c = 0; c < h->components; c++) {
		const struct rn_j2k_coding *coding = &style->component[c];
		uint64_t x0 = divide_up(left, h->step[c].dx), x1 = divide_up(right, h->step[c].dx);
		uint64_t y0 = divide_up(top, h->step[c].dy), y1 = divide_up(bottom, h->step[c].dy);

		for (unsigned r = 0; r <= coding->levels; r++) {
			unsigned n = coding->levels - r;

			precincts += precincts_along(shift_up(x0, n), shift_up(x1, n),
						     coding->precincts[r] & 15) *
				     precincts_along(shift_up(y0, n), shift_up(y1, n),
						     coding->precincts[r] >> 4);
		}
	}
	walk->precincts += precincts;
	walk->packets += precincts * style->layers;
}

/* The header of a tile-part, up to its data: at is behind SOT. */
static bool read_part_header(struct walk *walk, struct rn_j2k_style *style, size_t at, size_t end,
			     uint32_t tile, struct err *err)
{
	for (;;) {
		uint16_t marker, length;

		if (end - at < 2)
			break;
		marker = load_u16(walk->in.data + at, true);
		if (marker == RN_J2K_SOD)
			return true;
		if (end - at < 4)
			break;
		length = load_u16(walk->in.data + at + 2, true);
		if (marker < 0xff00 || length < 2 || end - at - 2 < length)
			break;
		/* A.6: in the first part of a tile, which was counted. */
		if (walk->tiles[tile].seen != 0 && (marker == RN_J2K_COD || marker == RN_J2K_COC))
			break;
		if (!rn_j2k_read_segment(walk->header, style, marker,
					 span_of(walk->in.data + at + 4, length - 2u), err))
			return false;
		at += 2u + length;
	}
	return err_set(err, ERR_CORRUPT, "JPEG 2000: tile %u: the header of a tile-part is damaged",
		       tile + 1);
}

/* Where the data that is followed by EOC ends; 0: there is no EOC. No other two
 * bytes of a codestream are as these (B.10.1, C.3). */
static size_t find_end(struct span in)
{
	for (size_t i = 0; i <= PADDING_MAX && i + 2 <= in.size; i++) {
		size_t at = in.size - 2 - i;

		if (load_u16(in.data + at, true) == RN_J2K_EOC)
			return at;
	}
	return 0;
}

/* A.4.2; at is on a SOT marker. */
static bool next_part(struct walk *walk, struct err *err)
{
	const struct rn_j2k_header *header = walk->header;
	struct rn_j2k_style style = header->style;
	const uint8_t *sot = walk->in.data + walk->at;
	size_t left = walk->in.size - walk->at;
	uint64_t length;
	uint32_t tile;

	if (left < 12)
		return err_set(err, ERR_CORRUPT,
			       "JPEG 2000: the codestream ends in a tile-part's header");
	tile = load_u16(sot + 4, true);
	length = load_u32(sot + 6, true);
	if (load_u16(sot + 2, true) != 10 || tile >= header->tiles_across * header->tiles_down ||
	    (length != 0 && length < 14))
		return err_set(err, ERR_CORRUPT,
			       "JPEG 2000: a tile-part of %llu bytes of tile %u of %u",
			       (unsigned long long)length, tile + 1,
			       header->tiles_across * header->tiles_down);
	/* The last one may leave it open. */
	if (length == 0) {
		size_t end = find_end(walk->in);

		/* SOT and SOD at least, as with a length. */
		if (end < walk->at + 14)
			return err_set(err, ERR_CORRUPT,
				       "JPEG 2000: the codestream ends in tile %u, without EOC",
				       tile + 1);
		length = end - walk->at;
	}
	if (length > left)
		return err_set(err, ERR_CORRUPT,
			       "JPEG 2000: the codestream ends in tile %u: %zu of %llu bytes",
			       tile + 1, left, (unsigned long long)length);
	if (!read_part_header(walk, &style, walk->at + 12, walk->at + (size_t)length, tile, err))
		return false;
	walk->least_levels = MIN_OF(walk->least_levels, (unsigned)style.least_levels);
	if (walk->tiles[tile].seen == 0)
		count_tile(walk, &style, tile);
	if (walk->tiles[tile].seen < UINT8_MAX)
		walk->tiles[tile].seen++;
	if (sot[11] != 0)
		walk->tiles[tile].told = sot[11];
	walk->tiles[tile].last = MAX_OF(walk->tiles[tile].last, walk->at);
	walk->at += (size_t)length;
	return true;
}

static bool check_all_there(const struct walk *walk, struct err *err)
{
	uint32_t count = walk->header->tiles_across * walk->header->tiles_down, seen = 0;

	for (uint32_t i = 0; i < count; i++)
		seen += walk->tiles[i].seen != 0;
	if (seen != count)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: %u of %u tiles are there", seen,
			       count);
	/* Some writers tell a wrong number; where the codestream has its end, it had
	 * no more to say. */
	if (find_end(walk->in) != 0)
		return true;
	for (uint32_t i = 0; i < count; i++) {
		if (walk->tiles[i].seen < walk->tiles[i].told)
			return err_set(err, ERR_CORRUPT,
				       "JPEG 2000: %u of %u tile-parts of tile %u are there",
				       walk->tiles[i].seen, walk->tiles[i].told, i + 1);
	}
	return true;
}

static bool check_costs(const struct walk *walk, struct err *err)
{
	const struct rn_j2k_header *h = walk->header;
	uint64_t tiles = (uint64_t)h->tiles_across * h->tiles_down;
	uint64_t pixels = (uint64_t)(h->x1 - h->x0) * (h->y1 - h->y0);

	/* Every packet has a byte at least (B.10.3). */
	if (walk->packets > walk->in.size)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: %llu packets in %zu bytes",
			       (unsigned long long)walk->packets, walk->in.size);
	if (walk->precincts / h->components >
	    pixels / SAMPLES_PER_PRECINCT + tiles * PRECINCTS_PER_TILE)
		return err_set(err, ERR_LIMIT, "JPEG 2000: %llu precincts for %llu pixels",
			       (unsigned long long)walk->precincts, (unsigned long long)pixels);
	return true;
}

static void walk_init(struct walk *walk, const struct rn_j2k_header *header)
{
	*walk = (struct walk){
		.header = header,
		.in = header->codestream,
		.at = header->tile_parts,
		.least_levels = header->style.least_levels,
	};
}

/* Over all tile-parts. tiles is the caller's to free. */
static bool walk_all(struct walk *walk, struct tile_parts **tiles, struct err *err)
{
	size_t count = (size_t)walk->header->tiles_across * walk->header->tiles_down;

	*tiles = calloc(count, sizeof(**tiles));
	if (*tiles == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	walk->tiles = *tiles;
	while (walk->in.size - walk->at >= 2 &&
	       load_u16(walk->in.data + walk->at, true) == RN_J2K_SOT) {
		if (!next_part(walk, err))
			return false;
	}
	return true;
}

bool rn_j2k_check_tiles(const struct rn_j2k_header *header, struct err *err)
{
	uint64_t count = (uint64_t)header->tiles_across * header->tiles_down;
	uint64_t pixels = (uint64_t)(header->x1 - header->x0) * (header->y1 - header->y0);
	struct tile_parts *tiles CLEANUP_FREE = NULL;
	struct walk walk;

	walk_init(&walk, header);
	if (header->components > RN_J2K_COMPONENTS)
		return err_set(err, ERR_UNSUPPORTED, "JPEG 2000: %u components",
			       header->components);
	if (count > UINT16_MAX)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: %llu tiles, 65535 can be",
			       (unsigned long long)count);
	if (count > TILES_ALWAYS + pixels / PIXELS_PER_TILE)
		return err_set(err, ERR_LIMIT, "JPEG 2000: %llu tiles for %llu pixels",
			       (unsigned long long)count, (unsigned long long)pixels);
	return walk_all(&walk, &tiles, err) && check_all_there(&walk, err) &&
	       check_costs(&walk, err);
}

/* Some writers tell the number of the last one and not how many there are: the last one
 * is then beyond them, and decoders leave it out or do not (A.4.2). Changes what differs
 * if to is not NULL. */
static bool has_wrong_counts(const struct walk *walk, uint8_t *to)
{
	size_t at = walk->header->tile_parts;
	bool wrong = false;

	while (at < walk->at) {
		const uint8_t *sot = walk->in.data + at;
		uint8_t seen = walk->tiles[load_u16(sot + 4, true)].seen;
		uint32_t length = load_u32(sot + 6, true);

		/* Of more than can be told it is not known how many. */
		if (sot[11] != 0 && sot[11] != seen && seen < UINT8_MAX) {
			wrong = true;
			if (to != NULL)
				to[at + 11] = seen;
		}
		if (length == 0)
			break;
		at += length;
	}
	return wrong;
}

bool rn_j2k_conform(struct rn_j2k_header *header, struct buf *copy, struct err *err)
{
	struct tile_parts *tiles CLEANUP_FREE = NULL;
	bool has_end = find_end(header->codestream) != 0;
	struct walk walk;

	walk_init(&walk, header);
	if (!walk_all(&walk, &tiles, err))
		return false;
	if (has_end && !has_wrong_counts(&walk, NULL))
		return true;
	buf_append(copy, header->codestream.data, header->codestream.size);
	/* OpenJPEG wants it where tiles do not tell how many parts they have. */
	if (!has_end) {
		buf_append_byte(copy, RN_J2K_EOC >> 8);
		buf_append_byte(copy, RN_J2K_EOC & 0xff);
	}
	if (!buf_ok(copy, err))
		return false;
	(void)has_wrong_counts(&walk, copy->data);
	header->codestream = buf_span(copy);
	return true;
}

/* The main header; what it says of the lengths of tile-parts becomes a comment,
 * for it will not be true. */
static void copy_header(const struct rn_j2k_header *header, struct buf *out)
{
	size_t start = out->size, at = 2;

	buf_append(out, header->codestream.data, header->tile_parts);
	while (out->size != start && at + 4 <= header->tile_parts) {
		uint8_t *segment = out->data + start + at;

		if (load_u16(segment, true) == RN_J2K_TLM)
			segment[1] = (uint8_t)RN_J2K_COM;
		at += 2u + load_u16(segment + 2, true);
	}
}

/* The tile-part at walk->at and, if it is the last one of its tile, the guard. */
static bool copy_part(struct walk *walk, struct buf *out, struct err *err)
{
	const struct tile_parts *tile = &walk->tiles[load_u16(walk->in.data + walk->at + 4, true)];
	size_t at = walk->at, start = out->size, length;

	if (!next_part(walk, err))
		return false;
	length = walk->at - at;
	buf_append(out, walk->in.data + at, length);
	if (tile->last != at)
		return true;
	if (length > UINT32_MAX - GUARD)
		return err_set(err, ERR_LIMIT, "JPEG 2000: a tile-part of %zu bytes", length);
	for (unsigned i = 0; i < GUARD; i++)
		buf_append_byte(out, 0xff);
	if (out->size == start + length + GUARD)
		store_be32(out->data + start + 6, (uint32_t)(length + GUARD));
	return true;
}

bool rn_j2k_guard_tiles(const struct rn_j2k_header *header, struct buf *out, unsigned *levels,
			struct err *err)
{
	struct tile_parts *tiles CLEANUP_FREE = NULL;
	struct walk walk;
	size_t end;

	walk_init(&walk, header);
	if (!walk_all(&walk, &tiles, err))
		return false;
	*levels = walk.least_levels;
	end = walk.at;
	for (size_t i = 0; i < (size_t)header->tiles_across * header->tiles_down; i++)
		tiles[i].seen = 0;
	copy_header(header, out);
	walk_init(&walk, header);
	walk.tiles = tiles;
	while (walk.at < end) {
		if (!copy_part(&walk, out, err))
			return false;
	}
	buf_append(out, walk.in.data + end, walk.in.size - end);
	return buf_ok(out, err);
}
