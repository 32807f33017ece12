/* SPDX-License-Identifier: MIT */
#include "render/kinds.h"

#include "render/json.h"

const struct rn_kind *const rn_kind_table[RN_KIND_LIMIT] = {
	[RN_KIND_DCM] = &rn_kind_dcm,
	[RN_KIND_JSON] = &rn_kind_json,
	[RN_KIND_PNG] = &rn_kind_png,
};

const struct rn_options rn_default_options = {
	.max_pixels = (uint64_t)256 << 20,
	.max_json_size = (uint64_t)64 << 20,
	.max_elements = (uint64_t)16 << 20,
	.max_depth = 64,
	.bulk_threshold = 1024,
};

struct dc_limits rn_limits(const struct rn_options *options)
{
	struct dc_limits limits = dc_default_limits;

	if (options->max_elements > 0)
		limits.elements = options->max_elements;
	if (options->max_depth > 0)
		limits.depth = options->max_depth;
	return limits;
}

const struct rn_kind *rn_kind_find(struct span folder)
{
	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		if (rn_kind_table[i] != NULL && span_equals_text(folder, rn_kind_table[i]->folder))
			return rn_kind_table[i];
	}
	return NULL;
}

/* Whether an error says something of the file, or only of this attempt. */
static bool is_verdict(const struct err *err)
{
	return err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED || err->code == ERR_LIMIT;
}

static void note(struct rn_measured *measured, const struct rn_kind *kind, const struct err *why)
{
	if (measured->note.code != ERR_NONE || why->code == ERR_NOTFOUND)
		return;
	measured->note = *why;
	err_prefix(&measured->note, "no %s", kind->suffix);
}

bool rn_measure(struct dc_dataset *dataset, const struct dc_facts *facts, uint64_t dcm_size,
		const struct rn_options *options, struct rn_measured *measured, struct err *err)
{
	struct rn_instance instance = {.image = &facts->image, .dcm_size = dcm_size, .name = ""};
	struct err why;

	*measured = (struct rn_measured){0};
	err_clear(&why);
	if (rn_json_measure(dataset, options, &measured->json_base, &measured->json_names,
			    &measured->damage, &why)) {
		instance.json_base = measured->json_base;
		instance.json_names = measured->json_names;
	} else {
		if (!is_verdict(&why)) {
			*err = why;
			return false;
		}
		measured->json_base = 0;
		measured->json_names = 0;
		note(measured, &rn_kind_json, &why);
	}
	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		const struct rn_kind *kind = rn_kind_table[i];

		if (kind == NULL)
			continue;
		err_clear(&why);
		if (!kind->applies(&instance, options, &why))
			note(measured, kind, &why);
		else if (kind->measured != NULL && kind->measured(options))
			measured->waiting |= 1u << i;
		else
			measured->kinds |= 1u << i;
	}
	return true;
}

static bool check_frame(const struct rn_kind *kind, const struct rn_request *request,
			struct err *err)
{
	uint32_t frames = kind->per_frame ? request->instance->image->frames : 1;

	if (request->frame >= frames)
		return err_set(err, ERR_NOTFOUND, "no frame %llu: there %s %u",
			       (unsigned long long)request->frame + 1, frames == 1 ? "is" : "are",
			       frames);
	return true;
}

bool rn_produce(const struct rn_kind *kind, const struct rn_request *request, struct buf *out,
		struct err *err)
{
	const struct rn_instance *instance = request->instance;
	size_t before = out->size;
	uint64_t size = 0;
	bool ok;

	if (kind->produce == NULL)
		return err_set(err, ERR_USAGE, "%s files are not made: they are the store's own",
			       kind->suffix);
	if (!kind->applies(instance, request->options, err) || !check_frame(kind, request, err) ||
	    (!request->measuring &&
	     !kind->size(instance, request->options, request->frame, &size, err)))
		return false;
	ok = kind->produce(request, out, err) && buf_ok(out, err);
	if (ok && !request->measuring && out->size - before != size)
		ok = err_set(err, ERR_CORRUPT, "%s has %zu bytes, but %llu were promised",
			     kind->suffix, out->size - before, (unsigned long long)size);
	if (ok)
		return true;
	buf_truncate(out, before);
	if (kind->per_frame && instance->image->frames > 1)
		err_prefix(err, "frame %u", request->frame + 1);
	return false;
}
