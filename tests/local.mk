# SPDX-License-Identifier: MIT
#
# Every test speaks TAP, so that test cases are counted, not programs.
# CMocka programs do it through tests/tap-run, shell scripts (*.sh) with the
# functions of tests/lib.sh.

TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(top_srcdir)/tests/tap-run
AM_LOG_FLAGS = $(TEST_WRAPPER)
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(top_srcdir)/tests/tap-run
AM_SH_LOG_FLAGS = --script

# top_builddir is absolute: some tests change folder.
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	DICOMFS_SANITIZERS='$(enable_sanitizers)'; export DICOMFS_SANITIZERS; \
	LC_ALL=C.UTF-8; export LC_ALL; \
	TZ=UTC; export TZ;

EXTRA_DIST += %D%/tap-run %D%/lib.sh %D%/check-layers.sh %D%/run

TESTS += %D%/check-layers.sh

include tests/unit/local.mk
include tests/tools/local.mk
include tests/mount/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/cases/local.mk
include tests/static/local.mk

# What runs in several threads, for ThreadSanitizer; the rest has nothing for it.
threaded_tests = $(mount_scripts)
if HAVE_CMOCKA
threaded_tests += \
	%D%/unit/test-cache \
	%D%/unit/test-codec-j2k \
	%D%/unit/test-content \
	%D%/unit/test-content-here \
	%D%/unit/test-disk-cache \
	%D%/unit/test-frame-cache \
	%D%/unit/test-frames \
	%D%/unit/test-index \
	%D%/unit/test-index-data \
	%D%/unit/test-index-parts \
	%D%/unit/test-index-random \
	%D%/unit/test-index-scan \
	%D%/unit/test-index-threads \
	%D%/unit/test-index-tree \
	%D%/unit/test-progress \
	%D%/unit/test-workers
endif

# Unit tests alone, optionally below a tool:
#   make check-unit TEST_WRAPPER='valgrind --error-exitcode=9 -q'
.PHONY: check-unit
check-unit: $(check_PROGRAMS)
	$(MAKE) check-TESTS TESTS='$(unit_tests)'
