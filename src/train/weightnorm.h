/*
 * Weight normalisation: state dicts of such layers have two tensors instead of
 * a weight, its length g and its direction v,
 *
 *     w = g v / |v|
 *
 * with the norm over all dimensions in which g has one element
 * (torch.nn.utils.weight_norm, and parametrizations.weight_norm). A model of
 * this program has the weight itself.
 */
#ifndef MT_TRAIN_WEIGHTNORM_H
#define MT_TRAIN_WEIGHTNORM_H

#include "train/bundle.h"

/* Makes out: the state `from` with weights computed from
 *
 *     NAME_g, NAME_v
 *     MODULE.parametrizations.NAME.original0, ... .original1
 *
 * if both are there, their shapes match, and the weight itself is not there.
 * *n: how many; if 0, out is empty, and `from` can be used as it is. out refers
 * to the memory and the files of `from`, which must stay valid. */
mt_status mt_weight_norm_fold(const struct mt_bundle *from,
                              struct mt_team *team, struct mt_bundle *out,
                              size_t *n, struct mt_err *err);

#endif
