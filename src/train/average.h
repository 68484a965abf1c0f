/*
 * The mean of several states, tensor by tensor, as in stochastic weight
 * averaging (Izmailov et al. 2018) and model soups (Wortsman et al. 2022).
 *
 * Every state must have the first one's model tensors, in the same shapes.
 * Floating-point tensors become the weighted mean, summed in the order given
 * (ckpt/blockmean.h); integers, and tensors that `only` does not match, are
 * taken from the first state.
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

/* Makes out: the first state's spec if it has one, its model section with the
 * means, no optimizer state, and position 0. Arrays refer to the states and the
 * request, which must stay valid. *averaged: the number of averaged tensors. */
mt_status mt_average(const struct mt_average_request *request,
                     struct mt_bundle *out, size_t *averaged,
                     struct mt_err *err);

#endif
