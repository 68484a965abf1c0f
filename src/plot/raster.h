/*
 * A canvas of pixels: lines, polygons and the stroke font, with smooth edges.
 * How far a dot is covered depends on the distance of its center from the
 * shape's edge. The same drawing gives the same pixels.
 */
#ifndef MT_PLOT_RASTER_H
#define MT_PLOT_RASTER_H

#include "base/status.h"
#include "plot/canvas.h"

enum { MT_RASTER_MAX_DOTS = 1 << 26 };

struct mt_raster {
    struct mt_canvas canvas;
    double density;       /* dots per pixel of the layout */
    size_t columns, rows; /* in dots */
    unsigned char *rgb;   /* (rows, columns, 3) */
    unsigned char *mask;  /* (rows, columns): how far a shape covers each dot */
    size_t left, right, top, bottom; /* where the mask is not 0 */
};

/* Starts a white picture. Fails for more than MT_RASTER_MAX_DOTS. */
mt_status mt_raster_start(struct mt_raster *r, double width, double height,
                          double density, struct mt_err *err);
void mt_raster_free(struct mt_raster *r);

#endif
