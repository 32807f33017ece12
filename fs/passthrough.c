/* SPDX-License-Identifier: MIT */
#include "fs/passthrough.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/core.h"

#define NATIVE (FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17))

/* The kernel's words, which older headers lack. */
#define WIRE_INIT_EXT (UINT32_C(1) << 30)    /* flags: flags2 counts */
#define WIRE_PASSTHROUGH (UINT32_C(1) << 5)  /* flags2 */
#define WIRE_OPEN_NOFLUSH (UINT32_C(1) << 5) /* open_flags */
#define WIRE_OPEN_PASSTHROUGH (UINT32_C(1) << 7)

struct wire_init_out {
	uint32_t major, minor, max_readahead, flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write, time_gran;
	uint16_t max_pages, map_alignment;
	uint32_t flags2, max_stack_depth;
	uint32_t unused[6];
};

struct wire_open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};

struct wire_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define WIRE_BACKING_OPEN _IOW(229, 1, struct wire_backing_map)
#define WIRE_BACKING_CLOSE _IOW(229, 2, uint32_t)

/* Chains stay short for any number of files that a process opens. */
#define BUCKETS 1024u

struct fs_backing {
	uint64_t nodeid;
	int32_t id;          /* 0: not passed through */
	unsigned references; /* under the lock */
	struct fs_backing *next;
};

struct fs_passthrough {
	struct fuse_session *fuse; /* NULL: not attached */
	atomic_bool agreed;
	atomic_bool denied;   /* for good */
	uint64_t init_unique; /* of an INIT request that offers passthrough; 0: none yet */
	pthread_mutex_t lock;
	size_t count;
	struct fs_backing *buckets[BUCKETS];
};

bool fs_passthrough_open(struct fs_passthrough **out, struct err *err)
{
	struct fs_passthrough *passthrough = calloc(1, sizeof(*passthrough));

	if (passthrough == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	atomic_init(&passthrough->agreed, false);
	atomic_init(&passthrough->denied, false);
	pthread_mutex_init(&passthrough->lock, NULL);
	*out = passthrough;
	return true;
}

void fs_passthrough_close(struct fs_passthrough *passthrough)
{
	if (passthrough == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (passthrough->buckets[i] != NULL) {
			struct fs_backing *next = passthrough->buckets[i]->next;

			free(passthrough->buckets[i]);
			passthrough->buckets[i] = next;
		}
	}
	pthread_mutex_destroy(&passthrough->lock);
	free(passthrough);
}

static long number_at(char *text, char **end)
{
	long number = 0;

	for (*end = text; **end >= '0' && **end <= '9' && number < 100000; (*end)++)
		number = number * 10 + (**end - '0');
	return number;
}

bool fs_passthrough_is_known(void)
{
	struct utsname system;
	char *minor;
	long major;

	if (uname(&system) != 0)
		return true;
	major = number_at(system.release, &minor);
	return major > 6 || (major == 6 && *minor == '.' && number_at(minor + 1, &minor) >= 9);
}

bool fs_passthrough_agreed(const struct fs_passthrough *passthrough)
{
	return atomic_load_explicit(&passthrough->agreed, memory_order_relaxed);
}

bool fs_passthrough_allowed(const struct fs_passthrough *passthrough)
{
	return fs_passthrough_agreed(passthrough) &&
	       !atomic_load_explicit(&passthrough->denied, memory_order_relaxed);
}

/* ---- Agreeing upon it ----------------------------------------------------- */

#if NATIVE

bool fs_passthrough_attach(struct fs_passthrough *passthrough, struct fuse_session *fuse,
			   struct err *err UNUSED)
{
	passthrough->fuse = fuse;
	return true;
}

void fs_passthrough_init(struct fs_passthrough *passthrough, struct fuse_conn_info *conn)
{
	if (passthrough->fuse == NULL || (conn->capable & FUSE_CAP_PASSTHROUGH) == 0)
		return;
	conn->want |= FUSE_CAP_PASSTHROUGH;
	/* Backing files that are no stacks themselves. */
	conn->max_backing_stack_depth = 0;
	atomic_store(&passthrough->agreed, true);
}

#else

/* libfuse hands its user data on: the session. */
static struct fs_passthrough *passthrough_of(const struct fs_session *session)
{
	return session->passthrough;
}

static void look_for_init(struct fs_passthrough *passthrough, const void *data, size_t size)
{
	struct fuse_in_header header;
	struct {
		uint32_t major, minor, max_readahead, flags, flags2;
	} init;

	if (size < sizeof(header) + sizeof(init))
		return;
	memcpy(&header, data, sizeof(header));
	if (header.opcode != FUSE_INIT)
		return;
	memcpy(&init, (const uint8_t *)data + sizeof(header), sizeof(init));
	if ((init.flags & WIRE_INIT_EXT) != 0 && (init.flags2 & WIRE_PASSTHROUGH) != 0)
		passthrough->init_unique = header.unique;
}

static ssize_t wire_read(int fd, void *data, size_t size, void *userdata)
{
	struct fs_session *session = userdata;
	ssize_t got = read(fd, data, size);

	/* One thread alone serves until INIT is answered, see fs/dispatch.h. */
	if (got > 0 && !atomic_load_explicit(&session->initialised, memory_order_relaxed))
		look_for_init(session->passthrough, data, (size_t)got);
	return got;
}

/* The reply to INIT, with our wish put in. */
static ssize_t write_init(struct fs_passthrough *passthrough, int fd, const struct iovec *parts)
{
	struct wire_init_out init;
	struct iovec with_wish[] = {parts[0], {.iov_base = &init, .iov_len = sizeof(init)}};
	ssize_t put;

	memcpy(&init, parts[1].iov_base, sizeof(init));
	init.flags |= WIRE_INIT_EXT;
	init.flags2 |= WIRE_PASSTHROUGH;
	init.max_stack_depth = 1;
	put = writev(fd, with_wish, ARRAY_LEN(with_wish));
	passthrough->init_unique = 0;
	if (put >= 0)
		atomic_store(&passthrough->agreed, true);
	return put;
}

static ssize_t wire_writev(int fd, struct iovec *parts, int count, void *userdata)
{
	struct fs_passthrough *passthrough = passthrough_of(userdata);
	struct fuse_out_header header;

	if (passthrough->init_unique != 0 && count == 2 && parts[0].iov_len == sizeof(header) &&
	    parts[1].iov_len == sizeof(struct wire_init_out)) {
		memcpy(&header, parts[0].iov_base, sizeof(header));
		if (header.unique == passthrough->init_unique && header.error == 0)
			return write_init(passthrough, fd, parts);
	}
	return writev(fd, parts, count);
}

bool fs_passthrough_attach(struct fs_passthrough *passthrough, struct fuse_session *fuse,
			   struct err *err)
{
	static const struct fuse_custom_io io = {.writev = wire_writev, .read = wire_read};
	int sys;

	passthrough->fuse = fuse;
	sys = fuse_session_custom_io(fuse, &io, fuse_session_fd(fuse));
	return sys == 0 || err_set_sys(err, -sys, "libfuse");
}

void fs_passthrough_init(struct fs_passthrough *passthrough UNUSED,
			 struct fuse_conn_info *conn UNUSED)
{
}

#endif

/* ---- Backings --------------------------------------------------------------- */

static struct fs_backing **find_slot(struct fs_passthrough *passthrough, uint64_t nodeid)
{
	uint64_t hash = nodeid * UINT64_C(0x9e3779b97f4a7c15);
	struct fs_backing **slot = &passthrough->buckets[(hash >> 32) % BUCKETS];

	while (*slot != NULL && (*slot)->nodeid != nodeid)
		slot = &(*slot)->next;
	return slot;
}

/* 0: this file, or none at all, is passed through. */
static int32_t register_file(struct fs_passthrough *passthrough, int fd)
{
	struct wire_backing_map map = {.fd = fd};
	int id;

	if (fd < 0 || !fs_passthrough_allowed(passthrough))
		return 0;
	id = ioctl(fuse_session_fd(passthrough->fuse), WIRE_BACKING_OPEN, &map);
	if (id > 0)
		return id;
	log_trace(LOG_FUSE, "passthrough: %s", strerror(errno));
	/* The right to it will not come back; a file on an overlay (ELOOP) or on a CD
	 * (EOPNOTSUPP, of older kernels) says nothing about the next. */
	if (errno == EPERM || errno == ENOTTY)
		atomic_store(&passthrough->denied, true);
	return 0;
}

struct fs_backing *fs_backing_take(struct fs_passthrough *passthrough, uint64_t nodeid, int fd)
{
	struct fs_backing **slot, *backing;

	pthread_mutex_lock(&passthrough->lock);
	slot = find_slot(passthrough, nodeid);
	backing = *slot;
	if (backing == NULL && (backing = calloc(1, sizeof(*backing))) != NULL) {
		backing->nodeid = nodeid;
		/* Reads nothing and waits for nothing. */
		backing->id = register_file(passthrough, fd);
		*slot = backing;
		passthrough->count++;
	}
	if (backing != NULL)
		backing->references++;
	pthread_mutex_unlock(&passthrough->lock);
	return backing;
}

int32_t fs_backing_id(const struct fs_backing *backing)
{
	return backing->id;
}

void fs_backing_put(struct fs_passthrough *passthrough, struct fs_backing *backing)
{
	struct fs_backing **slot;
	uint32_t id;

	if (backing == NULL)
		return;
	pthread_mutex_lock(&passthrough->lock);
	if (--backing->references > 0) {
		pthread_mutex_unlock(&passthrough->lock);
		return;
	}
	slot = find_slot(passthrough, backing->nodeid);
	*slot = backing->next;
	passthrough->count--;
	pthread_mutex_unlock(&passthrough->lock);
	id = (uint32_t)backing->id;
	/* May close the file, and that may wait: not under the lock. */
	if (id != 0 && ioctl(fuse_session_fd(passthrough->fuse), WIRE_BACKING_CLOSE, &id) != 0)
		log_trace(LOG_FUSE, "passthrough: close: %s", strerror(errno));
	free(backing);
}

size_t fs_backing_count(struct fs_passthrough *passthrough)
{
	size_t count;

	pthread_mutex_lock(&passthrough->lock);
	count = passthrough->count;
	pthread_mutex_unlock(&passthrough->lock);
	return count;
}

int fs_passthrough_reply(fuse_req_t req, struct fuse_file_info *fi,
			 const struct fs_backing *backing)
{
#if NATIVE
	if (backing != NULL && backing->id != 0) {
		fi->backing_id = backing->id;
		fi->keep_cache = 0;
	}
#else
	if (backing != NULL && backing->id != 0) {
		const struct wire_open_out out = {
			.fh = fi->fh,
			.open_flags = WIRE_OPEN_PASSTHROUGH | (fi->noflush ? WIRE_OPEN_NOFLUSH : 0),
			.backing_id = backing->id,
		};

		return fuse_reply_buf(req, (const char *)&out, sizeof(out));
	}
#endif
	return fuse_reply_open(req, fi);
}
