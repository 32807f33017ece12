/*
 * How fast the bytes of one file can be read.
 *
 *   io-rate sequential FILE        from start to end, 1 MiB at a time; prints MB/s
 *   io-rate random FILE COUNT      4 kB at places that are random and always the
 *                                  same; prints reads per second
 *   io-rate once FILE              open, read all, close; prints milliseconds
 *   io-rate touch BYTES            makes so much memory known to the machine below a
 *                                  virtual one, whose first use would be measured else
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/base.h"
#include "dicom/number.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)
#define PAGE ((size_t)4096)

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool read_all(const char *path, char *chunk, double *bytes)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	*bytes = 0;
	if (fd < 0)
		return false;
	while ((got = read(fd, chunk, CHUNK)) > 0)
		*bytes += (double)got;
	return got == 0;
}

static bool read_random(const char *path, char *chunk, uint64_t count)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t state = 1, pages;
	double start = seconds();
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || (uint64_t)st.st_size < PAGE)
		return false;
	pages = (uint64_t)st.st_size / PAGE;
	for (uint64_t i = 0; i < count; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if (pread(fd, chunk, PAGE, (off_t)((state >> 33) % pages * PAGE)) != (ssize_t)PAGE)
			return false;
	}
	printf("%.1f\n", (double)count / (seconds() - start));
	return true;
}

static bool touch(uint64_t bytes)
{
	char *memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	for (uint64_t at = 0; at < bytes; at += PAGE)
		*(volatile char *)(memory + at) = 1;
	return munmap(memory, (size_t)bytes) == 0;
}

int main(int argc, char *argv[])
{
	static char chunk[CHUNK];
	const char *what = argc > 2 ? argv[1] : "";
	double bytes, start = seconds();
	uint64_t number = 0;
	bool ok;

	if (argc == 3 && (strcmp(what, "sequential") == 0 || strcmp(what, "once") == 0)) {
		ok = read_all(argv[2], chunk, &bytes);
		if (ok && what[0] == 's')
			printf("%.1f\n", bytes / 1e6 / (seconds() - start));
		else if (ok)
			printf("%.4f\n", (seconds() - start) * 1e3);
	} else if (argc == 4 && strcmp(what, "random") == 0 &&
		   dc_number_unsigned(argv[3], &number)) {
		ok = read_random(argv[2], chunk, number);
	} else if (argc == 3 && strcmp(what, "touch") == 0 && dc_number_size(argv[2], &number)) {
		ok = touch(number);
	} else {
		fprintf(stderr, "usage: io-rate sequential|random|once FILE [COUNT]\n"
				"       io-rate touch BYTES\n");
		return 2;
	}
	if (!ok)
		fprintf(stderr, "io-rate: %s cannot be read\n", argv[2]);
	return ok ? 0 : 1;
}
