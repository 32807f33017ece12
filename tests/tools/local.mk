# SPDX-License-Identifier: MIT
#
# Programs that tests and quickstart use; never installed. X is built from
# X.c; further sources need an own _SOURCES line.

recipe_sources = \
	%D%/dicom-write.c \
	%D%/dicom-write.h \
	%D%/recipe-scan.c \
	%D%/recipe-scan.h \
	%D%/recipe.c \
	%D%/recipe.h

sample_sources = \
	%D%/dicom-write.c \
	%D%/dicom-write.h \
	%D%/sample.c \
	%D%/sample.h

plan_sources = \
	%D%/plan.c \
	%D%/plan.h

test_tools = %D%/decode-samples %D%/make-dicom %D%/make-index %D%/make-sample-store %D%/make-store \
	%D%/mutate
check_PROGRAMS += $(test_tools)

%C%_make_dicom_SOURCES = %D%/make-dicom.c $(recipe_sources)
%C%_make_sample_store_SOURCES = %D%/make-sample-store.c \
	%D%/sample-others.c \
	%D%/sample-pictures.c \
	%D%/sample-sections.c \
	$(sample_sources)
%C%_make_index_SOURCES = %D%/make-index.c \
	%D%/instance-maker.c \
	%D%/instance-maker.h \
	$(plan_sources) $(sample_sources)
%C%_make_store_SOURCES = %D%/make-store.c $(plan_sources) $(sample_sources)

# Scripts.
TESTS += %D%/check-tables.sh %D%/make-index.sh
EXTRA_DIST += \
	%D%/check-tables.sh \
	%D%/compare-json \
	%D%/compare-pixels \
	%D%/contact-sheet \
	%D%/make-index.sh \
	%D%/make-charsets \
	%D%/make-dictionary \
	%D%/peers \
	%D%/picture_formula.py

# Small pictures of all real files, to be looked at: make contact-sheet
.PHONY: contact-sheet
contact-sheet: all
	/usr/bin/python3 $(top_srcdir)/tests/tools/contact-sheet --render ./dicomfs-render \
		$(CONTACT_SHEET_ARGUMENTS) "$${DICOMFS_TEST_DATA:-$(top_srcdir)/../shared/data}"

.PHONY: tools
tools: $(test_tools)
