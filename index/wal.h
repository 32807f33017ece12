/*
 * The write-ahead log of the index, as SQLite documents its format, and what has
 * to be known of it to tell a log that lost its end with the power from one that
 * was damaged.
 *
 * After a crash SQLite takes from a log what is whole and ends at the first frame
 * that is not. That is an earlier state of the index, and so a true one, unless a
 * checkpoint has put later frames into the main file already: then pages of two
 * states would be mixed. So each checkpoint leaves a record in PATH-sums of how
 * many frames, once they are safe on disk, the log must not lose again. And while
 * the machine runs nothing is lost at all: PATH-shm says how many frames there
 * are, and all of them have to be there.
 *
 * Only the writer checkpoints, so that there is a record of each.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WAL_H
#define INDEX_WAL_H

#include <sqlite3.h>

#include "dicom/err.h"

/* At the start of PATH-sums. */
struct ix_wal_record {
	char magic[8];
	uint8_t salt[8];   /* of the log, bytes of its header; zero: none yet */
	uint32_t frames;   /* that have to be there if the log is that one */
	uint32_t complete; /* all of it is in the main file: the log may be gone */
	char boot[40];     /* of the machine when it was written */
	uint64_t sum;      /* XXH3 of the above */
};

/* The frame (from 1) of which size bytes at offset are the page or the header;
 * -1: neither. */
sqlite3_int64 ix_wal_frame_at(sqlite3_int64 offset, int size);
sqlite3_int64 ix_wal_header_at(sqlite3_int64 offset, int size);

/* Compares the page of a frame with its checksum; an SQLite code. */
int ix_wal_compare(sqlite3_file *log, sqlite3_int64 frame, const uint8_t *page);

/* Fills in all but salt, frames and complete; an SQLite code. */
int ix_wal_write_record(sqlite3_file *sums, const struct ix_wal_record *record);

/* Before the writer opens an index that is there: whether what its log lost can
 * be told from damage. *reason: it is damaged, and why; NULL: it is not. *frames is
 * how many there are. Nothing to say of an index without PATH-sums. False: it
 * cannot be read now. */
bool ix_wal_inspect(const char *path, unsigned *frames, const char **reason,
		    struct err *err) MUST_CHECK;

/* The writer has opened it: from now on nothing may be lost until the machine
 * goes down. */
bool ix_wal_start(sqlite3 *handle, const char *path, struct err *err) MUST_CHECK;

/* Puts what is in the log (frames of it) into the main file, as far as readers
 * allow; an SQLite code. last: the log may be removed afterwards, if *complete says
 * that it has nothing more that the record asks for. */
int ix_wal_checkpoint(sqlite3 *handle, unsigned frames, bool last, bool *complete);

#endif
