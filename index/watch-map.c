/* SPDX-License-Identifier: MIT */
#include "index/watch-map.h"

#include "index/names.h"

static size_t bucket_of_wd(const struct ix_watch_map *map, int wd)
{
	return (size_t)(unsigned)wd & (map->buckets - 1);
}

static size_t bucket_of_hash(const struct ix_watch_map *map, uint64_t hash)
{
	return (size_t)hash & (map->buckets - 1);
}

static void link_node(struct ix_watch_map *map, struct ix_watch_node *node)
{
	struct ix_watch_node **wd = &map->by_wd[bucket_of_wd(map, node->wd)];
	struct ix_watch_node **path = &map->by_path[bucket_of_hash(map, node->hash)];

	node->next_by_wd = *wd;
	*wd = node;
	node->next_by_path = *path;
	*path = node;
}

static void unlink_node(struct ix_watch_map *map, struct ix_watch_node *node)
{
	struct ix_watch_node **at = &map->by_wd[bucket_of_wd(map, node->wd)];

	while (*at != node)
		at = &(*at)->next_by_wd;
	*at = node->next_by_wd;
	at = &map->by_path[bucket_of_hash(map, node->hash)];
	while (*at != node)
		at = &(*at)->next_by_path;
	*at = node->next_by_path;
}

static bool grow(struct ix_watch_map *map)
{
	struct ix_watch_map larger = *map;

	larger.buckets = map->buckets > 0 ? map->buckets * 2 : 64;
	larger.by_wd = calloc(larger.buckets, sizeof(struct ix_watch_node *));
	larger.by_path = calloc(larger.buckets, sizeof(struct ix_watch_node *));
	if (larger.by_wd == NULL || larger.by_path == NULL) {
		free(larger.by_wd);
		free(larger.by_path);
		return false;
	}
	for (size_t i = 0; i < map->buckets; i++) {
		struct ix_watch_node *node = map->by_wd[i];

		while (node != NULL) {
			struct ix_watch_node *next = node->next_by_wd;

			link_node(&larger, node);
			node = next;
		}
	}
	free(map->by_wd);
	free(map->by_path);
	*map = larger;
	return true;
}

void ix_watch_map_release(struct ix_watch_map *map)
{
	for (size_t i = 0; i < map->buckets; i++) {
		struct ix_watch_node *node = map->by_wd[i];

		while (node != NULL) {
			struct ix_watch_node *next = node->next_by_wd;

			free(node);
			node = next;
		}
	}
	free(map->by_wd);
	free(map->by_path);
	map->by_wd = map->by_path = NULL;
	map->count = map->buckets = 0;
}

struct ix_watch_node *ix_watch_map_find(const struct ix_watch_map *map, int wd)
{
	struct ix_watch_node *node = map->buckets > 0 ? map->by_wd[bucket_of_wd(map, wd)] : NULL;

	while (node != NULL && node->wd != wd)
		node = node->next_by_wd;
	return node;
}

static struct ix_watch_node *find_path(const struct ix_watch_map *map, struct span path)
{
	uint64_t hash = ix_hash(path);
	struct ix_watch_node *node =
		map->buckets > 0 ? map->by_path[bucket_of_hash(map, hash)] : NULL;

	while (node != NULL && (node->hash != hash || strlen(node->path) != path.size ||
				memcmp(node->path, path.data, path.size) != 0))
		node = node->next_by_path;
	return node;
}

struct ix_watch_node *ix_watch_map_find_path(const struct ix_watch_map *map, const char *path)
{
	return find_path(map, span_of_text(path));
}

/* Out of the tree and the tables. */
static void remove_leaf(struct ix_watch_map *map, struct ix_watch_node *node)
{
	if (node->previous != NULL)
		node->previous->next = node->next;
	else if (node->parent != NULL)
		node->parent->first_child = node->next;
	if (node->next != NULL)
		node->next->previous = node->previous;
	unlink_node(map, node);
	map->count--;
	if (map->dropped != NULL)
		map->dropped(node->wd, map->context);
	free(node);
}

void ix_watch_map_drop(struct ix_watch_map *map, struct ix_watch_node *node)
{
	struct ix_watch_node *at = node;

	for (;;) {
		struct ix_watch_node *parent = at->parent;
		bool last = at == node;

		if (at->first_child != NULL) {
			at = at->first_child;
			continue;
		}
		remove_leaf(map, at);
		if (last)
			return;
		at = parent;
	}
}

static void adopt(const struct ix_watch_map *map, struct ix_watch_node *node)
{
	size_t size = strlen(node->path);

	if (size == 0)
		return;
	/* "a/b/" lies in "a/". */
	for (size--; size > 0 && node->path[size - 1] != '/'; size--)
		continue;
	node->parent = find_path(map, span_of(node->path, size));
	if (node->parent == NULL)
		return;
	node->next = node->parent->first_child;
	if (node->next != NULL)
		node->next->previous = node;
	node->parent->first_child = node;
}

bool ix_watch_map_put(struct ix_watch_map *map, int wd, const char *path)
{
	struct ix_watch_node *node = ix_watch_map_find(map, wd), *other;
	size_t size = strlen(path) + 1;

	if (node != NULL && strcmp(node->path, path) == 0) {
		node->round = map->round;
		return true;
	}
	/* It moved: the watch goes on under its new path, those in it are put anew. */
	if (node != NULL) {
		void (*dropped)(int wd, void *context) = map->dropped;

		while (node->first_child != NULL)
			ix_watch_map_drop(map, node->first_child);
		map->dropped = NULL;
		ix_watch_map_drop(map, node);
		map->dropped = dropped;
	}
	other = ix_watch_map_find_path(map, path);
	if (other != NULL)
		ix_watch_map_drop(map, other);
	if (map->count >= map->buckets && !grow(map))
		return false;
	node = calloc(1, sizeof(*node) + size);
	if (node == NULL)
		return false;
	node->wd = wd;
	node->round = map->round;
	memcpy(node->path, path, size);
	node->hash = ix_hash(span_of_text(path));
	adopt(map, node);
	link_node(map, node);
	map->count++;
	return true;
}

void ix_watch_map_sweep(struct ix_watch_map *map)
{
	for (size_t i = 0; i < map->buckets; i++) {
		struct ix_watch_node *node = map->by_wd[i];

		while (node != NULL) {
			if (node->round == map->round) {
				node = node->next_by_wd;
				continue;
			}
			ix_watch_map_drop(map, node);
			/* Others of the bucket may have gone along. */
			node = map->by_wd[i];
		}
	}
}
