/*
 * mutate [-s SEED] [-l BYTES] COUNT OUT FOLDER...: makes COUNT damaged files out
 * of the files below the folders, up to BYTES each [300000], in OUT, 500 to a
 * folder. The same seed makes the same files of the same sources.
 *
 * What is damaged is mostly where it hurts: lengths, VRs and values of elements, of
 * the image attributes above all, and the beginnings of codestreams; the places
 * come from our own parser, as far as it gets.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/dataset.h"
#include "dicom/number.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES_MAX 400
#define PER_FOLDER 500
#define NAME_SIZE 4096

/* An element in a file. */
struct place {
	uint32_t tag;
	size_t value, length; /* bytes that are there */
	size_t header;        /* bytes of it, in front of value */
	bool wide;            /* its length has 32 bits */
	bool text;
};

struct source {
	char *path;
	struct buf bytes; /* empty until it is used */
	struct place *places;
	size_t count;
};

struct mutator {
	struct source *sources;
	size_t count;
	uint64_t state; /* of random numbers */
	uint64_t number;
	struct buf out;
};

/* nftw has no context argument. */
static struct {
	char **paths;
	size_t count, capacity;
	uint64_t limit;
} found = {.limit = 300000};

/* ---- Sources -------------------------------------------------------------- */

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)where;
	if (type != FTW_F || !S_ISREG(status->st_mode) || status->st_size < 64 ||
	    (uint64_t)status->st_size > found.limit)
		return 0;
	if (found.count == found.capacity) {
		found.capacity = found.capacity * 2 + 64;
		found.paths = realloc(found.paths, found.capacity * sizeof(*found.paths));
		if (found.paths == NULL)
			return 1;
	}
	found.paths[found.count] = strdup(path);
	return found.paths[found.count++] == NULL;
}

static int by_path(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

static bool read_whole(const char *path, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint8_t *to;

	if (fd < 0 || fstat(fd, &status) != 0)
		return err_set_sys(err, errno, "%s", path);
	to = buf_extend(out, (size_t)status.st_size);
	if (!buf_ok(out, err))
		return false;
	return read(fd, to, (size_t)status.st_size) == (ssize_t)status.st_size ||
	       err_set(err, ERR_IO, "%s: cannot be read", path);
}

static void note_place(struct source *source, const struct dc_element *element)
{
	struct place *place = &source->places[source->count];
	bool has_vr = element->stored_vr != DC_VR_NONE;
	bool wide = !has_vr || dc_vr_info(element->stored_vr).long_length;

	*place = (struct place){
		.tag = element->tag,
		.value = (size_t)element->offset,
		.length = (size_t)element->length,
		.header = has_vr && wide ? 12 : 8,
		.wide = wide,
		.text = dc_vr_info(element->vr).class <= DC_VR_URI,
	};
	if (place->value >= place->header && place->value <= source->bytes.size &&
	    source->bytes.size - place->value >= place->length)
		source->count++;
}

/* As many of them as can be had; none is no error. */
static bool find_places(struct source *source, struct err *err)
{
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_parser parser CLEANUP_PARSER = {.levels = NULL};
	struct dc_memory_source memory;

	source->places = calloc(PLACES_MAX + 1, sizeof(*source->places));
	if (source->places == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	dc_memory_source_init(&memory, buf_span(&source->bytes));
	if (!dc_dataset_open(&dataset, &memory.base, err) || dataset.deflated) {
		err_clear(err);
		return true;
	}
	if (!dc_dataset_parser(&dataset, NULL, &parser, err))
		return false;
	while (source->count < PLACES_MAX) {
		if (!dc_parser_next(&parser, err))
			return false;
		if (parser.event == DC_EVENT_END)
			break;
		if (parser.event != DC_EVENT_ELEMENT && parser.event != DC_EVENT_SEQUENCE &&
		    parser.event != DC_EVENT_FRAGMENTS)
			continue;
		note_place(source, &parser.element);
		if (parser.event == DC_EVENT_FRAGMENTS && source->count > 0) {
			struct place *last = &source->places[source->count - 1];

			last->length = source->bytes.size - last->value;
		}
	}
	return true;
}

static bool load(struct source *source, struct err *err)
{
	if (source->bytes.size > 0)
		return true;
	source->bytes = buf_empty(BUF_NO_LIMIT);
	return read_whole(source->path, &source->bytes, err) && find_places(source, err);
}

/* ---- Random numbers -------------------------------------------------------- */

/* SplitMix64 */
static uint64_t next_random(struct mutator *m)
{
	uint64_t z = (m->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static size_t below(struct mutator *m, size_t limit)
{
	return limit == 0 ? 0 : (size_t)(next_random(m) % limit);
}

/* Where in the file: often in its first kilobytes, most of which are headers. */
static size_t anywhere(struct mutator *m, size_t size)
{
	return below(m, below(m, 2) == 0 ? MIN_OF(size, (size_t)4096) : size);
}

/* 1 to most, but no more than left. */
static size_t up_to(struct mutator *m, size_t most, size_t left)
{
	size_t size = 1 + below(m, most);

	return MIN_OF(size, left);
}

/* ---- Damage ---------------------------------------------------------------- */

/* Puts size bytes in the place of cut bytes. */
static void replace(struct buf *out, size_t at, size_t cut, const uint8_t *bytes, size_t size)
{
	size_t tail = at + cut, left = out->size - tail;
	uint8_t *copy = malloc(left + size + 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, bytes, size);
	memcpy(copy + size, out->data + tail, left);
	buf_truncate(out, at);
	buf_append(out, copy, left + size);
	free(copy);
}

static void turn_bits(struct mutator *m, const struct source *source UNUSED)
{
	for (size_t i = 1 + below(m, 16); i > 0; i--)
		m->out.data[anywhere(m, m->out.size)] ^= (uint8_t)(1u << below(m, 8));
}

static void overwrite(struct mutator *m, const struct source *source UNUSED)
{
	size_t at = anywhere(m, m->out.size);
	size_t size = up_to(m, below(m, 4) == 0 ? 512 : 8, m->out.size - at);
	size_t way = below(m, 3);

	for (size_t i = 0; i < size; i++)
		m->out.data[at + i] = way == 0 ? 0 : way == 1 ? 0xff : (uint8_t)next_random(m);
}

static void truncate_it(struct mutator *m, const struct source *source UNUSED)
{
	buf_truncate(&m->out, 1 + anywhere(m, m->out.size));
}

static void insert(struct mutator *m, const struct source *source UNUSED)
{
	uint8_t bytes[256];
	size_t size = 1 + below(m, below(m, 2) == 0 ? 8 : sizeof(bytes));
	size_t way = below(m, 3);

	for (size_t i = 0; i < size; i++)
		bytes[i] = way == 0 ? 0 : way == 1 ? 0xff : (uint8_t)next_random(m);
	replace(&m->out, anywhere(m, m->out.size), 0, bytes, size);
}

static void repeat(struct mutator *m, const struct source *source UNUSED)
{
	size_t at = anywhere(m, m->out.size);
	size_t size = up_to(m, 4096, m->out.size - at);
	uint8_t *copy = malloc(size);

	if (copy == NULL)
		abort();
	memcpy(copy, m->out.data + at, size);
	for (size_t i = 1 + below(m, 4); i > 0; i--)
		replace(&m->out, at, 0, copy, size);
	free(copy);
}

static void cut_out(struct mutator *m, const struct source *source UNUSED)
{
	size_t at = anywhere(m, m->out.size);

	replace(&m->out, at, up_to(m, below(m, 2) == 0 ? 8 : 4096, m->out.size - at), NULL, 0);
}

/* The places are those of the source: right where nothing was moved before. */
static const struct place *a_place(struct mutator *m, const struct source *source)
{
	const struct place *place;

	if (source->count == 0)
		return NULL;
	place = &source->places[below(m, source->count)];
	return place->value <= m->out.size && m->out.size - place->value >= place->length ? place
											  : NULL;
}

static void change_length(struct mutator *m, const struct source *source)
{
	static const uint32_t lengths[] = {0,          1,          2,          3,
					   0xff,       0xffff,     0x10000,    0x7fffffff,
					   0x80000000, 0xfffffff0, 0xfffffffe, 0xffffffff};
	const struct place *place = a_place(m, source);
	uint32_t length;

	if (place == NULL)
		return;
	length = below(m, 2) == 0 ? lengths[below(m, ARRAY_LEN(lengths))]
				  : (uint32_t)(place->length + below(m, 33) - 16);
	for (size_t i = 0; i < (place->wide ? 4u : 2u); i++)
		m->out.data[place->value - (place->wide ? 4 : 2) + i] =
			(uint8_t)(length >> (8 * i));
}

static void change_vr(struct mutator *m, const struct source *source)
{
	static const char vrs[][3] = {"SQ", "UN", "OB", "OW", "US", "UT", "PN", "DS",
				      "FD", "AT", "UI", "??", "OV", "UC", "IS", "LO"};
	const struct place *place = a_place(m, source);

	if (place != NULL)
		memcpy(m->out.data + place->value - place->header + 4,
		       vrs[below(m, ARRAY_LEN(vrs))], 2);
}

static const char *const texts[] = {"0",
				    "-1",
				    "1",
				    "2",
				    "1e308",
				    "-1e308",
				    "1e-320",
				    "nan",
				    "inf",
				    "2147483647",
				    "2147483648",
				    "4294967295",
				    "99999999999999",
				    "1.5",
				    "\\\\\\\\",
				    "MONOCHROME1",
				    "RGB",
				    "YBR_FULL_422",
				    "PALETTE COLOR",
				    "YBR_RCT",
				    "YBR_ICT",
				    "1.2.840.10008.1.2",
				    "1.2.840.10008.1.2.2",
				    "1.2.840.10008.1.2.5",
				    "1.2.840.10008.1.2.1.99",
				    "1.2.840.10008.1.2.4.50",
				    "1.2.840.10008.1.2.4.70",
				    "1.2.840.10008.1.2.4.80",
				    "1.2.840.10008.1.2.4.90",
				    "ISO 2022 IR 87",
				    "ISO_IR 192",
				    "GB18030",
				    "\\ISO 2022 IR 149",
				    "../../../etc/passwd",
				    "\xff\xfe",
				    "\x1b$B",
				    "^^^===^^^",
				    ""};

static void write_text(struct mutator *m, const struct place *place)
{
	const char *text = texts[below(m, ARRAY_LEN(texts))];
	size_t size = MIN_OF(strlen(text), place->length);

	memset(m->out.data + place->value, ' ', place->length);
	memcpy(m->out.data + place->value, text, size);
}

static void change_value(struct mutator *m, const struct source *source)
{
	static const uint16_t numbers[] = {0,   1,   2,    3,    7,     8,     9,     12,
					   15,  16,  17,   24,   31,    32,    33,    64,
					   255, 256, 4096, 8192, 32767, 32768, 65534, 65535};
	const struct place *place = NULL;
	uint16_t number;

	/* Rather what describes pixels: groups 0028, 60xx, and the syntax. */
	for (size_t i = 0; i < 64 && (place == NULL || place->length == 0); i++) {
		const struct place *tried = a_place(m, source);

		if (tried != NULL && (below(m, 8) == 0 || DC_GROUP(tried->tag) == 0x0028 ||
				      (DC_GROUP(tried->tag) & 0xff00) == 0x6000 ||
				      tried->tag == DC_TAG(0x0002, 0x0010)))
			place = tried;
	}
	if (place == NULL || place->length == 0 || place->length > 4096)
		return;
	if (place->text) {
		write_text(m, place);
		return;
	}
	number = numbers[below(m, ARRAY_LEN(numbers))];
	for (size_t at = 0; at + 2 <= place->length && (at == 0 || below(m, 2) == 0); at += 2) {
		m->out.data[place->value + at] = (uint8_t)number;
		m->out.data[place->value + at + 1] = (uint8_t)(number >> 8);
	}
}

static const struct place *pixels_of(const struct source *source)
{
	for (size_t i = 0; i < source->count; i++) {
		if (source->places[i].tag == DC_TAG_PIXEL_DATA)
			return &source->places[i];
	}
	return NULL;
}

/* Mostly the first bytes, where dimensions and tables are. */
static void change_codestream(struct mutator *m, const struct source *source)
{
	const struct place *pixels = pixels_of(source);

	if (pixels == NULL || pixels->value >= m->out.size) {
		change_value(m, source);
		return;
	}
	for (size_t i = 1 + below(m, 8); i > 0; i--) {
		size_t room = m->out.size - pixels->value;
		size_t at = pixels->value +
			    below(m, below(m, 3) > 0 ? MIN_OF(room, (size_t)256) : room);

		m->out.data[at] = below(m, 2) == 0 ? (uint8_t)next_random(m)
						   : (uint8_t)(m->out.data[at] + below(m, 5) - 2);
	}
}

/* The end of another file: at any place, or its pixel data behind this header. */
static void join(struct mutator *m, const struct source *source)
{
	struct source *other = &m->sources[below(m, m->count)];
	const struct place *mine = pixels_of(source), *theirs;
	struct err err;
	size_t from;

	if (!load(other, &err))
		return;
	theirs = pixels_of(other);
	if (mine != NULL && theirs != NULL && mine->value <= m->out.size && below(m, 3) > 0) {
		buf_truncate(&m->out, mine->value - mine->header);
		from = theirs->value - theirs->header;
	} else {
		buf_truncate(&m->out, 1 + anywhere(m, m->out.size));
		from = anywhere(m, other->bytes.size);
	}
	buf_append(&m->out, other->bytes.data + from, other->bytes.size - from);
}

typedef void (*damage_fn)(struct mutator *m, const struct source *source);
static const damage_fn damages[] = {
	turn_bits,     overwrite,         truncate_it,       insert,       repeat, cut_out,
	change_length, change_vr,         change_value,      change_value, join,   change_length,
	change_value,  change_codestream, change_codestream,
};

/* Every second file gets a UID of its own; the others are copies that differ. */
static void rename_instance(struct mutator *m, const struct source *source)
{
	char digits[16];

	(void)snprintf(digits, sizeof(digits), "%06llu", (unsigned long long)m->number);
	for (size_t i = 0; i < source->count; i++) {
		const struct place *place = &source->places[i];

		if (place->tag == DC_TAG(0x0008, 0x0018) && place->length >= 12)
			memcpy(m->out.data + place->value + place->length - 8, digits, 6);
	}
}

static bool make(struct mutator *m, struct err *err)
{
	struct source *source = &m->sources[below(m, m->count)];

	if (!load(source, err))
		return false;
	buf_clear(&m->out);
	buf_append(&m->out, source->bytes.data, source->bytes.size);
	if (!buf_ok(&m->out, err))
		return false;
	if (m->number % 2 == 0)
		rename_instance(m, source);
	for (size_t i = 1 + below(m, 3); i > 0 && m->out.size > 16; i--)
		damages[below(m, ARRAY_LEN(damages))](m, source);
	return buf_ok(&m->out, err);
}

static bool write_file(const struct mutator *m, const char *folder, struct err *err)
{
	char path[NAME_SIZE];
	FILE *file;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%03llu", folder,
		       (unsigned long long)(m->number / PER_FOLDER));
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return err_set_sys(err, errno, "%s", path);
	(void)snprintf(path, sizeof(path), "%s/%03llu/%06llu.dcm", folder,
		       (unsigned long long)(m->number / PER_FOLDER), (unsigned long long)m->number);
	file = fopen(path, "we");
	if (file == NULL)
		return err_set_sys(err, errno, "%s", path);
	ok = fwrite(m->out.data, 1, m->out.size, file) == m->out.size;
	return (fclose(file) == 0 && ok) || err_set_sys(err, errno, "%s", path);
}

static bool run(struct mutator *m, uint64_t count, const char *folder, struct err *err)
{
	uint64_t seed = m->state;

	for (m->number = 0; m->number < count; m->number++) {
		/* Each from its number, so that one can be made again alone. */
		m->state = seed + m->number * 0x2545f4914f6cdd1du;
		if (!make(m, err) || !write_file(m, folder, err))
			return false;
	}
	return true;
}

static int usage(void)
{
	fprintf(stderr, "usage: mutate [-s SEED] [-l BYTES] COUNT OUT FOLDER...\n");
	return 2;
}

int main(int argc, char *argv[])
{
	struct mutator m = {.out = buf_empty(BUF_NO_LIMIT), .state = 1};
	struct err err = {0};
	uint64_t count;
	bool ok;
	int option;

	while ((option = getopt(argc, argv, "s:l:")) != -1) {
		if ((option != 's' && option != 'l') ||
		    !dc_number_unsigned(optarg, option == 's' ? &m.state : &found.limit))
			return usage();
	}
	if (argc - optind < 3 || !dc_number_unsigned(argv[optind], &count))
		return usage();
	for (int i = optind + 2; i < argc; i++)
		(void)nftw(argv[i], visit, 16, FTW_PHYS);
	if (found.count == 0 || (mkdir(argv[optind + 1], 0777) != 0 && errno != EEXIST)) {
		fprintf(stderr, "mutate: nothing to make files of, or no place for them\n");
		return 1;
	}
	qsort(found.paths, found.count, sizeof(*found.paths), by_path);
	m.count = found.count;
	m.sources = calloc(m.count, sizeof(*m.sources));
	for (size_t i = 0; m.sources != NULL && i < m.count; i++)
		m.sources[i].path = found.paths[i];
	ok = m.sources != NULL && run(&m, count, argv[optind + 1], &err);
	if (!ok)
		fprintf(stderr, "mutate: %s\n", err.message);
	for (size_t i = 0; m.sources != NULL && i < m.count; i++) {
		buf_release(&m.sources[i].bytes);
		free(m.sources[i].places);
		free(m.sources[i].path);
	}
	free(m.sources);
	free(found.paths);
	buf_release(&m.out);
	return ok ? 0 : 1;
}
