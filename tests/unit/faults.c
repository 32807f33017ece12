/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct {
	struct fault fault;
	atomic_bool armed;
	atomic_uint seen, fired;
	_Atomic(const char *) first;
	atomic_long live;
} faults;

void faults_setup(void)
{
	faults_setup_sql();
}

void faults_arm(const struct fault *fault)
{
	faults.fault = *fault;
	atomic_store(&faults.seen, 0);
	atomic_store(&faults.fired, 0);
	atomic_store(&faults.first, "nothing");
	atomic_store(&faults.armed, true);
}

unsigned faults_disarm(void)
{
	atomic_store(&faults.armed, false);
	return atomic_load(&faults.fired);
}

unsigned faults_seen(void)
{
	return atomic_load(&faults.seen);
}

const char *faults_first(void)
{
	return atomic_load(&faults.first);
}

int faults_code(void)
{
	return faults.fault.code;
}

long faults_live(void)
{
	return atomic_load(&faults.live);
}

void faults_count_live(int change)
{
	(void)atomic_fetch_add(&faults.live, change);
}

bool faults_hit(enum fault_class class, const char *name)
{
	unsigned nth;

	if (!atomic_load(&faults.armed) || faults.fault.class != class)
		return false;
	nth = atomic_fetch_add(&faults.seen, 1) + 1;
	if (faults.fault.lasting ? nth < faults.fault.nth : nth != faults.fault.nth)
		return false;
	if (atomic_fetch_add(&faults.fired, 1) == 0)
		atomic_store(&faults.first, name);
	return true;
}

unsigned faults_descriptors(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		(void)closedir(dir);
	return count;
}

/* The prototypes of what the linker makes of --wrap. */
#define WRAP(type, name, ...)                                                                      \
	type __real_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__)

/* ---- Memory ------------------------------------------------------------- */

static bool no_memory(const char *name)
{
	if (!faults_hit(FAULT_MEMORY, name))
		return false;
	errno = ENOMEM;
	return true;
}

static void *counted(void *memory)
{
	if (memory != NULL)
		faults_count_live(1);
	return memory;
}

WRAP(void *, malloc, size_t size)
{
	return no_memory("malloc") ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, size_t count, size_t size)
{
	return no_memory("calloc") ? NULL : counted(__real_calloc(count, size));
}

WRAP(void *, realloc, void *memory, size_t size)
{
	if (no_memory("realloc"))
		return NULL;
	return memory == NULL ? counted(__real_realloc(NULL, size)) : __real_realloc(memory, size);
}

WRAP(void *, reallocarray, void *memory, size_t count, size_t size)
{
	if (no_memory("reallocarray"))
		return NULL;
	return memory == NULL ? counted(__real_reallocarray(NULL, count, size))
			      : __real_reallocarray(memory, count, size);
}

WRAP(char *, strdup, const char *text)
{
	return no_memory("strdup") ? NULL : counted(__real_strdup(text));
}

WRAP(char *, strndup, const char *text, size_t size)
{
	return no_memory("strndup") ? NULL : counted(__real_strndup(text, size));
}

WRAP(void, free, void *memory)
{
	if (memory != NULL)
		faults_count_live(-1);
	__real_free(memory);
}

/* What libraries make: their pointers are theirs to free, and pass through. */
WRAP(void *, XXH3_createState, void)
{
	return no_memory("XXH3_createState") ? NULL : __real_XXH3_createState();
}

#ifdef HAVE_OPENJPEG
WRAP(void *, opj_create_decompress, int format)
{
	return no_memory("opj_create_decompress") ? NULL : __real_opj_create_decompress(format);
}
#endif

#ifdef HAVE_OPENJPEG
WRAP(void *, opj_stream_create, size_t size, int is_input)
{
	return no_memory("opj_stream_create") ? NULL : __real_opj_stream_create(size, is_input);
}
#endif

#ifdef HAVE_CHARLS
WRAP(void *, charls_jpegls_decoder_create, void)
{
	return no_memory("charls_jpegls_decoder_create") ? NULL
							 : __real_charls_jpegls_decoder_create();
}
#endif

#ifdef HAVE_LIBJXL
WRAP(void *, JxlDecoderCreate, const void *manager)
{
	return no_memory("JxlDecoderCreate") ? NULL : __real_JxlDecoderCreate(manager);
}
#endif

WRAP(void *, png_create_write_struct, const char *version, void *context, void *error,
     void *warning)
{
	return no_memory("png_create_write_struct")
		       ? NULL
		       : __real_png_create_write_struct(version, context, error, warning);
}

WRAP(void *, png_create_info_struct, const void *png)
{
	return no_memory("png_create_info_struct") ? NULL : __real_png_create_info_struct(png);
}

WRAP(int, inflateInit2_, void *stream, int bits, const char *version, int size)
{
	const int z_mem_error = -4;

	return no_memory("inflateInit2") ? z_mem_error
					 : __real_inflateInit2_(stream, bits, version, size);
}

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
     void *context)
{
	return faults_hit(FAULT_CALL, "pthread_create")
		       ? EAGAIN
		       : __real_pthread_create(thread, attributes, run, context);
}

/* ---- System calls ------------------------------------------------------- */

static bool fails(const char *name)
{
	if (!faults_hit(FAULT_CALL, name))
		return false;
	errno = faults_code();
	return true;
}

static bool is_short(const char *name, size_t size)
{
	return size > 1 && faults_hit(FAULT_SHORT, name);
}

/* The mode is read whether there is one or not: harmless in all ABIs we know. */
static mode_t mode_of(int flags, va_list args)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return fails("open") ? -1 : __real_open64(path, flags, mode);
}

int __real_openat64(int folder, const char *path, int flags, ...);
int __wrap_openat64(int folder, const char *path, int flags, ...);
int __wrap_openat64(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return fails("openat") ? -1 : __real_openat64(folder, path, flags, mode);
}

WRAP(int, __open64_2, const char *path, int flags)
{
	return fails("open") ? -1 : __real___open64_2(path, flags);
}

WRAP(int, __openat64_2, int folder, const char *path, int flags)
{
	return fails("openat") ? -1 : __real___openat64_2(folder, path, flags);
}

/* openat2 and the like: six words are what the kernel takes at most. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long words[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		words[i] = va_arg(args, long);
	va_end(args);
	return fails("syscall") ? -1
				: __real_syscall(number, words[0], words[1], words[2], words[3],
						 words[4], words[5]);
}

/* A number, a pointer or nothing. */
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	return fails("fcntl") ? -1 : __real_fcntl64(fd, command, argument);
}

WRAP(int, statx, int folder, const char *path, int flags, unsigned mask, struct statx *st)
{
	return fails("statx") ? -1 : __real_statx(folder, path, flags, mask, st);
}

WRAP(int, fstat64, int fd, struct stat *st)
{
	return fails("fstat") ? -1 : __real_fstat64(fd, st);
}

WRAP(int, stat64, const char *path, struct stat *st)
{
	return fails("stat") ? -1 : __real_stat64(path, st);
}

WRAP(int, fstatat64, int folder, const char *name, struct stat *st, int flags)
{
	return fails("fstatat") ? -1 : __real_fstatat64(folder, name, st, flags);
}

WRAP(int, statfs64, const char *path, struct statfs *fs)
{
	return fails("statfs") ? -1 : __real_statfs64(path, fs);
}

WRAP(int, fstatfs64, int fd, struct statfs *fs)
{
	return fails("fstatfs") ? -1 : __real_fstatfs64(fd, fs);
}

WRAP(int, fstatvfs64, int fd, struct statvfs *fs)
{
	return fails("fstatvfs") ? -1 : __real_fstatvfs64(fd, fs);
}

WRAP(DIR *, fdopendir, int fd)
{
	return fails("fdopendir") ? NULL : __real_fdopendir(fd);
}

WRAP(struct dirent *, readdir64, DIR *dir)
{
	return fails("readdir") ? NULL : __real_readdir64(dir);
}

WRAP(ssize_t, readlink, const char *path, char *to, size_t size)
{
	return fails("readlink") ? -1 : __real_readlink(path, to, size);
}

WRAP(char *, realpath, const char *path, char *to)
{
	return fails("realpath") ? NULL : __real_realpath(path, to);
}

WRAP(char *, __realpath_chk, const char *path, char *to, size_t size)
{
	return fails("realpath") ? NULL : __real___realpath_chk(path, to, size);
}

WRAP(ssize_t, read, int fd, void *to, size_t size)
{
	if (fails("read"))
		return -1;
	return __real_read(fd, to, is_short("read", size) ? 1 : size);
}

WRAP(ssize_t, __read_chk, int fd, void *to, size_t size, size_t room)
{
	if (fails("read"))
		return -1;
	return __real___read_chk(fd, to, is_short("read", size) ? 1 : size, room);
}

WRAP(ssize_t, __pread64_chk, int fd, void *to, size_t size, off_t offset, size_t room)
{
	if (fails("pread"))
		return -1;
	return __real___pread64_chk(fd, to, is_short("pread", size) ? 1 : size, offset, room);
}

WRAP(ssize_t, __readlink_chk, const char *path, char *to, size_t size, size_t room)
{
	return fails("readlink") ? -1 : __real___readlink_chk(path, to, size, room);
}

WRAP(ssize_t, pread64, int fd, void *to, size_t size, off_t offset)
{
	if (fails("pread"))
		return -1;
	return __real_pread64(fd, to, is_short("pread", size) ? 1 : size, offset);
}

WRAP(ssize_t, preadv64v2, int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	struct iovec first = parts[0];

	if (fails("preadv2"))
		return -1;
	if (count == 1 && is_short("preadv2", first.iov_len)) {
		first.iov_len = 1;
		return __real_preadv64v2(fd, &first, 1, offset, flags);
	}
	return __real_preadv64v2(fd, parts, count, offset, flags);
}

WRAP(ssize_t, write, int fd, const void *from, size_t size)
{
	if (fails("write"))
		return -1;
	return __real_write(fd, from, is_short("write", size) ? 1 : size);
}

WRAP(ssize_t, pwrite64, int fd, const void *from, size_t size, off_t offset)
{
	if (fails("pwrite"))
		return -1;
	return __real_pwrite64(fd, from, is_short("pwrite", size) ? 1 : size, offset);
}

WRAP(off_t, lseek64, int fd, off_t offset, int whence)
{
	return fails("lseek") ? -1 : __real_lseek64(fd, offset, whence);
}

WRAP(int, ftruncate64, int fd, off_t size)
{
	return fails("ftruncate") ? -1 : __real_ftruncate64(fd, size);
}

WRAP(int, fallocate64, int fd, int mode, off_t offset, off_t size)
{
	return fails("fallocate") ? -1 : __real_fallocate64(fd, mode, offset, size);
}

WRAP(void *, mmap64, void *at, size_t size, int rights, int flags, int fd, off_t offset)
{
	return fails("mmap") ? MAP_FAILED : __real_mmap64(at, size, rights, flags, fd, offset);
}

WRAP(int, memfd_create, const char *name, unsigned flags)
{
	return fails("memfd_create") ? -1 : __real_memfd_create(name, flags);
}

WRAP(int, flock, int fd, int operation)
{
	return fails("flock") ? -1 : __real_flock(fd, operation);
}

WRAP(int, fchmod, int fd, mode_t mode)
{
	return fails("fchmod") ? -1 : __real_fchmod(fd, mode);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
	return fails("mkdir") ? -1 : __real_mkdir(path, mode);
}

WRAP(int, mkdirat, int folder, const char *path, mode_t mode)
{
	return fails("mkdirat") ? -1 : __real_mkdirat(folder, path, mode);
}

WRAP(int, access, const char *path, int mode)
{
	return fails("access") ? -1 : __real_access(path, mode);
}

WRAP(int, faccessat, int folder, const char *path, int mode, int flags)
{
	return fails("faccessat") ? -1 : __real_faccessat(folder, path, mode, flags);
}

WRAP(int, rename, const char *from, const char *to)
{
	return fails("rename") ? -1 : __real_rename(from, to);
}

WRAP(int, renameat, int from_fd, const char *from, int to_fd, const char *to)
{
	return fails("renameat") ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

WRAP(int, unlink, const char *path)
{
	return fails("unlink") ? -1 : __real_unlink(path);
}

WRAP(int, unlinkat, int folder, const char *path, int flags)
{
	return fails("unlinkat") ? -1 : __real_unlinkat(folder, path, flags);
}

WRAP(ssize_t, getrandom, void *to, size_t size, unsigned flags)
{
	return fails("getrandom") ? -1 : __real_getrandom(to, size, flags);
}

WRAP(int, eventfd, unsigned value, int flags)
{
	return fails("eventfd") ? -1 : __real_eventfd(value, flags);
}
