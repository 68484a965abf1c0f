/*
 * The codecs behind picture.h, one file each: picture_png.c, picture_jpeg.c.
 * A build without a library refuses its files by name.
 */
#ifndef MT_DATA_PICTURE_CODEC_H
#define MT_DATA_PICTURE_CODEC_H

#include <stdbool.h>

#include "data/pixels.h"

bool mt_png_is(const void *bytes, size_t n);
bool mt_jpeg_is(const void *bytes, size_t n);

/* Fill *out; on failure out->pixels is to be freed all the same. */
mt_status mt_png_decode(const char *path, const void *bytes, size_t n,
                        struct mt_picture *out, struct mt_err *err);
mt_status mt_jpeg_decode(const char *path, const void *bytes, size_t n,
                         struct mt_picture *out, struct mt_err *err);

#endif
