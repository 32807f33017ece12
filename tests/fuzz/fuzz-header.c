/*
 * Any bytes as a DICOM file: facts, and every event of the walk.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "dicom/charset.h"
#include "dicom/facts.h"
#include "dicom/frames.h"

/* What does not depend on how deep it is. */
static void check_element(struct dc_parser *parser)
{
	const struct dc_element *element = &parser->element;
	uint64_t size = parser->source->size;
	struct err err = {0};
	struct span value;

	fuzz_require(element->vr != DC_VR_NONE, "VRs are resolved");
	fuzz_require(element->offset <= size && element->length <= size - element->offset,
		     "what exists of a value is in the file");
	if (dc_parser_value(parser, &value, &err))
		fuzz_require(value.size == element->length, "all of a value is read");
	else
		fuzz_require_error(&err);
}

/* Events are hashed, so that two walks can be compared. */
static uint64_t walk(struct dc_dataset *dataset, bool skip)
{
	struct dc_parser_options options = {
		.limits = {.elements = 100000, .depth = 16, .value = 1 << 20}};
	struct dc_parser parser CLEANUP_PARSER;
	struct err err = {0};
	uint64_t hash = 0, end;
	long open = 0;

	if (!dc_dataset_parser(dataset, &options, &parser, &err))
		return 0;
	do {
		fuzz_require(dc_parser_next(&parser, &err), "broken input is no error");
		if (skip && parser.event == DC_EVENT_SEQUENCE)
			fuzz_require(dc_parser_skip(&parser, &err), "nor is it when skipped");
		else if (parser.event == DC_EVENT_SEQUENCE || parser.event == DC_EVENT_ITEM)
			open++;
		else if (parser.event == DC_EVENT_SEQUENCE_END || parser.event == DC_EVENT_ITEM_END)
			open--;
		if (parser.event == DC_EVENT_ELEMENT)
			check_element(&parser);
		if (skip && parser.event == DC_EVENT_FRAGMENTS) {
			fuzz_require(dc_parser_fragments_end(&parser, &end, &err) &&
					     end <= dataset->source->size,
				     "fragments end in the file");
		}
		fuzz_require(open >= 0 && open <= 2 * 16 + 1, "no level but those that are open");
		hash = (hash ^ parser.event ^ parser.element.offset) * 0x9e3779b97f4a7c15u;
	} while (parser.event != DC_EVENT_END);
	fuzz_require(open == 0, "every level that was opened is closed");
	fuzz_require(parser.damage.code == ERR_NONE || parser.damage.message[0] != '\0',
		     "damage says what it is");
	return hash;
}

static void check_texts(const struct dc_facts *facts)
{
	for (enum dc_fact i = 0; i < DC_FACT_COUNT; i++)
		fuzz_require(dc_utf8_valid(span_of_text(dc_fact(facts, i))), "facts are UTF-8");
	fuzz_require(facts->damage.code == ERR_NONE || facts->damage.message[0] != '\0',
		     "damage says what it is");
}

static void check_native(const struct dc_image *image, uint64_t size)
{
	const uint32_t frames[] = {0, image->frames / 2, image->frames - 1, image->frames};
	struct dc_frame frame;
	struct err err = {0};

	if (image->pixel_tag == 0 || (image->flags & DC_IMAGE_ENCAPSULATED) != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		if (dc_frame_locate_native(image, frames[i], &frame, &err))
			fuzz_require(frame.offset <= size && frame.length <= size - frame.offset &&
					     frames[i] < image->frames,
				     "frames are in the file");
		else
			fuzz_require_error(&err);
	}
}

static void read_facts(struct dc_dataset *dataset)
{
	struct dc_facts facts CLEANUP_FACTS, again CLEANUP_FACTS;
	CLEANUP_BUF struct buf first = buf_empty(BUF_NO_LIMIT), second = buf_empty(BUF_NO_LIMIT);
	struct dc_image back;
	struct err err = {0};

	dc_facts_init(&facts);
	dc_facts_init(&again);
	if (!dc_facts_read(&facts, dataset, NULL, &err)) {
		fuzz_require_error(&err);
		return;
	}
	check_texts(&facts);
	check_native(&facts.image, dataset->source->size);
	fuzz_require(dc_facts_read(&again, dataset, NULL, &err), "facts are read again");
	dc_image_pack(&facts.image, &first);
	dc_image_pack(&again.image, &second);
	fuzz_require(span_equals(buf_span(&first), buf_span(&second)), "and are the same");
	fuzz_require(dc_image_unpack(&back, buf_span(&first), &err), "a packed image unpacks");
	for (enum dc_fact i = 0; i < DC_FACT_COUNT; i++)
		fuzz_require((facts.fact[i] == NULL) == (again.fact[i] == NULL) &&
				     strcmp(dc_fact(&facts, i), dc_fact(&again, i)) == 0,
			     "texts too");
}

void fuzz_one(struct span input)
{
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_memory_source source;
	struct err err = {0};

	dc_memory_source_init(&source, input);
	if (!dc_dataset_open(&dataset, &source.base, &err)) {
		fuzz_require_error(&err);
		return;
	}
	fuzz_require(dataset.layout.encoding != NULL && dataset.layout.transfer_syntax != NULL,
		     "the encoding is known");
	read_facts(&dataset);
	fuzz_require(walk(&dataset, false) == walk(&dataset, false), "a walk can be repeated");
	(void)walk(&dataset, true);
}
