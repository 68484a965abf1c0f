/*
 * Random floats for initialisation, in large numbers.
 *
 * Element i is a function of only (key, i) and the arguments, so the workers of
 * the team (may be NULL) can draw different parts.
 */
#ifndef MT_NN_DRAW_H
#define MT_NN_DRAW_H

#include <stddef.h>

#include "base/philox.h"
#include "base/team.h"

/* Uniform in [a, b): a <= x < b also holds for the rounded floats. If no float
 * is in that interval (a == b, or both between two floats) all are (float)a.
 * |a|, |b| <= FLT_MAX, a <= b. */
void mt_draw_uniform(struct mt_team *team, struct mt_philox_key key, double a,
                     double b, size_t n, float *out);

/* Normal, by Box and Muller. */
void mt_draw_normal(struct mt_team *team, struct mt_philox_key key, double mean,
                    double std, size_t n, float *out);

/* The standard normal numbers of mt_draw_normal, before rounding. */
void mt_draw_normal_f64(struct mt_team *team, struct mt_philox_key key,
                        size_t n, double *out);

/* Normal, given that a <= x <= b, however far [a, b] is from the mean.
 * std > 0, a <= b, all within the range of float. */
void mt_draw_truncated(struct mt_team *team, struct mt_philox_key key,
                       double mean, double std, double a, double b, size_t n,
                       float *out);

#endif
