/*
 * The pixels of a decoded picture, and how large it may be.
 */
#ifndef MT_DATA_PIXELS_H
#define MT_DATA_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A picture beyond any of these is refused before memory is taken for it. */
enum {
    MT_PICTURE_MAX_SIDE = 65500,      /* JPEG's own limit */
    MT_PICTURE_MAX_PIXELS = 1 << 26,
    MT_PICTURE_MAX_FILE = 256 << 20,  /* bytes */
};

struct mt_picture {
    size_t height, width, channels; /* 1: grey, 3: RGB */
    uint8_t *pixels;                /* (height, width, channels); free() it */
};

/* Checks the limits and takes memory for the pixels. */
mt_status mt_picture_make(const char *path, double width, double height,
                          size_t channels, struct mt_picture *out,
                          struct mt_err *err);

#endif
