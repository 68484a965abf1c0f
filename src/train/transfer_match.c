#include "train/transfer_match.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct mt_array *mt_find_model(const struct mt_bundle *b, const char *key)
{
    return mt_bundle_find(b, mt_name_in(MT_MODEL, key).text);
}

size_t mt_array_number(const struct mt_bundle *b, const struct mt_array *a)
{
    return (size_t)(a - b->arrays);
}

static bool any_matches(const char *const *globs, const char *key)
{
    for (; globs && *globs; globs++) {
        if (fnmatch(*globs, key, 0) == 0)
            return true;
    }
    return false;
}

bool mt_match_selects(const struct mt_transfer_options *o, const char *key)
{
    bool all = !o->only || !*o->only;

    return (all || any_matches(o->only, key)) && !any_matches(o->except, key);
}

bool mt_match_converts(enum mt_dtype from, enum mt_dtype to)
{
    return from == to ||
           (to == MT_F32 &&
            (from == MT_F64 || from == MT_F16 || from == MT_BF16));
}

struct mt_shape mt_shape_transposed(const struct mt_shape *shape)
{
    struct mt_shape out = *shape;

    out.dim[out.rank - 1] = shape->dim[out.rank - 2];
    out.dim[out.rank - 2] = shape->dim[out.rank - 1];
    return out;
}

/* A one-element vector may fill a scalar: some programs write no scalars. */
bool mt_match_fits(const struct mt_array *from, bool transposed,
                   const struct mt_array *to)
{
    bool one =
        to->shape.rank == 0 && from->shape.rank == 1 && from->shape.dim[0] == 1;
    struct mt_shape shape =
        transposed ? mt_shape_transposed(&from->shape) : from->shape;

    return (one || mt_shape_equal(&shape, &to->shape)) &&
           mt_match_converts(from->dtype, to->dtype);
}

bool mt_match_transposes(const struct mt_transfer_options *o, const char *key,
                         const struct mt_shape *shape)
{
    return shape->rank >= 2 && any_matches(o->transpose, key);
}

/* The target's name for a tensor of the source; NULL: no memory. */
static const char *target_key(const struct mt_array *a,
                              const struct mt_transfer_options *o,
                              struct mt_arena *arena, bool *mapped)
{
    const char *key = mt_name_key(a->name);
    size_t n = o->strip_prefix ? strlen(o->strip_prefix) : 0;

    *mapped = false;
    if (n && strncmp(key, o->strip_prefix, n) == 0 && key[n])
        key += n;
    for (size_t i = 0; i < o->n_map; i++) {
        const char *renamed = mt_rename_apply(&o->map[i], key, arena);

        if (renamed) {
            *mapped = true;
            return renamed;
        }
    }
    return key;
}

/* --- sorting ------------------------------------------------------------ */

static int compare_items(const void *a, const void *b, void *items)
{
    const struct mt_match_item *list = items;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(list[x].key, list[y].key);

    return order ? order : x < y ? -1 : x > y;
}

static void sort_items(struct mt_match *m)
{
    for (size_t i = 0; i < m->n; i++)
        m->by_key[i] = i;
    qsort_r(m->by_key, m->n, sizeof *m->by_key, compare_items, m->items);
    for (size_t i = 1; i < m->n && !m->clash; i++) {
        const struct mt_match_item *item = &m->items[m->by_key[i]];

        if (item->to && strcmp(m->items[m->by_key[i - 1]].key, item->key) == 0)
            m->clash = item->key;
    }
}

/* --- matching ----------------------------------------------------------- */

const struct mt_array *mt_find_place(const struct mt_bundle *b,
                                     const struct mt_item *ties,
                                     const char *key, bool *tied)
{
    const struct mt_array *to = mt_find_model(b, key);
    const char *stored = to ? NULL : mt_ties_stored(ties, key);

    *tied = stored != NULL;
    return stored ? mt_find_model(b, stored) : to;
}

static void match_item(const struct mt_bundle *target,
                       const struct mt_item *ties,
                       const struct mt_transfer_options *o,
                       struct mt_match_item *item)
{
    item->to = mt_find_place(target, ties, item->key, &item->tied);
    item->transposed =
        mt_match_transposes(o, item->key, &item->from->shape);
    item->fits =
        item->to && mt_match_fits(item->from, item->transposed, item->to);
}

/* A tied tensor can be selected, or left out, by any of its names. */
static bool selects_item(const struct mt_transfer_options *o,
                         const struct mt_match_item *item)
{
    const char *stored = item->tied ? mt_name_key(item->to->name) : item->key;

    return (!o->only || !*o->only || any_matches(o->only, item->key) ||
            any_matches(o->only, stored)) &&
           !any_matches(o->except, item->key) &&
           !any_matches(o->except, stored);
}

static mt_status list_items(const struct mt_bundle *target, const struct mt_item *ties,
                            const struct mt_bundle *source,
                            const struct mt_transfer_options *o,
                            struct mt_arena *arena, struct mt_match *m,
                            struct mt_err *err)
{
    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];
        struct mt_match_item *item = &m->items[m->n];

        if (!mt_name_is(a->name, MT_MODEL))
            continue;
        *item = (struct mt_match_item){ .from = a };
        item->key = target_key(a, o, arena, &item->mapped);
        if (!item->key)
            return mt_fail_memory(err);
        match_item(target, ties, o, item);
        m->n += selects_item(o, item);
    }
    return MT_OK;
}

/* If a tied tensor is there under several names, the stored one is
 * preferred. */
static void choose(const struct mt_bundle *target, struct mt_match *m)
{
    for (int tied = 0; tied < 2; tied++) {
        for (size_t i = 0; i < m->n; i++) {
            struct mt_match_item *item = &m->items[i];
            size_t *chosen;

            if (!item->to || item->tied != (tied != 0))
                continue;
            chosen = &m->item_of[mt_array_number(target, item->to)];
            item->twin = *chosen != 0;
            m->twins += item->twin;
            *chosen = *chosen ? *chosen : i + 1;
        }
    }
}

static void count(const struct mt_bundle *target,
                  const struct mt_transfer_options *o, struct mt_match *m)
{
    choose(target, m);
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        m->fitting += item->fits && !item->twin;
        m->shapes += item->to && !item->fits;
        m->unexpected += !item->to;
    }
    for (size_t i = 0; i < target->n; i++)
        m->missing += mt_match_is_missing(m, target, o, i);
}

const struct mt_match_item *mt_match_into(const struct mt_match *m,
                                          const struct mt_bundle *target,
                                          const struct mt_array *to)
{
    size_t number = m->item_of[mt_array_number(target, to)];

    return number ? &m->items[number - 1] : NULL;
}

static bool is_lacking(const struct mt_match *m, const struct mt_bundle *target,
                       const struct mt_transfer_options *o, size_t i)
{
    const struct mt_array *a = &target->arrays[i];

    return mt_name_is(a->name, MT_MODEL) && !m->item_of[i] &&
           mt_match_selects(o, mt_name_key(a->name));
}

bool mt_match_is_recounted(const struct mt_match *m,
                           const struct mt_bundle *target,
                           const struct mt_transfer_options *o, size_t i)
{
    static const char count[] = "num_batches_tracked", mean[] = "running_mean";
    const struct mt_array *a = &target->arrays[i], *sibling;
    size_t n = strlen(a->name), end = sizeof count - 1;
    struct mt_name name;

    if (!is_lacking(m, target, o, i) || n < end ||
        strcmp(a->name + n - end, count) != 0)
        return false;
    snprintf(name.text, sizeof name.text, "%.*s%s", (int)(n - end), a->name,
             mean);
    sibling = mt_bundle_find(target, name.text);
    const struct mt_match_item *item =
        sibling ? mt_match_into(m, target, sibling) : NULL;

    return item && item->fits;
}

bool mt_match_is_missing(const struct mt_match *m,
                         const struct mt_bundle *target,
                         const struct mt_transfer_options *o, size_t i)
{
    return is_lacking(m, target, o, i) &&
           !mt_match_is_recounted(m, target, o, i);
}

mt_status mt_match_make(const struct mt_bundle *target, const struct mt_item *ties,
                        const struct mt_bundle *source,
                        const struct mt_transfer_options *options,
                        struct mt_arena *arena, struct mt_match *out,
                        struct mt_err *err)
{
    size_t n = source->n + 1;

    *out = (struct mt_match){ .ties = ties };
    out->items = mt_arena_calloc(arena, n, sizeof *out->items);
    out->by_key = mt_arena_calloc(arena, n, sizeof *out->by_key);
    out->item_of = mt_arena_calloc(arena, target->n + 1, sizeof *out->item_of);
    if (!out->items || !out->by_key || !out->item_of)
        return mt_fail_memory(err);
    mt_status status =
        list_items(target, ties, source, options, arena, out, err);

    if (status != MT_OK)
        return status;
    sort_items(out);
    count(target, options, out);
    return MT_OK;
}

mt_status mt_match_check_transpose(const struct mt_match *m,
                                   const struct mt_transfer_options *o,
                                   struct mt_err *err)
{
    for (const char *const *glob = o->transpose; glob && *glob; glob++) {
        const char *const one[] = { *glob, NULL };
        struct mt_transfer_options only = { .only = one };
        size_t vectors = 0, others = 0;

        for (size_t i = 0; i < m->n; i++) {
            const struct mt_match_item *item = &m->items[i];

            if (!item->to || !mt_match_selects(&only, item->key))
                continue;
            vectors += item->from->shape.rank < 2;
            others += item->from->shape.rank >= 2;
        }
        if (!others && vectors)
            return mt_fail(err, MT_MISMATCH,
                           "--transpose %s: matches vectors only, %zu of them; "
                           "expected tensors of two or more dimensions",
                           *glob, vectors);
        if (!others)
            return mt_fail(err, MT_MISMATCH,
                           "--transpose %s: matches no tensor that is loaded; "
                           "names are those of the model, after --map",
                           *glob);
    }
    return MT_OK;
}
