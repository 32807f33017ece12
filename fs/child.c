/* SPDX-License-Identifier: MIT */
#include "fs/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dicom/number.h"

/* Which number of /proc/self/stat says where the command line begins, counted from
 * the one behind the name in parentheses; its end is the next one. */
#define ARGUMENTS_FIELD 45

void fs_child_arguments(struct fs_arguments *arguments)
{
	CLEANUP_FD int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char text[1024] = "", *at, *word;
	uint64_t begin = 0, end = 0;

	*arguments = (struct fs_arguments){.text = NULL};
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || (at = strrchr(text, ')')) == NULL)
		return;
	at++;
	for (unsigned i = 0; (word = strsep(&at, " ")) != NULL; i++) {
		if ((i == ARGUMENTS_FIELD + 1 && !dc_number_unsigned(word, &begin)) ||
		    (i == ARGUMENTS_FIELD + 2 && !dc_number_unsigned(word, &end)))
			return;
	}
	if (begin == 0 || end <= begin)
		return;
	arguments->text = (char *)(uintptr_t)begin; /* NOLINT: it is what the kernel says */
	arguments->size = (size_t)(end - begin);
}

void fs_child_rename(const struct fs_arguments *arguments, const char *name)
{
	(void)prctl(PR_SET_NAME, name);
	if (arguments->text == NULL)
		return;
	memset(arguments->text, 0, arguments->size);
	memcpy(arguments->text, name, MIN_OF(strlen(name), arguments->size - 1));
}

bool fs_child_settle(int channel_fd, bool quiet)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1};
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	/* Else nobody could be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* Nor are the keys of a terminal. */
	(void)setsid();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (quiet && dup2(null, STDERR_FILENO) < 0) ||
	    (channel_fd != FS_CHILD_CHANNEL && dup3(channel_fd, FS_CHILD_CHANNEL, O_CLOEXEC) < 0) ||
	    close_range(FS_CHILD_CHANNEL + 1, ~0u, 0) != 0)
		return false;
	null = -1;
	return chdir("/") == 0;
}
