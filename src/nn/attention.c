/* torch.nn.MultiheadAttention as self-attention, batch first. */
#include "nn/attention.h"

#include <stdio.h>

static const struct mt_key attention_keys[] = {
    { "embed_dim", MT_KEY_SIZE, offsetof(struct mt_attention_args, embed_dim),
      .min = 1, .doc = "features of each step; follows from the input" },
    { "num_heads", MT_KEY_SIZE, offsetof(struct mt_attention_args, num_heads),
      .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "heads; they share the features out" },
    { "dropout", MT_KEY_REAL, offsetof(struct mt_attention_args, dropout),
      .def = "0", .min = 0, .max = 1, .flags = MT_KEY_OPEN_MAX,
      .doc = "probability that an attention weight becomes 0 in training" },
    { "bias", MT_KEY_BOOL, offsetof(struct mt_attention_args, bias),
      .def = "true", .doc = "learn additive biases" },
    { "is_causal", MT_KEY_BOOL, offsetof(struct mt_attention_args, is_causal),
      .def = "false", .doc = "each step sees only itself and earlier ones" },
    { .name = NULL },
};

static mt_status param(struct mt_record *r, struct mt_layer *layer,
                       const char *prefix, const char *name,
                       const struct mt_shape *shape,
                       const struct mt_init *init, struct mt_value **out,
                       struct mt_err *err)
{
    char full[128];

    snprintf(full, sizeof full, "%s%s", prefix, name);
    return mt_layer_param(r, layer, full, shape, init, out, err);
}

/* in_proj_weight is Xavier-uniform, out_proj.weight uniform in +-1/sqrt(d),
 * the biases are 0 */
static mt_status params(struct mt_record *r, struct mt_layer *layer,
                        const char *prefix, bool bias, size_t d,
                        struct mt_value *out[4], struct mt_err *err)
{
    struct mt_init xavier = { .type = "xavier_uniform_", .gain = 1 };
    struct mt_init uniform = mt_init_fan_in(d), zeros = { .type = "zeros_" };
    struct mt_shape in_w = mt_shape_of(2, 3 * d, d);
    struct mt_shape in_b = mt_shape_of(1, 3 * d);
    struct mt_shape out_w = mt_shape_of(2, d, d), out_b = mt_shape_of(1, d);
    mt_status status;

    out[1] = out[3] = NULL;
    if ((status = param(r, layer, prefix, "in_proj_weight", &in_w, &xavier,
                        &out[0], err)) != MT_OK ||
        (bias && (status = param(r, layer, prefix, "in_proj_bias", &in_b,
                                 &zeros, &out[1], err)) != MT_OK) ||
        (status = param(r, layer, prefix, "out_proj.weight", &out_w, &uniform,
                        &out[2], err)) != MT_OK ||
        (bias && (status = param(r, layer, prefix, "out_proj.bias", &out_b,
                                 &zeros, &out[3], err)) != MT_OK))
        return status;
    return MT_OK;
}

mt_status mt_attention_record(struct mt_record *r, struct mt_layer *layer,
                              const char *prefix,
                              const struct mt_attention_args *args,
                              struct mt_value *x, struct mt_value **out,
                              struct mt_err *err)
{
    bool training = mt_graph_training(r->graph);
    struct mt_value *p[4], *qkv;
    size_t d;
    mt_status status;

    if (x->shape.rank != 3)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of [steps, features]");
    d = x->shape.dim[2];
    if (d % args->num_heads)
        return mt_layer_fail(r, layer, x, err,
                             "%zu heads must divide its %zu features",
                             args->num_heads, d);
    if ((status = params(r, layer, prefix, args->bias, d, p, err)) != MT_OK)
        return status;
    qkv = mt_linear(r->graph, x, p[0], p[1]);
    *out = mt_attention(r->graph, qkv, args->num_heads, args->is_causal,
                        training ? args->dropout : 0,
                        mt_layer_stream(r, layer));
    *out = mt_linear(r->graph, *out, p[2], p[3]);
    return MT_OK;
}

static mt_status attention_record(struct mt_record *r, struct mt_layer *layer,
                                  struct mt_value *const *in,
                                  struct mt_value **out, struct mt_err *err)
{
    const struct mt_attention_args *args = layer->args;
    size_t last = in[0]->shape.dim[in[0]->shape.rank - 1];
    mt_status status;

    if ((status = mt_layer_check_size(r, layer, in[0], "embed_dim",
                                      args->embed_dim, last, err)) != MT_OK)
        return status;
    return mt_attention_record(r, layer, "", args, in[0], out, err);
}

extern const struct mt_layer_type mt_layer_multihead_attention;

const struct mt_layer_type mt_layer_multihead_attention = {
    .name = "MultiheadAttention",
    .doc = "self-attention over [steps, features] with several heads",
    .keys = attention_keys,
    .args_size = sizeof(struct mt_attention_args),
    .record = attention_record,
};
