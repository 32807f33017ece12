/*
 * Patients with names in other scripts, a PDF, and what else lies about in a
 * store.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/sample.h"

/* ---- Names (examples of PS3.5 Annexes H and I) -------------------------- */

#define KANJI "\x1b$B"   /* to JIS X 0208 */
#define ASCII "\x1b(B"   /* back */
#define HANGUL "\x1b$)C" /* KS X 1001 above 7F */

static const struct sample_series names[] = {
	{
		.charset = "\\ISO 2022 IR 87",
		/* Yamada^Tarou=山田^太郎=やまだ^たろう */
		.patient_name = "Yamada^Tarou=" KANJI ";3ED" ASCII "^" KANJI "B@O:" ASCII "=" KANJI
				"$d$^$@" ASCII "^" KANJI "$?$m$&" ASCII,
		.patient_id = "JP-0001",
		.birth_date = "19490301",
		.sex = "M",
		.study = 6,
		.study_date = "20240401",
		.study_time = "083000",
		.study_description = KANJI "F,It" ASCII " MR", /* 頭部 */
		.accession = "A2024006",
		.series = 1,
		.modality = "MR",
		.series_description = "T1",
		.body_part = "BRAIN",
		.sop_class = "1.2.840.10008.5.1.4.1.1.4",
		.image_type = "ORIGINAL\\PRIMARY\\M\\SE",
	},
	{
		.charset = "ISO_IR 126",
		/* Διονυσίου^Μαρία */
		.patient_name = "\xc4\xe9\xef\xed\xf5\xf3\xdf\xef\xf5^\xcc\xe1\xf1\xdf\xe1",
		.patient_id = "GR-0001",
		.birth_date = "19600815",
		.sex = "F",
		.study = 7,
		.study_date = "20240402",
		.study_time = "0915",
		/* Εγκέφαλος */
		.study_description = "\xc5\xe3\xea\xdd\xf6\xe1\xeb\xef\xf2",
		.accession = "A2024007",
		.series = 1,
		.modality = "MR",
		.series_description = "T1",
		.body_part = "BRAIN",
		.sop_class = "1.2.840.10008.5.1.4.1.1.4",
		.image_type = "ORIGINAL\\PRIMARY\\M\\SE",
	},
	{
		.charset = "\\ISO 2022 IR 149",
		/* Hong^Gildong=洪^吉洞=홍^길동 */
		.patient_name = "Hong^Gildong=" HANGUL "\xfb\xf3^" HANGUL "\xd1\xce\xd4\xd7"
				"=" HANGUL "\xc8\xab^" HANGUL "\xb1\xe6\xb5\xbf",
		.patient_id = "KR-0001",
		.birth_date = "19820505",
		.sex = "M",
		.study = 8,
		.study_date = "20240403",
		.study_time = "141500",
		.study_description = HANGUL "\xb3\xfa MR", /* 뇌 */
		.accession = "A2024008",
		.series = 1,
		.modality = "MR",
		.series_description = "T1",
		.body_part = "BRAIN",
		.sop_class = "1.2.840.10008.5.1.4.1.1.4",
		.image_type = "ORIGINAL\\PRIMARY\\M\\SE",
	},
};

#define NAME_SIZE 128
#define NAME_IMAGES 3

static void name_file(struct buf *out, const struct sample_series *series, unsigned instance)
{
	static const struct sample_pixels geometry = {
		.rows = NAME_SIZE,
		.columns = NAME_SIZE,
		.samples = 1,
		.allocated = 16,
		.stored = 12,
		.photometric = "MONOCHROME2",
	};
	uint16_t pixels[NAME_SIZE * NAME_SIZE];
	struct dw_writer writer;

	for (int i = 0; i < NAME_SIZE * NAME_SIZE; i++) {
		double x = (i % NAME_SIZE - 63.5) / 60, y = (i / NAME_SIZE - 63.5) / 60;
		struct sample_head head = sample_head_at(x, y, 0.2 * instance - 0.4);

		pixels[i] = (uint16_t)(!head.inside          ? 0
				       : head.density > 1.5f ? 40
							     : 300 + 6000 * (head.density - 1));
	}
	sample_begin(&writer, out, series, instance);
	dw_text(&writer, DW_TAG(0x18, 0x23), "CS", "2D");
	sample_place(&writer, series, instance);
	sample_image(&writer, &geometry);
	dw_words(&writer, DW_PIXEL_DATA, "OW", pixels, ARRAY_LEN(pixels));
}

bool sample_names(const char *folder, struct err *err)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (unsigned instance = 1; instance <= NAME_IMAGES; instance++) {
			name_file(&out, &names[i], instance);
			(void)snprintf(name, sizeof(name), "names/%s/%u.dcm", names[i].patient_id,
				       instance);
			if (!buf_ok(&out, err) || !sample_save(folder, name, buf_span(&out), err))
				return false;
		}
	}
	return true;
}

/* ---- PDF --------------------------------------------------------------- */

static void make_pdf(struct buf *pdf)
{
	static const char page[] = "BT /F1 24 Tf 72 720 Td (Sample report) Tj ET";
	const char *const objects[] = {
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
		" /Resources << /Font << /F1 5 0 R >> >> >>",
		NULL, /* the page's content */
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	};
	size_t offsets[ARRAY_LEN(objects)], table;

	buf_append_text(pdf, "%PDF-1.4\n");
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		offsets[i] = pdf->size;
		buf_printf(pdf, "%zu 0 obj\n", i + 1);
		if (objects[i] != NULL)
			buf_append_text(pdf, objects[i]);
		else
			buf_printf(pdf, "<< /Length %zu >>\nstream\n%s\nendstream", strlen(page),
				   page);
		buf_append_text(pdf, "\nendobj\n");
	}
	table = pdf->size;
	buf_printf(pdf, "xref\n0 %zu\n0000000000 65535 f \n", ARRAY_LEN(objects) + 1);
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		buf_printf(pdf, "%010zu 00000 n \n", offsets[i]);
	buf_printf(pdf, "trailer\n<< /Size %zu /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
		   ARRAY_LEN(objects) + 1, table);
}

bool sample_pdf(const char *folder, struct err *err)
{
	static const struct sample_series series = {
		.patient_name = "Roe^Richard^^Dr",
		.patient_id = "PAT002",
		.birth_date = "19551111",
		.sex = "M",
		.study = 3,
		.study_date = "20240301",
		.study_time = "090500",
		.study_description = "Echocardiography",
		.accession = "A2024003",
		.series = 2,
		.modality = "DOC",
		.series_description = "Report",
		.sop_class = "1.2.840.10008.5.1.4.1.1.104.1",
	};
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf pdf = buf_empty(BUF_NO_LIMIT);
	struct dw_writer writer;

	make_pdf(&pdf);
	if (!buf_ok(&pdf, err))
		return false;
	sample_begin(&writer, &out, &series, 1);
	sample_place(&writer, &series, 1);
	dw_text(&writer, DW_TAG(0x28, 0x301), "CS", "NO");
	dw_text(&writer, DW_TAG(0x42, 0x10), "ST", "Sample report");
	dw_bytes(&writer, DW_TAG(0x42, 0x11), "OB", pdf.data, pdf.size);
	dw_text(&writer, DW_TAG(0x42, 0x12), "LO", "application/pdf");
	dw_number(&writer, DW_TAG(0x42, 0x15), "UL", (uint16_t)pdf.size);
	return buf_ok(&out, err) && sample_save(folder, "US/REPORT01.DCM", buf_span(&out), err);
}

/* ---- Oddities ---------------------------------------------------------- */

static const struct sample_series odd = {
	.patient_name = "Doe^Jane",
	.patient_id = "PAT001",
	.birth_date = "19700131",
	.sex = "F",
	.study = 9,
	.study_date = "",
	.study_time = "",
	.study_description = "Old film",
	.accession = "",
	.series = 1,
	.modality = "OT",
	.series_description = "Scanned",
	.sop_class = "1.2.840.10008.5.1.4.1.1.7",
};

static void odd_file(struct buf *out, unsigned instance)
{
	static const struct sample_pixels geometry = {
		.rows = 64,
		.columns = 64,
		.samples = 1,
		.allocated = 8,
		.stored = 8,
		.photometric = "MONOCHROME2",
	};
	struct dw_writer writer;
	uint8_t pixels[64 * 64];

	for (int i = 0; i < 64 * 64; i++)
		pixels[i] = (uint8_t)(4 * (i % 64) ^ (i / 64));
	sample_begin(&writer, out, &odd, instance);
	sample_place(&writer, &odd, instance);
	sample_image(&writer, &geometry);
	dw_bytes(&writer, DW_PIXEL_DATA, "OB", pixels, sizeof(pixels));
}

/* A directory with one record would need offsets of other files' elements; an
 * empty one is a DICOMDIR all the same. */
static void directory_file(struct buf *out)
{
	static const char class[] = "1.2.840.10008.1.3.10";
	struct dw_writer writer;
	char uid[SAMPLE_UID];

	buf_truncate(out, 0);
	sample_uid(uid, 99999, 0, 1);
	dw_preamble(out, NULL);
	dw_meta(out, class, uid, "1.2.840.10008.1.2.1");
	dw_init(&writer, out, DW_EXPLICIT_LE);
	dw_text(&writer, DW_TAG(0x04, 0x1130), "CS", "SAMPLE");
	dw_number(&writer, DW_TAG(0x04, 0x1200), "UL", 0);
	dw_number(&writer, DW_TAG(0x04, 0x1202), "UL", 0);
	dw_number(&writer, DW_TAG(0x04, 0x1212), "US", 0);
	dw_sequence_begin(&writer, DW_TAG(0x04, 0x1220), NULL, false);
	dw_sequence_end(&writer);
}

bool sample_oddities(const char *folder, struct err *err)
{
	static const char text[] = "Put here by the sample store: a text file is no DICOM file.\n";
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

	odd_file(&out, 1);
	/* The same bytes twice, a file that breaks off, one without meta group. */
	if (!buf_ok(&out, err) || !sample_save(folder, "misc/film.dcm", buf_span(&out), err) ||
	    !sample_save(folder, "misc/copy of film.dcm", buf_span(&out), err))
		return false;
	odd_file(&out, 2);
	if (!buf_ok(&out, err) ||
	    !sample_save(folder, "misc/broken.dcm", span_of(out.data, out.size - 1500), err))
		return false;
	odd_file(&out, 3);
	if (!buf_ok(&out, err))
		return false;
	{
		size_t meta = 132 + 12 + out.data[140] + 256u * out.data[141];

		if (!sample_save(folder, "misc/ünïcode name",
				 span_of(out.data + meta, out.size - meta), err))
			return false;
	}
	directory_file(&out);
	return buf_ok(&out, err) && sample_save(folder, "DICOMDIR", buf_span(&out), err) &&
	       sample_save(folder, "misc/notes.txt", span_of_text(text), err) &&
	       sample_save(folder, "misc/empty.dcm", span_of(NULL, 0), err);
}
