/*
 * The mean of several states, tensor by tensor: what "stochastic weight
 * averaging" (Izmailov et al. 2018) and "model soups" (Wortsman et al. 2022)
 * take.
 *
 * Every state has the first one's model tensors, in the same shapes. Those of
 * a floating-point type become the weighted mean, in the order given
 * (ckpt/blockmean.h); integers, and what `only` does not match, are the first
 * one's.
 */
#ifndef MT_TRAIN_AVERAGE_H
#define MT_TRAIN_AVERAGE_H

#include "train/bundle.h"

struct mt_average_state {
    const char *path; /* for messages */
    struct mt_bundle bundle;
};

struct mt_average_request {
    const struct mt_average_state *states; /* (n) at least 1 */
    size_t n;
    const double *weights; /* (n) or NULL: all 1 */
    const char *only;      /* a glob of tensors' names, or NULL: all */
};

/* Makes out: the first one's spec where it has one, its model section with the
 * means, no optimizer state, and position 0. Arrays refer to the states and
 * the request, which must stay. *averaged: how many are means. */
mt_status mt_average(const struct mt_average_request *request,
                     struct mt_bundle *out, size_t *averaged,
                     struct mt_err *err);

#endif
