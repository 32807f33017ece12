/*
 * The index: what the store holds, as a tree of folders with stable names and
 * inode numbers, in SQLite. Knows neither rendering nor FUSE: kinds are bits
 * that a callback gives, and node numbers are row keys.
 *
 * Row keys ("id") of nodes and instances are numbers of one series, never
 * reused, not even by a rebuilt index of the same file name: it starts above
 * every id handed out before. A file beside the index (PATH-ids) remembers that
 * number, in blocks, for the case that the index is lost or damaged.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include <stdatomic.h>

#include "dicom/facts.h"

/* ---- Opening ---------------------------------------------------------- */

struct ix_index;

struct ix_options {
	const char *path;     /* of the index file; its folder is made (0700) if missing */
	const char *store;    /* real path of the store, recorded and compared */
	const char *variant;  /* options that change names, sizes or bytes, as text; recorded
			       * and compared; "" for the defaults */
	bool rebuild;         /* start empty (ids go on above the old ones) */
	bool must_write;      /* ERR_IO when another process holds the write lock;
			       * else such an index opens as a follower (read-only) */
	bool look;            /* to look only: nothing is locked, made, moved or written */
	uint32_t frame_kinds; /* bits of kinds that are a folder per multi-frame instance */
};

/* Opens or creates. A damaged or outdated index is moved aside (path + ".bad")
 * and started anew, with a warning in the log; one from a NEWER version of
 * dicomfs, of another store or of another variant is ERR_USAGE saying so; no
 * write permission, disk full, network file system: ERR_IO with the reason.
 *
 * To look: a follower, whether somebody writes or not. ERR_NOTFOUND when there
 * is no index yet, ERR_CORRUPT when it is damaged or outdated. */
bool ix_open(struct ix_index **index, const struct ix_options *options, struct err *err) MUST_CHECK;
void ix_close(struct ix_index *index);

/* False: another process writes this index and we follow it. */
bool ix_is_writer(const struct ix_index *index);
/* Whether a process holds the write lock of the index of that path. */
bool ix_is_written(const char *path);
/* Random per created index; the FUSE generation number. */
uint64_t ix_epoch(const struct ix_index *index);

/* The default place: $XDG_CACHE_HOME/dicomfs/, ~/.cache/dicomfs/ or, for root,
 * /var/cache/dicomfs/, and in it <name of store>-<hash of real path and
 * variant>.sqlite. */
bool ix_default_path(const char *store, const char *variant, struct buf *path,
		     struct err *err) MUST_CHECK;

/* ---- The tree --------------------------------------------------------- */

/* Fixed nodes; ids of all others are IX_FIRST_ID and above. */
enum {
	IX_ROOT = 1,
	IX_PATIENTS = 2,
	IX_DATES = 3,
	IX_ACCESSIONS = 4,
	IX_MODALITIES = 5,
	IX_UIDS = 6,
	IX_STATUS = 7, /* .dicomfs; its content is not the index's */
	IX_FIRST_ID = 64,
};
#define IX_MAX_ID ((int64_t)UINT32_MAX - 1)

enum ix_node_type {
	IX_NODE_FOLDER, /* root, views, view folders, patients, studies */
	IX_NODE_SERIES, /* a folder with a folder per kind, see struct ix_instance */
	IX_NODE_LINK,   /* a relative symlink */
};

#define IX_NAME_MAX 255
#define IX_TARGET_MAX 1023

struct ix_node {
	int64_t id;
	int64_t parent; /* IX_ROOT's parent is IX_ROOT */
	uint8_t type;   /* enum ix_node_type */
	char name[IX_NAME_MAX + 1];
	uint64_t ino; /* st_ino: survives rebuilds; 63 bits, never 0 or 1 (root is 1) */
	int64_t mtime_ns, ctime_ns; /* newest of the content */
	uint32_t subfolders;        /* st_nlink - 2 */
	/* Series only: */
	uint32_t kinds;      /* OR over its instances */
	uint32_t multiframe; /* instances with frames > 1 that have a frame kind */
	uint64_t instances;
	/* Links only: */
	char target[IX_TARGET_MAX + 1];
};

#define IX_INSTANCE_NAME_MAX 63

struct ix_instance {
	int64_t id;
	int64_t series;                      /* node id */
	char name[IX_INSTANCE_NAME_MAX + 1]; /* "00042~p3x8wa", no suffix */
	uint64_t ident; /* base of st_ino: hash over patient, study, series, SOP UID */
	uint32_t kinds;
	uint32_t measured; /* kinds whose sizes ix_measured_get() has, or will have */
	uint32_t waiting;  /* those of them that it has not yet; not in kinds */
	uint32_t frames; /* 1 if none */
	uint64_t size;   /* of the store file */
	int64_t mtime_ns, ctime_ns;
	uint64_t json_base;
	uint32_t json_names;
	struct dc_image image;
	char sop_class[65], sop_uid[65];
};

/* Where an instance's bytes are now: one of its sources. */
struct ix_source {
	int64_t file;    /* row key of the store file */
	char path[4096]; /* inside the store, no leading slash */
	/* Fingerprint at indexing. */
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns;
};

/* From now on temporary files are made in this folder, and nowhere else: for a process
 * that has one thread, and may write there alone. */
bool ix_use_folder(const char *folder, struct err *err) MUST_CHECK;

/* A reader: one thread at a time; open one per thread. ERR_IO when the index file
 * is not the one that was opened: removed, or made anew behind our back. */
struct ix_reader;
bool ix_reader_open(struct ix_reader **reader, struct ix_index *index, struct err *err) MUST_CHECK;
void ix_reader_close(struct ix_reader *reader);

/* All: ERR_NOTFOUND when there is no such thing, IO for the database. Lookups
 * compare bytes exactly after turning NFD into NFC. */
bool ix_lookup(struct ix_reader *reader, int64_t parent, const char *name, struct ix_node *node,
	       struct err *err) MUST_CHECK;
bool ix_node_get(struct ix_reader *reader, int64_t id, struct ix_node *node,
		 struct err *err) MUST_CHECK;
bool ix_instance_lookup(struct ix_reader *reader, int64_t series, const char *name,
			struct ix_instance *instance, struct err *err) MUST_CHECK;
bool ix_instance_get(struct ix_reader *reader, int64_t id, struct ix_instance *instance,
		     struct err *err) MUST_CHECK;
/* The nth source, 0 is the preferred one. */
bool ix_source_get(struct ix_reader *reader, int64_t instance, unsigned nth,
		   struct ix_source *source, struct err *err) MUST_CHECK;

/* Children in ascending id order after the given id (0: from the start); one
 * range query, streaming; each returns false to stop early (no error). An
 * entry that exists for the whole listing is delivered exactly once, however
 * the tree changes meanwhile. each may use the same reader for anything but
 * another listing of the same sort. */
bool ix_children(struct ix_reader *reader, int64_t parent, int64_t after,
		 bool (*each)(const struct ix_node *node, void *context), void *context,
		 struct err *err) MUST_CHECK;
/* Only instances with (kinds & mask) != 0; sop_class and sop_uid are "". */
bool ix_instances(struct ix_reader *reader, int64_t series, uint32_t mask, int64_t after,
		  bool (*each)(const struct ix_instance *instance, void *context), void *context,
		  struct err *err) MUST_CHECK;

/* ---- Files that have to be made before their size is known --------------- */

/* The instance with the least id above after that waits; ERR_NOTFOUND: none. */
bool ix_waiting_next(struct ix_reader *reader, int64_t after, struct ix_instance *instance,
		     struct err *err) MUST_CHECK;
bool ix_waiting_count(struct ix_reader *reader, uint64_t *count, struct err *err) MUST_CHECK;
/* The size of a file of a measured kind; ERR_NOTFOUND: it cannot be made, or it
 * is not known yet. */
bool ix_measured_get(struct ix_reader *reader, int64_t instance, uint8_t kind, uint32_t frame,
		     uint64_t *size, struct err *err) MUST_CHECK;

/* The facts behind xattrs of an instance, from index rows only: calls back
 * with enum dc_fact and UTF-8 text for each that is kept and not empty. */
bool ix_instance_facts(struct ix_reader *reader, int64_t instance,
		       void (*each)(enum dc_fact fact, const char *text, void *context),
		       void *context, struct err *err) MUST_CHECK;

/* ---- Status ----------------------------------------------------------- */

/* Every file of the store is counted in exactly one of these:
 * files = instances_files + duplicates + skipped + failed + pending. */
struct ix_counts {
	uint64_t files;          /* seen in the store */
	uint64_t instance_files; /* first source of an entry of the tree */
	uint64_t duplicates;     /* further sources with the same bytes */
	uint64_t skipped;        /* no DICOM, DICOMDIR, links, special files */
	uint64_t failed;         /* DICOM or unreadable, and not in the tree */
	uint64_t pending;        /* not looked at yet */
	uint64_t notes;          /* entries of the tree with a problem line of their own */
	uint64_t patients, studies, series, instances;
};
enum ix_scan_state {
	IX_SCAN_NEVER,
	IX_SCAN_RUNNING,
	IX_SCAN_COMPLETE,
	IX_SCAN_STOPPED,
	IX_SCAN_SUSPICIOUS
};
/* How the writing process comes to know of changes of the store. */
enum ix_watching {
	IX_WATCH_NONE,   /* only when it is asked to scan */
	IX_WATCH_EVENTS, /* the kernel tells */
	IX_WATCH_RESCAN, /* the whole store is looked through now and then */
};
struct ix_watch {
	enum ix_watching mode;
	char reason[128];   /* why it is RESCAN where EVENTS were wanted; "" */
	uint64_t folders;   /* watched */
	uint64_t seconds;   /* between two looks at the whole store; 0: none */
};
enum ix_written_by { IX_WRITTEN_BY_US, IX_WRITTEN_BY_ANOTHER, IX_WRITTEN_BY_NOBODY };
struct ix_status {
	enum ix_scan_state state;
	char state_reason[256]; /* for SUSPICIOUS and STOPPED */
	struct ix_counts counts;
	struct ix_watch watch; /* NONE unless a process writes the index */
	uint64_t scan_files;   /* seen by the last complete look at the whole store ... */
	int64_t scan_ns;       /* ... and how long it took */
	int64_t scan_started_ns, scan_ended_ns; /* real time; 0: never */
	int64_t last_change_ns;
	int64_t asked; /* tickets of ix_ask_scan() up to this one: a scan began since */
	enum ix_written_by written_by; /* NOBODY: the process that did has ended */
	uint64_t version; /* grows with every committed change; equal: nothing changed */
};
bool ix_status_get(struct ix_reader *reader, struct ix_status *status, struct err *err) MUST_CHECK;

/* Says in the status how the store is watched. Without effect in a follower. */
bool ix_watch_set(struct ix_index *index, const struct ix_watch *watch, struct err *err) MUST_CHECK;

/* Every problem, ordered by path: code is a stable word, reason a sentence,
 * path the store path, in bytes.
 *
 * Not in the tree: "not-dicom", "dicomdir", "special" and "link" (skipped);
 * "corrupt", "unsupported", "limit" and "unreadable" (failed; also a folder that
 * cannot be listed and a link of which nobody can tell where it leads).
 * "postponed": pending, the next scan tries again.
 * "duplicate": the same bytes as another file, which is in the tree.
 * In the tree, with a remark: "conflict" (the SOP Instance UID occurs with
 * other bytes), "damaged" (of the header only a part could be read), "no-png"
 * and "no-json" (the first kind that one would expect and that is missing),
 * "patient-conflict" and "study-conflict" (one line a patient or study folder
 * concerned, at its first file), and what ix_note_instance() was told. */
struct ix_problem {
	const char *path;
	const char *code;
	const char *reason;
};
bool ix_problems(struct ix_reader *reader,
		 bool (*each)(const struct ix_problem *problem, void *context), void *context,
		 struct err *err) MUST_CHECK;
/* Counts by code, for summaries. */
bool ix_problem_counts(struct ix_reader *reader,
		       void (*each)(const char *code, uint64_t count, void *context), void *context,
		       struct err *err) MUST_CHECK;
/* Adds or replaces the run-time problem of an instance ("decode failed: ...");
 * kept until the file changes. Cheap when the same is there already. */
bool ix_note_instance(struct ix_index *index, int64_t instance, const char *code,
		      const char *reason, struct err *err) MUST_CHECK;

/* ---- Scanning --------------------------------------------------------- */

/* What a scan thread asks of the layer above for each instance. */
struct ix_measured {
	uint32_t kinds;
	uint32_t waiting; /* that have to be made once before their size is known */
	uint64_t json_base;
	uint32_t json_names;
	struct err note; /* a kind that one would expect is missing: why */
	struct err damage; /* of its elements something is not shown: why */
};
typedef bool (*ix_measure_fn)(struct dc_dataset *dataset, const struct dc_facts *facts,
			      uint64_t file_size, void *context, struct ix_measured *measured,
			      struct err *err);

enum ix_change_type {
	IX_CHANGE_ADDED,            /* parent got an entry (folder or link) of this name */
	IX_CHANGE_REMOVED,          /* node id, of this name, left parent */
	IX_CHANGE_FOLDER,           /* attributes of folder id changed (times, nlink, target) */
	IX_CHANGE_INSTANCE_ADDED,   /* parent is the series, name the instance's */
	IX_CHANGE_INSTANCE_REMOVED, /* likewise; kinds says in which kind folders */
};
struct ix_change {
	uint8_t type;
	int64_t parent;
	int64_t id;
	uint32_t kinds;
	char name[IX_NAME_MAX + 1];
};

struct ix_scan_options {
	int store_fd;                 /* O_PATH or O_RDONLY folder */
	bool follow;                  /* links out of the store are followed */
	unsigned threads;             /* parsing; 0: number of cores */
	const char *charset_fallback; /* a defined term; NULL: the default */
	struct dc_limits limits;      /* of a header; all zero: the defaults */
	bool confirm_empty;           /* accept that the store became empty (--rebuild) */
	bool again;                   /* a scan has just been: its state stays while this one
				       * goes on */
	ix_measure_fn measure;
	void *measure_context;
	/* Whether nobody has this file open for writing, asked where it belongs to somebody
	 * else, so that the kernel does not tell us; from any thread. NULL: not known. */
	bool (*unwritten)(int fd, void *context);
	void *unwritten_context;
	/* After each commit, from the writer's thread, no lock held. May be NULL. */
	void (*changed)(const struct ix_change *changes, size_t count, void *context);
	void *changed_context;
	/* From the walk's thread, before it lists a folder: prefix is its path with a
	 * slash ("" for the root), new_disk that another file system begins there. May be
	 * NULL. */
	void (*entered)(const char *prefix, int folder_fd, bool new_disk, void *context);
	/* Likewise when a link was met, with follow, that leads out of the store or nowhere
	 * yet: folders and files behind it change without being told. */
	void (*led_out)(void *context);
	void *entered_context;
	/* After a commit, no lock held: a place that could not be looked at. soon: it is
	 * being written, and is pending, or what the index has of it stays; else it cannot
	 * be read. May be NULL. */
	void (*postponed)(const char *path, bool soon, void *context);
	void *postponed_context;
	/* Before anything is taken out: places that something happened to since the walk,
	 * sorted, to be freed; NULL: none. A file that was renamed meanwhile is found under
	 * its new name before the old one goes. May be NULL. */
	char **(*more)(size_t *count, void *context);
	void *more_context;
	/* A few times a second. May be NULL. */
	void (*progress)(const struct ix_counts *counts, uint64_t bytes_seen, bool walk_done,
			 void *context);
	void *progress_context;
	const atomic_bool *stop; /* ends the scan early, keeping what was done */
};

/* Brings the index up to date with the store; blocks. Parses in parallel,
 * writes in walk order. Single broken files are no error; a stopped scan is
 * none either (its state is IX_SCAN_STOPPED). Errors are of the store's root
 * and of the index: what was committed before stays.
 *
 * Walk order is that of the bytes of paths. The tree that results depends on
 * the files alone, not on the order in which scans met them, except for the
 * text of folder names: that is of the member that was met first.
 *
 * With progress, a second thread counts names ahead of the walk; walk_done says
 * that counts->files is the total. */
bool ix_scan(struct ix_index *index, const struct ix_scan_options *options,
	     struct err *err) MUST_CHECK;

/* Likewise of some places alone: paths in the store, sorted by their bytes, each
 * once; below a folder that is new, everything. Also what is pending; count may be
 * 0. The state of the scan stays as it is. *whole: it takes a whole scan to see what
 * has become of the tree. A store that is suddenly empty is no suspicion here:
 * somebody saw the files go. */
bool ix_scan_paths(struct ix_index *index, const struct ix_scan_options *options,
		   const char *const *paths, size_t count, bool *whole, struct err *err) MUST_CHECK;

/* Indexes one source of an instance again, because its fingerprint no longer
 * fits (called from a thread that may wait). A file that is gone leaves the
 * index; so it is no error when it is not known any more. ERR_STALE in a
 * follower. */
bool ix_refresh(struct ix_index *index, const struct ix_scan_options *options, int64_t file,
		struct err *err) MUST_CHECK;

/* A kind that waited was made: sizes of its files, frame by frame, 0 for those
 * that cannot be. The kind appears if there is any. No error when the instance
 * is gone or waits no more; ERR_STALE in a follower. The listener of options
 * hears of it. */
bool ix_measured_set(struct ix_index *index, const struct ix_scan_options *options,
		     int64_t instance, uint8_t kind, const uint64_t *sizes, uint32_t count,
		     struct err *err) MUST_CHECK;

/* A follower (dicomfs-index beside a mount) asks the writing process to scan;
 * the writer polls from time to time. */
bool ix_request_scan(struct ix_index *index, struct err *err) MUST_CHECK;
/* Likewise with a ticket: once the status has asked >= *ticket and its state is not
 * RUNNING, a scan that began after this call is over. No clock is in it. */
bool ix_ask_scan(struct ix_index *index, int64_t *ticket, struct err *err) MUST_CHECK;
bool ix_scan_requested(struct ix_index *index);

#endif
