/* SPDX-License-Identifier: MIT */
#include "fs/message.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct ends {
	int here, there;
};

static struct ends open_ends(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	return (struct ends){fds[0], fds[1]};
}

static void close_ends(struct ends *ends)
{
	base_close_fd(&ends->here);
	base_close_fd(&ends->there);
}

/* The number that the next descriptor gets: of one that is left open it is another. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	(void)close(fd);
	return fd;
}

static void must_send(int fd, const char *text, const int *fds)
{
	struct iovec parts[] = {fs_message_part("<", 1), fs_message_part(text, strlen(text))};

	assert_true(fs_message_send(fd, parts, ARRAY_LEN(parts), fds, 0));
}

static void test_parts_come_as_one(void **state)
{
	struct ends ends = open_ends();
	char first[3] = "", rest[32] = "";
	struct iovec parts[] = {{.iov_base = first, .iov_len = 2},
				{.iov_base = rest, .iov_len = sizeof(rest)}};
	int fds[FS_MESSAGE_FDS] = {7, 7};

	(void)state;
	must_send(ends.here, "abc", NULL);
	must_send(ends.here, "", (const int[]){-1, -1});
	assert_int_equal(fs_message_receive(ends.there, parts, ARRAY_LEN(parts), fds), 4);
	assert_string_equal(first, "<a");
	assert_memory_equal(rest, "bc", 2);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
	assert_int_equal(fs_message_receive(ends.there, parts, ARRAY_LEN(parts), NULL), 1);
	base_close_fd(&ends.here);
	assert_int_equal(fs_message_receive(ends.there, parts, ARRAY_LEN(parts), fds), 0);
	close_ends(&ends);
}

/* They are other descriptors of the same files, and close themselves at exec(). */
static void test_descriptors_come_along(void **state)
{
	struct ends ends = open_ends();
	int pipe_fds[2], fds[FS_MESSAGE_FDS];
	char text[8] = "";
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	must_send(ends.here, "1", (const int[]){pipe_fds[0], -1});
	must_send(ends.here, "2", pipe_fds);
	assert_int_equal(fs_message_receive(ends.there, &part, 1, fds), 2);
	assert_true(fds[0] >= 0 && fds[0] != pipe_fds[0]);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fds[1], -1);
	base_close_fd(&fds[0]);
	assert_int_equal(fs_message_receive(ends.there, &part, 1, fds), 2);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], text, 1), 1);
	assert_int_equal(text[0], 'x');
	for (size_t i = 0; i < FS_MESSAGE_FDS; i++) {
		base_close_fd(&fds[i]);
		base_close_fd(&pipe_fds[i]);
	}
	close_ends(&ends);
}

/* Of what is refused no descriptor stays. */
static void test_too_much_is_refused(void **state)
{
	struct ends ends = open_ends();
	int free_fd = next_fd(), fds[FS_MESSAGE_FDS] = {7, 7};
	char text[4];
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};

	(void)state;
	must_send(ends.here, "longer", (const int[]){ends.here, ends.there});
	assert_int_equal(fs_message_receive(ends.there, &part, 1, fds), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
	assert_int_equal(next_fd(), free_fd);
	/* Nobody is there to take it. */
	must_send(ends.here, "1", (const int[]){ends.here, -1});
	assert_int_equal(fs_message_receive(ends.there, &part, 1, NULL), -1);
	assert_int_equal(next_fd(), free_fd);
	close_ends(&ends);
}

static void test_three_descriptors_are_refused(void **state)
{
	struct ends ends = open_ends();
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = {.bytes = {0}};
	const int sent[] = {ends.here, ends.here, ends.here};
	int free_fd = next_fd(), fds[FS_MESSAGE_FDS];
	char text[] = "x";
	struct iovec part = {.iov_base = text, .iov_len = 1};
	struct msghdr to = {.msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&to);

	(void)state;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(sent));
	memcpy(CMSG_DATA(header), sent, sizeof(sent));
	assert_int_equal(sendmsg(ends.here, &to, 0), 1);
	assert_int_equal(fs_message_receive(ends.there, &part, 1, fds), -1);
	assert_int_equal(fds[0], -1);
	assert_int_equal(next_fd(), free_fd);
	close_ends(&ends);
}

static void test_nobody_listens(void **state)
{
	struct ends ends = open_ends();
	struct iovec part = fs_message_part("x", 1);

	(void)state;
	base_close_fd(&ends.there);
	assert_false(fs_message_send(ends.here, &part, 1, NULL, 0));
	assert_int_equal(errno, EPIPE);
	close_ends(&ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_come_as_one),
		cmocka_unit_test(test_descriptors_come_along),
		cmocka_unit_test(test_too_much_is_refused),
		cmocka_unit_test(test_three_descriptors_are_refused),
		cmocka_unit_test(test_nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
