/* SPDX-License-Identifier: MIT */
#include "render/jpeg-dct-private.h"

bool rn_dct_cancelled(const struct rn_dct *dct, struct err *err)
{
	if (dct->job->cancel == NULL || !atomic_load(dct->job->cancel))
		return false;
	(void)err_set(err, ERR_INTERRUPTED, "interrupted");
	return true;
}

/* ---- The frame ---------------------------------------------------------- */

static void release(struct rn_dct **dct)
{
	if (*dct == NULL)
		return;
	for (unsigned i = 0; i < (*dct)->count; i++) {
		if ((*dct)->component[i].plane != (*dct)->job->output)
			free((*dct)->component[i].plane);
		free((*dct)->component[i].coefficients);
	}
	free(*dct);
}

/* count times size of zeros, which become memory only where written. */
static void *allocate(uint64_t across, uint64_t down, size_t size, struct err *err)
{
	uint64_t bytes;
	void *memory = NULL;

	if (checked_mul(across, down, &bytes) && checked_mul(bytes, size, &bytes) &&
	    bytes <= SIZE_MAX / 2)
		memory = calloc(1, (size_t)bytes);
	if (memory == NULL)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	return memory;
}

static bool open_component(struct rn_dct *dct, unsigned index, struct err *err)
{
	struct rn_dct_component *component = &dct->component[index];
	const struct rn_jpeg_frame *frame = &dct->markers.frame;

	component->jpeg = &frame->component[index];
	component->blocks_x = (component->jpeg->width + 7) / 8;
	component->blocks_y = (component->jpeg->height + 7) / 8;
	component->padded_x = dct->mcus_x * component->jpeg->h;
	component->padded_y = dct->mcus_y * component->jpeg->v;
	memset(component->bits_missing, -1, sizeof(component->bits_missing));
	if (dct->progressive) {
		component->coefficients =
			allocate(component->padded_x, component->padded_y,
				 64 * sizeof(*component->coefficients), err);
		if (component->coefficients == NULL)
			return false;
	}
	if (frame->count == 1) {
		component->plane = dct->job->output;
		component->width = frame->width;
		component->height = frame->height;
		component->stride = component->width;
		return true;
	}
	component->width = component->padded_x * 8;
	component->height = component->padded_y * 8;
	component->stride = component->width;
	component->plane = allocate(component->width, component->height,
				    sizeof(*component->plane), err);
	return component->plane != NULL;
}

static bool open_frame(struct rn_dct *dct, struct err *err)
{
	const struct rn_jpeg_frame *frame = &dct->markers.frame;
	const uint32_t across = 8u * frame->h_max, down = 8u * frame->v_max;

	if (frame->sof > RN_JPEG_SOF2 || frame->precision != 12)
		return err_set(err, ERR_UNSUPPORTED, "%s JPEG with samples of %u bits",
			       rn_jpeg_process_name(frame->sof), frame->precision);
	dct->progressive = frame->sof == RN_JPEG_SOF2;
	dct->mcus_x = (frame->width + across - 1) / across;
	dct->mcus_y = (frame->height + down - 1) / down;
	if (!rn_dct_sampling(dct, err))
		return false;
	for (unsigned i = 0; i < frame->count; i++) {
		dct->count++;
		if (!open_component(dct, i, err))
			return false;
	}
	return true;
}

/* ---- A scan ------------------------------------------------------------- */

static bool take_table(struct rn_dct_table *table, const struct rn_jpeg_dht *dht, bool look,
		       unsigned value_max, struct err *err)
{
	if (table->version == dht->version && dht->present)
		return true;
	if (!rn_jpeg_huffman_init(&table->huffman, dht, value_max, err))
		return false;
	if (look)
		rn_dct_table_init(table);
	table->version = dht->version;
	return true;
}

static bool take_tables(struct rn_dct *dct, struct err *err)
{
	const struct rn_jpeg_scan *scan = &dct->markers.scan;
	const bool dc = !dct->progressive || (scan->ss == 0 && scan->ah == 0);
	const bool ac = !dct->progressive || scan->ss > 0;

	for (unsigned i = 0; i < scan->count; i++) {
		struct rn_dct_component *component = &dct->component[scan->part[i].component];
		const struct rn_jpeg_dqt *dqt = &dct->markers.quantization[component->jpeg->tq];
		unsigned d = scan->part[i].dc, a = scan->part[i].ac;

		if (!component->has_quantization && !dqt->present)
			return err_set(err, ERR_CORRUPT, "JPEG: no quantization table %u",
				       component->jpeg->tq);
		if (!component->has_quantization)
			memcpy(component->quantization, dqt->values, sizeof(dqt->values));
		component->has_quantization = true;
		if ((dc && !take_table(&dct->dc[d], &dct->markers.dc[d], false, 15, err)) ||
		    (ac && !take_table(&dct->ac[a], &dct->markers.ac[a], !dct->progressive, 255,
				       err)))
			return false;
	}
	return true;
}

static void reset(struct rn_dct *dct)
{
	for (unsigned i = 0; i < dct->count; i++)
		dct->component[i].dc = 0;
	dct->end_of_band = 0;
}

static bool is_enough(const struct rn_dct *dct, uint32_t row, uint32_t rows, struct err *err)
{
	if (!rn_jpeg_bits_overrun(&dct->bits))
		return true;
	return err_set(err, ERR_CORRUPT, "JPEG: the codes of scan %u end in row %u of %u",
		       dct->markers.scans, row + 1, rows);
}

static bool decode_mcu(struct rn_dct *dct, rn_dct_block *decode, uint32_t x, uint32_t y,
		       struct err *err)
{
	const struct rn_jpeg_scan *scan = &dct->markers.scan;

	if (scan->count == 1)
		return decode(dct, 0, x, y, err);
	for (unsigned i = 0; i < scan->count; i++) {
		const struct rn_jpeg_component *component =
			dct->component[scan->part[i].component].jpeg;

		for (uint32_t v = 0; v < component->v; v++) {
			for (uint32_t h = 0; h < component->h; h++) {
				if (!decode(dct, i, x * component->h + h, y * component->v + v, err))
					return false;
			}
		}
	}
	return true;
}

static bool decode_mcus(struct rn_dct *dct, rn_dct_block *decode, uint32_t across, uint32_t down,
			struct err *err)
{
	const uint32_t interval = dct->markers.restart_interval;
	uint32_t left = interval, restarts = 0;

	reset(dct);
	for (uint32_t y = 0; y < down; y++) {
		if (rn_dct_cancelled(dct, err))
			return false;
		for (uint32_t x = 0; x < across; x++) {
			if (interval > 0 && left-- == 0) {
				if (!is_enough(dct, y, down, err) ||
				    !rn_jpeg_bits_restart(&dct->bits, restarts++, err))
					return false;
				reset(dct);
				left = interval - 1;
			}
			if (!decode_mcu(dct, decode, x, y, err))
				return false;
		}
		if (!is_enough(dct, y, down, err))
			return false;
	}
	return true;
}

static bool decode_scan(struct rn_dct *dct, struct err *err)
{
	struct rn_jpeg_markers *markers = &dct->markers;
	const struct rn_jpeg_scan *scan = &markers->scan;
	const struct rn_dct_component *first = &dct->component[scan->part[0].component];
	const bool alone = scan->count == 1;
	rn_dct_block *decode = rn_dct_sequential_block;
	unsigned blocks = 0;

	if (markers->scans > RN_DCT_SCANS_MAX)
		return err_set(err, ERR_LIMIT, "JPEG: more than %d scans", RN_DCT_SCANS_MAX);
	for (unsigned i = 0; i < scan->count; i++) {
		const struct rn_jpeg_component *component =
			&markers->frame.component[scan->part[i].component];

		blocks += (unsigned)component->h * component->v;
	}
	if (!alone && blocks > RN_DCT_MCU_BLOCKS)
		return err_set(err, ERR_CORRUPT, "JPEG: a scan of %u blocks at once, at most %d",
			       blocks, RN_DCT_MCU_BLOCKS);
	if (dct->progressive)
		decode = rn_dct_progressive_begin(dct, err);
	if (decode == NULL || !take_tables(dct, err))
		return false;
	rn_jpeg_bits_init(&dct->bits, markers->input.data + markers->at,
			  markers->input.data + markers->input.size);
	if (!decode_mcus(dct, decode, alone ? first->blocks_x : dct->mcus_x,
			 alone ? first->blocks_y : dct->mcus_y, err))
		return false;
	markers->at = (size_t)(rn_jpeg_bits_end(&dct->bits) - markers->input.data);
	return true;
}

/* ---- All ---------------------------------------------------------------- */

/* A component without a scan, or all of them have had theirs. */
static bool find_missing(const struct rn_dct *dct, unsigned *component)
{
	for (*component = 0; *component < dct->count; ++*component) {
		if (!dct->component[*component].has_quantization)
			return true;
	}
	return false;
}

static bool decode_scans(struct rn_dct *dct, struct err *err)
{
	unsigned missing;

	for (;;) {
		enum rn_jpeg_event event;

		if (!rn_jpeg_markers_next(&dct->markers, &event, err))
			return false;
		if (event == RN_JPEG_EVENT_END)
			break;
		if (!decode_scan(dct, err))
			return false;
		/* What follows the last pixel does not matter. */
		if (!dct->progressive && !find_missing(dct, &missing))
			return true;
	}
	if (find_missing(dct, &missing))
		return err_set(err, ERR_CORRUPT, "JPEG: component %u has no scan", missing + 1);
	return rn_dct_progressive_end(dct, err);
}

bool rn_jpeg_dct_decode(const struct rn_jpeg_dct *job, struct err *err)
{
	struct rn_dct *dct CLEANUP(release) = calloc(1, sizeof(*dct));

	if (dct == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	dct->job = job;
	return rn_jpeg_markers_frame(&dct->markers, job->input, err) && open_frame(dct, err) &&
	       decode_scans(dct, err) && rn_dct_output(dct, err);
}
