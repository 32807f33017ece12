/* SPDX-License-Identifier: MIT */
#include "render/json.h"

static bool applies(const struct rn_instance *instance, const struct rn_options *options,
		    struct err *why)
{
	if (instance->json_base == 0)
		return err_set(why, ERR_NOTFOUND, "the JSON was not measured");
	if (instance->json_base > options->max_json_size)
		return err_set(why, ERR_LIMIT, "JSON is larger than the %llu bytes of max_json",
			       (unsigned long long)options->max_json_size);
	return true;
}

static bool size(const struct rn_instance *instance, const struct rn_options *options UNUSED,
		 uint32_t frame UNUSED, uint64_t *bytes, struct err *err)
{
	uint64_t names;

	if (!checked_mul(instance->json_names, rn_json_name_size(instance->name), &names) ||
	    !checked_add(instance->json_base, names, bytes))
		return err_set(err, ERR_LIMIT, "the size of the JSON overflows");
	return true;
}

static bool produce(const struct rn_request *request, struct buf *out, struct err *err)
{
	return rn_json_write(request->dataset, request->instance->name, request->options,
			     request->cancel, out, err);
}

const struct rn_kind rn_kind_json = {
	.number = RN_KIND_JSON,
	.folder = "json",
	.suffix = ".json",
	.help = "metadata as DICOM JSON (PS3.18 Annex F)",
	.version = 1,
	.applies = applies,
	.size = size,
	.produce = produce,
};
