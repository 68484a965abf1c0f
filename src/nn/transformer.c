/* torch.nn.TransformerEncoderLayer, batch first. */
#include <stdio.h>
#include <string.h>

#include "nn/attention.h"

struct transformer_args {
    size_t d_model, nhead, dim_feedforward;
    double dropout, layer_norm_eps;
    const char *activation;
    bool norm_first, is_causal, batch_first;
};

#define ARG(member) offsetof(struct transformer_args, member)

static const char *const activations[] = { "relu", "gelu", NULL };

static const struct mt_key transformer_keys[] = {
    { "d_model", MT_KEY_SIZE, ARG(d_model), .min = 1,
      .doc = "features of each step; follows from the input" },
    { "nhead", MT_KEY_SIZE, ARG(nhead), .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "heads of the attention" },
    { "dim_feedforward", MT_KEY_SIZE, ARG(dim_feedforward), .def = "2048",
      .min = 1, .doc = "features between the two linear maps" },
    { "dropout", MT_KEY_REAL, ARG(dropout), .def = "0.1", .min = 0, .max = 1,
      .flags = MT_KEY_OPEN_MAX, .doc = "probability of each dropout" },
    { "activation", MT_KEY_STRING, ARG(activation), .def = "\"relu\"",
      .choices = activations, .doc = "between the two linear maps" },
    { "layer_norm_eps", MT_KEY_REAL, ARG(layer_norm_eps), .def = "1e-5",
      .flags = MT_KEY_OPEN_MIN, .doc = "added to the variances" },
    { "norm_first", MT_KEY_BOOL, ARG(norm_first), .def = "false",
      .doc = "normalise before attention and linear maps, not after" },
    { "is_causal", MT_KEY_BOOL, ARG(is_causal), .def = "false",
      .doc = "each step sees only itself and earlier ones" },
    { "batch_first", MT_KEY_BOOL, ARG(batch_first), .def = "true",
      .doc = "always true: samples are [steps, features]" },
    { .name = NULL },
};

/* Shared by the parts below. */
struct builder {
    struct mt_record *r;
    struct mt_layer *layer;
    const struct transformer_args *args;
    size_t d;
    struct mt_err *err;
};

static struct mt_value *drop(const struct builder *b, struct mt_value *x,
                             const char *name)
{
    if (!mt_graph_training(b->r->graph) || b->args->dropout == 0)
        return x;
    return mt_dropout(b->r->graph, x, b->args->dropout,
                      mt_layer_stream_of(b->r, b->layer, name));
}

static mt_status norm(const struct builder *b, const char *name,
                      struct mt_value *x, struct mt_value **out)
{
    struct mt_init ones = { .type = "ones_" }, zeros = { .type = "zeros_" };
    struct mt_shape shape = mt_shape_of(1, b->d);
    struct mt_value *weight, *bias;
    char w_name[64], b_name[64];
    mt_status status;

    snprintf(w_name, sizeof w_name, "%s.weight", name);
    snprintf(b_name, sizeof b_name, "%s.bias", name);
    if ((status = mt_layer_param(b->r, b->layer, w_name, &shape, &ones, &weight,
                                 b->err)) != MT_OK ||
        (status = mt_layer_param(b->r, b->layer, b_name, &shape, &zeros, &bias,
                                 b->err)) != MT_OK)
        return status;
    *out = mt_layer_norm(b->r->graph, x, weight, bias, b->d,
                         b->args->layer_norm_eps);
    return MT_OK;
}

static mt_status linear(const struct builder *b, const char *name, size_t in,
                        size_t out, struct mt_value *x, struct mt_value **y)
{
    struct mt_init init = mt_init_fan_in(in);
    struct mt_shape w_shape = mt_shape_of(2, out, in);
    struct mt_shape b_shape = mt_shape_of(1, out);
    struct mt_value *weight, *bias;
    char w_name[64], b_name[64];
    mt_status status;

    snprintf(w_name, sizeof w_name, "%s.weight", name);
    snprintf(b_name, sizeof b_name, "%s.bias", name);
    if ((status = mt_layer_param(b->r, b->layer, w_name, &w_shape, &init,
                                 &weight, b->err)) != MT_OK ||
        (status = mt_layer_param(b->r, b->layer, b_name, &b_shape, &init, &bias,
                                 b->err)) != MT_OK)
        return status;
    *y = mt_linear(b->r->graph, x, weight, bias);
    return MT_OK;
}

static mt_status attend(const struct builder *b, struct mt_value *x,
                        struct mt_value **out)
{
    struct mt_attention_args args = { .num_heads = b->args->nhead,
                                      .dropout = b->args->dropout,
                                      .bias = true,
                                      .is_causal = b->args->is_causal };
    mt_status status;

    if ((status = mt_attention_record(b->r, b->layer, "self_attn.", &args, x,
                                      out, b->err)) != MT_OK)
        return status;
    *out = drop(b, *out, "dropout1");
    return MT_OK;
}

/* linear2(dropout(act(linear1(x)))) */
static mt_status feed_forward(const struct builder *b, struct mt_value *x,
                              struct mt_value **out)
{
    const struct mt_activation *act = mt_activation_find(b->args->activation);
    size_t hidden = b->args->dim_feedforward;
    struct mt_value *h;
    mt_status status;

    if ((status = linear(b, "linear1", b->d, hidden, x, &h)) != MT_OK)
        return status;
    h = drop(b, mt_activate(b->r->graph, h, act, NULL), "dropout");
    if ((status = linear(b, "linear2", hidden, b->d, h, out)) != MT_OK)
        return status;
    *out = drop(b, *out, "dropout2");
    return MT_OK;
}

/* x + attention(norm1(x)), then x + feed_forward(norm2(x)) */
static mt_status norm_first(const struct builder *b, struct mt_value *x,
                            struct mt_value **out)
{
    struct mt_value *y;
    mt_status status;

    if ((status = norm(b, "norm1", x, &y)) != MT_OK ||
        (status = attend(b, y, &y)) != MT_OK)
        return status;
    x = mt_add(b->r->graph, y, x);
    if ((status = norm(b, "norm2", x, &y)) != MT_OK ||
        (status = feed_forward(b, y, &y)) != MT_OK)
        return status;
    *out = mt_add(b->r->graph, y, x);
    return MT_OK;
}

/* norm1(x + attention(x)), then norm2(x + feed_forward(x)) */
static mt_status norm_last(const struct builder *b, struct mt_value *x,
                           struct mt_value **out)
{
    struct mt_value *y;
    mt_status status;

    if ((status = attend(b, x, &y)) != MT_OK ||
        (status = norm(b, "norm1", mt_add(b->r->graph, y, x), &x)) != MT_OK ||
        (status = feed_forward(b, x, &y)) != MT_OK)
        return status;
    return norm(b, "norm2", mt_add(b->r->graph, y, x), out);
}

static mt_status transformer_record(struct mt_record *r,
                                    struct mt_layer *layer,
                                    struct mt_value *const *in,
                                    struct mt_value **out, struct mt_err *err)
{
    const struct transformer_args *args = layer->args;
    struct mt_value *x = in[0];
    struct builder b = { r, layer, args, 0, err };
    mt_status status;

    if (!args->batch_first)
        return mt_json_fail(r->doc, mt_json_get(layer->object, "batch_first"),
                            err, "samples come first here: only true");
    if (x->shape.rank != 3)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of [steps, features]");
    b.d = x->shape.dim[2];
    if ((status = mt_layer_check_size(r, layer, x, "d_model", args->d_model,
                                      b.d, err)) != MT_OK)
        return status;
    return args->norm_first ? norm_first(&b, x, out) : norm_last(&b, x, out);
}

extern const struct mt_layer_type mt_layer_transformer_encoder_layer;

const struct mt_layer_type mt_layer_transformer_encoder_layer = {
    .name = "TransformerEncoderLayer",
    .doc = "self-attention and two linear maps, each with a residual",
    .keys = transformer_keys,
    .args_size = sizeof(struct transformer_args),
    .record = transformer_record,
};
