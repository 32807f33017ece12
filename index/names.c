/* SPDX-License-Identifier: MIT */
#include "index/names.h"

#include "dicom/number.h"
#include "index/names-text.h"

#include <inttypes.h>

#include <utf8proc.h>
#include <xxhash.h>

/* ---- Hashes ------------------------------------------------------------ */

uint64_t ix_hash(struct span bytes)
{
	return XXH3_64bits(bytes.data, bytes.size);
}

void ix_hash_text(uint64_t hash, unsigned size, char text[static IX_HASH_TEXT_MAX + 1])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

	size = MIN_OF(size, IX_HASH_TEXT_MAX);
	for (unsigned i = 0; i < size; i++)
		text[i] = digits[hash >> (59 - 5 * i) & 31];
	text[size] = '\0';
}

static void store_le64(uint8_t *to, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

uint64_t ix_ident(uint64_t parent, uint8_t type, struct span key)
{
	uint8_t bytes[17];
	uint64_t ident;

	store_le64(bytes, parent);
	bytes[8] = type;
	store_le64(bytes + 9, ix_hash(key));
	ident = ix_hash(span_of(bytes, sizeof(bytes))) & INT64_MAX;
	return ident < 2 ? ident + 2 : ident;
}

/* ---- Text -------------------------------------------------------------- */

void ix_name_sanitise(struct span text, size_t max_bytes, struct buf *out)
{
	char clean[IX_TEXT_MAX];
	size_t limit = MIN_OF(max_bytes, (size_t)IX_TEXT_MAX - 1);

	buf_append(out, clean, ix_text_sanitise(text, limit, IX_TEXT_FIRST, clean));
}

bool ix_name_nfc(const char *name, struct buf *out)
{
	utf8proc_uint8_t *composed = NULL;
	size_t size = strlen(name);
	utf8proc_ssize_t got = utf8proc_map((const utf8proc_uint8_t *)name, (utf8proc_ssize_t)size,
					    &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);

	if (got == UTF8PROC_ERROR_NOMEM)
		return false;
	if (got < 0)
		buf_append(out, name, size);
	else
		buf_append(out, composed, (size_t)got);
	free(composed);
	return buf_ok(out, NULL);
}

/* ---- Persons ----------------------------------------------------------- */

/* The first group of a PN that holds more than separators and spaces; empty
 * when there is none. */
static struct span person_group(const char *pn)
{
	struct span rest = span_of_text(pn), group;

	while (ix_text_part(&rest, '=', &group))
		for (size_t i = 0; i < group.size; i++)
			if (group.data[i] != '^' && group.data[i] != ' ')
				return group;
	return span_of(NULL, 0);
}

/* Text that ends where its memory does. */
struct line {
	char *text;
	size_t size, capacity;
};

static void line_add(struct line *line, const char *separator, struct span part)
{
	size_t between = line->size > 0 ? strlen(separator) : 0;
	size_t room = line->capacity - line->size;

	if (part.size == 0 || room <= between)
		return;
	part.size = MIN_OF(part.size, room - between);
	memcpy(line->text + line->size, separator, between);
	memcpy(line->text + line->size + between, part.data, part.size);
	line->size += between + part.size;
}

static struct span person_text(const char *pn, char text[static IX_TEXT_MAX])
{
	struct line line = {text, 0, IX_TEXT_MAX};
	struct span rest = person_group(pn), part;
	bool given = false;

	for (unsigned i = 0; i < 5 && ix_text_part(&rest, '^', &part); i++) {
		part = ix_text_trim(part);
		if (i == 3 || part.size == 0) /* 3: the prefix */
			continue;
		line_add(&line, given || i == 0 ? " " : ", ", part);
		given = i > 0;
	}
	return span_of(line.text, line.size);
}

void ix_name_person(const char *pn, struct buf *out)
{
	char text[IX_TEXT_MAX];
	struct span person = person_text(pn, text);

	buf_append(out, person.data, person.size);
}

/* ---- Patient keys ------------------------------------------------------ */

/* text into a part of the key; whole is what it was made from. */
static void put_key_part(struct span text, struct span whole, char *part, size_t capacity)
{
	size_t room = capacity - 1 - 1 - IX_HASH_TEXT_MAX;
	char hash[IX_HASH_TEXT_MAX + 1];

	if (text.size < capacity && whole.size <= IX_TEXT_INPUT_MAX) {
		if (text.size > 0)
			memcpy(part, text.data, text.size);
		part[text.size] = '\0';
		return;
	}
	room = MIN_OF(room, text.size);
	while (room > 0 && room < text.size && (text.data[room] & 0xc0) == 0x80)
		room--;
	ix_hash_text(ix_hash(whole), IX_HASH_TEXT_MAX, hash);
	memcpy(part, text.data, room);
	part[room] = '~';
	memcpy(part + room + 1, hash, IX_HASH_TEXT_MAX + 1);
}

static void put_key_fact(const struct dc_facts *facts, enum dc_fact fact, char *part,
			 size_t capacity)
{
	struct span text = ix_text_trim(span_of_text(dc_fact(facts, fact)));

	put_key_part(text, text, part, capacity);
}

static void put_key_name(const char *pn, char *part, size_t capacity)
{
	char component[IX_TEXT_MAX], text[2 * IX_TEXT_MAX];
	struct span group = person_group(pn), rest = group, next;
	size_t size = 0, used = 0;

	/* Of a longer one the hash decides. */
	rest.size = MIN_OF(rest.size, IX_TEXT_INPUT_MAX);
	while (ix_text_part(&rest, '^', &next)) {
		size_t folded = ix_text_fold(next, component);

		memcpy(text + size, component, folded);
		size += folded;
		if (folded > 0)
			used = size;
		text[size++] = '^';
	}
	put_key_part(span_of(text, used), group, part, capacity);
}

static void put_key_date(const struct dc_facts *facts, char *part, size_t capacity)
{
	char day[11];

	if (ix_name_date(dc_fact(facts, DC_FACT_BIRTH_DATE), day))
		(void)snprintf(part, capacity, "%.4s%.2s%.2s", day, day + 5, day + 8);
	else
		put_key_fact(facts, DC_FACT_BIRTH_DATE, part, capacity);
}

void ix_patient_key(const struct dc_facts *facts, struct ix_patient_key *key)
{
	put_key_fact(facts, DC_FACT_ISSUER, key->issuer, sizeof(key->issuer));
	put_key_fact(facts, DC_FACT_PATIENT_ID, key->id, sizeof(key->id));
	put_key_name(dc_fact(facts, DC_FACT_PATIENT_NAME), key->name, sizeof(key->name));
	put_key_date(facts, key->birth, sizeof(key->birth));
}

static void append_counted(struct buf *out, const char *text)
{
	buf_printf(out, "%zu:", strlen(text));
	buf_append_text(out, text);
	buf_append_byte(out, ',');
}

void ix_patient_key_bytes(const struct ix_patient_key *key, const char *study_uid, struct buf *out)
{
	append_counted(out, key->issuer);
	append_counted(out, key->id);
	append_counted(out, key->name);
	append_counted(out, key->birth);
	if (key->id[0] == '\0')
		append_counted(out, study_uid);
}

/* ---- Names ------------------------------------------------------------- */

/* The text of a folder name may have so many bytes beside " ~" and its hash. */
static size_t text_room(unsigned hash_size)
{
	return IX_FOLDER_NAME_MAX - 2 - MIN_OF(hash_size, IX_HASH_TEXT_MAX);
}

static void finish_folder(const char *text, uint64_t hash, unsigned hash_size,
			  char name[static 256])
{
	char hash_text[IX_HASH_TEXT_MAX + 1];

	ix_hash_text(hash, hash_size, hash_text);
	(void)snprintf(name, 256, "%.*s ~%s", IX_FOLDER_NAME_MAX, text, hash_text);
}

static void finish_line(const struct line *line, const char *fallback, uint64_t hash,
			unsigned hash_size, char name[static 256])
{
	char clean[IX_TEXT_MAX];
	struct span text = span_of(line->text, line->size);

	if (ix_text_sanitise(text, text_room(hash_size), IX_TEXT_FIRST, clean) == 0)
		finish_folder(fallback, hash, hash_size, name);
	else
		finish_folder(clean, hash, hash_size, name);
}

/* What a patient's name keeps while the ID is cut. */
#define PATIENT_NAME_MIN ((size_t)12)

void ix_name_patient(const struct dc_facts *facts, uint64_t key_hash, unsigned hash_size,
		     char name[static 256])
{
	char raw[IX_TEXT_MAX], person[IX_TEXT_MAX], id[IX_TEXT_MAX], text[256];
	struct span shown = person_text(dc_fact(facts, DC_FACT_PATIENT_NAME), raw);
	struct span stored = span_of_text(dc_fact(facts, DC_FACT_PATIENT_ID));
	size_t room = text_room(hash_size), size;

	size = ix_text_sanitise(shown, room, IX_TEXT_FIRST, person);
	if (size == 0) {
		shown = span_of_text("Unknown");
		size = ix_text_sanitise(shown, room, IX_TEXT_FIRST, person);
	}
	room -= strlen(" ()");
	if (ix_text_sanitise(stored, room - MIN_OF(size, PATIENT_NAME_MIN), IX_TEXT_INSIDE, id) ==
	    0) {
		finish_folder(person, key_hash, hash_size, name);
		return;
	}
	/* Nothing may be left of a name of which the first character has very many
	 * combining marks. */
	(void)ix_text_sanitise(shown, room - strlen(id), IX_TEXT_FIRST, person);
	(void)snprintf(text, sizeof(text), "%.*s (%.*s)", IX_FOLDER_NAME_MAX,
		       person[0] != '\0' ? person : "_", IX_FOLDER_NAME_MAX, id);
	finish_folder(text, key_hash, hash_size, name);
}

void ix_name_study(const struct dc_facts *facts, uint64_t uid_hash, unsigned hash_size,
		   char name[static 256])
{
	char text[IX_TEXT_MAX], date[11], time[5];
	struct line line = {text, 0, sizeof(text)};

	if (ix_name_date(dc_fact(facts, DC_FACT_STUDY_DATE), date)) {
		line_add(&line, "", span_of_text(date));
		if (ix_name_time(dc_fact(facts, DC_FACT_STUDY_TIME), time))
			line_add(&line, " ", span_of_text(time));
	}
	line_add(&line, " ", span_of_text(dc_fact(facts, DC_FACT_STUDY_DESCRIPTION)));
	finish_line(&line, "Study", uid_hash, hash_size, name);
}

/* At least width digits of an IS, _ for its minus sign, or underscores. */
static void number_text(const char *is, unsigned width, char text[static 24])
{
	int64_t number;

	if (*is == '\0' || !dc_number_integer(span_of_text(is), &number)) {
		memset(text, '_', width);
		text[width] = '\0';
		return;
	}
	(void)snprintf(text, 24, "%s%0*" PRIu64, number < 0 ? "_" : "", (int)width,
		       number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void ix_name_series(const struct dc_facts *facts, uint64_t uid_hash, unsigned hash_size,
		    char name[static 256])
{
	char text[IX_TEXT_MAX], number[24];
	struct line line = {text, 0, sizeof(text)};

	number_text(dc_fact(facts, DC_FACT_SERIES_NUMBER), 3, number);
	line_add(&line, "", span_of_text(number));
	line_add(&line, " ", span_of_text(dc_fact(facts, DC_FACT_MODALITY)));
	line_add(&line, " ", span_of_text(dc_fact(facts, DC_FACT_SERIES_DESCRIPTION)));
	finish_line(&line, "___", uid_hash, hash_size, name);
}

void ix_name_instance(const struct dc_facts *facts, uint64_t uid_hash, unsigned hash_size,
		      uint64_t content_hash, unsigned content_hash_size, char name[static 64])
{
	char number[24], uid[IX_HASH_TEXT_MAX + 1], content[IX_HASH_TEXT_MAX + 1];

	number_text(dc_fact(facts, DC_FACT_INSTANCE_NUMBER), 5, number);
	ix_hash_text(uid_hash, hash_size, uid);
	ix_hash_text(content_hash, content_hash_size, content);
	(void)snprintf(name, 64, "%s~%s%s%s", number, uid, content_hash_size > 0 ? "-" : "",
		       content);
}

/* ---- Keys -------------------------------------------------------------- */

static void put_uid_key(const struct dc_facts *facts, enum dc_fact fact, const char *path,
			struct buf *out)
{
	struct span uid = ix_text_trim(span_of_text(dc_fact(facts, fact)));

	if (uid.size > 0) {
		buf_append(out, uid.data, uid.size);
	} else {
		buf_append_text(out, "path:");
		buf_append_text(out, path);
	}
}

void ix_study_key(const struct dc_facts *facts, const char *path, struct buf *out)
{
	put_uid_key(facts, DC_FACT_STUDY_UID, path, out);
}

void ix_series_key(const struct dc_facts *facts, const char *path, struct buf *out)
{
	put_uid_key(facts, DC_FACT_SERIES_UID, path, out);
}

void ix_instance_key(const struct dc_facts *facts, const char *path, struct buf *out)
{
	put_uid_key(facts, DC_FACT_SOP_UID, path, out);
}

/* ---- Dates and times --------------------------------------------------- */

/* count digits at the start of text as a number. */
static bool take_digits(struct span *text, size_t count, unsigned *number)
{
	*number = 0;
	if (text->size < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (text->data[i] < '0' || text->data[i] > '9')
			return false;
		*number = *number * 10 + (unsigned)(text->data[i] - '0');
	}
	*text = span_of(text->data + count, text->size - count);
	return true;
}

static bool take_byte(struct span *text, uint8_t byte)
{
	if (text->size == 0 || *text->data != byte)
		return false;
	*text = span_of(text->data + 1, text->size - 1);
	return true;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

bool ix_name_date(const char *da, char text[static 11])
{
	struct span rest = ix_text_trim(span_of_text(da));
	unsigned year, month, day;
	bool dots;

	if (!take_digits(&rest, 4, &year))
		return false;
	dots = take_byte(&rest, '.');
	if (!take_digits(&rest, 2, &month) || (dots && !take_byte(&rest, '.')) ||
	    !take_digits(&rest, 2, &day) || rest.size > 0)
		return false;
	if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return false;
	(void)snprintf(text, 11, "%04u-%02u-%02u", year % 10000, month % 100, day % 100);
	return true;
}

bool ix_name_time(const char *tm, char text[static 5])
{
	struct span rest = ix_text_trim(span_of_text(tm));
	unsigned hour, minute = 0;

	if (!take_digits(&rest, 2, &hour))
		return false;
	(void)take_byte(&rest, ':');
	if (rest.size > 0 && !take_digits(&rest, 2, &minute))
		return false;
	if (hour > 23 || minute > 59)
		return false;
	/* Seconds and their fraction are not shown, but they must be that. */
	for (size_t i = 0; i < rest.size; i++)
		if (strchr("0123456789:.", rest.data[i]) == NULL || rest.data[i] == '\0')
			return false;
	(void)snprintf(text, 5, "%02u%02u", hour % 100, minute % 100);
	return true;
}
