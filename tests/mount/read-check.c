/*
 * read-check [-s SEED] [-n COUNT] [-j PROCESSES] FILE REFERENCE: reads FILE in
 * every way that there is, at random places and COUNT times, and compares with
 * the bytes of REFERENCE, a copy of it elsewhere. Prints how often each way was
 * taken; exit 1 when a byte or a length is wrong, with the seed that shows it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/mount/read-check.h"

#include <sys/wait.h>

/* ---- What is used by all ways ------------------------------------------ */

uint64_t read_random(struct read_check *check)
{
	uint64_t z = check->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

size_t read_below(struct read_check *check, size_t limit)
{
	return limit > 0 ? (size_t)(read_random(check) % limit) : 0;
}

/* Where things go wrong: at the end, and at edges of pages and of requests. */
size_t read_place(struct read_check *check)
{
	static const size_t edges[] = {512, READ_PAGE, 128 * 1024, 1024 * 1024};
	size_t edge = edges[read_below(check, READ_LEN(edges))];
	size_t near = read_below(check, 5);

	switch (read_below(check, 6)) {
	case 0:
		return read_below(check, check->size / edge + 2) * edge + near;
	case 1:
		return read_below(check, check->size / edge + 2) * edge + edge - near;
	case 2:
		return check->size > 200 ? check->size - read_below(check, 200) : 0;
	case 3:
		return check->size + read_below(check, 2 * READ_PAGE);
	default:
		return read_below(check, check->size);
	}
}

size_t read_length(struct read_check *check)
{
	switch (read_below(check, 8)) {
	case 0:
		return read_below(check, 16);
	case 1:
		return READ_PAGE << read_below(check, 5);
	case 2:
		return 1 + read_below(check, READ_MOST);
	default:
		return 1 + read_below(check, 5 * READ_PAGE);
	}
}

size_t read_available(const struct read_check *check, size_t at, size_t size)
{
	size_t left = at < check->size ? check->size - at : 0;

	return size < left ? size : left;
}

bool read_wrong(struct read_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%s: ", check->way);
	vprintf(format, args);
	printf(" (size %zu, seed %llu, round %lu)\n", check->size, (unsigned long long)check->seed,
	       check->round);
	va_end(args);
	return false;
}

bool read_same(struct read_check *check, const uint8_t *bytes, size_t at, size_t size)
{
	if (memcmp(bytes, check->reference + at, size) == 0)
		return true;
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != check->reference[at + i])
			return read_wrong(check, "byte %zu of %zu at %zu is %#x and not %#x", i,
					  size, at, bytes[i], check->reference[at + i]);
	}
	return false;
}

bool read_expect(struct read_check *check, ssize_t got, size_t at, size_t size)
{
	size_t expected = read_available(check, at, size);

	if (got < 0)
		return read_wrong(check, "%zu at %zu: %s", size, at, strerror(errno));
	if ((size_t)got != expected)
		return read_wrong(check, "%zu at %zu: %zd bytes and not %zu", size, at, got,
				  expected);
	return read_same(check, check->buffer, at, expected);
}

const struct read_file *read_any_file(struct read_check *check)
{
	return &check->files[read_below(check, READ_FILES)];
}

/* ---- Files ------------------------------------------------------------- */

/* Some past the page cache, where that is possible. */
bool read_reopen(struct read_check *check, size_t number)
{
	struct read_file *file = &check->files[number];

	if (file->fd >= 0)
		close(file->fd);
	file->direct = number % 3 == 1;
	file->fd = open(check->path, O_RDONLY | O_CLOEXEC | (file->direct ? O_DIRECT : 0));
	if (file->fd < 0 && file->direct && errno == EINVAL) {
		file->direct = false;
		file->fd = open(check->path, O_RDONLY | O_CLOEXEC);
	}
	if (file->fd < 0)
		return read_wrong(check, "open: %s", strerror(errno));
	return true;
}

static bool load_reference(struct read_check *check, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;

	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(path);
		return false;
	}
	check->size = (size_t)st.st_size;
	check->reference = malloc(check->size + 1);
	while (check->reference != NULL && used < check->size) {
		ssize_t got = read(fd, check->reference + used, check->size - used);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(fd);
	return check->reference != NULL && used == check->size;
}

static bool prepare(struct read_check *check)
{
	check->way = "open";
	for (size_t i = 0; i < READ_FILES; i++) {
		if (!read_reopen(check, i))
			return false;
	}
	check->out = memfd_create("read-check", MFD_CLOEXEC);
	if (check->out < 0 || pipe2(check->pipes, O_CLOEXEC | O_NONBLOCK) != 0 ||
	    posix_memalign((void **)&check->buffer, READ_PAGE, READ_MOST + 2 * READ_PAGE) != 0) {
		perror("read-check");
		return false;
	}
	return true;
}

static void clean_up(struct read_check *check)
{
	for (size_t i = 0; i < READ_FILES; i++) {
		if (check->files[i].fd >= 0)
			close(check->files[i].fd);
	}
	if (check->out >= 0)
		close(check->out);
	for (int i = 0; i < 2; i++) {
		if (check->pipes[i] >= 0)
			close(check->pipes[i]);
	}
	free(check->buffer);
}

/* ---- Running ----------------------------------------------------------- */

static bool run(struct read_check *check, unsigned long count)
{
	unsigned long taken[READ_WAYS_MAX] = {0};
	bool ok = prepare(check);
	struct stat st;

	for (check->round = 0; ok && check->round < count; check->round++) {
		size_t way = read_below(check, read_way_count);

		check->way = read_ways[way].name;
		taken[way]++;
		ok = read_ways[way].run(check);
	}
	if (ok && (fstat(check->files[0].fd, &st) != 0 || (size_t)st.st_size != check->size))
		ok = read_wrong(check, "fstat: another size");
	for (size_t i = 0; ok && check->show && i < read_way_count; i++)
		printf("%s %lu%s", read_ways[i].name, taken[i],
		       i + 1 < read_way_count ? ", " : "\n");
	clean_up(check);
	return ok;
}

/* Each with a seed of its own. */
static bool run_processes(struct read_check *check, unsigned long count, unsigned long processes)
{
	bool ok = true;
	int status;

	fflush(stdout);
	for (unsigned long i = 1; i < processes; i++) {
		pid_t child = fork();

		if (child < 0) {
			perror("read-check: fork");
			return false;
		}
		if (child == 0) {
			check->show = false;
			check->state = check->seed += i * 1000003;
			ok = run(check, count);
			fflush(stdout);
			_exit(ok ? 0 : 1);
		}
	}
	ok = run(check, count);
	while (wait(&status) > 0)
		ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return ok;
}

int main(int argc, char **argv)
{
	struct read_check check = {.seed = 1, .show = true, .out = -1, .pipes = {-1, -1}};
	unsigned long count = 1000, processes = 1;
	int option;
	bool ok;

	while ((option = getopt(argc, argv, "s:n:j:")) != -1) {
		unsigned long number = option != '?' ? strtoul(optarg, NULL, 10) : 0;

		if (option == 's')
			check.seed = number;
		else if (option == 'n')
			count = number;
		else if (option == 'j')
			processes = number;
		else
			argc = 0;
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: read-check [-s SEED] [-n COUNT] [-j PROCESSES] "
				"FILE REFERENCE\n");
		return 2;
	}
	for (size_t i = 0; i < READ_FILES; i++)
		check.files[i].fd = -1;
	check.state = check.seed;
	check.path = argv[optind];
	ok = load_reference(&check, argv[optind + 1]) && run_processes(&check, count, processes);
	free(check.reference);
	return ok ? 0 : 1;
}
