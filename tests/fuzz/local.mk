# SPDX-License-Identifier: MIT
#
# Fuzz targets. With --enable-fuzzer they are libFuzzer programs:
#   ./configure CC=clang --enable-fuzzer --enable-sanitizers=address,undefined
#   make fuzzers && tests/fuzz/fuzz-instance FOLDER-OF-INPUTS
#   tests/fuzz/make-seeds SEEDS FOLDER-OF-DICOM-FILES
#   tests/fuzz/fuzz-codec SEEDS/codec; tests/fuzz/fuzz-frames SEEDS/frames
# else they run over files, which make check does.

fuzz_targets = \
	%D%/fuzz-codec \
	%D%/fuzz-frames \
	%D%/fuzz-header \
	%D%/fuzz-instance \
	%D%/fuzz-text
fuzz_sources = %D%/fuzz.h
if FUZZER
EXTRA_PROGRAMS += $(fuzz_targets) %D%/make-seeds
else
fuzz_sources += %D%/run-files.c
check_PROGRAMS += $(fuzz_targets) %D%/make-seeds
TESTS += %D%/fuzz-files.sh
endif

%C%_fuzz_codec_SOURCES = %D%/fuzz-codec.c %D%/codec-input.h $(fuzz_sources)
%C%_fuzz_codec_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_frames_SOURCES = %D%/fuzz-frames.c %D%/codec-input.h $(fuzz_sources)
%C%_fuzz_frames_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_header_SOURCES = %D%/fuzz-header.c $(fuzz_sources)
%C%_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_instance_SOURCES = %D%/fuzz-instance.c $(fuzz_sources)
%C%_fuzz_instance_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_text_SOURCES = %D%/fuzz-text.c $(fuzz_sources)
%C%_fuzz_text_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_make_seeds_SOURCES = %D%/make-seeds.c %D%/codec-input.h $(recipe_sources)

EXTRA_DIST += %D%/fuzz-files.sh %D%/run-files.c

.PHONY: fuzzers
fuzzers: $(fuzz_targets) %D%/make-seeds
