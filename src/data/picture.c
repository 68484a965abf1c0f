#include "data/picture.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/size.h"
#include "data/picture_codec.h"

/* Grey as in Pillow: 16-bit fixed point, rounded. */
static uint8_t grey_of(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u +
                      0x8000u) >> 16);
}

static void to_grey(struct mt_picture *p)
{
    size_t n = p->height * p->width;

    for (size_t i = 0; i < n; i++)
        p->pixels[i] = grey_of(p->pixels + 3 * i);
    p->channels = 1;
}

static void from_grey(const struct mt_picture *p, uint8_t *rgb)
{
    for (size_t i = 0; i < p->height * p->width; i++)
        memset(rgb + 3 * i, p->pixels[i], 3);
}

static mt_status convert(struct mt_picture *p, size_t channels,
                         struct mt_err *err)
{
    uint8_t *rgb;

    if (p->channels == channels)
        return MT_OK;
    if (channels == 1) {
        to_grey(p);
        return MT_OK;
    }
    rgb = malloc(3 * p->height * p->width);
    if (!rgb)
        return mt_fail_memory(err);
    from_grey(p, rgb);
    free(p->pixels);
    p->pixels = rgb;
    p->channels = 3;
    return MT_OK;
}

bool mt_picture_is(const void *bytes, size_t n)
{
    return mt_png_is(bytes, n) || mt_jpeg_is(bytes, n);
}

mt_status mt_picture_decode(const char *path, const void *bytes, size_t n,
                            size_t channels, struct mt_picture *out,
                            struct mt_err *err)
{
    mt_status status;

    *out = (struct mt_picture){ .pixels = NULL };
    if (mt_png_is(bytes, n))
        status = mt_png_decode(path, bytes, n, out, err);
    else if (mt_jpeg_is(bytes, n))
        status = mt_jpeg_decode(path, bytes, n, out, err);
    else
        status = mt_fail(err, MT_INVALID,
                         "%s: is neither a PNG nor a JPEG file", path);
    if (status == MT_OK)
        status = convert(out, channels, err);
    if (status != MT_OK) {
        free(out->pixels);
        out->pixels = NULL;
    }
    return status;
}

mt_status mt_picture_read(const char *path, size_t channels,
                          struct mt_picture *out, struct mt_err *err)
{
    struct mt_bytes bytes = { NULL, 0 };
    mt_status status = mt_file_read(path, MT_PICTURE_MAX_FILE, &bytes, err);

    out->pixels = NULL;
    if (status == MT_OK)
        status = mt_picture_decode(path, bytes.data, bytes.n, channels, out,
                                   err);
    free(bytes.data);
    return status;
}
