# SPDX-License-Identifier: MIT
#
# Fuzz targets. With --enable-fuzzer they are libFuzzer programs:
#   ./configure CC=clang --enable-fuzzer --enable-sanitizers=address,undefined
#   make fuzzers && tests/fuzz/fuzz-instance FOLDER-OF-INPUTS
# else they run over files, which make check does.

fuzz_targets = %D%/fuzz-header %D%/fuzz-instance %D%/fuzz-text
fuzz_sources = %D%/fuzz.h
if FUZZER
EXTRA_PROGRAMS += $(fuzz_targets)
else
fuzz_sources += %D%/run-files.c
check_PROGRAMS += $(fuzz_targets)
TESTS += %D%/fuzz-files.sh
endif

%C%_fuzz_header_SOURCES = %D%/fuzz-header.c $(fuzz_sources)
%C%_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_instance_SOURCES = %D%/fuzz-instance.c $(fuzz_sources)
%C%_fuzz_instance_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
%C%_fuzz_text_SOURCES = %D%/fuzz-text.c $(fuzz_sources)
%C%_fuzz_text_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)

EXTRA_DIST += %D%/fuzz-files.sh %D%/run-files.c

.PHONY: fuzzers
fuzzers: $(fuzz_targets)
