/* Any bytes as a DICOM file: facts, and every event of the walk.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "dicom/facts.h"
#include "dicom/frames.h"

static void walk(struct dc_dataset *dataset)
{
	struct dc_parser_options options = {.limits = {.elements = 100000, .depth = 16, .value = 1 << 20}};
	struct dc_parser parser CLEANUP_PARSER;
	struct err err = {0};
	struct span value;
	long open = 0;

	if (!dc_dataset_parser(dataset, &options, &parser, &err))
		return;
	do {
		if (!dc_parser_next(&parser, &err))
			abort(); /* broken input is never an error */
		if (parser.event == DC_EVENT_SEQUENCE || parser.event == DC_EVENT_ITEM)
			open++;
		if (parser.event == DC_EVENT_SEQUENCE_END || parser.event == DC_EVENT_ITEM_END)
			open--;
		if (parser.event == DC_EVENT_ELEMENT && dc_parser_value(&parser, &value, &err) &&
		    value.size != parser.element.length)
			abort();
	} while (parser.event != DC_EVENT_END);
	if (open != 0)
		abort(); /* every level that was opened is closed */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dc_facts facts CLEANUP_FACTS;
	struct dc_memory_source source;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_frame frame;
	struct err err = {0};

	dc_facts_init(&facts);
	dc_memory_source_init(&source, span_of(data, size));
	if (!dc_dataset_open(&dataset, &source.base, &err))
		return 0;
	if (dc_facts_read(&facts, &dataset, NULL, &err) && facts.image.pixel_tag != 0 &&
	    (facts.image.flags & DC_IMAGE_ENCAPSULATED) == 0 &&
	    dc_frame_locate_native(&facts.image, 0, &frame, &err) &&
	    frame.offset + frame.length > dataset.source->size)
		abort();
	walk(&dataset);
	return 0;
}
