/*
 * Fault injection: the Nth call of a class fails, or all from the Nth on. Calls
 * that our own objects make are wrapped by the linker (see fault_wraps in
 * local.mk), so that sanitizers go on seeing everything; SQLite gets an
 * allocator and a VFS of the test's.
 *
 * Nothing fails unless it is armed. Any thread may call; setting up, arming and
 * disarming is one thread's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

#include "dicom/base.h"

enum fault_class {
	FAULT_MEMORY,     /* our allocations, and what libraries make for us */
	FAULT_CALL,       /* system calls, and pthread_create */
	FAULT_SHORT,      /* reads and writes: nothing fails, one byte is moved */
	FAULT_SQL_MEMORY, /* SQLite's allocations */
	FAULT_SQL_FILE,   /* SQLite's calls of its VFS */
};

struct fault {
	enum fault_class class;
	unsigned nth; /* from 1 on */
	bool lasting; /* everything behind it fails, too */
	int code;     /* CALL: errno; SQL_FILE: 0, what suits the method, or SQLITE_FULL,
		       * SQLITE_BUSY where the method may say so */
};

/* Before SQLite is used for the first time. The VFS does not wait for disks. */
void faults_setup(void);

void faults_arm(const struct fault *fault);
/* How often it failed. */
unsigned faults_disarm(void);
/* Calls of the class since it was armed. */
unsigned faults_seen(void);
/* The first call that failed; for messages. */
const char *faults_first(void);

/* What was allocated by our objects and by SQLite, and not freed yet. */
long faults_live(void);
/* Open descriptors. */
unsigned faults_descriptors(void);

/* For the wrappers: whether this call is to fail. */
bool faults_hit(enum fault_class class, const char *name);
int faults_code(void);
void faults_count_live(int change);

/* faults-sql.c */
void faults_setup_sql(void);

#endif
