/* SPDX-License-Identifier: MIT */
#include "tests/tools/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void sample_uid(char uid[static SAMPLE_UID], unsigned study, unsigned series, unsigned instance)
{
	(void)snprintf(uid, SAMPLE_UID, "2.25.31415926535%05u%03u%06u", study, series, instance);
}

/* ---- Modules ----------------------------------------------------------- */

static void text_if_any(struct dw_writer *writer, uint32_t tag, const char *vr, const char *text)
{
	if (text != NULL)
		dw_text(writer, tag, vr, text);
}

void sample_begin(struct dw_writer *writer, struct buf *out, const struct sample_series *series,
		  unsigned instance)
{
	char uid[SAMPLE_UID];

	buf_truncate(out, 0);
	sample_uid(uid, series->study, series->series, instance);
	dw_preamble(out, NULL);
	dw_meta(out, series->sop_class, uid, "1.2.840.10008.1.2.1");
	dw_init(writer, out, DW_EXPLICIT_LE);
	text_if_any(writer, DW_TAG(0x08, 0x05), "CS", series->charset);
	text_if_any(writer, DW_TAG(0x08, 0x08), "CS", series->image_type);
	dw_text(writer, DW_TAG(0x08, 0x12), "DA", series->study_date);
	dw_text(writer, DW_TAG(0x08, 0x13), "TM", series->study_time);
	dw_text(writer, DW_TAG(0x08, 0x16), "UI", series->sop_class);
	dw_text(writer, DW_TAG(0x08, 0x18), "UI", uid);
	dw_text(writer, DW_TAG(0x08, 0x20), "DA", series->study_date);
	dw_text(writer, DW_TAG(0x08, 0x21), "DA", series->study_date);
	dw_text(writer, DW_TAG(0x08, 0x23), "DA", series->study_date);
	dw_text(writer, DW_TAG(0x08, 0x30), "TM", series->study_time);
	dw_text(writer, DW_TAG(0x08, 0x31), "TM", series->study_time);
	dw_text(writer, DW_TAG(0x08, 0x33), "TM", series->study_time);
	dw_text(writer, DW_TAG(0x08, 0x50), "SH", series->accession);
	dw_text(writer, DW_TAG(0x08, 0x60), "CS", series->modality);
	dw_text(writer, DW_TAG(0x08, 0x64), "CS", "SYN");
	dw_text(writer, DW_TAG(0x08, 0x70), "LO", "Sample");
	dw_text(writer, DW_TAG(0x08, 0x80), "LO", "Sample Hospital");
	dw_text(writer, DW_TAG(0x08, 0x90), "PN", "");
	dw_text(writer, DW_TAG(0x08, 0x1030), "LO", series->study_description);
	dw_text(writer, DW_TAG(0x08, 0x103e), "LO", series->series_description);
	dw_text(writer, DW_TAG(0x08, 0x1090), "LO", "Phantom 1");
	dw_text(writer, DW_TAG(0x10, 0x10), "PN", series->patient_name);
	dw_text(writer, DW_TAG(0x10, 0x20), "LO", series->patient_id);
	dw_text(writer, DW_TAG(0x10, 0x30), "DA", series->birth_date);
	dw_text(writer, DW_TAG(0x10, 0x40), "CS", series->sex);
	text_if_any(writer, DW_TAG(0x18, 0x15), "CS", series->body_part);
}

void sample_place(struct dw_writer *writer, const struct sample_series *series, unsigned instance)
{
	char uid[SAMPLE_UID];

	sample_uid(uid, series->study, 0, 0);
	dw_text(writer, DW_TAG(0x20, 0x0d), "UI", uid);
	sample_uid(uid, series->study, series->series, 0);
	dw_text(writer, DW_TAG(0x20, 0x0e), "UI", uid);
	sample_printf(writer, DW_TAG(0x20, 0x10), "SH", "%u", series->study);
	sample_printf(writer, DW_TAG(0x20, 0x11), "IS", "%u", series->series);
	sample_printf(writer, DW_TAG(0x20, 0x13), "IS", "%u", instance);
}

void sample_image(struct dw_writer *writer, const struct sample_pixels *pixels)
{
	dw_number(writer, DW_TAG(0x28, 0x02), "US", pixels->samples);
	dw_text(writer, DW_TAG(0x28, 0x04), "CS", pixels->photometric);
	if (pixels->samples > 1)
		dw_number(writer, DW_TAG(0x28, 0x06), "US", 0);
	if (pixels->frames > 0) {
		static const uint16_t frame_time[] = {0x0018, 0x1063};

		sample_printf(writer, DW_TAG(0x28, 0x08), "IS", "%u", pixels->frames);
		dw_words(writer, DW_TAG(0x28, 0x09), "AT", frame_time, 2);
	}
	dw_number(writer, DW_TAG(0x28, 0x10), "US", pixels->rows);
	dw_number(writer, DW_TAG(0x28, 0x11), "US", pixels->columns);
	dw_number(writer, DW_TAG(0x28, 0x100), "US", pixels->allocated);
	dw_number(writer, DW_TAG(0x28, 0x101), "US", pixels->stored);
	dw_number(writer, DW_TAG(0x28, 0x102), "US", (uint16_t)(pixels->stored - 1));
	dw_number(writer, DW_TAG(0x28, 0x103), "US", pixels->is_signed);
}

void sample_decimal(struct dw_writer *writer, uint32_t tag, double value)
{
	sample_printf(writer, tag, "DS", "%g", value);
}

void sample_printf(struct dw_writer *writer, uint32_t tag, const char *vr, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dw_text(writer, tag, vr, text);
}

/* ---- Files ------------------------------------------------------------- */

static bool make_folders(char *path, struct err *err)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return err_set_sys(err, errno, "%s", path);
		*slash = '/';
	}
	return true;
}

bool sample_save(const char *folder, const char *name, struct span bytes, struct err *err)
{
	CLEANUP_FD int fd = -1;
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return err_set(err, ERR_LIMIT, "%s: the path is too long", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 && errno == ENOENT) {
		if (!make_folders(path, err))
			return false;
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	}
	if (fd < 0)
		return err_set_sys(err, errno, "%s", path);
	for (size_t done = 0; done < bytes.size;) {
		ssize_t got = write(fd, bytes.data + done, bytes.size - done);

		if (got < 0)
			return err_set_sys(err, errno, "%s", path);
		done += (size_t)got;
	}
	return true;
}

/* ---- The head ---------------------------------------------------------- */

double sample_noise(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (double)(*state >> 8) / (double)(1u << 23) - 1;
}

struct sample_head sample_head_at(double x, double y, double z)
{
	/* Half axes, centre, turn about z (cosine, sine), density. Later ones lie
	 * inside of earlier ones and replace them. */
	static const struct {
		double a, b, c, x, y, z, cos, sin;
		float density;
	} parts[] = {
		{0.72, 0.92, 0.90, 0, 0, 0, 1, 0, 1.02f},           /* scalp */
		{0.69, 0.89, 0.87, 0, 0, 0, 1, 0, 2.0f},            /* skull */
		{0.64, 0.84, 0.82, 0, 0.01, 0, 1, 0, 1.04f},        /* brain */
		{0.11, 0.31, 0.22, 0.22, 0, 0, 0.951, 0.309, 1.0f}, /* ventricles */
		{0.13, 0.36, 0.22, -0.22, 0, 0, 0.951, -0.309, 1.0f},
		{0.18, 0.21, 0.30, 0, -0.42, 0.05, 1, 0, 1.06f},
		{0.046, 0.046, 0.05, 0, 0.1, 0.1, 1, 0, 1.08f},
		{0.046, 0.023, 0.02, -0.08, 0.605, 0, 1, 0, 1.09f},
		{0.023, 0.046, 0.02, 0.06, 0.605, 0, 1, 0, 1.09f},
		{0.09, 0.06, 0.08, 0.36, 0.3, -0.2, 1, 0, 1.12f}, /* what one looks for */
	};
	struct sample_head head = {0, false};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		double dx = x - parts[i].x, dy = y - parts[i].y, dz = (z - parts[i].z) / parts[i].c;
		double u = (dx * parts[i].cos + dy * parts[i].sin) / parts[i].a;
		double v = (dy * parts[i].cos - dx * parts[i].sin) / parts[i].b;

		if (u * u + v * v + dz * dz <= 1)
			head = (struct sample_head){parts[i].density, true};
		else if (i == 0)
			break;
	}
	return head;
}
