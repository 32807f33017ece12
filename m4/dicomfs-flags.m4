dnl Compiler flags of dicomfs. SPDX-License-Identifier: MIT

# DICOMFS_CHECK_CFLAG(FLAG, IF-TAKEN, [IF-NOT])
# The compiler takes FLAG without a warning. clang warns of unknown flags only,
# hence -Werror.
AC_DEFUN([DICOMFS_CHECK_CFLAG],
	[AS_VAR_PUSHDEF([cached], [dicomfs_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC takes $1], [cached],
		[saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
		CFLAGS=$saved_CFLAGS])
	AS_VAR_IF([cached], [yes], [$2], [$3])
	AS_VAR_POPDEF([cached])])

# DICOMFS_CHECK_LDFLAG(FLAG, IF-TAKEN, [IF-NOT])
AC_DEFUN([DICOMFS_CHECK_LDFLAG],
	[AS_VAR_PUSHDEF([cached], [dicomfs_cv_ldflag_$1])
	AC_CACHE_CHECK([whether $CC links with $1], [cached],
		[saved_LDFLAGS=$LDFLAGS
		saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror"
		LDFLAGS="$LDFLAGS $1"
		AC_LINK_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
		CFLAGS=$saved_CFLAGS
		LDFLAGS=$saved_LDFLAGS])
	AS_VAR_IF([cached], [yes], [$2], [$3])
	AS_VAR_POPDEF([cached])])

# DICOMFS_WARNINGS: sets WARNING_CFLAGS. Probed once for the whole tree.
# Truncation is what snprintf is used for: gcc need not warn of it.
AC_DEFUN([DICOMFS_WARNINGS],
	[AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [warnings are errors (for CI)])],
		[], [enable_werror=no])
	WARNING_CFLAGS=
	m4_foreach_w([warning],
		[-Wall -Wextra -Wformat=2 -Wconversion -Wshadow -Wvla -Wmissing-prototypes
		-Wmissing-declarations -Wcast-qual -Wstrict-prototypes -Wold-style-definition
		-Wundef -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough -Wnested-externs
		-Wredundant-decls -Wdate-time -Wduplicated-cond -Wlogical-op -Walloca
		-Wnull-dereference -Wfloat-conversion -Wno-format-truncation],
		[DICOMFS_CHECK_CFLAG(warning, [WARNING_CFLAGS="$WARNING_CFLAGS warning"])
		])
	AS_IF([test "x$enable_werror" = xyes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"])
	# Sanitizers make gcc see null dereferences where there are none.
	AS_IF([test "x$enable_sanitizers" != xno],
		[WARNING_CFLAGS=$(AS_ECHO(["$WARNING_CFLAGS"]) | $SED 's/-Wnull-dereference//')])
	AC_SUBST([WARNING_CFLAGS])])

# DICOMFS_SANITIZERS: sets SANITIZER_FLAGS (for compiling and linking).
AC_DEFUN([DICOMFS_SANITIZERS],
	[AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers=LIST],
			[build with sanitizers: address,undefined or thread])],
		[], [enable_sanitizers=no])
	AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
	SANITIZER_FLAGS=
	AS_IF([test "x$enable_sanitizers" != xno],
		[SANITIZER_FLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all"
		SANITIZER_FLAGS="$SANITIZER_FLAGS -fno-omit-frame-pointer"
		saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS $SANITIZER_FLAGS"
		AC_MSG_CHECKING([whether $CC links with $SANITIZER_FLAGS])
		AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			AC_MSG_ERROR([$CC cannot build with --enable-sanitizers=$enable_sanitizers])])
		CFLAGS=$saved_CFLAGS])
	AC_SUBST([enable_sanitizers])
	AC_SUBST([SANITIZER_FLAGS])])

# DICOMFS_FUZZER: libFuzzer targets of tests/fuzz; without it the same programs
# are built to run over given files.
AC_DEFUN([DICOMFS_FUZZER],
	[AC_ARG_ENABLE([fuzzer],
		[AS_HELP_STRING([--enable-fuzzer], [build tests/fuzz for libFuzzer (clang only)])],
		[], [enable_fuzzer=no])
	FUZZER_LDFLAGS=
	AS_IF([test "x$enable_fuzzer" = xyes],
		[DICOMFS_CHECK_CFLAG([-fsanitize=fuzzer-no-link],
			[SANITIZER_FLAGS="$SANITIZER_FLAGS -fsanitize=fuzzer-no-link"],
			[AC_MSG_ERROR([--enable-fuzzer needs clang: ./configure CC=clang])])
		FUZZER_LDFLAGS=-fsanitize=fuzzer])
	AC_SUBST([FUZZER_LDFLAGS])
	AM_CONDITIONAL([FUZZER], [test "x$enable_fuzzer" = xyes])])

# DICOMFS_HARDENING: sets HARDENING_CPPFLAGS, HARDENING_CFLAGS and
# HARDENING_LDFLAGS; on by default.
AC_DEFUN([DICOMFS_HARDENING],
	[AC_ARG_ENABLE([hardening],
		[AS_HELP_STRING([--disable-hardening], [no hardening flags])],
		[], [enable_hardening=yes])
	HARDENING_CPPFLAGS=
	HARDENING_CFLAGS=
	HARDENING_LDFLAGS=
	AS_IF([test "x$enable_hardening" != xno],
		[DICOMFS_FORTIFY
		m4_foreach_w([flag],
			[-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE],
			[DICOMFS_CHECK_CFLAG(flag, [HARDENING_CFLAGS="$HARDENING_CFLAGS flag"])
			])
		DICOMFS_CHECK_LDFLAG([-pie], [HARDENING_LDFLAGS="$HARDENING_LDFLAGS -pie"])
		DICOMFS_CHECK_LDFLAG([-Wl,-z,relro,-z,now],
			[HARDENING_LDFLAGS="$HARDENING_LDFLAGS -Wl,-z,relro,-z,now"])
		DICOMFS_CHECK_LDFLAG([-Wl,-z,noexecstack],
			[HARDENING_LDFLAGS="$HARDENING_LDFLAGS -Wl,-z,noexecstack"])])
	hardening_summary=$(AS_ECHO(["$HARDENING_CPPFLAGS$HARDENING_CFLAGS$HARDENING_LDFLAGS"]) |
		$SED 's/^ *//; s/-U_FORTIFY_SOURCE //')
	AC_SUBST([HARDENING_CPPFLAGS])
	AC_SUBST([HARDENING_CFLAGS])
	AC_SUBST([HARDENING_LDFLAGS])])

# Fortify only does something when optimising, warns without, and hides what a
# sanitizer would report better.
AC_DEFUN([DICOMFS_FORTIFY],
	[AC_MSG_CHECKING([for _FORTIFY_SOURCE])
	fortify=none
	AS_IF([test "x$enable_sanitizers" = xno],
		[for level in 3 2; do
			saved_CFLAGS=$CFLAGS
			CFLAGS="$CFLAGS -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$level"
			AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
				#include <string.h>
				#ifndef __OPTIMIZE__
				#error not optimising
				#endif]])],
				[fortify=$level])
			CFLAGS=$saved_CFLAGS
			test $fortify = none || break
		done])
	AC_MSG_RESULT([$fortify])
	AS_IF([test $fortify != none],
		[HARDENING_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$fortify"])])

# DICOMFS_OPTIONAL(NAME, VARIABLE, MODULE, WHAT-FOR): --without-NAME leaves it
# out, --with-NAME insists. Defines HAVE_VARIABLE, sets have_NAME.
AC_DEFUN([DICOMFS_OPTIONAL],
	[AC_ARG_WITH([$1],
		[AS_HELP_STRING([--without-$1], [build without $1 ($4)])],
		[], [with_$1=auto])
	have_$1=no
	AS_IF([test "x$with_$1" != xno],
		[PKG_CHECK_MODULES([$2], [$3],
			[have_$1=yes
			AC_DEFINE([HAVE_$2], [1], [Define to 1 if $1 is used: $4.])],
			[AS_IF([test "x$with_$1" = xyes], [AC_MSG_ERROR([$1 is missing])])])])])
