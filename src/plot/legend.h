/*
 * The legend of a picture: a box in a free corner of a panel, or rows above
 * the panels.
 */
#ifndef MT_PLOT_LEGEND_H
#define MT_PLOT_LEGEND_H

#include "plot/chart.h"
#include "plot/thin.h"

/* How a curve and its key are drawn. */
struct mt_pen mt_curve_pen(size_t run, bool faint, bool neutral);
void mt_marker_draw(struct mt_canvas *c, struct mt_point at, size_t run);

/* The size of a box with all keys. */
struct mt_rect mt_legend_box(const struct mt_chart *chart,
                             const struct mt_canvas *c);

/* Moves the box into a corner of area where no line enters it; false if there
 * is none, or if the box is too large for the area. */
bool mt_legend_corner(const struct mt_rect *area, const struct mt_lines *lines,
                      size_t n, struct mt_rect *box);

void mt_legend_draw_box(const struct mt_chart *chart, struct mt_canvas *c,
                        const struct mt_rect *box);

/* The height of the rows of keys; none is wider than width, unless a single
 * key is. */
double mt_legend_rows(const struct mt_chart *chart, const struct mt_canvas *c,
                      double width);

void mt_legend_draw_rows(const struct mt_chart *chart, struct mt_canvas *c,
                         const struct mt_rect *area);

#endif
