/*
 * Pictures: PNG (libpng) and JPEG (libjpeg-turbo) files decoded to 8-bit grey
 * or RGB, and resized. The format is recognized by the file's first bytes, not
 * its name.
 *
 * The result is that of Pillow's convert("RGB") or convert("L"): alpha is
 * dropped, 16 bits are cut to the upper 8, grey from colour is
 * (299 R + 587 G + 114 B) / 1000 (ITU-R 601). Gamma, colour profiles and EXIF
 * orientation are ignored.
 *
 * The same file gives the same bytes on every CPU: libpng computes only with
 * integers, and JPEG is decoded by the accurate integer transform with fixed
 * settings, for which libjpeg-turbo's results with and without SIMD are equal.
 */
#ifndef MT_DATA_PICTURE_H
#define MT_DATA_PICTURE_H

#include <stdbool.h>

#include "data/pixels.h"

/* Do the bytes begin like a PNG or a JPEG file? */
bool mt_picture_is(const void *bytes, size_t n);

/* Decodes n bytes; channels: 1 or 3. path names them in messages. MT_INVALID:
 * not a picture, a damaged one, or one beyond the limits (pixels.h). */
mt_status mt_picture_decode(const char *path, const void *bytes, size_t n,
                            size_t channels, struct mt_picture *out,
                            struct mt_err *err);

/* The same for a file. */
mt_status mt_picture_read(const char *path, size_t channels,
                          struct mt_picture *out, struct mt_err *err);

/* Resizes by a triangle filter whose support grows with the scale
 * (antialiasing), first along rows, then along columns, each rounded to 8
 * bits: bit for bit as Pillow's BILINEAR. out has height * width * channels
 * bytes. */
mt_status mt_picture_resize(const struct mt_picture *in, size_t height,
                            size_t width, uint8_t *out, struct mt_err *err);

#endif
