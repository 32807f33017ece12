/* SPDX-License-Identifier: MIT */
#include "fs/scan.h"

#include "fs/node.h"

static uint32_t frame_kinds(void);

/* Node numbers have room for so many frames; an instance with more has no
 * files for them. */
static void refuse_too_many_frames(const struct dc_image *image, struct rn_measured *rendered)
{
	if (image->frames <= FS_MAX_FRAMES ||
	    ((rendered->kinds | rendered->waiting) & frame_kinds()) == 0)
		return;
	rendered->kinds &= ~frame_kinds();
	rendered->waiting &= ~frame_kinds();
	(void)err_set(&rendered->note, ERR_LIMIT, "%u frames are more than %u", image->frames,
		      FS_MAX_FRAMES);
}

/* The index keeps the renderer's numbers without knowing the renderer. */
static bool measure(struct dc_dataset *dataset, const struct dc_facts *facts, uint64_t file_size,
		    void *context, struct ix_measured *measured, struct err *err)
{
	const struct fs_options *options = context;
	struct rn_measured rendered = {0};

	if (!rn_measure(dataset, facts, file_size, &options->render, &rendered, err))
		return false;
	refuse_too_many_frames(&facts->image, &rendered);
	*measured = (struct ix_measured){
		.kinds = rendered.kinds,
		.waiting = rendered.waiting,
		.json_base = rendered.json_base,
		.json_names = rendered.json_names,
		.note = rendered.note,
		.damage = rendered.damage,
	};
	return true;
}

static uint32_t frame_kinds(void)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		const struct rn_kind *kind = rn_kind_table[i];

		if (kind != NULL && kind->per_frame)
			mask |= 1u << kind->number;
	}
	return mask;
}

void fs_scan_options_init(struct ix_scan_options *scan, const struct fs_options *options,
			  int store_fd)
{
	/* The callback only reads them; void * is what a callback's context is. */
	union {
		const struct fs_options *in;
		void *out;
	} context = {.in = options};

	*scan = (struct ix_scan_options){
		.store_fd = store_fd,
		.follow = options->follow,
		.threads = options->scan_threads,
		.charset_fallback = options->charset_fallback,
		.limits = rn_limits(&options->render),
		.confirm_empty = options->rebuild,
		.measure = measure,
		.measure_context = context.out,
	};
}

void fs_index_options_init(struct ix_options *index, const struct fs_options *options)
{
	*index = (struct ix_options){
		.path = options->index_path,
		.store = options->store,
		.variant = options->variant,
		.rebuild = options->rebuild,
		.frame_kinds = frame_kinds(),
	};
}
