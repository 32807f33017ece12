# SPDX-License-Identifier: MIT
#
# make bench: our figures beside those of DCMTK and pydicom, see run --help.
# The DCMTK programs are C++ and are built by the script, where libdcmtk is.

bench_programs = %D%/header-rate %D%/peak-memory %D%/render-rate
EXTRA_PROGRAMS += $(bench_programs)

EXTRA_DIST += %D%/dcmtk-headers.cc %D%/dcmtk-render.cc %D%/pydicom-headers.py %D%/run

.PHONY: bench
bench: all $(bench_programs) $(test_tools)
	$(top_srcdir)/tests/bench/run $(BENCH_ARGUMENTS)
