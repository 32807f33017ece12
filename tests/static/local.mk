# SPDX-License-Identifier: MIT
#
# make static: what analyses the sources without running them, see run. The
# flags that warn and harden are left out: fortified functions hide what they are.

EXTRA_DIST += .clang-tidy %D%/known %D%/run

.PHONY: static
static:
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	STATIC_FLAGS='$(DEFS) -I$(abs_top_builddir) $(AM_CPPFLAGS) $(CPPFLAGS) -U_FORTIFY_SOURCE' \
	$(top_srcdir)/%D%/run $(STATIC_TOOLS)
