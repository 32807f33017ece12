/*
 * Names, keys and inode numbers: pure functions of the object, never of its
 * neighbours. They are a format: changing one moves every file of every mount
 * and makes every backup copy everything again. tests/unit/test-names.c pins
 * exact results.
 *
 * Hash: XXH3 64 bit (xxHash 0.8) with seed 0, published and stable. In names
 * the top bits as lower-case Crockford base32, 6 characters (longer on a true
 * clash); in inode numbers the low 63 bits.
 *
 * Unicode: normalisation and case folding come from utf8proc and are covered
 * by Unicode's stability policy. Which characters are replaced, and where a
 * name may be cut, are tables of names-text.c or general categories, not
 * grapheme rules, because those change between releases of the library.
 *
 * Texts from files may be of any length: of a text that becomes part of a name
 * the first 1,024 bytes count, and keys take in a hash of what they cut.
 *
 * Thread rule: everything here is pure. Nothing fails except by a struct buf
 * that could not grow.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_NAMES_H
#define INDEX_NAMES_H

#include "dicom/facts.h"

#define IX_HASH_TEXT 6 /* characters of a plain hash */
#define IX_HASH_TEXT_MAX 12

uint64_t ix_hash(struct span bytes);

/* The first size characters (at most IX_HASH_TEXT_MAX) of the base32 of hash,
 * top five bits first, NUL. Digits: 0123456789abcdefghjkmnpqrstvwxyz. */
void ix_hash_text(uint64_t hash, unsigned size, char text[static IX_HASH_TEXT_MAX + 1]);

/* A chain of hashes: ident of a child from its parent's and its own key: XXH3
 * of 17 bytes: parent (little endian), type, XXH3 of key (little endian). Top
 * bit cleared; never 0 or 1 (those two become 2 and 3). */
uint64_t ix_ident(uint64_t parent, uint8_t type, struct span key);

/* Makes text fit for a name on every file system (design section 2,
 * "Characters"). Appends at most max_bytes; may append nothing.
 *
 * 1. NFC.
 * 2. To _ : / \ : * ? " < > | ; $ ^ ' `  and C0, C1, DEL; bidi controls;
 *    zero-width, filler and other invisible characters; line and paragraph
 *    separators; U+FFFD, noncharacters, private use; each byte that is not
 *    UTF-8; combining marks that have no base in front.
 *    To space: every Unicode space (no-break, ideographic, ...).
 *    Dropped: variation selectors (they only choose a glyph).
 * 3. Runs of space become one; none at the ends. No dot at the end.
 * 4. A first character that is - or . or ~ becomes _.
 * 5. Cut to max_bytes: never inside a character, nor in front of a combining
 *    mark, a conjoining Hangul vowel or final, or an emoji skin tone. Then
 *    spaces and dots at the end go again.
 * 6. A name that Windows reserves (CON PRN AUX NUL CONIN$ CONOUT$ COM0-9 LPT0-9
 *    COM¹²³ LPT¹²³; case ignored; also in front of a dot, as in nul.txt)
 *    gets a _ in front, and is cut again if it has to be. */
void ix_name_sanitise(struct span text, size_t max_bytes, struct buf *out);

/* NFC of valid UTF-8; for lookups of NFD names. A name that is no UTF-8 is
 * appended as it is (it will not be found). False: no memory. */
bool ix_name_nfc(const char *name, struct buf *out) MUST_CHECK;

/* A PN for people, unsanitised: "Family, Given Middle Suffix"; the prefix (Dr,
 * Mrs) is left out, and so is every separator next to an empty part. From the
 * alphabetic group, or the ideographic if that is empty, then the phonetic.
 * Appends nothing when all are empty. */
void ix_name_person(const char *pn, struct buf *out);

/* The key of a patient: issuer, ID, folded name, birth date. Compared as
 * parts by the writer (an empty issuer or birth date joins within its study).
 * All are NUL-terminated; "" means absent or empty. A part that does not fit
 * ends in ~ and 12 characters of the hash of the whole, so that two long ones
 * never become equal by being cut. */
struct ix_patient_key {
	char issuer[128]; /* trimmed */
	char id[256];     /* trimmed, case kept */
	/* The group of the PN that ix_name_person shows, with its ^: case folded,
	 * spaces around parts removed and runs made one, empty parts at the end
	 * dropped, NFC. */
	char name[256];
	char birth[16]; /* YYYYMMDD; what is no date as it is, trimmed */
};
void ix_patient_key(const struct dc_facts *facts, struct ix_patient_key *key);

/* The bytes to hash and to store: issuer, ID, name, birth date, each as its
 * size in decimal, a colon, its bytes and a comma ("0:,6:PAT001,8:doe^jane,
 * 8:19700131,"). With no Patient ID study_uid follows in the same form. UTF-8
 * without NUL. */
void ix_patient_key_bytes(const struct ix_patient_key *key, const char *study_uid,
			  struct buf *out);

/* Folder names, at most IX_FOLDER_NAME_MAX bytes, hash included. The text is
 * cut, never the hash; hash_size is IX_HASH_TEXT or more after a clash.
 * NUL-terminated into name.
 *
 * patient  "Doe, Jane (PAT001) ~h4k2p9": ix_name_person or "Unknown"; the ID
 *          in brackets if there is one. What is too long: first the name is
 *          cut down to 12 bytes, then the ID; the bracket stays closed.
 * study    "2024-01-15 1015 CT Thorax ~k7f3q2": date, time, description, each
 *          only if there is one, and no time without a date; "Study" if
 *          nothing is left.
 * series   "003 CT Axial 1mm ~9d2mx4": number, modality, description (each
 *          only if there is one). Number: at least three digits; "___" when
 *          absent or no integer; _ for its minus sign. */
#define IX_FOLDER_NAME_MAX 60
void ix_name_patient(const struct dc_facts *facts, uint64_t key_hash, unsigned hash_size,
		     char name[static 256]);
void ix_name_study(const struct dc_facts *facts, uint64_t uid_hash, unsigned hash_size,
		   char name[static 256]);
void ix_name_series(const struct dc_facts *facts, uint64_t uid_hash, unsigned hash_size,
		    char name[static 256]);

/* "00042~p3x8wa"; with content_hash_size > 0 "00042~p3x8wa-c0n7e4". Instance
 * Number: at least five digits, "_____" when absent or no integer, _ for its
 * minus sign. */
void ix_name_instance(const struct dc_facts *facts, uint64_t uid_hash, unsigned hash_size,
		      uint64_t content_hash, unsigned content_hash_size, char name[static 64]);

/* Keys: the trimmed UID, or "path:" + path where it is missing. UIDs are
 * compared as bytes: no part of one is interpreted. */
void ix_study_key(const struct dc_facts *facts, const char *path, struct buf *out);
void ix_series_key(const struct dc_facts *facts, const char *path, struct buf *out);
void ix_instance_key(const struct dc_facts *facts, const char *path, struct buf *out);

/* "2024-01-15" from a DA (20240115) or an ACR-NEMA date (2024.01.15); spaces
 * at the ends are ignored. False when it is none, or no day of the calendar. */
bool ix_name_date(const char *da, char text[static 11]) MUST_CHECK;
/* "1015" from a TM (1015, 101500.12) or an ACR-NEMA time (10:15:00); minutes
 * that are left out are 00. False when it is none. */
bool ix_name_time(const char *tm, char text[static 5]) MUST_CHECK;

#endif
