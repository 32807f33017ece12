/* SPDX-License-Identifier: MIT */
#include "dicom/facts.h"

#include <math.h>

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

/* Text values of facts are names and codes; a longer one is cut by nobody's
 * loss, but never read whole from a hostile file. */
#define FACT_SIZE_MAX ((uint64_t)64 * 1024)

struct reading {
	struct dc_facts *facts;
	struct dc_parser *parser;
	/* Attributes met at depth 0, for "the first of duplicates counts". */
	uint64_t seen_image;
	uint32_t seen_fact;
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
	struct span value = span_of(text->data + start, text->size - start), first;

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
	if (r->parser->element.length > FACT_SIZE_MAX || class == DC_VR_BINARY ||
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

/* ---- Attributes of the pixel description ------------------------------- */

/* Each row: where a number of the header goes. Order is the bit in seen_image. */
enum image_field {
	FIELD_SAMPLES,
	FIELD_PHOTOMETRIC,
	FIELD_PLANAR,
	FIELD_FRAMES,
	FIELD_ROWS,
	FIELD_COLUMNS,
	FIELD_SPACING,
	FIELD_IMAGER_SPACING,
	FIELD_SCANNED_SPACING,
	FIELD_ASPECT,
	FIELD_ALLOCATED,
	FIELD_STORED,
	FIELD_HIGH_BIT,
	FIELD_REPRESENTATION,
	FIELD_PADDING,
	FIELD_PADDING_LIMIT,
	FIELD_CENTER,
	FIELD_WIDTH,
	FIELD_INTERCEPT,
	FIELD_SLOPE,
	FIELD_VOI_FUNCTION,
	FIELD_SHAPE,
	FIELD_PRESENTATION,
	FIELD_NONE,
};

static enum image_field find_field(uint32_t tag)
{
	switch (tag) {
	case DC_TAG(0x0008, 0x9205):
		return FIELD_PRESENTATION;
	case DC_TAG(0x0018, 0x1164):
		return FIELD_IMAGER_SPACING;
	case DC_TAG(0x0018, 0x2010):
		return FIELD_SCANNED_SPACING;
	case DC_TAG(0x0028, 0x0002):
		return FIELD_SAMPLES;
	case DC_TAG(0x0028, 0x0004):
		return FIELD_PHOTOMETRIC;
	case DC_TAG(0x0028, 0x0006):
		return FIELD_PLANAR;
	case DC_TAG(0x0028, 0x0008):
		return FIELD_FRAMES;
	case DC_TAG(0x0028, 0x0010):
		return FIELD_ROWS;
	case DC_TAG(0x0028, 0x0011):
		return FIELD_COLUMNS;
	case DC_TAG(0x0028, 0x0030):
		return FIELD_SPACING;
	case DC_TAG(0x0028, 0x0034):
		return FIELD_ASPECT;
	case DC_TAG(0x0028, 0x0100):
		return FIELD_ALLOCATED;
	case DC_TAG(0x0028, 0x0101):
		return FIELD_STORED;
	case DC_TAG(0x0028, 0x0102):
		return FIELD_HIGH_BIT;
	case DC_TAG(0x0028, 0x0103):
		return FIELD_REPRESENTATION;
	case DC_TAG(0x0028, 0x0120):
		return FIELD_PADDING;
	case DC_TAG(0x0028, 0x0121):
		return FIELD_PADDING_LIMIT;
	case DC_TAG(0x0028, 0x1050):
		return FIELD_CENTER;
	case DC_TAG(0x0028, 0x1051):
		return FIELD_WIDTH;
	case DC_TAG(0x0028, 0x1052):
		return FIELD_INTERCEPT;
	case DC_TAG(0x0028, 0x1053):
		return FIELD_SLOPE;
	case DC_TAG(0x0028, 0x1056):
		return FIELD_VOI_FUNCTION;
	case DC_TAG(0x2050, 0x0020):
		return FIELD_SHAPE;
	default:
		return FIELD_NONE;
	}
}

static uint8_t photometric_of(struct span text)
{
	for (uint8_t i = DC_MONOCHROME1; i < DC_PHOTOMETRIC_OTHER; i++) {
		if (span_equals_text(text, dc_photometric_name(i)))
			return i;
	}
	return text.size == 0 ? DC_PHOTOMETRIC_NONE : DC_PHOTOMETRIC_OTHER;
}

static uint8_t voi_function_of(struct span text)
{
	if (span_equals_text(text, "SIGMOID"))
		return DC_VOI_SIGMOID;
	return span_equals_text(text, "LINEAR_EXACT") ? DC_VOI_LINEAR_EXACT : DC_VOI_LINEAR;
}

static void take_text(struct dc_image *image, enum image_field field, struct span value)
{
	struct span text;

	if (!dc_value_text(value, 0, &text))
		return;
	text = dc_value_trim(text, true);
	switch (field) {
	case FIELD_PHOTOMETRIC:
		image->photometric = photometric_of(text);
		break;
	case FIELD_VOI_FUNCTION:
		image->voi_function = voi_function_of(text);
		break;
	case FIELD_SHAPE:
		if (span_equals_text(text, "INVERSE"))
			image->flags |= DC_IMAGE_INVERSE;
		break;
	default: /* Pixel Presentation, PS3.3 C.8.16.2.1 */
		if (span_equals_text(text, "COLOR") || span_equals_text(text, "MIXED"))
			image->flags |= DC_IMAGE_SUPPLEMENTAL_PALETTE;
		break;
	}
}

/* Spacings are row\column: the distance between rows is the height of a pixel. */
static void take_aspect(struct dc_image *image, const struct dc_element *element,
			struct span value, double scale)
{
	double vertical, horizontal;

	if ((image->flags & DC_IMAGE_ASPECT) != 0 || !dc_value_double(element, value, 0, &vertical) ||
	    !dc_value_double(element, value, 1, &horizontal))
		return;
	vertical *= scale;
	horizontal *= scale;
	if (!(vertical >= 1) || !(horizontal >= 1) || vertical > 4e9 || horizontal > 4e9)
		return;
	image->aspect_vertical = (uint32_t)lround(vertical);
	image->aspect_horizontal = (uint32_t)lround(horizontal);
	if (image->aspect_vertical != image->aspect_horizontal)
		image->flags |= DC_IMAGE_ASPECT;
}

/* The padding value has the sign of the pixels, whatever VR a writer chose. */
static int32_t padding_of(const struct dc_image *image, int64_t number)
{
	if (image->bits_allocated <= 16)
		return image->pixel_representation == 1 ? (int16_t)(uint16_t)number
							: (uint16_t)number;
	return (int32_t)number;
}

static void take_number(struct dc_image *image, enum image_field field, int64_t number)
{
	uint16_t small = number >= 0 && number <= UINT16_MAX ? (uint16_t)number : 0;

	switch (field) {
	case FIELD_SAMPLES:
		image->samples = small;
		break;
	case FIELD_PLANAR:
		image->planar_configuration = number == 1;
		break;
	case FIELD_FRAMES:
		image->frames = number < 1 ? 0 : (uint32_t)MIN_OF(number, (int64_t)UINT32_MAX);
		break;
	case FIELD_ROWS:
		image->rows = number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
		break;
	case FIELD_COLUMNS:
		image->columns = number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
		break;
	case FIELD_ALLOCATED:
		image->bits_allocated = small;
		break;
	case FIELD_STORED:
		image->bits_stored = small;
		break;
	case FIELD_HIGH_BIT:
		image->high_bit = small;
		break;
	case FIELD_REPRESENTATION:
		image->pixel_representation = number == 1;
		break;
	case FIELD_PADDING:
		image->padding = padding_of(image, number);
		image->flags |= DC_IMAGE_PADDING;
		break;
	default:
		image->padding_limit = padding_of(image, number);
		image->flags |= DC_IMAGE_PADDING_RANGE;
		break;
	}
}

/* Window and rescale need both of their halves. */
struct halves {
	bool center, width, intercept, slope;
};

static void take_double(struct dc_image *image, struct halves *halves, enum image_field field,
			double number)
{
	switch (field) {
	case FIELD_CENTER:
		image->window_center = number;
		halves->center = true;
		break;
	case FIELD_WIDTH:
		image->window_width = number;
		halves->width = true;
		break;
	case FIELD_INTERCEPT:
		image->intercept = number;
		halves->intercept = true;
		break;
	default:
		image->slope = number;
		halves->slope = true;
		break;
	}
}

static bool keep_field(struct reading *r, struct halves *halves, enum image_field field,
		       struct err *err)
{
	struct dc_image *image = &r->facts->image;
	const struct dc_element *element = &r->parser->element;
	struct span value;
	int64_t number;
	double decimal;

	if ((r->seen_image & (1ull << field)) != 0 || element->length > FACT_SIZE_MAX)
		return true;
	r->seen_image |= 1ull << field;
	if (!dc_parser_value(r->parser, &value, err))
		return false;
	switch (field) {
	case FIELD_PHOTOMETRIC:
	case FIELD_VOI_FUNCTION:
	case FIELD_SHAPE:
	case FIELD_PRESENTATION:
		take_text(image, field, value);
		break;
	case FIELD_SPACING:
	case FIELD_IMAGER_SPACING:
	case FIELD_SCANNED_SPACING:
		take_aspect(image, element, value, 1e6);
		break;
	case FIELD_ASPECT:
		take_aspect(image, element, value, 1);
		break;
	case FIELD_CENTER:
	case FIELD_WIDTH:
	case FIELD_INTERCEPT:
	case FIELD_SLOPE:
		if (dc_value_double(element, value, 0, &decimal))
			take_double(image, halves, field, decimal);
		break;
	default:
		if (dc_value_integer(element, value, 0, &number))
			take_number(image, field, number);
		break;
	}
	return true;
}

/* ---- What is only noted as present -------------------------------------- */

static void note_presence(struct dc_image *image, const struct dc_element *element)
{
	uint32_t tag = element->tag;

	if (tag == DC_TAG(0x0028, 0x2000) && element->length > 0)
		image->flags |= DC_IMAGE_ICC;
	else if ((tag >= DC_TAG(0x0028, 0x1101) && tag <= DC_TAG(0x0028, 0x1103)) ||
		 (tag >= DC_TAG(0x0028, 0x1201) && tag <= DC_TAG(0x0028, 0x1203)) ||
		 (tag >= DC_TAG(0x0028, 0x1221) && tag <= DC_TAG(0x0028, 0x1223)))
		image->flags |= DC_IMAGE_PALETTE;
	else if (tag == DC_TAG(0x7fe0, 0x0001) && element->length > 0)
		image->flags |= DC_IMAGE_EXTENDED_OFFSETS;
	else if ((tag >> 16 & 0xff01) == 0x6000 && DC_ELEMENT(tag) != 0)
		image->flags |= DC_IMAGE_OVERLAY;
}

static bool note_sequence(struct reading *r, struct err *err)
{
	struct dc_image *image = &r->facts->image;
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
	default:
		return dc_parser_skip(r->parser, err);
	}
	if (!dc_parser_next(r->parser, err))
		return false;
	if (r->parser->event == DC_EVENT_ITEM) {
		image->flags |= flag;
		if (!dc_parser_skip(r->parser, err))
			return false;
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
	if (element->big_endian || ts->big_endian_pixels)
		image->flags |= DC_IMAGE_BIG_ENDIAN;
}

/* ---- The pass ----------------------------------------------------------- */

static bool is_pixels(uint32_t tag)
{
	return tag == DC_TAG_PIXEL_DATA || tag == DC_TAG_FLOAT_PIXEL_DATA ||
	       tag == DC_TAG_DOUBLE_PIXEL_DATA;
}

static bool read_element(struct reading *r, struct halves *halves, struct err *err)
{
	enum image_field field = find_field(r->parser->element.tag);
	int fact;

	if (field != FIELD_NONE)
		return keep_field(r, halves, field, err);
	fact = find_fact(r->parser->element.tag);
	if (fact >= 0)
		return keep_text(r, fact, err);
	note_presence(&r->facts->image, &r->parser->element);
	return true;
}

static bool read_all(struct reading *r, const struct dc_dataset *dataset, struct halves *halves,
		     struct err *err)
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
		if (p->event == DC_EVENT_ELEMENT && !read_element(r, halves, err))
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

static void finish(struct dc_facts *facts, const struct dc_dataset *dataset,
		   const struct halves *halves)
{
	struct dc_image *image = &facts->image;
	const char *text = (const char *)facts->text.data;

	for (int i = 0; i < DC_FACT_COUNT; i++)
		facts->fact[i] = facts->position[i] > 0 ? text + facts->position[i] - 1 : NULL;
	if (halves->center && halves->width)
		image->flags |= DC_IMAGE_WINDOW;
	/* A slope of 0 would make every pixel the same: absent, like a missing one. */
	if (halves->intercept && halves->slope && image->slope != 0)
		image->flags |= DC_IMAGE_RESCALE;
	if (dataset->deflated)
		image->flags |= DC_IMAGE_DEFLATED;
	image->sop_rules = sop_rules_of(dc_fact(facts, DC_FACT_SOP_CLASS));
}

bool dc_facts_read(struct dc_facts *facts, struct dc_dataset *dataset,
		   const struct dc_parser_options *options, struct err *err)
{
	struct dc_parser parser CLEANUP_PARSER;
	struct reading r = {.facts = facts, .parser = &parser};
	struct halves halves = {0};

	facts->layout = dataset->layout;
	facts->image = (struct dc_image){
		.frames = 1,
		.slope = 1,
		.transfer_syntax = (uint16_t)(dataset->layout.transfer_syntax -
					      dc_transfer_syntax_table),
	};
	buf_truncate(&facts->text, 0);
	memset(facts->position, 0, sizeof(facts->position));
	err_clear(&facts->damage);
	if (!dc_dataset_parser(dataset, options, &parser, err))
		return false;
	if (!read_all(&r, dataset, &halves, err))
		return false;
	facts->damage = parser.damage;
	if (facts->damage.code == ERR_NONE && dataset->inflate.damage.code != ERR_NONE)
		facts->damage = dataset->inflate.damage;
	finish(facts, dataset, &halves);
	return true;
}
