/*
 * The codecs behind picture.h, one file each: picture_png.c, picture_jpeg.c.
 * A build without one of the libraries refuses files of its format.
 */
#ifndef MT_DATA_PICTURE_CODEC_H
#define MT_DATA_PICTURE_CODEC_H

#include <stdbool.h>

#include "data/pixels.h"

bool mt_png_is(const void *bytes, size_t n);
bool mt_jpeg_is(const void *bytes, size_t n);

/* Fill *out; even on failure the caller must free out->pixels. */
mt_status mt_png_decode(const char *path, const void *bytes, size_t n,
                        struct mt_picture *out, struct mt_err *err);
mt_status mt_jpeg_decode(const char *path, const void *bytes, size_t n,
                         struct mt_picture *out, struct mt_err *err);

#endif
