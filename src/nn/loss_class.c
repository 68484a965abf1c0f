/* Losses of classes: CrossEntropyLoss of scores, NLLLoss of
 * log-probabilities. The classes are moved to the last dimension first. */
#include "nn/loss_internal.h"

static const char *const mt_loss_weightings[] = { "balanced", NULL };

#define WEIGHT                                                                 \
    {                                                                          \
        "weight", MT_KEY_REALS, MT_LOSS_ARG(weight),                           \
            .flags = MT_KEY_MIN | MT_KEY_NULL, .choices = mt_loss_weightings,  \
            .doc = "a weight for each class; balanced: samples / (classes * "  \
                   "samples of the class), of the training part"               \
    }

#define CLASSES                                                                \
    { "ignore_index",                                                          \
      MT_KEY_INT,                                                              \
      MT_LOSS_ARG(ignore_index),                                               \
      .def = "-100",                                                           \
      .min = INT32_MIN,                                                        \
      .max = INT32_MAX,                                                        \
      .doc = "a target that counts for nothing" },                             \
    {                                                                          \
        "dim", MT_KEY_INT, MT_LOSS_ARG(dim),                                   \
            .def = "-1", .min = -8, .max = 8,                                  \
            .doc = "dimension of the classes, the batch being 0"               \
    }

static const struct mt_key cross_entropy_keys[] = {
    WEIGHT,
    { "label_smoothing", MT_KEY_REAL, MT_LOSS_ARG(label_smoothing), .def = "0",
      .min = 0, .max = 1,
      .doc = "part of the target that is spread over all classes" },
    CLASSES,
    MT_LOSS_REDUCTION,
    { NULL },
};

static const struct mt_key nll_keys[] = {
    WEIGHT,
    CLASSES,
    MT_LOSS_REDUCTION,
    { NULL },
};

/* Is there one target for each place of y without the dimension of classes? If
 * ranks are equal, so must be the shapes; otherwise the number of elements
 * counts. */
static bool targets_fit(const struct mt_value *y, int dim,
                        const struct mt_shape *target)
{
    struct mt_shape places = mt_sample_shape(y);

    places.rank--;
    for (int i = dim - 1; i < places.rank; i++)
        places.dim[i] = places.dim[i + 1];
    if (places.rank == target->rank)
        return mt_shape_equal(&places, target);
    return mt_shape_elements(&places) == mt_shape_elements(target);
}

static mt_status check_shapes(struct mt_record *r, const struct mt_loss *loss,
                              const struct mt_value *y,
                              const struct mt_shape *target, int *dim,
                              struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    const struct mt_item *item = mt_json_get(loss->object, "dim");
    struct mt_shape sample = mt_sample_shape(y);

    if (y->shape.rank < 2)
        return mt_loss_fail_shapes(r, loss, y, target,
                                   "it needs a score for each class", err);
    *dim = mt_loss_class_dim(loss, y->shape.rank);
    if (*dim == 0)
        return mt_json_fail(r->doc, item ? item : loss->object, err,
                            "there is no dimension %lld of classes in the "
                            "model's output %s; expected 1 to %d (the batch "
                            "is 0), or -1 for the last one",
                            (long long)args->dim, mt_shape_text(&sample).text,
                            sample.rank);
    if (!targets_fit(y, *dim, target))
        return mt_loss_fail_shapes(r, loss, y, target,
                                   *dim == sample.rank
                                       ? "it needs a class for each row of the "
                                         "last dimension"
                                       : "it needs a class for each place, "
                                         "without the dimension of the classes",
                                   err);
    return MT_OK;
}

/* y with that dimension last. */
static struct mt_value *classes_last(struct mt_graph *g, struct mt_value *y,
                                     int dim)
{
    int order[MT_MAX_RANK] = { 0 }, last = y->shape.rank - 1;

    if (dim == last)
        return y;
    for (int i = 0; i < last; i++)
        order[i] = i < dim ? i : i + 1;
    order[last] = dim;
    return mt_permute(g, y, order);
}

/* Common to both losses: the scores, the target, the weights. */
static mt_status prepare(struct mt_record *r, const struct mt_loss *loss,
                         struct mt_value **y, const struct mt_shape *target,
                         struct mt_value **t, const float **weight,
                         struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    int dim;
    mt_status status;

    if ((status = check_shapes(r, loss, *y, target, &dim, err)) != MT_OK ||
        (status = mt_loss_weights(r, loss, "weight", &args->weight,
                                  (*y)->shape.dim[dim], "classes", false,
                                  weight, err)) != MT_OK)
        return status;
    *y = classes_last(r->graph, *y, dim);
    *t = mt_loss_target(r, MT_I32, (*y)->shape.dim[0], target);
    return MT_OK;
}

static mt_status cross_entropy_record(struct mt_record *r,
                                      const struct mt_loss *loss,
                                      struct mt_value **y,
                                      const struct mt_shape *target,
                                      struct mt_value **t,
                                      struct mt_value **out, struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    struct mt_cross_entropy options = {
        .label_smoothing = args->label_smoothing,
        .ignore_index = (int32_t)args->ignore_index,
        .mean = mt_loss_is_mean(loss),
    };
    mt_status status;

    if ((status = prepare(r, loss, y, target, t, &options.weight, err)) !=
        MT_OK)
        return status;
    *out = mt_cross_entropy(r->graph, *y, *t, &options);
    return MT_OK;
}

static mt_status nll_record(struct mt_record *r, const struct mt_loss *loss,
                            struct mt_value **y, const struct mt_shape *target,
                            struct mt_value **t, struct mt_value **out,
                            struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    struct mt_nll options = {
        .ignore_index = (int32_t)args->ignore_index,
        .mean = mt_loss_is_mean(loss),
    };
    mt_status status;

    if ((status = prepare(r, loss, y, target, t, &options.weight, err)) !=
        MT_OK)
        return status;
    *out = mt_nll(r->graph, *y, *t, &options);
    return MT_OK;
}

const struct mt_loss_type mt_loss_cross_entropy = {
    .name = "CrossEntropyLoss",
    .doc = "softmax and cross-entropy with the target's class",
    .keys = cross_entropy_keys,
    .args_size = sizeof(struct mt_loss_args),
    .classification = true,
    .wants = MT_WANTS_SCORES,
    .record = cross_entropy_record,
};

const struct mt_loss_type mt_loss_nll = {
    .name = "NLLLoss",
    .doc = "minus the log-probability of the target's class",
    .keys = nll_keys,
    .args_size = sizeof(struct mt_loss_args),
    .classification = true,
    .wants = MT_WANTS_LOG_PROBABILITIES,
    .record = nll_record,
};
