/* torch.nn.Bilinear */
#include "nn/layer.h"

struct bilinear_args {
    size_t in1_features, in2_features, out_features;
    bool bias;
};

static const struct mt_key bilinear_keys[] = {
    { "in1_features", MT_KEY_SIZE, offsetof(struct bilinear_args, in1_features),
      .min = 1, .doc = "size of the first input; follows from it" },
    { "in2_features", MT_KEY_SIZE, offsetof(struct bilinear_args, in2_features),
      .min = 1, .doc = "size of the second input; follows from it" },
    { "out_features", MT_KEY_SIZE, offsetof(struct bilinear_args, out_features),
      .flags = MT_KEY_REQUIRED, .min = 1, .doc = "size of the output" },
    { "bias", MT_KEY_BOOL, offsetof(struct bilinear_args, bias), .def = "true",
      .doc = "learn an additive bias" },
    { .name = NULL },
};

static mt_status check(const struct mt_record *r, struct mt_layer *l,
                       struct mt_value *const *in, struct mt_err *err)
{
    const struct bilinear_args *args = l->args;
    int rank = in[0]->shape.rank;
    mt_status status;

    if (l->n_in != 2)
        return mt_layer_fail(r, l, in[0], err, "reads two layers, got %zu",
                             l->n_in);
    for (int i = 0; i < rank - 1 && rank == in[1]->shape.rank; i++) {
        if (in[0]->shape.dim[i] != in[1]->shape.dim[i])
            rank = -1;
    }
    if (rank < 2 || rank != in[1]->shape.rank) {
        struct mt_shape other = mt_sample_shape(in[1]);

        return mt_layer_fail(r, l, in[0], err,
                             "inputs must agree in all dimensions but the "
                             "last, but the second is %s",
                             mt_shape_text(&other).text);
    }
    if ((status = mt_layer_check_size(
             r, l, in[0], "in1_features", args->in1_features,
             in[0]->shape.dim[rank - 1], err)) != MT_OK)
        return status;
    return mt_layer_check_size(r, l, in[1], "in2_features", args->in2_features,
                               in[1]->shape.dim[rank - 1], err);
}

/* y_o = x1^T W_o x2 + b_o: (W x2) is one linear map, then a product with x1.
 * weight (out, in1, in2) and bias are uniform in +-1/sqrt(in1) */
static mt_status bilinear_record(struct mt_record *r, struct mt_layer *l,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    const struct bilinear_args *args = l->args;
    int last = in[0]->shape.rank - 1;
    size_t n = args->out_features, a, b;
    struct mt_value *w, *bias = NULL, *t;
    mt_status status;

    if ((status = check(r, l, in, err)) != MT_OK)
        return status;
    a = in[0]->shape.dim[last];
    b = in[1]->shape.dim[last];

    struct mt_init init = mt_init_fan_in(a);
    struct mt_shape w_shape = mt_shape_of(3, n, a, b);
    struct mt_shape b_shape = mt_shape_of(1, n);
    struct mt_shape flat = mt_shape_of(2, n * a, b), rows = in[1]->shape;

    if ((status = mt_layer_param(r, l, "weight", &w_shape, &init, &w, err)) !=
            MT_OK ||
        (args->bias && (status = mt_layer_param(r, l, "bias", &b_shape, &init,
                                                &bias, err)) != MT_OK))
        return status;
    t = mt_linear(r->graph, in[1], mt_view(r->graph, w, &flat), NULL);
    rows.dim[last] = n;
    rows.dim[last + 1] = a;
    rows.rank++;
    t = mt_row_dot(r->graph, mt_view(r->graph, t, &rows), in[0]);
    *out = bias ? mt_add_bias(r->graph, t, bias) : t;
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_bilinear;

const struct mt_layer_type mt_layer_bilinear = {
    .name = "Bilinear",
    .doc = "x1^T W x2 + b of two inputs",
    .keys = bilinear_keys,
    .args_size = sizeof(struct bilinear_args),
    .flags = MT_LAYER_MANY_INPUTS,
    .record = bilinear_record,
};
