/* Embedding and PositionEmbedding: tables of vectors. */
#include "nn/layer.h"

struct embedding_args {
    size_t num_embeddings, embedding_dim;
    int64_t padding_idx;
};

static const struct mt_key embedding_keys[] = {
    { "num_embeddings", MT_KEY_SIZE,
      offsetof(struct embedding_args, num_embeddings),
      .flags = MT_KEY_REQUIRED | MT_KEY_AUTO, .min = 1,
      .doc = "size of the table; \"auto\": the vocabulary" },
    { "embedding_dim", MT_KEY_SIZE,
      offsetof(struct embedding_args, embedding_dim),
      .flags = MT_KEY_REQUIRED, .min = 1, .doc = "size of each vector" },
    { "padding_idx", MT_KEY_INT, offsetof(struct embedding_args, padding_idx),
      .flags = MT_KEY_NULL,
      .doc = "a token whose vector starts at 0 and is not trained; negative "
             "ones count from the end" },
    { .name = NULL },
};

static mt_status table_size(const struct mt_record *r,
                            const struct mt_layer *layer, size_t *out,
                            struct mt_err *err)
{
    const struct embedding_args *args = layer->args;

    *out = args->num_embeddings;
    if (*out == MT_SIZE_AUTO)
        *out = r->vocab;
    if (*out == 0)
        return mt_json_fail(r->doc,
                            mt_json_get(layer->object, "num_embeddings"), err,
                            "\"auto\" needs data with a vocabulary");
    return MT_OK;
}

static mt_status padding_row(const struct mt_record *r,
                             const struct mt_layer *layer, size_t rows,
                             int64_t *out, struct mt_err *err)
{
    const struct embedding_args *args = layer->args;
    int64_t p = args->padding_idx, n = (int64_t)rows;

    *out = -1;
    if (p == INT64_MIN)
        return MT_OK;
    if (p < -n || p >= n)
        return mt_json_fail(r->doc, mt_json_get(layer->object, "padding_idx"),
                            err, "expected a row of the table, %lld to %lld, "
                            "got %lld", (long long)-n, (long long)n - 1,
                            (long long)p);
    *out = p < 0 ? p + n : p;
    return MT_OK;
}

/* weight (num_embeddings, embedding_dim) is normal(0, 1) */
static mt_status embedding_record(struct mt_record *r, struct mt_layer *layer,
                                  struct mt_value *const *in,
                                  struct mt_value **out, struct mt_err *err)
{
    const struct embedding_args *args = layer->args;
    struct mt_init init = { .type = "normal_", .std = 1 };
    struct mt_value *w;
    size_t rows;
    int64_t padding;
    mt_status status;

    if (in[0]->dtype != MT_I32)
        return mt_layer_fail(r, layer, in[0], err,
                             "reads tokens: integers that nothing has "
                             "changed");
    if (in[0]->shape.rank == MT_MAX_RANK)
        return mt_layer_fail(r, layer, in[0], err, "has too many dimensions");
    if ((status = table_size(r, layer, &rows, err)) != MT_OK ||
        (status = padding_row(r, layer, rows, &padding, err)) != MT_OK)
        return status;
    if (padding >= 0)
        init.zero_row = (size_t)padding + 1;

    struct mt_shape shape = mt_shape_of(2, rows, args->embedding_dim);

    if ((status = mt_layer_param(r, layer, "weight", &shape, &init, &w, err)) !=
        MT_OK)
        return status;
    r->tokens = r->tokens && r->tokens < rows ? r->tokens : rows;
    *out = mt_embedding(r->graph, in[0], w, padding);
    return MT_OK;
}

struct position_args {
    size_t max_len;
};

static const struct mt_key position_keys[] = {
    { "max_len", MT_KEY_SIZE, offsetof(struct position_args, max_len),
      .flags = MT_KEY_REQUIRED, .min = 1, .doc = "the longest sequence" },
    { .name = NULL },
};

/* y_t = x_t + weight_t; weight (max_len, d) is normal(0, 1), as Embedding's */
static mt_status position_record(struct mt_record *r, struct mt_layer *layer,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    const struct position_args *args = layer->args;
    struct mt_init init = { .type = "normal_", .std = 1 };
    struct mt_value *x = in[0], *w;
    mt_status status;

    if (x->shape.rank != 3)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of [steps, features]");
    if (x->shape.dim[1] > args->max_len)
        return mt_layer_fail(r, layer, x, err,
                             "has max_len %zu, but the input has %zu steps",
                             args->max_len, x->shape.dim[1]);

    struct mt_shape shape = mt_shape_of(2, args->max_len, x->shape.dim[2]);

    if ((status = mt_layer_param(r, layer, "weight", &shape, &init, &w, err)) !=
        MT_OK)
        return status;
    *out = mt_add_rows(r->graph, x, w);
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_embedding,
    mt_layer_position_embedding;

const struct mt_layer_type mt_layer_embedding = {
    .name = "Embedding",
    .doc = "a learned vector for each token",
    .keys = embedding_keys,
    .args_size = sizeof(struct embedding_args),
    .flags = MT_LAYER_TOKENS,
    .record = embedding_record,
};

const struct mt_layer_type mt_layer_position_embedding = {
    .name = "PositionEmbedding",
    .doc = "adds a learned vector for each position",
    .keys = position_keys,
    .args_size = sizeof(struct position_args),
    .record = position_record,
};
