/* PNG by libpng. */
#include <stdlib.h>
#include <string.h>

#include "data/picture_codec.h"

bool mt_png_is(const void *bytes, size_t n)
{
    return n >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

#ifndef MT_PNG

mt_status mt_png_decode(const char *path, const void *bytes, size_t n,
                        struct mt_picture *out, struct mt_err *err)
{
    (void)bytes;
    (void)n;
    (void)out;
    return mt_fail(err, MT_INVALID,
                   "%s: is a PNG file, but this mtrain was built without "
                   "libpng", path);
}

#else

#include <png.h>

/* The data of libpng's callbacks; it is still valid after an error's
 * longjmp. */
struct source {
    const char *path;
    const uint8_t *bytes;
    size_t n, at;
    struct mt_picture *out;
    png_bytep *rows;
    struct mt_err *err;
    mt_status status;
};

static void fail(png_structp png, png_const_charp why)
{
    struct source *s = png_get_error_ptr(png);

    if (s->status == MT_OK)
        s->status = mt_fail(s->err, MT_INVALID, "%s: damaged PNG file: %s",
                            s->path, why);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep to, png_size_t n)
{
    struct source *s = png_get_io_ptr(png);

    if (n > s->n - s->at)
        png_error(png, "it ends too early");
    memcpy(to, s->bytes + s->at, n);
    s->at += n;
}

/* Converts all kinds of files to 8-bit grey or RGB. */
static void set_transforms(png_structp png)
{
    png_set_expand(png);    /* palettes, fewer than 8 bits, tRNS */
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
}

static void decode(png_structp png, png_infop info, struct source *s)
{
    size_t row;

    png_set_user_limits(png, MT_PICTURE_MAX_SIDE, MT_PICTURE_MAX_SIDE);
    png_set_chunk_malloc_max(png, 8 << 20);
    png_set_read_fn(png, s, read_bytes);
    png_read_info(png, info);
    set_transforms(png);
    png_read_update_info(png, info);
    s->status = mt_picture_make(s->path, png_get_image_width(png, info),
                                png_get_image_height(png, info),
                                png_get_channels(png, info), s->out, s->err);
    row = s->out->width * s->out->channels;
    if (s->status == MT_OK && png_get_rowbytes(png, info) != row)
        png_error(png, "rows of an unexpected size");
    if (s->status == MT_OK)
        s->rows = malloc(s->out->height * sizeof *s->rows);
    if (s->status == MT_OK && !s->rows)
        s->status = mt_fail_memory(s->err);
    if (s->status != MT_OK)
        return;
    for (size_t i = 0; i < s->out->height; i++)
        s->rows[i] = s->out->pixels + i * row;
    png_read_image(png, s->rows);
    png_read_end(png, NULL);
}

mt_status mt_png_decode(const char *path, const void *bytes, size_t n,
                        struct mt_picture *out, struct mt_err *err)
{
    struct source s = { path, bytes, n, 0, out, NULL, err, MT_OK };
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, fail,
                                             ignore_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info)
        s.status = mt_fail_memory(err);
    else if (!setjmp(png_jmpbuf(png)))
        decode(png, info, &s);
    png_destroy_read_struct(&png, &info, NULL);
    free(s.rows);
    return s.status;
}

#endif
