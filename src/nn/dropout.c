/* torch.nn.Dropout, Dropout1d, Dropout2d */
#include "nn/spatial.h"

struct dropout_args {
    double p;
    bool inplace;
};

#define DROPOUT_KEYS(WHAT)                                                     \
    {                                                                          \
        { "p",                                                                 \
          MT_KEY_REAL,                                                         \
          offsetof(struct dropout_args, p),                                    \
          .def = "0.5",                                                        \
          .min = 0,                                                            \
          .max = 1,                                                            \
          .flags = MT_KEY_OPEN_MAX,                                            \
          .doc = "probability that " WHAT " becomes 0 in training" },          \
            { "inplace", MT_KEY_BOOL, offsetof(struct dropout_args, inplace),  \
              .def = "false",                                                  \
              .doc = "accepted as in torch, without effect: memory is "        \
                     "planned anyway" },                                       \
            { NULL },                                                          \
    }

static const struct mt_key dropout_keys[] = DROPOUT_KEYS("an element");
static const struct mt_key channels_keys[] = DROPOUT_KEYS("a channel");

typedef struct mt_value *dropout_op(struct mt_graph *g, struct mt_value *x,
                                    double p, struct mt_philox_key key);

static void record(struct mt_record *r, const struct mt_layer *layer,
                   struct mt_value *x, dropout_op *op, struct mt_value **out)
{
    const struct dropout_args *args = layer->args;

    *out = x;
    if (mt_graph_training(r->graph) && args->p > 0)
        *out = op(r->graph, x, args->p, mt_layer_stream(r, layer));
}

static mt_status dropout_record(struct mt_record *r, struct mt_layer *layer,
                                struct mt_value *const *in,
                                struct mt_value **out, struct mt_err *err)
{
    (void)err;
    record(r, layer, in[0], mt_dropout, out);
    return MT_OK;
}

static mt_status channels(struct mt_record *r, struct mt_layer *layer,
                          struct mt_value *x, int dims, struct mt_value **out,
                          struct mt_err *err)
{
    mt_status status = mt_layer_check_planes(r, layer, x, dims, err);

    if (status == MT_OK)
        record(r, layer, x, mt_dropout_channels, out);
    return status;
}

static mt_status dropout1d_record(struct mt_record *r, struct mt_layer *layer,
                                  struct mt_value *const *in,
                                  struct mt_value **out, struct mt_err *err)
{
    return channels(r, layer, in[0], 1, out, err);
}

static mt_status dropout2d_record(struct mt_record *r, struct mt_layer *layer,
                                  struct mt_value *const *in,
                                  struct mt_value **out, struct mt_err *err)
{
    return channels(r, layer, in[0], 2, out, err);
}

extern const struct mt_layer_type mt_layer_dropout, mt_layer_dropout1d,
    mt_layer_dropout2d;

const struct mt_layer_type mt_layer_dropout = {
    .name = "Dropout",
    .doc = "zeroes elements at random in training and scales up the others",
    .keys = dropout_keys,
    .args_size = sizeof(struct dropout_args),
    .gives = MT_GIVES_ITS_INPUT,
    .record = dropout_record,
};

const struct mt_layer_type mt_layer_dropout1d = {
    .name = "Dropout1d",
    .doc = "the same for whole channels of [channels, length]",
    .keys = channels_keys,
    .args_size = sizeof(struct dropout_args),
    .gives = MT_GIVES_ITS_INPUT,
    .record = dropout1d_record,
};

const struct mt_layer_type mt_layer_dropout2d = {
    .name = "Dropout2d",
    .doc = "the same for whole channels of [channels, height, width]",
    .keys = channels_keys,
    .args_size = sizeof(struct dropout_args),
    .gives = MT_GIVES_ITS_INPUT,
    .record = dropout2d_record,
};
