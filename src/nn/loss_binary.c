/* Binary cross-entropies: BCELoss of probabilities, BCEWithLogitsLoss of
 * scores. */
#include "nn/loss_internal.h"

#define WEIGHT                                                                 \
    {                                                                          \
        "weight", MT_KEY_REALS, MT_LOSS_ARG(weight),                           \
            .flags = MT_KEY_MIN | MT_KEY_NULL,                                 \
            .doc = "a weight for each column of the last dimension, or one "   \
                   "for all"                                                   \
    }

static const struct mt_key bce_keys[] = {
    WEIGHT,
    MT_LOSS_REDUCTION,
    { NULL },
};

static const struct mt_key bce_logits_keys[] = {
    WEIGHT,
    { "pos_weight", MT_KEY_REALS, MT_LOSS_ARG(pos_weight),
      .flags = MT_KEY_MIN | MT_KEY_NULL,
      .doc = "a weight of positive targets for each column of the last "
             "dimension, or one for all" },
    MT_LOSS_REDUCTION,
    { NULL },
};

/* Without weights there is a kernel of its own, `plain`. */
static mt_status record(struct mt_record *r, const struct mt_loss *loss,
                        const char *plain, bool logits, struct mt_value *y,
                        const struct mt_shape *target, struct mt_value **t,
                        struct mt_value **out, struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    size_t columns = y->shape.rank > 1 ? y->shape.dim[y->shape.rank - 1] : 1;
    struct mt_binary_loss options = { .logits = logits,
                                      .mean = mt_loss_is_mean(loss) };
    mt_status status;

    if ((status = mt_loss_check_pairs(r, loss, y, target, err)) != MT_OK ||
        (status = mt_loss_weights(r, loss, "weight", &args->weight, columns,
                                  "columns", true, &options.all, err)) !=
            MT_OK ||
        (status =
             mt_loss_weights(r, loss, "pos_weight", &args->pos_weight, columns,
                             "columns", true, &options.hit, err)) != MT_OK)
        return status;
    *t = mt_loss_target(r, MT_F32, y->shape.dim[0], target);
    if (!options.all && !options.hit) {
        *out = mt_pair_loss_of(r->graph, y, *t, mt_pair_loss_find(plain),
                               options.mean, NULL);
        return MT_OK;
    }
    if (y->shape.rank == 1) { /* one number for each sample is one column */
        struct mt_shape column = mt_shape_of(2, y->shape.dim[0], (size_t)1);

        y = mt_view(r->graph, y, &column);
    }
    *out = mt_binary_loss(r->graph, y, *t, &options);
    return MT_OK;
}

static mt_status bce_record(struct mt_record *r, const struct mt_loss *loss,
                            struct mt_value **y, const struct mt_shape *target,
                            struct mt_value **t, struct mt_value **out,
                            struct mt_err *err)
{
    return record(r, loss, "bce", false, *y, target, t, out, err);
}

static mt_status bce_logits_record(struct mt_record *r,
                                   const struct mt_loss *loss,
                                   struct mt_value **y,
                                   const struct mt_shape *target,
                                   struct mt_value **t, struct mt_value **out,
                                   struct mt_err *err)
{
    return record(r, loss, "bce_logits", true, *y, target, t, out, err);
}

const struct mt_loss_type mt_loss_bce = {
    .name = "BCELoss",
    .doc = "binary cross-entropy, for outputs and targets from 0 to 1",
    .keys = bce_keys,
    .args_size = sizeof(struct mt_loss_args),
    .probabilities = true,
    .threshold = 0.5f,
    .wants = MT_WANTS_PROBABILITIES,
    .record = bce_record,
};

const struct mt_loss_type mt_loss_bce_logits = {
    .name = "BCEWithLogitsLoss",
    .doc = "binary cross-entropy of sigmoid(x), for targets from 0 to 1",
    .keys = bce_logits_keys,
    .args_size = sizeof(struct mt_loss_args),
    .probabilities = true,
    .wants = MT_WANTS_LOGITS,
    .record = bce_logits_record,
};
