/*
 * Multi-head self-attention as part of other layers.
 */
#ifndef MT_NN_ATTENTION_H
#define MT_NN_ATTENTION_H

#include "nn/layer.h"

struct mt_attention_args {
    size_t embed_dim, num_heads;
    double dropout;
    bool bias, is_causal;
};

/* Parameters are <prefix>in_proj_weight (3 d, d), <prefix>in_proj_bias,
 * <prefix>out_proj.weight, <prefix>out_proj.bias. x (n, t, d). */
mt_status mt_attention_record(struct mt_record *r, struct mt_layer *layer,
                              const char *prefix,
                              const struct mt_attention_args *args,
                              struct mt_value *x, struct mt_value **out,
                              struct mt_err *err);

#endif
