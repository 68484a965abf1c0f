#include "data/pixels.h"

#include <stdlib.h>

mt_status mt_picture_make(const char *path, double width, double height,
                          size_t channels, struct mt_picture *out,
                          struct mt_err *err)
{
    if (width < 1 || height < 1 || width > MT_PICTURE_MAX_SIDE ||
        height > MT_PICTURE_MAX_SIDE ||
        width * height > MT_PICTURE_MAX_PIXELS)
        return mt_fail(err, MT_INVALID,
                       "%s: a picture of %.0f x %.0f; expected sides of 1 to %d "
                       "and at most %d pixels",
                       path, width, height, MT_PICTURE_MAX_SIDE,
                       MT_PICTURE_MAX_PIXELS);
    out->width = (size_t)width;
    out->height = (size_t)height;
    out->channels = channels;
    out->pixels = malloc(out->width * out->height * channels);
    return out->pixels ? MT_OK : mt_fail_memory(err);
}
