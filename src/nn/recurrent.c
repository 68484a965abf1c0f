/* torch.nn.RNN, LSTM and GRU, batch first. */
#include <stdio.h>
#include <string.h>

#include "nn/layer.h"

struct recurrent_args {
    size_t input_size, hidden_size, num_layers, proj_size;
    bool bias, batch_first, bidirectional;
    double dropout;
    int nonlinearity, returned;
};

static const char *const nonlinearities[] = { "tanh", "relu", NULL };
enum { SEQUENCE, LAST };
enum { BY_TANH, BY_RELU };

static const char *const returns[] = { "sequence", "last", NULL };

#define AT(member) offsetof(struct recurrent_args, member)

#define SIZE_KEYS                                                              \
    { "input_size", MT_KEY_SIZE, AT(input_size), .min = 1,                     \
      .doc = "features of each time step; follows from the input" },           \
        { "hidden_size",   MT_KEY_SIZE,                                        \
          AT(hidden_size), .flags = MT_KEY_REQUIRED,                           \
          .min = 1,        .doc = "features of the hidden state" },            \
    {                                                                          \
        "num_layers", MT_KEY_SIZE, AT(num_layers),                             \
            .def = "1", .min = 1, .max = 1000,                                 \
            .doc = "layers, each reading the hidden states of the one before"  \
    }

#define OPTION_KEYS                                                            \
    { "bias", MT_KEY_BOOL, AT(bias), .def = "true",                            \
      .doc = "learn the biases bias_ih and bias_hh" },                         \
        { "batch_first", MT_KEY_BOOL, AT(batch_first), .def = "true",          \
          .doc = "accepted as in torch, without effect: the batch is always "  \
                 "first" },                                                    \
        { "dropout",                                                           \
          MT_KEY_REAL,                                                         \
          AT(dropout),                                                         \
          .def = "0",                                                          \
          .min = 0,                                                            \
          .max = 1,                                                            \
          .flags = MT_KEY_OPEN_MAX,                                            \
          .doc = "probability of dropout, in training, after every layer but " \
                 "the last" },                                                 \
        { "bidirectional", MT_KEY_BOOL, AT(bidirectional), .def = "false",     \
          .doc = "run backward in time too, and join both hidden states" },    \
    {                                                                          \
        "return", MT_KEY_ENUM, AT(returned),                                   \
            .def = "\"sequence\"", .choices = returns,                         \
            .doc =                                                             \
                "the hidden state of each time step, or the last one alone "   \
                "(backward: that of the first time)"                           \
    }

static const struct mt_key rnn_keys[] = {
    SIZE_KEYS,
    { "nonlinearity", MT_KEY_ENUM, AT(nonlinearity), .def = "\"tanh\"",
      .choices = nonlinearities, .doc = "the activation of the hidden state" },
    OPTION_KEYS,
    { NULL },
};

static const struct mt_key lstm_keys[] = {
    SIZE_KEYS,
    OPTION_KEYS,
    { "proj_size", MT_KEY_SIZE, AT(proj_size), .def = "0",
      .doc = "accepted as in torch, without effect: only 0, no projection" },
    { NULL },
};

static const struct mt_key gru_keys[] = {
    SIZE_KEYS,
    OPTION_KEYS,
    { NULL },
};

static mt_status check_options(const struct mt_record *r,
                               const struct mt_layer *layer, struct mt_value *x,
                               struct mt_err *err)
{
    const struct recurrent_args *args = layer->args;

    if (!args->batch_first)
        return mt_json_fail(r->doc, mt_json_get(layer->object, "batch_first"),
                            err,
                            "%s \"%s\": only true is possible: the batch "
                            "is the first dimension everywhere; false changes "
                            "no weight, so leave it out",
                            layer->type->name, layer->path);
    if (args->proj_size)
        return mt_json_fail(r->doc, mt_json_get(layer->object, "proj_size"),
                            err,
                            "%s \"%s\": projections are not supported, "
                            "only 0 is, got %zu; a Linear layer after it "
                            "projects what it gives",
                            layer->type->name, layer->path, args->proj_size);
    if (x->shape.rank != 3)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of two dimensions, [time, "
                             "features]");
    return mt_layer_check_size(r, layer, x, "input_size", args->input_size,
                               x->shape.dim[2], err);
}

/* --- one direction of one layer ------------------------------------------ */

struct weights {
    struct mt_value *w_ih, *w_hh; /* (gates H, in), (gates H, H) */
    struct mt_value *b_ih, *b_hh; /* (gates H), or NULL */
};

/* The parameter `<what>_l<index>` or `<what>_l<index>_reverse`. */
static mt_status param(struct mt_record *r, struct mt_layer *layer,
                       const char *what, size_t index, bool reverse,
                       const struct mt_shape *shape, struct mt_value **out,
                       struct mt_err *err)
{
    const struct recurrent_args *args = layer->args;
    struct mt_init init = mt_init_fan_in(args->hidden_size);
    char name[64];

    snprintf(name, sizeof name, "%s_l%zu%s", what, index,
             reverse ? "_reverse" : "");
    return mt_layer_param(r, layer, name, shape, &init, out, err);
}

/* All are uniform in +-1/sqrt(H). */
static mt_status find_weights(struct mt_record *r, struct mt_layer *layer,
                              size_t gates, size_t index, bool reverse,
                              size_t in, struct weights *out,
                              struct mt_err *err)
{
    const struct recurrent_args *args = layer->args;
    size_t hidden = args->hidden_size, rows = gates * hidden;
    struct mt_shape ih = mt_shape_of(2, rows, in);
    struct mt_shape hh = mt_shape_of(2, rows, hidden);
    struct mt_shape b = mt_shape_of(1, rows);
    mt_status status;

    *out = (struct weights){ 0 };
    if ((status = param(r, layer, "weight_ih", index, reverse, &ih, &out->w_ih,
                        err)) != MT_OK ||
        (status = param(r, layer, "weight_hh", index, reverse, &hh, &out->w_hh,
                        err)) != MT_OK)
        return status;
    if (!args->bias)
        return MT_OK;
    if ((status = param(r, layer, "bias_ih", index, reverse, &b, &out->b_ih,
                        err)) != MT_OK)
        return status;
    return param(r, layer, "bias_hh", index, reverse, &b, &out->b_hh, err);
}

/* x (T, N, in) -> h (T, N, H). Both biases are added to the sums over the
 * inputs; for a GRU, the recurrent bias belongs to the recurrent sums. */
static struct mt_value *direction(struct mt_graph *g,
                                  const struct mt_cell *cell,
                                  struct mt_value *x, const struct weights *w,
                                  bool reverse)
{
    bool apart = mt_cell_takes_bias(cell);
    struct mt_value *b = w->b_ih;

    if (b && !apart)
        b = mt_add(g, b, w->b_hh);
    return mt_recurrent(g, cell, mt_linear(g, x, w->w_ih, b), w->w_hh,
                        apart ? w->b_hh : NULL, reverse);
}

/* --- the layer ----------------------------------------------------------- */

/* The hidden state after the last step, which for the backward direction is at
 * time 0. */
static struct mt_value *last_state(struct mt_graph *g, struct mt_value *h,
                                   bool reverse)
{
    size_t steps = h->shape.dim[0];
    struct mt_shape shape = mt_shape_of(2, h->shape.dim[1], h->shape.dim[2]);

    h = mt_slice(g, h, 0, reverse ? 0 : steps - 1, 1);
    return mt_view(g, h, &shape);
}

static mt_status record_stack(struct mt_record *r, struct mt_layer *layer,
                              const struct mt_cell *cell, size_t index,
                              struct mt_value *x, bool last,
                              struct mt_value **out, struct mt_err *err)
{
    const struct recurrent_args *args = layer->args;
    struct mt_value *h[2];
    size_t n = args->bidirectional ? 2 : 1;

    for (size_t d = 0; d < n; d++) {
        struct weights w;
        mt_status status;

        status = find_weights(r, layer, mt_cell_gates(cell), index, d == 1,
                              x->shape.dim[2], &w, err);
        if (status != MT_OK)
            return status;
        h[d] = direction(r->graph, cell, x, &w, d == 1);
        if (last)
            h[d] = last_state(r->graph, h[d], d == 1);
    }
    *out = n == 1 ? h[0] : mt_concat(r->graph, h, n, last ? 1 : 2);
    return MT_OK;
}

/* Dropout after each layer except the last, each with its own stream. */
static struct mt_value *drop_out(const struct mt_record *r,
                                 const struct mt_layer *layer, size_t index,
                                 struct mt_value *x)
{
    const struct recurrent_args *args = layer->args;
    char name[32];

    if (!mt_graph_training(r->graph) || args->dropout == 0 ||
        index + 1 == args->num_layers)
        return x;
    snprintf(name, sizeof name, "l%zu", index);
    return mt_dropout(r->graph, x, args->dropout,
                      mt_layer_stream_of(r, layer, name));
}

/* (N, T, in) to (T, N, in), and back */
static struct mt_value *swap_batch_and_time(struct mt_graph *g,
                                            struct mt_value *x)
{
    const int order[MT_MAX_RANK] = { 1, 0, 2 };

    return mt_permute(g, x, order);
}

static mt_status record(struct mt_record *r, struct mt_layer *layer,
                        const char *cell_name, struct mt_value *x,
                        struct mt_value **out, struct mt_err *err)
{
    const struct recurrent_args *args = layer->args;
    const struct mt_cell *cell = mt_cell_find(cell_name);
    bool last_only = args->returned == LAST;
    mt_status status;

    if ((status = check_options(r, layer, x, err)) != MT_OK)
        return status;
    x = swap_batch_and_time(r->graph, x);
    for (size_t i = 0; i < args->num_layers; i++) {
        bool last = last_only && i + 1 == args->num_layers;

        if ((status = record_stack(r, layer, cell, i, x, last, &x, err)) !=
            MT_OK)
            return status;
        x = drop_out(r, layer, i, x);
    }
    *out = last_only ? x : swap_batch_and_time(r->graph, x);
    return MT_OK;
}

static mt_status rnn_record(struct mt_record *r, struct mt_layer *layer,
                            struct mt_value *const *in, struct mt_value **out,
                            struct mt_err *err)
{
    const struct recurrent_args *args = layer->args;
    bool relu = args->nonlinearity == BY_RELU;

    return record(r, layer, relu ? "rnn_relu" : "rnn_tanh", in[0], out, err);
}

static mt_status lstm_record(struct mt_record *r, struct mt_layer *layer,
                             struct mt_value *const *in, struct mt_value **out,
                             struct mt_err *err)
{
    return record(r, layer, "lstm", in[0], out, err);
}

static mt_status gru_record(struct mt_record *r, struct mt_layer *layer,
                            struct mt_value *const *in, struct mt_value **out,
                            struct mt_err *err)
{
    return record(r, layer, "gru", in[0], out, err);
}

extern const struct mt_layer_type mt_layer_rnn, mt_layer_lstm, mt_layer_gru;

const struct mt_layer_type mt_layer_rnn = {
    .name = "RNN",
    .doc = "recurrent layers h' = f(W_ih x + b_ih + W_hh h + b_hh) over "
           "[time, features]",
    .keys = rnn_keys,
    .args_size = sizeof(struct recurrent_args),
    .record = rnn_record,
};

const struct mt_layer_type mt_layer_lstm = {
    .name = "LSTM",
    .doc = "long short-term memory over [time, features]",
    .keys = lstm_keys,
    .args_size = sizeof(struct recurrent_args),
    .record = lstm_record,
};

const struct mt_layer_type mt_layer_gru = {
    .name = "GRU",
    .doc = "gated recurrent units over [time, features]",
    .keys = gru_keys,
    .args_size = sizeof(struct recurrent_args),
    .record = gru_record,
};
