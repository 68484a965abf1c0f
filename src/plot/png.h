/*
 * A raster as a PNG file, through libpng. A program that was built without it
 * says so.
 */
#ifndef MT_PLOT_PNG_H
#define MT_PLOT_PNG_H

#include "base/strbuf.h"
#include "plot/raster.h"

/* Fails if the program cannot write PNG; the message says what to do. */
mt_status mt_png_available(struct mt_err *err);

/* Appends the file. The same pixels give the same bytes (with the same libpng
 * and zlib); it has no timestamp. */
mt_status mt_png_write(const struct mt_raster *r, struct mt_strbuf *out,
                       struct mt_err *err);

#endif
