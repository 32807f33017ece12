/*
 * Runs a command and tells how much memory of its own it had at most: anonymous
 * pages, and shared ones whether mapped or kept in memory files (memfd).
 *
 *   peak-memory FILE COMMAND [ARGUMENT...]     writes bytes to FILE at the end
 *
 * The command must not go to the background. Its exit status is passed on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/base.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Sum of the named "Key:   123 kB" lines of /proc/PID/status. */
static uint64_t status_bytes(pid_t pid, const char *key)
{
	char path[64], line[256];
	uint64_t bytes = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		for (const char *c = line + strlen(key); *c != '\0' && *c != 'k'; c++)
			if (*c >= '0' && *c <= '9')
				bytes = bytes * 10 + (uint64_t)(*c - '0');
		bytes *= 1024;
	}
	(void)fclose(file);
	return bytes;
}

/* Blocks of the memory files that a process holds open. */
static uint64_t memory_file_bytes(pid_t pid)
{
	char path[64], target[64];
	uint64_t bytes = 0;
	struct dirent *entry;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL) {
		ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target));
		struct stat status;

		if (size < 7 || memcmp(target, "/memfd:", 7) != 0)
			continue;
		if (fstatat(dirfd(folder), entry->d_name, &status, 0) == 0)
			bytes += (uint64_t)status.st_blocks * 512;
	}
	(void)closedir(folder);
	return bytes;
}

static uint64_t memory_now(pid_t pid)
{
	uint64_t mapped = status_bytes(pid, "RssShmem:");
	uint64_t files = memory_file_bytes(pid);

	return status_bytes(pid, "RssAnon:") + MAX_OF(mapped, files);
}

static uint64_t watch(pid_t pid, int *status)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	uint64_t peak = 0;

	while (waitpid(pid, status, WNOHANG) == 0) {
		uint64_t now = memory_now(pid);

		peak = MAX_OF(peak, now);
		(void)nanosleep(&pause, NULL);
	}
	return peak;
}

int main(int argc, char *argv[])
{
	int status = 0;
	uint64_t peak;
	FILE *out;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: peak-memory FILE COMMAND [ARGUMENT...]\n");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0) {
		perror("fork");
		return 1;
	}
	(void)signal(SIGINT, SIG_IGN);
	peak = watch(pid, &status);
	out = fopen(argv[1], "we");
	if (out == NULL || fprintf(out, "%" PRIu64 "\n", peak) < 0 || fclose(out) != 0) {
		perror(argv[1]);
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
