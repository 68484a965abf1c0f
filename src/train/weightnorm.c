#include "train/weightnorm.h"

#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"
#include "kernels/dmath.h"
#include "train/statename.h"

static const char middle[] = ".parametrizations.", first[] = ".original0",
                  second[] = ".original1";

/* The names of the weight and of v if name is that of a g; else false. */
static bool take_apart(const char *name, struct mt_arena *arena, char **weight,
                       char **v)
{
    size_t n = strlen(name);
    const char *m = strstr(name, middle);

    *weight = *v = NULL;
    if (m && mt_ends_with(name, first)) {
        const char *of = m + sizeof middle - 1;

        *weight = mt_arena_printf(
            arena, "%.*s.%.*s", (int)(m - name), name,
            (int)(n - (sizeof first - 1) - (size_t)(of - name)), of);
        *v = mt_arena_printf(arena, "%.*s%s", (int)(n - (sizeof first - 1)),
                             name, second);
        return true;
    }
    if (!mt_ends_with(name, "_g"))
        return false;
    *weight = mt_arena_printf(arena, "%.*s", (int)(n - 2), name);
    *v = mt_arena_printf(arena, "%.*s_v", (int)(n - 2), name);
    return true;
}

/* g has one element, or as many dimensions as v, each as long or 1. */
static bool suits(const struct mt_array *g, const struct mt_array *v)
{
    const struct mt_shape *a = &g->shape, *b = &v->shape;
    bool same = a->rank == b->rank;

    for (int i = 0; i < a->rank && same; i++)
        same = a->dim[i] == 1 || a->dim[i] == b->dim[i];
    return (same || mt_shape_elements(a) == 1) && mt_dtype_is_float(g->dtype) &&
           mt_dtype_is_float(v->dtype);
}

/* The element of g that belongs to element i of v. */
static size_t length_of(const struct mt_shape *g, const struct mt_shape *v,
                        size_t i)
{
    size_t at = 0, step = 1;

    if (g->rank != v->rank)
        return 0;
    for (int d = v->rank; d-- > 0;) {
        if (g->dim[d] > 1)
            at += i % v->dim[d] * step;
        step *= g->dim[d];
        i /= v->dim[d];
    }
    return at;
}

static mt_status read(const struct mt_array *from, struct mt_team *team,
                      float *out, struct mt_err *err)
{
    struct mt_array a = *from;

    if (!a.data || a.dtype == MT_F32) {
        a.dtype = MT_F32;
        return mt_block_stream_read_all(&a, team, out, err);
    }
    for (size_t i = 0, n = mt_shape_elements(&a.shape); i < n; i++)
        out[i] = (float)mt_array_value(from, i);
    return MT_OK;
}

/* w = g v / |v|, in double. */
static void compute(const float *g, const struct mt_shape *gs, const float *v,
                    const struct mt_shape *vs, double *lengths, float *w)
{
    size_t n = mt_shape_elements(vs), m = mt_shape_elements(gs);

    memset(lengths, 0, m * sizeof *lengths);
    for (size_t i = 0; i < n; i++)
        lengths[length_of(gs, vs, i)] += (double)v[i] * (double)v[i];
    for (size_t k = 0; k < m; k++)
        lengths[k] = (double)g[k] / mt_dsqrt(lengths[k]);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)((double)v[i] * lengths[length_of(gs, vs, i)]);
}

static mt_status add_weight(const struct mt_array *g, const struct mt_array *v,
                            const char *name, struct mt_team *team,
                            struct mt_bundle *out, struct mt_err *err)
{
    size_t n = mt_shape_elements(&v->shape), m = mt_shape_elements(&g->shape);
    float *w = mt_arena_calloc(&out->arena, n + 1, sizeof *w);
    float *x = malloc((n + m + 1) * sizeof *x);
    double *lengths = calloc(m + 1, sizeof *lengths);
    mt_status status = w && x && lengths ? MT_OK : mt_fail_memory(err);

    if (status == MT_OK)
        status = read(v, team, x, err);
    if (status == MT_OK)
        status = read(g, team, x + n, err);
    if (status == MT_OK) {
        compute(x + n, &g->shape, x, &v->shape, lengths, w);
        mt_bundle_add(out, name, MT_F32, &v->shape, w);
    }
    free(lengths);
    free(x);
    return status;
}

/* What becomes of an array of the source. */
struct fold {
    const struct mt_array *v; /* if it is a g: its v */
    const char *weight;
    bool gone; /* it is such a v, which is left out */
};

static mt_status find(const struct mt_bundle *from, struct mt_arena *arena,
                      struct fold *folds, size_t *n, struct mt_err *err)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *g = &from->arrays[i], *v;
        char *weight, *v_name;

        if (!mt_name_is(g->name, MT_MODEL) ||
            !take_apart(g->name, arena, &weight, &v_name))
            continue;
        if (!weight || !v_name)
            return mt_fail_memory(err);
        v = mt_bundle_find(from, v_name);
        if (!v || !suits(g, v) || mt_bundle_find(from, weight))
            continue;
        folds[i].v = v;
        folds[i].weight = weight;
        folds[v - from->arrays].gone = true;
        ++*n;
    }
    return MT_OK;
}

mt_status mt_weight_norm_fold(const struct mt_bundle *from,
                              struct mt_team *team, struct mt_bundle *out,
                              size_t *n, struct mt_err *err)
{
    struct fold *folds;
    mt_status status;

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    *n = 0;
    folds = mt_arena_calloc(&out->arena, from->n + 1, sizeof *folds);
    status =
        folds ? find(from, &out->arena, folds, n, err) : mt_fail_memory(err);
    out->lost = from->lost;
    for (size_t i = 0; i < from->n && *n && status == MT_OK; i++) {
        const struct mt_array *a = &from->arrays[i];

        if (folds[i].v)
            status = add_weight(a, folds[i].v, folds[i].weight, team, out, err);
        else if (!folds[i].gone)
            mt_bundle_add_array(out, a->name, a);
    }
    if (status == MT_OK && out->failed)
        status = mt_fail_memory(err);
    if (status != MT_OK)
        mt_bundle_free(out);
    return status;
}
