/*
 * Turns the values of a curve into points of a picture. If there are many more
 * values than pixels, each column of pixels keeps only its first, lowest,
 * highest and last point, which draws the same line.
 */
#ifndef MT_PLOT_THIN_H
#define MT_PLOT_THIN_H

#include "plot/chart.h"

/* The lines between gaps: line i has the points from start[i] up to, but not
 * including, start[i + 1]. */
struct mt_lines {
    struct mt_point *p;
    size_t n_points;
    size_t *start; /* (n + 1) */
    size_t n;
};

/* area: where the scales' range is drawn. Free with mt_lines_free. */
mt_status mt_thin(const struct mt_curve *curve, const struct mt_scale *x,
                  const struct mt_scale *y, const struct mt_rect *area,
                  struct mt_lines *out, struct mt_err *err);
void mt_lines_free(struct mt_lines *lines);

/* Does any line enter the rectangle? */
bool mt_lines_enter(const struct mt_lines *lines, const struct mt_rect *rect);

#endif
