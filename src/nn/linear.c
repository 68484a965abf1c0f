/* torch.nn.Linear */
#include "nn/layer.h"

struct linear_args {
    size_t in_features, out_features;
    bool bias;
};

static const struct mt_key linear_keys[] = {
    { "in_features", MT_KEY_SIZE, offsetof(struct linear_args, in_features),
      .min = 1, .doc = "size of each input sample; follows from the input" },
    { "out_features", MT_KEY_SIZE, offsetof(struct linear_args, out_features),
      .flags = MT_KEY_REQUIRED | MT_KEY_AUTO, .min = 1,
      .doc = "size of each output sample; \"auto\": the number of classes, "
             "the vocabulary, or the number of targets" },
    { "bias", MT_KEY_BOOL, offsetof(struct linear_args, bias), .def = "true",
      .doc = "learn an additive bias" },
    { NULL },
};

static mt_status out_features(const struct mt_record *r,
                              const struct mt_layer *layer, size_t *out,
                              struct mt_err *err)
{
    const struct linear_args *args = layer->args;

    *out = args->out_features;
    if (*out == MT_SIZE_AUTO)
        *out = r->classes ? r->classes : r->vocab;
    if (*out == 0)
        return mt_json_fail(r->doc, mt_json_get(layer->object, "out_features"),
                            err, "\"auto\" needs data that says how many "
                            "classes, tokens or targets there are");
    return MT_OK;
}

/* y = x w^T + b; w (out, in) and b (out) are uniform in +-1/sqrt(in) */
static mt_status linear_record(struct mt_record *r, struct mt_layer *layer,
                               struct mt_value *const *in,
                               struct mt_value **out, struct mt_err *err)
{
    const struct linear_args *args = layer->args;
    struct mt_value *x = in[0], *w, *b = NULL;
    size_t n, k;
    mt_status status;

    if (x->shape.rank < 2)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of one dimension or more");
    k = x->shape.dim[x->shape.rank - 1];
    if ((status = mt_layer_check_size(r, layer, x, "in_features",
                                      args->in_features, k, err)) != MT_OK ||
        (status = out_features(r, layer, &n, err)) != MT_OK)
        return status;

    struct mt_init init = mt_init_fan_in(k);
    struct mt_shape w_shape = mt_shape_of(2, n, k), b_shape = mt_shape_of(1, n);

    if ((status = mt_layer_param(r, layer, "weight", &w_shape, &init, &w,
                                 err)) != MT_OK)
        return status;
    if (args->bias && (status = mt_layer_param(r, layer, "bias", &b_shape,
                                               &init, &b, err)) != MT_OK)
        return status;
    *out = mt_linear(r->graph, x, w, b);
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_linear;

const struct mt_layer_type mt_layer_linear = {
    .name = "Linear",
    .doc = "y = x W^T + b over the last dimension",
    .keys = linear_keys,
    .args_size = sizeof(struct linear_args),
    .record = linear_record,
};
