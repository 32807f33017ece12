# SPDX-License-Identifier: MIT
#
# One CMocka program a module, test-X.c: one row here. Give all test cases of a
# program one cmocka_run_group_tests.

unit_tests =
if HAVE_CMOCKA
# unit_tests += %D%/test-X
unit_tests += %D%/test-base
unit_tests += %D%/test-budget
unit_tests += %D%/test-cache
unit_tests += %D%/test-cases
unit_tests += %D%/test-cases-2
unit_tests += %D%/test-cells
unit_tests += %D%/test-charset
unit_tests += %D%/test-clock
unit_tests += %D%/test-codec-data
unit_tests += %D%/test-codec-j2k
unit_tests += %D%/test-codec-rle
unit_tests += %D%/test-colour
unit_tests += %D%/test-codec-lib
unit_tests += %D%/test-content
unit_tests += %D%/test-content-here
unit_tests += %D%/test-depth
unit_tests += %D%/test-dictionary
unit_tests += %D%/test-disk-cache
unit_tests += %D%/test-facts
unit_tests += %D%/test-frame-cache
unit_tests += %D%/test-frames
unit_tests += %D%/test-icc
unit_tests += %D%/test-index
unit_tests += %D%/test-index-data
unit_tests += %D%/test-index-disk
unit_tests += %D%/test-index-parts
unit_tests += %D%/test-index-scan
unit_tests += %D%/test-index-tree
unit_tests += %D%/test-jpeg
unit_tests += %D%/test-jpeg-data
unit_tests += %D%/test-jpeg-lossless
unit_tests += %D%/test-json
unit_tests += %D%/test-json-any
unit_tests += %D%/test-json-value
unit_tests += %D%/test-lut
unit_tests += %D%/test-message
unit_tests += %D%/test-names
unit_tests += %D%/test-names-text
unit_tests += %D%/test-node
unit_tests += %D%/test-options
unit_tests += %D%/test-palette
unit_tests += %D%/test-parser
unit_tests += %D%/test-pattern
unit_tests += %D%/test-picture
unit_tests += %D%/test-pixel
unit_tests += %D%/test-places
unit_tests += %D%/test-png
unit_tests += %D%/test-progress
unit_tests += %D%/test-uid
unit_tests += %D%/test-watch
endif
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

# Programs of more than one file.
test_cases_sources = %D%/test-cases.c \
	%D%/case-check.c \
	%D%/case-check.h \
	%D%/case-json.c \
	%D%/case-run.c \
	%D%/case-run.h \
	$(recipe_sources)
%C%_test_cases_SOURCES = $(test_cases_sources)
%C%_test_cases_2_SOURCES = $(test_cases_sources)

picture_check_sources = %D%/picture-check.c %D%/picture-check.h $(recipe_sources)
%C%_test_depth_SOURCES = %D%/test-depth.c $(picture_check_sources)
%C%_test_lut_SOURCES = %D%/test-lut.c $(picture_check_sources)
%C%_test_jpeg_lossless_SOURCES = %D%/test-jpeg-lossless.c \
	%D%/jpeg-lossless-encode.c \
	%D%/jpeg-lossless-encode.h

%C%_test_jpeg_SOURCES = %D%/test-jpeg.c %D%/jpeg-make.c %D%/jpeg-make.h

%C%_test_colour_SOURCES = %D%/test-colour.c $(recipe_sources)
%C%_test_icc_SOURCES = %D%/test-icc.c $(recipe_sources)
%C%_test_frames_SOURCES = %D%/test-frames.c $(recipe_sources)

codec_check_sources = \
	%D%/codec-check.c \
	%D%/codec-check.h \
	%D%/codec-encode.c \
	%D%/codec-encode.h
%C%_test_codec_lib_SOURCES = %D%/test-codec-lib.c $(codec_check_sources)
%C%_test_codec_j2k_SOURCES = %D%/test-codec-j2k.c $(codec_check_sources)
%C%_test_codec_data_SOURCES = %D%/test-codec-data.c %D%/sha1.c %D%/sha1.h

content_ground_sources = %D%/content-ground.c %D%/content-ground.h
%C%_test_content_SOURCES = %D%/test-content.c $(content_ground_sources)
%C%_test_content_here_SOURCES = %D%/test-content-here.c $(content_ground_sources)

%C%_test_picture_SOURCES = %D%/test-picture.c $(picture_check_sources)

index_store_sources = %D%/index-store.c %D%/index-store.h tests/tools/dicom-write.c tests/tools/dicom-write.h
%C%_test_index_check_SOURCES = %D%/test-index-check.c $(index_store_sources)
%C%_test_clock_SOURCES = %D%/test-clock.c $(index_store_sources)
%C%_test_index_damage_SOURCES = %D%/test-index-damage.c $(index_store_sources)
%C%_test_index_data_SOURCES = %D%/test-index-data.c $(index_store_sources)
%C%_test_index_power_SOURCES = %D%/test-index-power.c %D%/power-vfs.c %D%/power-vfs.h $(index_store_sources)
%C%_test_index_random_SOURCES = %D%/test-index-random.c $(index_store_sources)
%C%_test_index_scan_SOURCES = %D%/test-index-scan.c $(index_store_sources)
%C%_test_index_threads_SOURCES = %D%/test-index-threads.c $(index_store_sources)
%C%_test_index_tree_SOURCES = %D%/test-index-tree.c $(index_store_sources)
%C%_test_index_SOURCES = %D%/test-index.c $(index_store_sources)
%C%_test_index_disk_SOURCES = %D%/test-index-disk.c $(index_store_sources)
%C%_test_index_parts_SOURCES = %D%/test-index-parts.c $(index_store_sources)

# What scans by the thousand, many of them to let calls fail: see faults.h. Not below
# valgrind, which would take long over it; sanitizers see the same.
scan_tests =
if HAVE_CMOCKA
scan_tests += %D%/test-fault-content
scan_tests += %D%/test-fault-index
scan_tests += %D%/test-fault-scan
scan_tests += %D%/test-index-check
scan_tests += %D%/test-index-damage
scan_tests += %D%/test-index-power
scan_tests += %D%/test-index-random
scan_tests += %D%/test-index-threads
endif
check_PROGRAMS += $(scan_tests)
TESTS += $(scan_tests)

# Processes that give up most system calls: valgrind itself would need them.
process_tests =
if HAVE_CMOCKA
process_tests += %D%/test-confine %D%/test-workers
endif
check_PROGRAMS += $(process_tests)
%C%_test_workers_SOURCES = %D%/test-workers.c %D%/worker-attacks.c %D%/worker-attacks.h
TESTS += $(process_tests)

fault_sources = %D%/faults.c %D%/faults-sql.c %D%/faults.h
fault_wraps = \
	-Wl,--wrap=access -Wl,--wrap=calloc -Wl,--wrap=charls_jpegls_decoder_create \
	-Wl,--wrap=eventfd -Wl,--wrap=faccessat -Wl,--wrap=fallocate64 -Wl,--wrap=fchmod \
	-Wl,--wrap=fcntl64 -Wl,--wrap=fdopendir -Wl,--wrap=flock -Wl,--wrap=free \
	-Wl,--wrap=fstat64 -Wl,--wrap=fstatat64 -Wl,--wrap=fstatfs64 \
	-Wl,--wrap=fstatvfs64 -Wl,--wrap=ftruncate64 -Wl,--wrap=getrandom \
	-Wl,--wrap=inflateInit2_ -Wl,--wrap=JxlDecoderCreate -Wl,--wrap=lseek64 \
	-Wl,--wrap=malloc -Wl,--wrap=memfd_create -Wl,--wrap=mkdir -Wl,--wrap=mkdirat \
	-Wl,--wrap=mmap64 -Wl,--wrap=open64 -Wl,--wrap=__open64_2 -Wl,--wrap=openat64 \
	-Wl,--wrap=__openat64_2 -Wl,--wrap=opj_create_decompress \
	-Wl,--wrap=opj_stream_create -Wl,--wrap=png_create_info_struct \
	-Wl,--wrap=png_create_write_struct -Wl,--wrap=pread64 -Wl,--wrap=__pread64_chk \
	-Wl,--wrap=preadv64v2 -Wl,--wrap=pthread_create -Wl,--wrap=pwrite64 \
	-Wl,--wrap=read -Wl,--wrap=__read_chk -Wl,--wrap=readdir64 -Wl,--wrap=readlink \
	-Wl,--wrap=__readlink_chk -Wl,--wrap=realloc -Wl,--wrap=reallocarray \
	-Wl,--wrap=realpath -Wl,--wrap=__realpath_chk -Wl,--wrap=rename \
	-Wl,--wrap=renameat -Wl,--wrap=stat64 -Wl,--wrap=statfs64 -Wl,--wrap=statx \
	-Wl,--wrap=strdup -Wl,--wrap=strndup -Wl,--wrap=syscall -Wl,--wrap=unlink \
	-Wl,--wrap=unlinkat -Wl,--wrap=write -Wl,--wrap=XXH3_createState
%C%_test_fault_content_SOURCES = %D%/test-fault-content.c \
	%D%/fault-session.c \
	%D%/fault-session.h \
	$(fault_sources) \
	$(recipe_sources)
%C%_test_fault_content_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps)
fault_index_sources = \
	%D%/fault-store.c \
	%D%/fault-store.h \
	%D%/fault-view.c \
	%D%/fault-view.h \
	$(fault_sources) \
	$(index_store_sources)
%C%_test_fault_index_SOURCES = %D%/test-fault-index.c $(fault_index_sources)
%C%_test_fault_index_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps)
%C%_test_fault_scan_SOURCES = %D%/test-fault-scan.c $(fault_index_sources)
%C%_test_fault_scan_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps)

EXTRA_DIST += %D%/test-json.h
