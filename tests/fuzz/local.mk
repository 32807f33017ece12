# SPDX-License-Identifier: MIT
#
# Fuzz targets, fuzz-X each: a function that keeps its promises whatever the bytes
# are. Those of codecs are one source, built once for each.
#
# In a build that is configured so they are libFuzzer programs:
#   ./configure CC=clang --enable-fuzzer --enable-sanitizers=address,undefined
#   make fuzz TARGET=header SECONDS=60      a target on all processors
#   make fuzz SECONDS=60                    all targets, one after another
# makes seeds of tests/cases and the real files, keeps what it finds in
# tests/fuzz/run/TARGET/corpus of the build folder, and fails with the path of the
# input when something crashes. A small one that shows the same goes to
# tests/fuzz/cases/TARGET/NAME.
#
# In other builds they run over files, which make check does (fuzz-files.sh): seeds,
# tests/fuzz/cases, and damaged copies of them. One input again:
#   tests/fuzz/fuzz-header FILE

codec_targets = \
	%D%/fuzz-codec-deflated \
	%D%/fuzz-codec-j2k \
	%D%/fuzz-codec-jls \
	%D%/fuzz-codec-jpeg-dct \
	%D%/fuzz-codec-jpeg-lossless \
	%D%/fuzz-codec-jpeg-turbo \
	%D%/fuzz-codec-jxl \
	%D%/fuzz-codec-rle
fuzz_targets = $(codec_targets) \
	%D%/fuzz-frames \
	%D%/fuzz-grey \
	%D%/fuzz-header \
	%D%/fuzz-instance \
	%D%/fuzz-json \
	%D%/fuzz-names \
	%D%/fuzz-pixels \
	%D%/fuzz-text
fuzz_sources = %D%/fuzz.c %D%/fuzz.h
if FUZZER
EXTRA_PROGRAMS += $(fuzz_targets) %D%/make-seeds
else
fuzz_sources += %D%/run-files.c
check_PROGRAMS += $(fuzz_targets) %D%/make-seeds
TESTS += %D%/fuzz-files.sh
endif

check_sources = %D%/check.c %D%/check.h
codec_input_sources = %D%/codec-input.c %D%/codec-input.h
write_sources = tests/tools/dicom-write.c tests/tools/dicom-write.h

codec_sources = %D%/fuzz-codec.c $(codec_input_sources) $(fuzz_sources)
%C%_fuzz_codec_deflated_SOURCES = $(codec_sources)
%C%_fuzz_codec_deflated_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_DEFLATED
%C%_fuzz_codec_deflated_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_j2k_SOURCES = $(codec_sources)
%C%_fuzz_codec_j2k_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_J2K
%C%_fuzz_codec_j2k_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_jls_SOURCES = $(codec_sources)
%C%_fuzz_codec_jls_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_JLS
%C%_fuzz_codec_jls_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_jpeg_dct_SOURCES = $(codec_sources)
%C%_fuzz_codec_jpeg_dct_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_JPEG_DCT
%C%_fuzz_codec_jpeg_dct_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_jpeg_lossless_SOURCES = $(codec_sources)
%C%_fuzz_codec_jpeg_lossless_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_JPEG_LOSSLESS
%C%_fuzz_codec_jpeg_lossless_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_jpeg_turbo_SOURCES = $(codec_sources)
%C%_fuzz_codec_jpeg_turbo_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_JPEG_TURBO
%C%_fuzz_codec_jpeg_turbo_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_jxl_SOURCES = $(codec_sources)
%C%_fuzz_codec_jxl_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_JXL
%C%_fuzz_codec_jxl_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_codec_rle_SOURCES = $(codec_sources)
%C%_fuzz_codec_rle_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_CODEC=CODEC_RLE
%C%_fuzz_codec_rle_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)

%C%_fuzz_frames_SOURCES = %D%/fuzz-frames.c %D%/codec-input.h $(fuzz_sources)
%C%_fuzz_frames_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_grey_SOURCES = %D%/fuzz-grey.c $(fuzz_sources)
%C%_fuzz_grey_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_header_SOURCES = %D%/fuzz-header.c $(fuzz_sources)
%C%_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_instance_SOURCES = %D%/fuzz-instance.c $(check_sources) $(fuzz_sources)
%C%_fuzz_instance_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_json_SOURCES = %D%/fuzz-json.c $(check_sources) $(write_sources) $(fuzz_sources)
%C%_fuzz_json_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_names_SOURCES = %D%/fuzz-names.c $(fuzz_sources)
%C%_fuzz_names_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_pixels_SOURCES = %D%/fuzz-pixels.c %D%/pixels-file.c %D%/pixels-file.h \
	$(check_sources) $(write_sources) $(fuzz_sources)
%C%_fuzz_pixels_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_text_SOURCES = %D%/fuzz-text.c $(fuzz_sources)
%C%_fuzz_text_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_make_seeds_SOURCES = %D%/make-seeds.c $(codec_input_sources) $(recipe_sources)

# Packed as it is: inputs that once crashed.
EXTRA_DIST += %D%/cases %D%/dicom.dict %D%/fuzz-files.sh %D%/run-files.c %D%/run-fuzz

.PHONY: fuzzers fuzz
fuzzers: $(fuzz_targets) %D%/make-seeds

fuzz_names = codec-deflated codec-j2k codec-jls codec-jpeg-dct codec-jpeg-lossless \
	codec-jpeg-turbo codec-jxl codec-rle \
	frames grey header instance json names pixels text
if FUZZER
# The shell's own SECONDS would count on.
fuzz:
	@targets='$(TARGET)'; seconds='$(SECONDS)'; programs=; \
	for target in $${targets:=$(fuzz_names)}; do \
		case ' $(fuzz_names) ' in \
		*" $$target "*) programs="$$programs %D%/fuzz-$$target" ;; \
		*) echo "fuzz: no target $$target; there are: $(fuzz_names)" >&2; exit 2 ;; \
		esac; \
	done; \
	$(MAKE) $(AM_MAKEFLAGS) %D%/make-seeds $$programs && \
	top_srcdir='$(abs_top_srcdir)' $(top_srcdir)/%D%/run-fuzz \
		$${seconds:-60} $$targets
else
fuzz:
	@echo "make fuzz needs a build that is configured with" >&2
	@echo "  CC=clang --enable-fuzzer --enable-sanitizers=address,undefined" >&2
	@exit 1
endif

clean-local: clean-fuzz
.PHONY: clean-fuzz
clean-fuzz:
	-rm -rf %D%/run
