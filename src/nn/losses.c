/* The table of losses, and functions for all of them. */
#include <string.h>

#include "kernels/dmath.h"
#include "nn/loss_internal.h"

static const struct mt_loss_type *const types[] = {
#define X(name) &mt_loss_##name,
    MT_LOSSES(X)
#undef X
        NULL,
};

static const struct mt_type *type_at(size_t i)
{
    return types[i] ? &types[i]->type : NULL;
}

const struct mt_kind mt_loss_kind = {
    .name = "loss",
    .what = "loss",
    .at = type_at,
};

mt_status mt_loss_read(const struct mt_json *doc, const struct mt_item *object,
                       struct mt_arena *arena, struct mt_loss *out,
                       struct mt_err *err)
{
    const struct mt_type *type;
    mt_status status;

    *out = (struct mt_loss){ .object = object };
    status = mt_kind_read(&mt_loss_kind, doc, object, NULL, arena, &type,
                          &out->args, err);
    if (status == MT_OK)
        out->type = (const struct mt_loss_type *)type;
    return status;
}

/* --- for the families --------------------------------------------------- */

const char *const mt_loss_reductions[] = { "mean", "sum", NULL };

bool mt_loss_is_mean(const struct mt_loss *loss)
{
    const struct mt_loss_args *args = loss->args;

    return args->reduction == MT_MEAN;
}

struct mt_value *mt_loss_target(struct mt_record *r, enum mt_dtype dtype,
                                size_t batch, const struct mt_shape *target)
{
    struct mt_shape shape = { .rank = target->rank + 1, .dim = { batch } };

    memcpy(shape.dim + 1, target->dim,
           (size_t)target->rank * sizeof *shape.dim);
    return mt_graph_input(r->graph, "target", dtype, &shape);
}

mt_status mt_loss_fail_shapes(struct mt_record *r, const struct mt_loss *loss,
                              const struct mt_value *y,
                              const struct mt_shape *target, const char *needs,
                              struct mt_err *err)
{
    struct mt_shape shape = mt_sample_shape(y);

    return mt_json_fail(r->doc, loss->object, err,
                        "%s: the model gives %s for each sample and the data "
                        "has targets %s; %s",
                        loss->type->name, mt_shape_text(&shape).text,
                        mt_shape_text(target).text, needs);
}

mt_status mt_loss_check_pairs(struct mt_record *r, const struct mt_loss *loss,
                              const struct mt_value *y,
                              const struct mt_shape *target, struct mt_err *err)
{
    struct mt_shape sample = mt_sample_shape(y);

    if (mt_shape_elements(target) != mt_shape_elements(&sample))
        return mt_loss_fail_shapes(r, loss, y, target,
                                   "it needs as many numbers in both", err);
    return MT_OK;
}

mt_status mt_loss_weights(struct mt_record *r, const struct mt_loss *loss,
                          const char *key, const struct mt_reals *weights,
                          size_t n, const char *of, bool spread,
                          const float **out, struct mt_err *err)
{
    bool one = spread && weights->n == 1;
    float *w;

    *out = NULL;
    if (weights->n == 0 && !weights->list)
        return MT_OK;
    if (weights->n != n && !one)
        return mt_json_fail(r->doc, mt_json_get(loss->object, key), err,
                            "needs one number for each of the %zu %s%s, got "
                            "%zu",
                            n, of, spread ? ", or one for all" : "",
                            weights->n);
    w = mt_graph_alloc(r->graph, n * sizeof *w);
    if (!w)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)weights->v[one ? 0 : i];
    *out = w;
    return MT_OK;
}

bool mt_loss_is_sum(const struct mt_loss *loss)
{
    const struct mt_loss_args *args = loss->args;

    return args->reduction == MT_SUM;
}

/* 1 / (1 + e^-y), from e^-|y| */
static double sigmoid(double y)
{
    double e = mt_dexp(y < 0 ? y : -y);

    return (y < 0 ? e : 1) / (1 + e);
}

double mt_loss_probability(const struct mt_loss *loss, float y)
{
    return loss->type->wants == MT_WANTS_LOGITS ? sigmoid((double)y)
                                                : (double)y;
}

bool mt_loss_of_probabilities(const struct mt_loss *loss)
{
    return loss->type->probabilities;
}

double mt_loss_weight(const struct mt_loss *loss, const int32_t *targets,
                      size_t rows, size_t samples)
{
    const struct mt_loss_args *args = loss->args;
    double sum = 0;

    if (!loss->type->classification)
        return (double)samples;
    for (size_t i = 0; i < rows; i++) {
        if (targets[i] == args->ignore_index)
            continue;
        sum += args->weight.n ? (double)(float)args->weight.v[targets[i]] : 1;
    }
    return sum * (double)samples / (double)rows;
}

bool mt_loss_weighs_classes(const struct mt_loss *loss)
{
    const struct mt_loss_args *args = loss->args;

    return loss->type->classification && args->weight.n > 0;
}

bool mt_loss_may_skip(const struct mt_loss *loss, long long min, long long max)
{
    const struct mt_loss_args *args = loss->args;

    if (!loss->type->classification)
        return false;
    for (size_t i = 0; i < args->weight.n; i++) {
        if ((float)args->weight.v[i] == 0)
            return true;
    }
    return args->ignore_index >= min && args->ignore_index <= max;
}

bool mt_loss_is_balanced(const struct mt_loss *loss)
{
    const struct mt_loss_args *args = loss->args;

    return loss->type->classification && args->weight.word;
}

mt_status mt_loss_balance(struct mt_loss *loss, const uint64_t *counts,
                          size_t classes, struct mt_arena *arena,
                          struct mt_err *err)
{
    struct mt_loss_args *args = loss->args;
    double *v = mt_arena_calloc(arena, classes, sizeof *v), all = 0;

    if (!v)
        return mt_fail_memory(err);
    for (size_t c = 0; c < classes; c++)
        all += (double)counts[c];
    for (size_t c = 0; c < classes; c++)
        v[c] = all / ((double)classes * (double)counts[c]);
    args->weight.v = v;
    args->weight.n = classes;
    return MT_OK;
}

/* --- losses of classes -------------------------------------------------- */

int mt_loss_class_dim(const struct mt_loss *loss, int rank)
{
    const struct mt_loss_args *args = loss->args;
    int64_t dim = args->dim < 0 ? args->dim + rank : args->dim;

    return dim < 1 || dim >= rank ? 0 : (int)dim;
}

size_t mt_loss_classes(const struct mt_loss *loss,
                       const struct mt_shape *output)
{
    int dim;

    if (!loss->type->classification)
        return 0;
    dim = mt_loss_class_dim(loss, output->rank + 1);
    return dim ? output->dim[dim - 1] : 0;
}

const int64_t *mt_loss_ignored(const struct mt_loss *loss)
{
    const struct mt_loss_args *args = loss->args;

    return loss->type->classification ? &args->ignore_index : NULL;
}
