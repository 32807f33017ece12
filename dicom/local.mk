# SPDX-License-Identifier: MIT

noinst_LIBRARIES += %D%/libdicom.a
%C%_libdicom_a_SOURCES = \
	%D%/banned.h \
	%D%/base.h \
	%D%/buf.c \
	%D%/buf.h \
	%D%/charset-gb18030.c \
	%D%/charset-table-gb.c \
	%D%/charset-table-jis.c \
	%D%/charset-table-ksx.c \
	%D%/charset-table.c \
	%D%/charset-table.h \
	%D%/charset-terms.c \
	%D%/charset-terms.h \
	%D%/charset-utf8.c \
	%D%/charset.c \
	%D%/charset.h \
	%D%/dataset.c \
	%D%/dataset.h \
	%D%/dictionary-table.c \
	%D%/dictionary-table.h \
	%D%/dictionary.c \
	%D%/dictionary.h \
	%D%/err.c \
	%D%/err.h \
	%D%/facts-image.c \
	%D%/facts-private.h \
	%D%/facts.c \
	%D%/facts.h \
	%D%/frames-codestream.c \
	%D%/frames-index.c \
	%D%/frames-private.h \
	%D%/frames-read.c \
	%D%/frames-table.c \
	%D%/frames-walk.c \
	%D%/frames.c \
	%D%/frames.h \
	%D%/icc.c \
	%D%/icc.h \
	%D%/image.c \
	%D%/image.h \
	%D%/log.c \
	%D%/log.h \
	%D%/number.c \
	%D%/number.h \
	%D%/parser-header.c \
	%D%/parser-private.h \
	%D%/parser-window.c \
	%D%/parser.c \
	%D%/parser.h \
	%D%/source-inflate.c \
	%D%/source.c \
	%D%/source.h \
	%D%/transfer-syntax.c \
	%D%/uid-table.c \
	%D%/uid.c \
	%D%/uid.h \
	%D%/value.c \
	%D%/value.h \
	%D%/vr.c \
	%D%/vr.h

# What the tables are generated from, see tests/tools/make-*.
EXTRA_DIST += %D%/dictionary.tsv %D%/uids.tsv
