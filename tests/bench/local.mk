# SPDX-License-Identifier: MIT
#
# make bench: our figures beside those of others, see run --help. The peers'
# programs are built by the script, where their libraries are.

bench_programs = %D%/decode-rate %D%/header-rate %D%/io-rate %D%/live-rate %D%/peak-memory \
	%D%/read-rate %D%/render-rate %D%/tree-rate %D%/worker-rate
EXTRA_PROGRAMS += $(bench_programs)

EXTRA_DIST += \
	%D%/dcmtk-headers.cc \
	%D%/dcmtk-render.cc \
	%D%/make-series.py \
	%D%/peer-dcmtk.cc \
	%D%/peer-gdcm.cc \
	%D%/pydicom-headers.py \
	%D%/rows-bombs.sh \
	%D%/rows-files.sh \
	%D%/rows-live.sh \
	%D%/rows-pixels.sh \
	%D%/rows-scale.sh \
	%D%/rows-tree.sh \
	%D%/run \
	%D%/servers.sh

.PHONY: bench
bench: all $(bench_programs) $(test_tools)
	$(top_srcdir)/tests/bench/run $(BENCH_ARGUMENTS)
