/* SPDX-License-Identifier: MIT */
#include "tests/unit/case-run.h"

#include "tests/unit/case-check.h"

#define EVENTS_MAX 1000000

static bool report(struct buf *problem, const char *what, const struct err *err)
{
	buf_printf(problem, "%s: %s (%s)", what, err->message, err_code_name(err->code));
	return false;
}

/* Walks over all elements and reads every value, counting what is open. */
static bool walk(struct case_run *run, struct buf *problem)
{
	CLEANUP_PARSER struct dc_parser parser = {0};
	int64_t open = 0;
	struct err err;

	if (!dc_dataset_parser(&run->dataset, NULL, &parser, &err))
		return report(problem, "parser", &err);
	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		struct span value;

		if (!dc_parser_next(&parser, &err))
			return report(problem, "parser", &err);
		switch (parser.event) {
		case DC_EVENT_ELEMENT:
			if (!dc_parser_value(&parser, &value, &err) && err.code != ERR_LIMIT)
				return report(problem, "value", &err);
			break;
		case DC_EVENT_SEQUENCE:
		case DC_EVENT_ITEM:
			open++;
			break;
		case DC_EVENT_SEQUENCE_END:
		case DC_EVENT_ITEM_END:
			open--;
			break;
		case DC_EVENT_FRAGMENTS:
			break;
		case DC_EVENT_END:
			run->damage = parser.damage;
			if (open == 0)
				return true;
			buf_printf(problem, "%lld sequences and items were not closed",
				   (long long)open);
			return false;
		}
	}
	buf_append_text(problem, "the parser does not come to an end");
	return false;
}

bool case_produce(struct case_run *run, uint8_t kind, uint32_t frame, struct buf *out,
		  struct err *err)
{
	const struct rn_request request = {
		.dataset = &run->dataset,
		.instance = &run->instance,
		.frame = frame,
		.options = &rn_default_options,
	};

	return rn_produce(rn_kind_table[kind], &request, out, err);
}

/* The JSON must be what was measured and what the standard calls JSON. */
static bool make_json(struct case_run *run, struct buf *problem)
{
	struct err err;
	size_t at;

	if ((run->measured.kinds & 1u << RN_KIND_JSON) == 0)
		return true;
	if (!case_produce(run, RN_KIND_JSON, 0, &run->json, &err))
		return report(problem, "json", &err);
	if (case_json_valid(buf_span(&run->json), &at))
		return true;
	buf_printf(problem, "no strict JSON at byte %zu: %s", at, buf_text(&run->json));
	return false;
}

bool case_run(struct case_run *run, struct span file, struct buf *problem)
{
	struct err err;

	memset(run, 0, sizeof(*run));
	dc_facts_init(&run->facts);
	run->json = buf_empty(BUF_NO_LIMIT);
	run->file = file;
	dc_memory_source_init(&run->source, file);
	run->opened = dc_dataset_open(&run->dataset, &run->source.base, &run->error);
	if (!run->opened)
		return true;
	if (!walk(run, problem))
		return false;
	if (!dc_facts_read(&run->facts, &run->dataset, NULL, &err))
		return report(problem, "facts", &err);
	if (run->damage.code == ERR_NONE) /* that of a deflate stream */
		run->damage = run->facts.damage;
	if (!rn_measure(&run->dataset, &run->facts, file.size, &rn_default_options, &run->measured,
			&err))
		return report(problem, "measure", &err);
	run->instance = (struct rn_instance){
		.image = &run->facts.image,
		.dcm_size = file.size,
		.json_base = run->measured.json_base,
		.json_names = run->measured.json_names,
		.name = CASE_NAME,
	};
	return make_json(run, problem);
}

void case_run_release(struct case_run *run)
{
	if (run->opened)
		dc_dataset_release(&run->dataset);
	dc_facts_release(&run->facts);
	buf_release(&run->json);
}
