/* torch.nn.Dropout */
#include "nn/layer.h"

struct dropout_args {
    double p;
    bool inplace;
};

static const struct mt_key dropout_keys[] = {
    { "p", MT_KEY_REAL, offsetof(struct dropout_args, p), .def = "0.5",
      .min = 0, .max = 1, .flags = MT_KEY_OPEN_MAX,
      .doc = "probability that an element becomes 0 in training" },
    { "inplace", MT_KEY_BOOL, offsetof(struct dropout_args, inplace),
      .def = "false",
      .doc = "taken for torch's sake: memory is planned anyway" },
    { NULL },
};

static mt_status dropout_record(struct mt_record *r, struct mt_layer *layer,
                                struct mt_value *const *in,
                                struct mt_value **out, struct mt_err *err)
{
    const struct dropout_args *args = layer->args;

    (void)err;
    *out = in[0];
    if (mt_graph_training(r->graph) && args->p > 0)
        *out = mt_dropout(r->graph, in[0], args->p, mt_layer_stream(r, layer));
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_dropout;

const struct mt_layer_type mt_layer_dropout = {
    .name = "Dropout",
    .doc = "zeroes elements at random in training and scales up the others",
    .keys = dropout_keys,
    .args_size = sizeof(struct dropout_args),
    .record = dropout_record,
};
