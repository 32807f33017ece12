# SPDX-License-Identifier: MIT

noinst_LIBRARIES += %D%/librender.a
%C%_librender_a_SOURCES = \
	%D%/cells-loops.h \
	%D%/cells.c \
	%D%/cells.h \
	%D%/checksum.c \
	%D%/checksum.h \
	%D%/codec-native.c \
	%D%/codecs.c \
	%D%/codecs.h \
	%D%/colour.c \
	%D%/colour.h \
	%D%/grey.c \
	%D%/grey.h \
	%D%/json-format.c \
	%D%/json-format.h \
	%D%/json-value.c \
	%D%/json-writer.h \
	%D%/json.c \
	%D%/json.h \
	%D%/kind-dcm.c \
	%D%/kind-json.c \
	%D%/kind-png.c \
	%D%/kinds.c \
	%D%/kinds.h \
	%D%/overlay.c \
	%D%/overlay.h \
	%D%/params.c \
	%D%/params.h \
	%D%/picture.c \
	%D%/picture.h \
	%D%/png.c \
	%D%/png.h \
	%D%/render.h \
	%D%/rows.c \
	%D%/rows.h \
	%D%/simd.h \
	%D%/voi.c \
	%D%/voi.h
