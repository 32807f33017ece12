/* SPDX-License-Identifier: MIT */
#include "fs/produce.h"

#include "index/names.h"

/* In each worker: where the frames of what it worked on last are. */
#define FRAMES_MEMORY ((uint64_t)4 << 20)

/* What a worker is told. */
struct told {
	bool measuring;
	uint32_t threads;
	struct fs_key key;
	struct rn_options options;
	struct dc_image image;
	uint64_t dcm_size, measured_size, json_base;
	uint32_t json_names;
	char name[IX_INSTANCE_NAME_MAX + 1];
};
_Static_assert(sizeof(struct told) <= FS_TASK_MAX, "a task must fit into its message");

bool fs_is_contained(const struct rn_kind *kind, const struct dc_image *image)
{
	const struct rn_codec *codec = rn_codec_find(image);

	return kind->per_frame && codec != NULL && !codec->by_rows;
}

struct fs_key fs_file_key(const struct ix_instance *instance, uint8_t kind, uint32_t frame)
{
	const uint64_t parts[] = {
		instance->size,
		(uint64_t)instance->mtime_ns,
		(uint64_t)instance->ctime_ns,
		instance->json_base,
	};

	return (struct fs_key){
		.instance = instance->id,
		.fingerprint = ix_hash(span_of(parts, sizeof(parts))),
		.frame = frame,
		.kind = kind,
	};
}

static void unref_index(struct dc_frame_index **index)
{
	dc_frame_index_unref(*index);
}

bool fs_produce_from(const struct fs_key *key, struct fs_frames *known, struct dc_source *source,
		     const struct rn_request *asked, struct buf *out, struct err *err)
{
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_frame_index *frames CLEANUP(unref_index) = NULL;
	const struct rn_kind *kind = rn_kind_table[key->kind];
	const struct dc_image *image = asked->instance->image;
	struct rn_request request = *asked;
	bool many =
		kind->per_frame && image->frames > 1 && (image->flags & DC_IMAGE_ENCAPSULATED) != 0;
	struct err reason = {0};

	if (!dc_dataset_open(&dataset, source, err))
		return false;
	if (many && !fs_frames_get(known, key, &dataset, image, &frames, &reason)) {
		/* Who measures wants to know what is wrong with each frame. */
		if (!request.measuring) {
			*err = reason;
			return false;
		}
		frames = NULL;
	}
	request.dataset = &dataset;
	request.frames = frames;
	return rn_produce(kind, &request, out, err);
}

/* ---- In a worker ----------------------------------------------------------- */

static void release_source(struct dc_file_source *source)
{
	dc_source_release(&source->base);
}

static bool produce_told(struct fs_frames *known_frames, const struct told *told,
			 const struct fs_work *work, struct dc_source *source, struct err *err)
{
	const struct rn_instance instance = {
		.image = &told->image,
		.dcm_size = told->dcm_size,
		.json_base = told->json_base,
		.json_names = told->json_names,
		.name = told->name,
		.measured_size = told->measured_size,
	};
	const struct rn_request request = {
		.instance = &instance,
		.frame = told->key.frame,
		.measuring = told->measuring,
		.options = &told->options,
		.cancel = work->cancel,
		.threads = told->threads,
	};

	return fs_produce_from(&told->key, known_frames, source, &request, work->out, err);
}

static bool produce(void *context, const struct fs_work *work, struct err *err)
{
	struct dc_file_source source CLEANUP(release_source) = {.base.ops = NULL};
	struct told told;

	if (work->told.size != sizeof(told))
		return err_set(err, ERR_CORRUPT, "a task of %zu bytes", work->told.size);
	memcpy(&told, work->told.data, sizeof(told));
	dc_file_source_init(&source, work->source_fd, told.dcm_size, NULL);
	return produce_told(context, &told, work, &source.base, err);
}

/* ---- In the daemon ---------------------------------------------------------- */

/* What the largest pictures of real decoders are from: samples of 32 bits, three
 * times over. What a task may take is far beyond what any has been seen to take, and
 * far below what all have. */
#define SAMPLE_WEIGHT 8u
#define SAMPLE_MOST 64u
#define TASK_MOST ((uint64_t)96 << 20)
#define THREAD_MOST ((uint64_t)16 << 20)
#define FRAME_MOST 64u

/* The header's numbers were found possible: nothing here is beyond 2^48. */
static uint64_t samples_of(const struct dc_image *image)
{
	return (uint64_t)image->rows * image->columns * image->samples;
}

static void weigh(const struct fs_producing *producing, struct fs_task *task)
{
	const struct dc_image *image = &producing->instance->image;
	uint64_t samples = samples_of(image);

	task->weight = task->capacity + samples * SAMPLE_WEIGHT;
	task->most = TASK_MOST + producing->threads * THREAD_MOST + samples * SAMPLE_MOST +
		     (uint64_t)image->frames * FRAME_MOST +
		     MIN_OF(producing->source_size, samples * SAMPLE_MOST);
}

/* Bytes of the file at most. Of what is known only once it was made: it gets smaller,
 * as a rule, and when it does not then by little. */
static bool find_capacity(const struct rn_options *options, const struct rn_kind *kind,
			  const struct rn_instance *instance, uint32_t frame, uint64_t *capacity,
			  struct err *err)
{
	struct rn_options plain = *options;

	if (kind->size(instance, options, frame, capacity, err))
		return true;
	if (err->code != ERR_NOTFOUND)
		return false;
	*capacity = instance->measured_size;
	if (*capacity > 0)
		return true;
	plain.png_level = 0;
	if (!kind->size(instance, &plain, frame, capacity, err))
		return false;
	*capacity += *capacity / 8 + 65536;
	return true;
}

uint64_t fs_produce_weight(const struct rn_options *options, const struct rn_kind *kind,
			   const struct rn_instance *instance, uint32_t frame)
{
	struct err err = {0};
	uint64_t capacity;

	if (!find_capacity(options, kind, instance, frame, &capacity, &err))
		return 0;
	return capacity + samples_of(instance->image) * SAMPLE_WEIGHT;
}

bool fs_produce(struct fs_workers *workers, struct fs_producing *producing, struct err *err)
{
	const struct ix_instance *instance = producing->instance;
	struct rn_instance known = fs_rn_instance(instance);
	struct told told = {
		.measuring = producing->measuring,
		.threads = producing->threads,
		.key = producing->key,
		.options = *producing->options,
		.image = instance->image,
		.dcm_size = producing->source_size,
		.measured_size = producing->measured_size,
		.json_base = known.json_base,
		.json_names = known.json_names,
	};
	struct fs_task task = {
		.told = span_of(&told, sizeof(told)),
		.group = (uint64_t)instance->series,
		.source_fd = producing->source_fd,
		.capacity = producing->output_size,
		.output_fd = producing->output_fd,
		.out = producing->out,
		.cancel = producing->cancel,
		.paid = producing->paid,
	};
	uint64_t size;

	known.measured_size = producing->measured_size;
	(void)snprintf(told.name, sizeof(told.name), "%s", instance->name);
	if (producing->output_fd < 0) {
		if (!find_capacity(producing->options, producing->kind, &known,
				   producing->key.frame, &size, err))
			return false;
		task.capacity = (size_t)size;
	}
	weigh(producing, &task);
	err_clear(err);
	if (!fs_workers_do(workers, &task, err))
		return false;
	producing->used_ns = task.used_ns;
	if (producing->output_fd >= 0 && task.size != producing->output_size)
		return err_set(err, ERR_CORRUPT, "%zu bytes were made of %zu", task.size,
			       producing->output_size);
	return true;
}

bool fs_producers_open(struct fs_workers **workers, const struct fs_options *options, bool quiet,
		       bool background, struct err *err)
{
	struct fs_workers_options to = {
		.count = fs_options_decoders(options),
		.memory = options->decode_memory,
		.seconds = options->decode_seconds,
		.quiet = quiet,
		.background = background,
		.work = produce,
	};
	struct fs_frames *frames = NULL;
	bool ok;

	if (!fs_frames_open(&frames, FRAMES_MEMORY, err))
		return false;
	to.context = frames;
	ok = fs_workers_open(workers, &to, err);
	/* Each worker has its own. */
	fs_frames_close(frames);
	return ok;
}
