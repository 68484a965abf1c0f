/*
 * Weight normalisation: state dicts of such layers have two tensors in the place
 * of a weight, its length g and its direction v,
 *
 *     w = g v / |v|
 *
 * with the norm over all dimensions in which g has one element
 * (torch.nn.utils.weight_norm, and parametrizations.weight_norm). A model of
 * this program has the weight, which is what the layer computes with.
 */
#ifndef MT_TRAIN_WEIGHTNORM_H
#define MT_TRAIN_WEIGHTNORM_H

#include "train/bundle.h"

/* Makes out of `from` the state with weights in the place of
 *
 *     NAME_g, NAME_v
 *     MODULE.parametrizations.NAME.original0, ... .original1
 *
 * where both are there, their shapes suit each other, and the weight is not
 * there. *n: how many; 0: nothing is to be done, and out is empty. out refers to
 * the memory and the files of `from`, which must stay. */
mt_status mt_weight_norm_fold(const struct mt_bundle *from,
                              struct mt_team *team, struct mt_bundle *out,
                              size_t *n, struct mt_err *err);

#endif
