/* SPDX-License-Identifier: MIT */
#include "render/png-level.h"

#include <png.h>
#include <zlib.h>

struct rn_png_level {
	png_structp png;
	png_infop info;
	struct buf *out;
	char reason[96];
};

static void on_write(png_structp png, png_bytep data, size_t size)
{
	struct rn_png_level *self = png_get_io_ptr(png);

	/* A failure sticks in the buffer; the owner asks at the end. */
	buf_append(self->out, data, size);
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void on_error(png_structp png, png_const_charp message)
{
	struct rn_png_level *self = png_get_error_ptr(png);

	(void)snprintf(self->reason, sizeof(self->reason), "%s", message);
	png_longjmp(png, 1);
}

/* A profile that libpng finds odd is left out of the file by libpng. */
static void on_warning(png_structp png, png_const_charp message)
{
	(void)png, (void)message;
}

static bool failed(const struct rn_png_level *self, struct err *err)
{
	return err_set(err, ERR_NOMEM, "libpng: %s", self->reason);
}

/* pHYs counts pixels along a length, so the wider pixel has fewer. */
static void set_aspect(struct rn_png_level *self, const struct rn_png_geometry *geometry)
{
	uint32_t x = geometry->pixel_height, y = geometry->pixel_width;

	while (x > PNG_UINT_31_MAX || y > PNG_UINT_31_MAX) {
		x >>= 1;
		y >>= 1;
	}
	png_set_pHYs(self->png, self->info, MAX_OF(x, 1u), MAX_OF(y, 1u), PNG_RESOLUTION_UNKNOWN);
}

static void write_header(struct rn_png_level *self, const struct rn_png_geometry *geometry,
			 const uint8_t *profile, unsigned level)
{
	png_set_write_fn(self->png, self, on_write, on_flush);
	/* Large pictures are the caller's to refuse. */
	png_set_user_limits(self->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_compression_level(self->png, (int)level);
	/* Trying all filters costs more than the levels below this gain. */
	png_set_filter(self->png, PNG_FILTER_TYPE_BASE,
		       level >= 4 ? PNG_ALL_FILTERS : PNG_FILTER_UP);
	png_set_IHDR(self->png, self->info, geometry->width, geometry->height, 8,
		     geometry->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	if (geometry->profile_size > 0)
		png_set_iCCP(self->png, self->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE,
			     profile, geometry->profile_size);
	if (geometry->pixel_width != geometry->pixel_height)
		set_aspect(self, geometry);
	png_write_info(self->png, self->info);
}

bool rn_png_level_begin(struct rn_png_level **png, const struct rn_png_geometry *geometry,
			const uint8_t *profile, unsigned level, struct buf *out,
			struct err *err)
{
	struct rn_png_level *self = calloc(1, sizeof(*self));

	*png = self;
	if (self == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	self->out = out;
	self->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, self, on_error, on_warning);
	if (self->png != NULL)
		self->info = png_create_info_struct(self->png);
	if (self->info == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (setjmp(png_jmpbuf(self->png)) != 0)
		return failed(self, err);
	write_header(self, geometry, profile, level);
	return true;
}

bool rn_png_level_row(struct rn_png_level *self, const uint8_t *row, struct err *err)
{
	if (setjmp(png_jmpbuf(self->png)) != 0)
		return failed(self, err);
	png_write_row(self->png, row);
	return true;
}

bool rn_png_level_end(struct rn_png_level *self, struct err *err)
{
	if (setjmp(png_jmpbuf(self->png)) != 0)
		return failed(self, err);
	png_write_end(self->png, NULL);
	return buf_ok(self->out, err);
}

void rn_png_level_release(struct rn_png_level **png)
{
	struct rn_png_level *self = *png;

	if (self == NULL)
		return;
	if (self->png != NULL)
		png_destroy_write_struct(&self->png, &self->info);
	free(self);
	*png = NULL;
}

void rn_png_level_library(struct buf *out)
{
	buf_printf(out, "libpng-%s,zlib-%s", png_get_libpng_ver(NULL), zlibVersion());
}
