/*
 * main() of a fuzz target without libFuzzer.
 *
 *   fuzz-X [--damage N] [--limit BYTES] FILE-OR-FOLDER...
 *
 * Runs every file (up to --limit bytes), and N damaged copies of each: bits
 * turned, bytes replaced, lengths blown up, pieces cut out. The damage is the
 * same each time, so that a failure can be repeated.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "dicom/number.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
	uint64_t copies;
	uint64_t limit;
};

/* nftw has no context argument. */
static struct settings settings = {.copies = 0, .limit = 256 * 1024};
static uint64_t runs;

/* SplitMix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Changes the copy in a few places; returns its new size. Headers are small:
 * half of the damage is done in the first kilobytes. */
static size_t damage(uint8_t *data, size_t size, uint64_t *state)
{
	uint64_t times = 1 + next_random(state) % 8;

	for (; times > 0 && size > 8; times--) {
		size_t reach = next_random(state) % 2 == 0 ? MIN_OF(size, (size_t)4096) : size;
		size_t at = (size_t)(next_random(state) % (reach - 4));
		size_t piece = (size_t)(next_random(state) % 64);

		switch (next_random(state) % 6) {
		case 0:
			data[at] ^= (uint8_t)(1u << (next_random(state) % 8));
			break;
		case 1:
			data[at] = (uint8_t)next_random(state);
			break;
		case 2: /* a length without end */
			memset(data + at, 0xff, 4);
			break;
		case 3:
			memset(data + at, 0, 4);
			break;
		case 4:
			piece = MIN_OF(piece, size - at);
			memmove(data + at, data + at + piece, size - at - piece);
			size -= piece;
			break;
		default:
			if (next_random(state) % 8 == 0)
				size = at + 1;
			break;
		}
	}
	return size;
}

static void run_once(const uint8_t *data, size_t size)
{
	(void)LLVMFuzzerTestOneInput(data, size);
	runs++;
}

static void run_file(const char *path, const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *copy = malloc(size > 0 ? size : 1);
	uint64_t state = size;

	if (copy == NULL)
		abort();
	run_once(data, size);
	for (uint64_t i = 0; i < settings.copies; i++) {
		uint64_t seed = state;

		memcpy(copy, data, size);
		if (getenv("FUZZ_TRACE") != NULL)
			fprintf(stderr, "%s: copy %zu, seed %zx\n", path, (size_t)i, (size_t)seed);
		run_once(copy, damage(copy, size, &state));
	}
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
	CLEANUP_FD int fd = -1;
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size = (size_t)status->st_size;

	(void)where;
	if (type != FTW_F || !S_ISREG(status->st_mode) || (uint64_t)size > settings.limit)
		return 0;
	data = malloc(size > 0 ? size : 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (data == NULL || fd < 0 || read(fd, data, size) != (ssize_t)size) {
		perror(path);
		return 1;
	}
	run_file(path, data, size);
	return 0;
}

int main(int argc, char *argv[])
{
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		uint64_t *to = strcmp(argv[i], "--damage") == 0	 ? &settings.copies
			       : strcmp(argv[i], "--limit") == 0 ? &settings.limit
								 : NULL;

		if (to == NULL || !dc_number_size(argv[i + 1], to))
			break;
	}
	if (i >= argc || argv[i][0] == '-') {
		fprintf(stderr, "usage: %s [--damage N] [--limit BYTES] FILE-OR-FOLDER...\n",
			argv[0]);
		return 2;
	}
	for (; i < argc; i++)
		if (nftw(argv[i], visit, 16, FTW_PHYS) != 0)
			return 1;
	printf("%zu runs\n", (size_t)runs);
	return 0;
}
