/* SPDX-License-Identifier: MIT */
#include "render/kinds.h"

static bool applies(const struct rn_instance *instance UNUSED,
		    const struct rn_options *options UNUSED, struct err *why UNUSED)
{
	return true;
}

static bool size(const struct rn_instance *instance, const struct rn_options *options UNUSED,
		 uint32_t frame UNUSED, uint64_t *bytes, struct err *err UNUSED)
{
	*bytes = instance->dcm_size;
	return true;
}

const struct rn_kind rn_kind_dcm = {
	.number = RN_KIND_DCM,
	.folder = "dcm",
	.suffix = ".dcm",
	.help = "the DICOM file as it is stored",
	.original = true,
	.version = 0,
	.applies = applies,
	.size = size,
};
