/*
 * The folders that are watched, by the kernel's number for each watch and by path.
 * A folder that is dropped takes those in it along.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WATCH_MAP_H
#define INDEX_WATCH_MAP_H

#include "dicom/err.h"

struct ix_watch_node {
	int wd;
	uint32_t round; /* the map's when it was put last */
	uint64_t hash;  /* of the path */
	struct ix_watch_node *next_by_wd, *next_by_path;
	struct ix_watch_node *parent, *first_child, *next, *previous;
	char path[]; /* with a slash at its end; "" for the root */
};

struct ix_watch_map {
	struct ix_watch_node **by_wd, **by_path;
	size_t count, buckets; /* a power of two, or 0 */
	uint32_t round;
	/* Told of each that is dropped. */
	void (*dropped)(int wd, void *context);
	void *context;
};

void ix_watch_map_release(struct ix_watch_map *map); /* tells nobody */

struct ix_watch_node *ix_watch_map_find(const struct ix_watch_map *map, int wd);
struct ix_watch_node *ix_watch_map_find_path(const struct ix_watch_map *map, const char *path);

/* Adds a folder behind the one around it, in place of what had its number or its
 * path. False: no memory. */
bool ix_watch_map_put(struct ix_watch_map *map, int wd, const char *path) MUST_CHECK;

void ix_watch_map_drop(struct ix_watch_map *map, struct ix_watch_node *node);

/* Drops all that have not been put since map->round was raised. */
void ix_watch_map_sweep(struct ix_watch_map *map);

#endif
