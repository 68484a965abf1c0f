#include "train/average.h"

#include <fnmatch.h>
#include <string.h>

#include "ckpt/blockmean.h"
#include "ckpt/blockstream.h"
#include "train/state.h"
#include "train/statename.h"
#include "train/ties.h"

/* A scalar equals a vector of one: .safetensors files may have either. */
static bool is_same_shape(const struct mt_shape *a, const struct mt_shape *b)
{
    bool ones = a->rank <= 1 && b->rank <= 1 && mt_shape_elements(a) == 1 &&
                mt_shape_elements(b) == 1;

    return ones || mt_shape_equal(a, b);
}

/* Does `s` have the tensor as the first state has it? */
static mt_status check_tensor(const struct mt_average_state *first,
                              const struct mt_array *a,
                              const struct mt_average_state *s,
                              struct mt_err *err)
{
    const struct mt_array *b = mt_bundle_find(&s->bundle, a->name);
    const char *key = mt_name_key(a->name);

    if (!b)
        return mt_fail(err, MT_MISMATCH,
                       "%s: has no tensor \"%s\", which %s has; expected "
                       "states of one model",
                       s->path, key, first->path);
    if (!is_same_shape(&a->shape, &b->shape))
        return mt_fail(err, MT_MISMATCH,
                       "%s: tensor \"%s\" is %s, but %s in %s; expected states "
                       "of one model",
                       s->path, key, mt_shape_text(&b->shape).text,
                       mt_shape_text(&a->shape).text, first->path);
    if (mt_dtype_is_float(a->dtype) != mt_dtype_is_float(b->dtype))
        return mt_fail(
            err, MT_MISMATCH, "%s: tensor \"%s\" is %s, but %s in %s", s->path,
            key, mt_dtype_name(b->dtype), mt_dtype_name(a->dtype), first->path);
    return MT_OK;
}

/* The ties of the first state's model: a state file has tied tensors under
 * their other names, too. NULL: none. */
static mt_status read_ties(const struct mt_average_state *first,
                           struct mt_json **doc, const struct mt_item **ties,
                           struct mt_err *err)
{
    *doc = NULL;
    *ties = NULL;
    if (!mt_bundle_find(&first->bundle, MT_NAME_SPEC))
        return MT_OK;
    mt_status status = mt_state_spec(&first->bundle, first->path, doc, err);

    if (status == MT_OK)
        *ties = mt_ties_of(*doc);
    return status;
}

static mt_status check_state(const struct mt_average_state *first,
                             const struct mt_item *ties,
                             const struct mt_average_state *s,
                             struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; i < first->bundle.n && status == MT_OK; i++) {
        if (mt_name_is(first->bundle.arrays[i].name, MT_MODEL))
            status = check_tensor(first, &first->bundle.arrays[i], s, err);
    }
    for (size_t i = 0; i < s->bundle.n && status == MT_OK; i++) {
        const char *name = s->bundle.arrays[i].name;

        if (mt_name_is(name, MT_MODEL) &&
            !mt_bundle_find(&first->bundle, name) &&
            !mt_ties_stored(ties, mt_name_key(name)))
            status = mt_fail(err, MT_MISMATCH,
                             "%s: has a tensor \"%s\", which %s does not have; "
                             "expected states of one model",
                             s->path, mt_name_key(name), first->path);
    }
    return status;
}

static mt_status check_states(const struct mt_average_request *r,
                              struct mt_err *err)
{
    const struct mt_item *ties;
    struct mt_json *doc;
    mt_status status = read_ties(&r->states[0], &doc, &ties, err);

    for (size_t i = 1; i < r->n && status == MT_OK; i++)
        status = check_state(&r->states[0], ties, &r->states[i], err);
    if (doc)
        mt_json_free(doc);
    return status;
}

static bool is_averaged(const struct mt_array *a, const char *only)
{
    return mt_dtype_is_float(a->dtype) &&
           (!only || fnmatch(only, mt_name_key(a->name), 0) == 0);
}

static void add_mean(const struct mt_average_request *r,
                     const struct mt_array *a, struct mt_bundle *out)
{
    struct {
        struct mt_mean mean;
        struct mt_source source;
    } *held = mt_arena_calloc(&out->arena, 1, sizeof *held);
    struct mt_array *of = mt_arena_calloc(&out->arena, r->n, sizeof *of);
    struct mt_array mean = *a;

    if (!held || !of) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < r->n; i++)
        of[i] = *mt_bundle_find(&r->states[i].bundle, a->name);
    held->mean = (struct mt_mean){ .of = of, .weights = r->weights, .n = r->n };
    held->source = mt_mean_source(&held->mean);
    mean.data = NULL;
    mean.source = &held->source;
    mt_bundle_add_array(out, a->name, &mean);
}

mt_status mt_average(const struct mt_average_request *r, struct mt_bundle *out,
                     size_t *averaged, struct mt_err *err)
{
    const struct mt_bundle *first = &r->states[0].bundle;
    mt_status status = check_states(r, err);

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    *averaged = 0;
    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < first->n; i++) {
        const struct mt_array *a = &first->arrays[i];
        bool model = mt_name_is(a->name, MT_MODEL);

        if (model && is_averaged(a, r->only)) {
            add_mean(r, a, out);
            ++*averaged;
        } else if (model || mt_name_is(a->name, MT_SPEC)) {
            mt_bundle_add_array(out, a->name, a);
        }
    }
    if (!*averaged && !out->failed)
        return mt_fail(err, MT_MISMATCH,
                       "%s: no tensor to average matches \"%s\"; 'mtrain show "
                       "-v %s' lists them",
                       r->states[0].path, r->only ? r->only : "*",
                       r->states[0].path);
    mt_state_add_start(out);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}
