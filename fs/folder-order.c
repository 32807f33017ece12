/* SPDX-License-Identifier: MIT */
#include "fs/folder-order.h"

enum order { BY_NAME, LISTED, BY_INODE };

struct item {
	uint32_t id;
	uint32_t positions[FS_PATTERN_ORDERS];
};

/* Items are as listed: by ascending id. */
struct fs_folder_order {
	uint32_t count;
	struct item *items;
	uint32_t *sorted[FS_PATTERN_ORDERS]; /* items' numbers; of LISTED none */
};

/* What sorting needs of an item. */
struct sort_item {
	uint32_t number;
	uint64_t ino;
	char name[IX_INSTANCE_NAME_MAX + 1];
};

struct collector {
	const struct fs_options *options;
	const struct rn_kind *kind;
	struct fs_folder_order *order;
	struct sort_item *items;
	size_t capacity;
	struct err *err;
	bool failed;
};

void fs_folder_order_free(struct fs_folder_order *order)
{
	if (order == NULL)
		return;
	for (size_t i = 0; i < FS_PATTERN_ORDERS; i++)
		free(order->sorted[i]);
	free(order->items);
	free(order);
}

static void free_order(struct fs_folder_order **order)
{
	fs_folder_order_free(*order);
}

/* ---- Reading ------------------------------------------------------------ */

static bool grow(struct collector *collector)
{
	size_t capacity = collector->capacity > 0 ? collector->capacity * 2 : 256;
	struct sort_item *sorts = reallocarray(collector->items, capacity, sizeof(*sorts));
	struct item *items;

	if (sorts == NULL)
		return false;
	collector->items = sorts;
	items = reallocarray(collector->order->items, capacity, sizeof(*items));
	if (items == NULL)
		return false;
	collector->order->items = items;
	collector->capacity = capacity;
	return true;
}

static bool fail(struct collector *collector, enum err_code code, const char *message)
{
	collector->failed = true;
	return err_set(collector->err, code, "%s", message);
}

static bool each(const struct ix_instance *instance, void *context)
{
	struct collector *collector = context;
	struct fs_folder_order *order = collector->order;
	const struct fs_node node = {
		.id = {.class = FS_CLASS_FILE,
		       .kind = collector->kind->number,
		       .row = (uint32_t)instance->id},
		.kind = collector->kind,
		.instance = *instance,
		.measured_size = 1, /* any will do: only the number is asked for */
	};
	struct err ignored = {0};
	struct sort_item *sort;
	struct stat st;

	if ((fs_instance_kinds(collector->options, instance) >> node.kind->number & 1) == 0 ||
	    fs_instance_has_frame_folder(node.kind, instance) ||
	    !fs_node_stat(collector->options, &node, &st, &ignored))
		return true;
	if (order->count == FS_FOLDER_ORDER_MAX)
		return fail(collector, ERR_LIMIT, "too many files");
	if (order->count == collector->capacity && !grow(collector))
		return fail(collector, ERR_NOMEM, "out of memory");
	order->items[order->count] = (struct item){.id = node.id.row};
	sort = &collector->items[order->count];
	sort->number = order->count;
	sort->ino = st.st_ino;
	memcpy(sort->name, instance->name, sizeof(sort->name));
	order->count++;
	return true;
}

/* ---- Sorting ------------------------------------------------------------ */

static int compare_names(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int compare_inos(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static bool sort(struct collector *collector, enum order which,
		 int (*compare)(const void *a, const void *b))
{
	struct fs_folder_order *order = collector->order;
	uint32_t *sorted = calloc(MAX_OF(order->count, 1u), sizeof(*sorted));

	if (sorted == NULL)
		return fail(collector, ERR_NOMEM, "out of memory");
	order->sorted[which] = sorted;
	if (order->count > 0)
		qsort(collector->items, order->count, sizeof(*collector->items), compare);
	for (uint32_t i = 0; i < order->count; i++) {
		sorted[i] = collector->items[i].number;
		order->items[sorted[i]].positions[which] = i;
	}
	return true;
}

bool fs_folder_order_read(struct fs_folder_order **out, struct ix_reader *reader,
			  const struct fs_options *options, const struct rn_kind *kind,
			  int64_t series, struct err *err)
{
	struct fs_folder_order *order CLEANUP(free_order) = calloc(1, sizeof(*order));
	struct collector collector = {
		.options = options, .kind = kind, .order = order, .err = err};
	bool ok;

	if (order == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	ok = ix_instances(reader, series, UINT32_C(1) << kind->number, 0, each, &collector, err) &&
	     !collector.failed && sort(&collector, BY_NAME, compare_names) &&
	     sort(&collector, BY_INODE, compare_inos);
	free(collector.items);
	if (!ok)
		return false;
	for (uint32_t i = 0; i < order->count; i++)
		order->items[i].positions[LISTED] = i;
	*out = STEAL(order);
	return true;
}

/* ---- Asking ------------------------------------------------------------- */

uint32_t fs_folder_order_count(const struct fs_folder_order *order)
{
	return order->count;
}

bool fs_folder_order_find(const struct fs_folder_order *order, uint32_t instance,
			  uint32_t positions[static FS_PATTERN_ORDERS])
{
	uint32_t low = 0, high = order->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (order->items[middle].id < instance)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == order->count || order->items[low].id != instance)
		return false;
	memcpy(positions, order->items[low].positions, sizeof(order->items[low].positions));
	return true;
}

uint32_t fs_folder_order_at(const struct fs_folder_order *order, unsigned which, uint32_t position)
{
	return order->items[which == LISTED ? position : order->sorted[which][position]].id;
}
