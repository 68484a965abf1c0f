#include "plot/png.h"

#ifdef MT_PNG

#include <png.h>
#include <stdlib.h>

mt_status mt_png_available(struct mt_err *err)
{
    (void)err;
    return MT_OK;
}

/* 96 pixels of the layout are an inch, as in SVG. */
static const double pixels_per_meter = 96 / 0.0254;

static void on_error(png_structp png, png_const_charp text)
{
    struct mt_err *err = png_get_error_ptr(png);

    mt_fail(err, MT_NO_MEMORY, "cannot make a PNG file: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_write(png_structp png, png_bytep bytes, size_t n)
{
    struct mt_strbuf *out = png_get_io_ptr(png);

    mt_strbuf_add(out, bytes, n);
    if (out->failed)
        png_error(png, "memory is exhausted");
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void write_all(png_structp png, png_infop info,
                      const struct mt_raster *r)
{
    png_uint_32 density = (png_uint_32)(r->density * pixels_per_meter + 0.5);

    png_set_IHDR(png, info, (png_uint_32)r->columns, (png_uint_32)r->rows, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_set_pHYs(png, info, density, density, PNG_RESOLUTION_METER);
    png_set_compression_level(png, 9);
    png_write_info(png, info);
    for (size_t y = 0; y < r->rows; y++)
        png_write_row(png, r->rgb + 3 * y * r->columns);
    png_write_end(png, info);
}

/* libpng jumps back here after an error, which on_error has reported. */
static void write_or_jump(png_structp png, png_infop info,
                          const struct mt_raster *r, struct mt_strbuf *out)
{
    if (setjmp(png_jmpbuf(png)) != 0)
        return;
    png_set_write_fn(png, out, on_write, on_flush);
    write_all(png, info, r);
}

mt_status mt_png_write(const struct mt_raster *r, struct mt_strbuf *out,
                       struct mt_err *err)
{
    struct mt_err fault = MT_ERR_INIT;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &fault,
                                              on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return mt_fail_memory(err);
    }
    write_or_jump(png, info, r, out);
    png_destroy_write_struct(&png, &info);
    if (fault.status != MT_OK)
        return mt_fail(err, fault.status, "%s", fault.text);
    return MT_OK;
}

#else

mt_status mt_png_available(struct mt_err *err)
{
    return mt_fail(err, MT_INVALID,
                   "this mtrain was built without libpng and "
                   "writes no PNG: name the file .svg");
}

mt_status mt_png_write(const struct mt_raster *r, struct mt_strbuf *out,
                       struct mt_err *err)
{
    (void)r;
    (void)out;
    return mt_png_available(err);
}

#endif
