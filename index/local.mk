# SPDX-License-Identifier: MIT

noinst_LIBRARIES += %D%/libindex.a
%C%_libindex_a_SOURCES = \
	%D%/claim.c \
	%D%/claim.h \
	%D%/content.c \
	%D%/content.h \
	%D%/db.c \
	%D%/db.h \
	%D%/dirty.c \
	%D%/dirty.h \
	%D%/entry-row.c \
	%D%/entry-row.h \
	%D%/entry.c \
	%D%/entry.h \
	%D%/fact-set.c \
	%D%/fact-set.h \
	%D%/files.c \
	%D%/files.h \
	%D%/home.c \
	%D%/home.h \
	%D%/index.c \
	%D%/index.h \
	%D%/internal.h \
	%D%/listing.c \
	%D%/listing.h \
	%D%/names-text.c \
	%D%/names-text.h \
	%D%/names.c \
	%D%/names.h \
	%D%/nodes.c \
	%D%/nodes.h \
	%D%/parse.c \
	%D%/parse.h \
	%D%/place.c \
	%D%/place.h \
	%D%/query.c \
	%D%/reader-sql-table.c \
	%D%/reader.h \
	%D%/ring.c \
	%D%/ring.h \
	%D%/scan-after.c \
	%D%/scan.c \
	%D%/scan.h \
	%D%/schema.c \
	%D%/schema.h \
	%D%/status.c \
	%D%/view.c \
	%D%/view.h \
	%D%/walk-rows.c \
	%D%/walk-rows.h \
	%D%/walk.c \
	%D%/walk.h \
	%D%/writer-sql-table.c \
	%D%/writer-sql.h \
	%D%/writer.c \
	%D%/writer.h
