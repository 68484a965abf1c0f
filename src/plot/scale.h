/*
 * A scale: which values an axis shows, and where. It starts empty, every value
 * is added, and closing it adds margins:
 *
 *     struct mt_scale y;
 *     mt_scale_start(&y, log, false);
 *     for each value: mt_scale_add(&y, value);
 *     mt_scale_close(&y, 0.05);
 *     position = mt_scale_at(&y, value);      0 at the low end, 1 at the high
 *
 * NaN and infinities are never shown, nor 0 and below on a logarithmic scale.
 * Any finite double may be added.
 */
#ifndef MT_PLOT_SCALE_H
#define MT_PLOT_SCALE_H

#include <stdbool.h>

struct mt_scale {
    double lo, hi; /* of the axis: values, or on a log scale their log10 */
    bool log;
    bool whole;    /* for counts: ticks are whole numbers */
    bool empty;    /* no value that can be shown was added */
};

void mt_scale_start(struct mt_scale *s, bool log, bool whole);
bool mt_scale_shows(const struct mt_scale *s, double value);
void mt_scale_add(struct mt_scale *s, double value);

/* Widens the range by this part of it at each end, but not across 0. A single
 * value (or none) gets a range around it. */
void mt_scale_close(struct mt_scale *s, double margin);

/* For values that are shown. */
double mt_scale_at(const struct mt_scale *s, double value);

double mt_log10(double x); /* x > 0 */

#endif
