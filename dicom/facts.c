/* SPDX-License-Identifier: MIT */
#include "dicom/facts-private.h"

#include "dicom/value.h"

#define PATIENT(tag, column, keyword) {tag, DC_LEVEL_PATIENT, true, false, column, keyword}
#define STUDY(tag, column, keyword) {tag, DC_LEVEL_STUDY, true, false, column, keyword}
#define SERIES(tag, column, keyword) {tag, DC_LEVEL_SERIES, true, false, column, keyword}
#define INSTANCE(tag, xattr, all, column, keyword)                                                 \
	{tag, DC_LEVEL_INSTANCE, xattr, all, column, keyword}

const struct dc_fact_row dc_fact_table[DC_FACT_COUNT] = {
	[DC_FACT_IMAGE_TYPE] = INSTANCE(DC_TAG(0x0008, 0x0008), false, true, NULL, "ImageType"),
	[DC_FACT_SOP_CLASS] = INSTANCE(DC_TAG(0x0008, 0x0016), true, false, "sop_class", "SOPClassUID"),
	[DC_FACT_SOP_UID] = INSTANCE(DC_TAG(0x0008, 0x0018), true, false, "sop_uid", "SOPInstanceUID"),
	[DC_FACT_STUDY_DATE] = STUDY(DC_TAG(0x0008, 0x0020), "date", "StudyDate"),
	[DC_FACT_SERIES_DATE] = SERIES(DC_TAG(0x0008, 0x0021), "date", "SeriesDate"),
	[DC_FACT_ACQUISITION_DATE] =
		INSTANCE(DC_TAG(0x0008, 0x0022), false, false, NULL, "AcquisitionDate"),
	[DC_FACT_CONTENT_DATE] = INSTANCE(DC_TAG(0x0008, 0x0023), false, false, NULL, "ContentDate"),
	[DC_FACT_STUDY_TIME] = STUDY(DC_TAG(0x0008, 0x0030), "time", "StudyTime"),
	[DC_FACT_SERIES_TIME] = SERIES(DC_TAG(0x0008, 0x0031), "time", "SeriesTime"),
	[DC_FACT_CONTENT_TIME] = INSTANCE(DC_TAG(0x0008, 0x0033), false, false, NULL, "ContentTime"),
	[DC_FACT_ACCESSION] = STUDY(DC_TAG(0x0008, 0x0050), "accession", "AccessionNumber"),
	[DC_FACT_MODALITY] = SERIES(DC_TAG(0x0008, 0x0060), "modality", "Modality"),
	[DC_FACT_MANUFACTURER] = SERIES(DC_TAG(0x0008, 0x0070), "manufacturer", "Manufacturer"),
	[DC_FACT_INSTITUTION] = SERIES(DC_TAG(0x0008, 0x0080), "institution", "InstitutionName"),
	[DC_FACT_STATION_NAME] = SERIES(DC_TAG(0x0008, 0x1010), "station", "StationName"),
	[DC_FACT_STUDY_DESCRIPTION] =
		STUDY(DC_TAG(0x0008, 0x1030), "description", "StudyDescription"),
	[DC_FACT_SERIES_DESCRIPTION] =
		SERIES(DC_TAG(0x0008, 0x103e), "description", "SeriesDescription"),
	[DC_FACT_MODEL] = SERIES(DC_TAG(0x0008, 0x1090), "model", "ManufacturerModelName"),
	[DC_FACT_PATIENT_NAME] = PATIENT(DC_TAG(0x0010, 0x0010), "person", "PatientName"),
	[DC_FACT_PATIENT_ID] = PATIENT(DC_TAG(0x0010, 0x0020), "patient_id", "PatientID"),
	[DC_FACT_ISSUER] = PATIENT(DC_TAG(0x0010, 0x0021), "issuer", "IssuerOfPatientID"),
	[DC_FACT_BIRTH_DATE] = PATIENT(DC_TAG(0x0010, 0x0030), "birth_date", "PatientBirthDate"),
	[DC_FACT_SEX] = PATIENT(DC_TAG(0x0010, 0x0040), "sex", "PatientSex"),
	[DC_FACT_BODY_PART] = SERIES(DC_TAG(0x0018, 0x0015), "body_part", "BodyPartExamined"),
	[DC_FACT_PROTOCOL_NAME] = SERIES(DC_TAG(0x0018, 0x1030), "protocol", "ProtocolName"),
	[DC_FACT_STUDY_UID] = STUDY(DC_TAG(0x0020, 0x000d), "uid", "StudyInstanceUID"),
	[DC_FACT_SERIES_UID] = SERIES(DC_TAG(0x0020, 0x000e), "uid", "SeriesInstanceUID"),
	[DC_FACT_STUDY_ID] = STUDY(DC_TAG(0x0020, 0x0010), "study_id", "StudyID"),
	[DC_FACT_SERIES_NUMBER] = SERIES(DC_TAG(0x0020, 0x0011), "number", "SeriesNumber"),
	[DC_FACT_INSTANCE_NUMBER] =
		INSTANCE(DC_TAG(0x0020, 0x0013), true, false, "number", "InstanceNumber"),
};

struct reading {
	struct dc_facts *facts;
	struct dc_parser *parser;
	struct dc_image_reading image;
	uint32_t seen_fact; /* as image.seen */
};

_Static_assert(DC_FACT_COUNT <= 32, "seen_fact has 32 bits");

void dc_facts_init(struct dc_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->text = buf_empty(BUF_NO_LIMIT);
}

void dc_facts_release(struct dc_facts *facts)
{
	buf_release(&facts->text);
}

/* ---- Text facts ------------------------------------------------------- */

static int find_fact(uint32_t tag)
{
	int low = 0, high = DC_FACT_COUNT - 1;

	while (low <= high) {
		int middle = (low + high) / 2;

		if (dc_fact_table[middle].tag == tag)
			return middle;
		if (dc_fact_table[middle].tag < tag)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

/* Cuts what was decoded at text->data + start to its first value, trimmed. */
static void keep_first_value(struct buf *text, size_t start, bool all_values)
{
	struct span value, first;

	if (text->size == start)
		return;
	value = span_of(text->data + start, text->size - start);
	if (!all_values && dc_value_text(value, 0, &first))
		value = first;
	value = dc_value_trim(value, true);
	if (value.size > 0)
		memmove(text->data + start, value.data, value.size);
	buf_truncate(text, start + value.size);
	/* A NUL inside would end the C string early: what stands behind it counts
	 * as padding. */
	value.data = value.size > 0 ? memchr(text->data + start, '\0', value.size) : NULL;
	if (value.data != NULL)
		buf_truncate(text, (size_t)(value.data - text->data));
}

static bool keep_text(struct reading *r, int fact, struct err *err)
{
	const struct dc_fact_row *row = &dc_fact_table[fact];
	struct dc_facts *facts = r->facts;
	struct span value;
	size_t start = facts->text.size;
	enum dc_vr_class class = dc_vr_info(r->parser->element.vr).class;

	if ((r->seen_fact & (1u << fact)) != 0)
		return true;
	r->seen_fact |= 1u << fact;
	if (r->parser->element.length > DC_FACT_SIZE_MAX || class == DC_VR_BINARY ||
	    class == DC_VR_BULK)
		return true;
	if (!dc_parser_value(r->parser, &value, err))
		return false;
	dc_charset_decode(dc_parser_charset(r->parser), r->parser->element.vr, value, &facts->text);
	if (!buf_ok(&facts->text, err))
		return false;
	keep_first_value(&facts->text, start, row->all_values);
	buf_append_byte(&facts->text, '\0');
	facts->position[fact] = (uint32_t)start + 1;
	return buf_ok(&facts->text, err);
}

/* ---- What is only noted as present -------------------------------------- */

static void note_presence(struct dc_image_reading *r, const struct dc_element *element)
{
	uint32_t tag = element->tag;

	if (tag == DC_TAG(0x0028, 0x2000) && r->icc_length == 0) {
		r->icc_offset = element->offset;
		r->icc_length = element->length;
	} else if (((tag >= DC_TAG(0x0028, 0x1201) && tag <= DC_TAG(0x0028, 0x1203)) ||
		    (tag >= DC_TAG(0x0028, 0x1221) && tag <= DC_TAG(0x0028, 0x1223))) &&
		   element->length > 0) {
		r->palette_data |= (uint8_t)(1u << ((tag & 3) - 1));
	} else if (tag == DC_TAG(0x7fe0, 0x0001) && element->length > 0) {
		r->image->flags |= DC_IMAGE_EXTENDED_OFFSETS;
	} else if ((tag >> 16 & 0xff01) == 0x6000 && DC_ELEMENT(tag) != 0) {
		r->image->flags |= DC_IMAGE_OVERLAY;
	}
}

/* Whole-slide images have their profile here, one for each optical path. */
static bool read_optical_paths(struct reading *r, struct err *err)
{
	struct dc_parser *p = r->parser;
	bool found = r->image.icc_length > 0; /* that of the data set comes first */

	if (found)
		return dc_parser_skip(p, err);
	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END ||
		    (p->event == DC_EVENT_SEQUENCE_END && p->element.depth == 0))
			return true;
		if (p->event == DC_EVENT_ITEM)
			r->image.optical_paths++;
		if (p->event == DC_EVENT_SEQUENCE && !dc_parser_skip(p, err))
			return false;
		if (p->event == DC_EVENT_ELEMENT && p->element.tag == DC_TAG(0x0028, 0x2000))
			note_presence(&r->image, &p->element);
	}
}

/* The item of Shared Functional Groups: of what is in there the size of pixels
 * concerns files' sizes, since PNG has it too. */
static bool read_shared_groups(struct reading *r, struct err *err)
{
	struct dc_parser *p = r->parser;
	bool taken;

	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END ||
		    (p->event == DC_EVENT_ITEM_END && p->element.depth == 0))
			return true;
		/* Pixel Measures Sequence, Pixel Spacing. */
		if (p->event == DC_EVENT_SEQUENCE && p->element.tag != DC_TAG(0x0028, 0x9110) &&
		    !dc_parser_skip(p, err))
			return false;
		if (p->event == DC_EVENT_ELEMENT && p->element.depth == 2 &&
		    p->element.tag == DC_TAG(0x0028, 0x0030) &&
		    !dc_image_reading_take(&r->image, p, &taken, err))
			return false;
	}
}

static bool note_sequence(struct reading *r, struct err *err)
{
	struct dc_image *image = &r->facts->image;
	bool shared = r->parser->element.tag == DC_TAG(0x5200, 0x9229);
	uint32_t flag = 0;

	switch (r->parser->element.tag) {
	case DC_TAG(0x0028, 0x3000):
		flag = DC_IMAGE_MODALITY_LUT;
		break;
	case DC_TAG(0x0028, 0x3010):
		flag = DC_IMAGE_VOI_LUT;
		break;
	case DC_TAG(0x2050, 0x0010):
		flag = DC_IMAGE_PRESENTATION_LUT;
		break;
	case DC_TAG(0x5200, 0x9229):
	case DC_TAG(0x5200, 0x9230):
		flag = DC_IMAGE_FUNCTIONAL_GROUPS;
		break;
	case DC_TAG(0x0048, 0x0105):
		return read_optical_paths(r, err);
	default:
		return dc_parser_skip(r->parser, err);
	}
	if (!dc_parser_next(r->parser, err))
		return false;
	if (r->parser->event == DC_EVENT_ITEM) {
		image->flags |= flag;
		return shared ? read_shared_groups(r, err) : dc_parser_skip(r->parser, err);
	}
	/* The rest of the items, and the end of the sequence, go by in the caller. */
	return true;
}

static void note_pixels(struct dc_image *image, const struct dc_dataset *dataset,
			const struct dc_element *element, bool fragments)
{
	const struct dc_transfer_syntax *ts = dataset->layout.transfer_syntax;

	image->pixel_tag = element->tag;
	image->vr = element->vr;
	image->offset = element->offset;
	image->declared_length = element->declared_length;
	if (fragments) {
		image->flags |= DC_IMAGE_ENCAPSULATED;
		image->length = dataset->source->size - element->offset;
		return;
	}
	image->length = element->length;
	if (element->length < element->declared_length)
		image->flags |= DC_IMAGE_TRUNCATED;
	/* One private syntax has big endian pixels behind little endian elements; a
	 * file that only claims to be big endian has neither. */
	if (element->big_endian || (ts->big_endian_pixels && !ts->big_endian))
		image->flags |= DC_IMAGE_BIG_ENDIAN;
}

/* ---- The pass ----------------------------------------------------------- */

static bool is_pixels(uint32_t tag)
{
	return tag == DC_TAG_PIXEL_DATA || tag == DC_TAG_FLOAT_PIXEL_DATA ||
	       tag == DC_TAG_DOUBLE_PIXEL_DATA;
}

static bool read_element(struct reading *r, struct err *err)
{
	bool taken;
	int fact;

	if (!dc_image_reading_take(&r->image, r->parser, &taken, err))
		return false;
	if (taken)
		return true;
	fact = find_fact(r->parser->element.tag);
	if (fact >= 0)
		return keep_text(r, fact, err);
	note_presence(&r->image, &r->parser->element);
	return true;
}

static bool read_all(struct reading *r, const struct dc_dataset *dataset, struct err *err)
{
	struct dc_parser *p = r->parser;

	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END)
			return true;
		if (p->event == DC_EVENT_ITEM) {
			if (!dc_parser_skip(p, err))
				return false;
			continue;
		}
		if (p->event == DC_EVENT_SEQUENCE) {
			if (!note_sequence(r, err))
				return false;
			continue;
		}
		if (p->element.depth > 0)
			continue;
		if ((p->event == DC_EVENT_ELEMENT || p->event == DC_EVENT_FRAGMENTS) &&
		    is_pixels(p->element.tag)) {
			note_pixels(&r->facts->image, dataset, &p->element,
				    p->event == DC_EVENT_FRAGMENTS);
			return true;
		}
		if (p->event == DC_EVENT_ELEMENT && !read_element(r, err))
			return false;
	}
}

static uint8_t sop_rules_of(const char *sop_class)
{
	static const struct {
		const char *uid;
		uint8_t rules;
	} table[] = {
		{"1.2.840.10008.5.1.4.1.1.12.1", DC_SOP_XRAY_ANGIO},
		{"1.2.840.10008.5.1.4.1.1.12.1.1", DC_SOP_XRAY_ANGIO},
		{"1.2.840.10008.5.1.4.1.1.12.2", DC_SOP_XRAY_ANGIO},
		{"1.2.840.10008.5.1.4.1.1.12.2.1", DC_SOP_XRAY_ANGIO},
		{"1.2.840.10008.5.1.4.1.1.12.3", DC_SOP_XRAY_ANGIO},
		{"1.2.840.10008.5.1.4.1.1.128", DC_SOP_PET},
		{"1.2.840.10008.5.1.4.1.1.128.1", DC_SOP_PET},
		{"1.2.840.10008.5.1.4.1.1.130", DC_SOP_PET},
		{"1.2.840.10008.5.1.4.1.1.481.2", DC_SOP_RT_DOSE},
		{"1.2.840.10008.5.1.4.1.1.66.4", DC_SOP_SEGMENTATION},
		{"1.2.840.10008.5.1.4.1.1.66.7", DC_SOP_LABEL_MAP},
		{"1.2.840.10008.5.1.4.1.1.30", DC_SOP_PARAMETRIC_MAP},
		{"1.2.840.10008.5.1.4.1.1.20", DC_SOP_NM},
		{"1.2.840.10008.5.1.4.1.1.77.1.6", DC_SOP_WSI},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(sop_class, table[i].uid) == 0)
			return table[i].rules;
	}
	return DC_SOP_PLAIN;
}

static void finish(struct dc_facts *facts, struct dc_dataset *dataset,
		   struct dc_image_reading *reading)
{
	struct dc_image *image = &facts->image;
	const char *text = (const char *)facts->text.data;

	for (int i = 0; i < DC_FACT_COUNT; i++)
		facts->fact[i] = facts->position[i] > 0 ? text + facts->position[i] - 1 : NULL;
	if (dataset->deflated)
		image->flags |= DC_IMAGE_DEFLATED;
	image->sop_rules = sop_rules_of(dc_fact(facts, DC_FACT_SOP_CLASS));
	dc_image_reading_finish(reading, dataset->source);
}

bool dc_facts_read(struct dc_facts *facts, struct dc_dataset *dataset,
		   const struct dc_parser_options *options, struct err *err)
{
	struct dc_parser parser CLEANUP_PARSER;
	struct reading r = {.facts = facts, .parser = &parser, .image = {.image = &facts->image}};

	facts->layout = dataset->layout;
	facts->image = (struct dc_image){
		.frames = 1,
		.slope = 1,
		.transfer_syntax = (uint16_t)(dataset->layout.transfer_syntax -
					      dc_transfer_syntax_table),
	};
	buf_clear(&facts->text);
	memset(facts->position, 0, sizeof(facts->position));
	err_clear(&facts->damage);
	if (!dc_dataset_parser(dataset, options, &parser, err))
		return false;
	if (!read_all(&r, dataset, err))
		return false;
	facts->damage = parser.damage;
	if (facts->damage.code == ERR_NONE && dataset->inflate.damage.code != ERR_NONE)
		facts->damage = dataset->inflate.damage;
	finish(facts, dataset, &r.image);
	return true;
}
