/*
 * What a process gives up for good, before it touches what strangers made. A worker:
 * files, network, other programs, rights, core dumps, and memory beyond a bound. The
 * daemon: rights it does not need, other programs, network, and writing anywhere but to
 * its own folders.
 *
 * Two of the means are not in every build and kernel: system calls are filtered with
 * libseccomp (fs/filter.h), files are taken away by Landlock (Linux 5.13). What there is
 * not is left out, and fs_confine_describe() does not name it.
 *
 * Thread rule: processes with one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CONFINE_H
#define FS_CONFINE_H

#include "dicom/buf.h"
#include "fs/filter.h"

/* Confines a worker: no rights, no files, no core, memory bytes more of address space
 * than now (0: no bound), and filter, if there is one. forbidden: fs_filter_install(). */
bool fs_confine(const struct fs_filter *filter, uint64_t memory,
		void (*forbidden)(int, siginfo_t *, void *), struct err *err) MUST_CHECK;

/* Rights of root (capabilities(7)). */
#define FS_RIGHT_ADMIN 1u /* CAP_SYS_ADMIN: mounts, passthrough */
#define FS_RIGHT_READ 2u  /* CAP_DAC_READ_SEARCH: files that others may not read */
#define FS_RIGHT_LEASE 4u /* CAP_LEASE: whether somebody writes to a file of others */
/* Keeps these at most, of those it has: a process that is not root's has none. */
bool fs_give_up_rights(unsigned kept, struct err *err) MUST_CHECK;

/* Confines the daemon, once it is mounted: no other program, no network, nothing is
 * written but in these folders, which are there; rights as by fs_give_up_rights(). */
bool fs_confine_daemon(unsigned kept, const char *const *folders, size_t count,
		       struct err *err) MUST_CHECK;
/* Memory of its own that this process has, in bytes; 0 once it is confined. */
uint64_t fs_own_memory(void);
/* From now on it has at most so much, 0: what it was confined to. Can be undone:
 * against mistakes, not against who has taken over. */
void fs_confine_task(uint64_t memory);

/* No core of this process, and no look into its memory by other programs of the same
 * user: it holds patients' data. */
void fs_keep_private(void);

/* By what means this is done here, for people: "seccomp, Landlock 3, limits". */
void fs_confine_describe(struct buf *out);

#endif
