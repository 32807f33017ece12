/* SPDX-License-Identifier: MIT */
#include "tests/tools/instance-maker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void im_instance_init(struct im_instance *instance)
{
	memset(instance, 0, sizeof(*instance));
	ix_result_init(&instance->result);
}

void im_instance_release(struct im_instance *instance)
{
	ix_result_release(&instance->result);
}

static uint64_t largest_series(const struct plan *plan)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < plan->cycle; i++)
		largest = MAX_OF(largest, plan->per_series[i]);
	return largest;
}

bool im_init(struct im_maker *maker, const struct plan *plan, const struct ix_scan_options *options,
	     struct err *err)
{
	memset(maker, 0, sizeof(*maker));
	maker->plan = plan;
	maker->bytes = buf_empty(BUF_NO_LIMIT);
	im_instance_init(&maker->model);
	maker->sizes = calloc(largest_series(plan) + 1, sizeof(*maker->sizes));
	maker->fd = memfd_create("made", MFD_CLOEXEC);
	if (maker->fd < 0)
		return err_set_sys(err, errno, "a file in memory");
	if (maker->sizes == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	return ix_parser_init(&maker->parser, options, err);
}

void im_release(struct im_maker *maker)
{
	ix_parser_release(&maker->parser);
	im_instance_release(&maker->model);
	buf_release(&maker->bytes);
	free(maker->sizes);
	base_close_fd(&maker->fd);
}

/* ---- Parsed ------------------------------------------------------------- */

static bool parse(struct im_maker *maker, struct im_instance *instance, struct im_sizes *sizes,
		  struct err *err)
{
	struct buf *bytes = &maker->bytes;
	char name[64];

	plan_header(maker->plan, &instance->at, bytes);
	if (!buf_ok(bytes, err))
		return false;
	/* What lies behind the header is not looked at. */
	if (ftruncate(maker->fd, (off_t)(bytes->size + plan_pixels(maker->plan))) != 0 ||
	    pwrite(maker->fd, bytes->data, bytes->size, 0) != (ssize_t)bytes->size)
		return err_set_sys(err, errno, "a file in memory");
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", maker->fd);
	ix_parse_file(&maker->parser, AT_FDCWD, name, true, &instance->result);
	if (instance->result.outcome != IX_OUTCOME_INSTANCE)
		return err_set(err, ERR_CORRUPT, "the scan does not take %s: %s", instance->path,
			       instance->result.reason);
	sizes->header = bytes->size;
	sizes->json = instance->result.measured.json_base;
	return true;
}

/* ---- Derived ------------------------------------------------------------ */

/* Texts go with their memory. */
static void copy_result(const struct ix_result *from, struct ix_result *to)
{
	const char *old = (const char *)from->facts.text.data;
	struct buf text = to->facts.text;

	buf_truncate(&text, 0);
	buf_append(&text, old, from->facts.text.size);
	*to = *from;
	to->facts.text = text;
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		if (from->facts.fact[i] != NULL)
			to->facts.fact[i] = (const char *)text.data + (from->facts.fact[i] - old);
	}
}

static void derive(struct im_maker *maker, struct im_instance *instance)
{
	const struct im_sizes *own = &maker->sizes[instance->at.number];
	const struct im_sizes *of_model = &maker->sizes[maker->model.at.number];
	struct ix_result *result = &instance->result;
	uint64_t header = maker->model_sizes.header + own->header - of_model->header;

	copy_result(&maker->model.result, result);
	plan_uid(maker->plan, &instance->at, instance->uid);
	(void)snprintf(instance->number, sizeof(instance->number), "%llu",
		       (unsigned long long)instance->at.number);
	result->facts.fact[DC_FACT_SOP_UID] = instance->uid;
	result->facts.fact[DC_FACT_INSTANCE_NUMBER] = instance->number;
	result->facts.image.offset = header;
	result->measured.json_base = maker->model_sizes.json + own->json - of_model->json;
	result->print.size = header + plan_pixels(maker->plan);
}

static bool is_same(const struct im_instance *a, const struct im_instance *b)
{
	const struct ix_measured *one = &a->result.measured, *other = &b->result.measured;

	for (int i = 0; i < DC_FACT_COUNT; i++) {
		enum dc_fact fact = (enum dc_fact)i;

		if (strcmp(dc_fact(&a->result.facts, fact), dc_fact(&b->result.facts, fact)) != 0)
			return false;
	}
	return a->result.print.size == b->result.print.size &&
	       a->result.facts.image.offset == b->result.facts.image.offset &&
	       one->json_base == other->json_base && one->json_names == other->json_names &&
	       one->kinds == other->kinds && one->waiting == other->waiting;
}

/* ---- All together ------------------------------------------------------- */

/* Notes what a parsed instance says of its number. */
static void learn(struct im_maker *maker, const struct im_instance *instance,
		  const struct im_sizes *sizes)
{
	const struct im_sizes *base = &maker->sizes[maker->model.at.number];
	struct im_sizes *own = &maker->sizes[instance->at.number];

	if (own->header != 0)
		return;
	if (base->header == 0) {
		*own = *sizes;
		return;
	}
	own->header = sizes->header + base->header - maker->model_sizes.header;
	own->json = sizes->json + base->json - maker->model_sizes.json;
}

static bool is_last(const struct plan *plan, const struct plan_place *at)
{
	return plan_place(plan, at->instance + 1).number == 1;
}

static bool make_parsed(struct im_maker *maker, struct im_instance *instance, struct err *err)
{
	struct im_sizes sizes;

	if (!parse(maker, instance, &sizes, err))
		return false;
	if (!maker->has_model || maker->model.at.series != instance->at.series) {
		copy_result(&instance->result, &maker->model.result);
		maker->model.at = instance->at;
		maker->model_sizes = sizes;
		maker->has_model = true;
	}
	learn(maker, instance, &sizes);
	return buf_ok(&maker->model.result.facts.text, err);
}

static bool check(struct im_maker *maker, struct im_instance *instance, struct err *err)
{
	struct im_instance expected;
	bool same;

	im_instance_init(&expected);
	expected.at = instance->at;
	derive(maker, &expected);
	same = make_parsed(maker, instance, err) && is_same(instance, &expected);
	im_instance_release(&expected);
	return same ||
	       err_set(err, ERR_CORRUPT, "%s is not what follows from others", instance->path);
}

bool im_make(struct im_maker *maker, uint64_t number, struct im_instance *instance, struct err *err)
{
	instance->at = plan_place(maker->plan, number);
	plan_path(&instance->at, instance->path);
	if (!maker->has_model || maker->model.at.series != instance->at.series ||
	    maker->sizes[instance->at.number].header == 0)
		return make_parsed(maker, instance, err);
	if (is_last(maker->plan, &instance->at))
		return check(maker, instance, err);
	derive(maker, instance);
	return buf_ok(&instance->result.facts.text, err);
}
