#include "ckpt/torchscan.h"

#include <stdio.h>
#include <string.h>

#include "ckpt/printable.h"

enum { LONGEST_KEY = 200, LONGEST_PATH = 800 };

/* The keys that lead to a value. */
struct place {
    const struct place *up;
    const struct mt_pickle *key; /* or NULL: number `index` of a list */
    size_t index;
    int depth;
};

static const char *key_text(struct mt_torch_scan *s, const struct place *p)
{
    const struct mt_pickle *k = p->key;

    if (!k)
        return mt_arena_printf(s->arena, "%zu", p->index);
    if (k->kind == MT_PK_TEXT)
        return mt_printable_name(s->arena, k->text,
                                 k->n < LONGEST_KEY ? k->n : LONGEST_KEY,
                                 p->index);
    if (k->kind == MT_PK_INT)
        return mt_arena_printf(s->arena, "%lld", (long long)k->i);
    return "?";
}

/* "a.b.c"; NULL: no memory. A long path loses its beginning. */
static const char *path_text(struct mt_torch_scan *s, const struct place *p)
{
    char text[LONGEST_PATH + LONGEST_KEY * 4 + 2];
    size_t at = sizeof text - 1;

    text[at] = '\0';
    for (; p->up; p = p->up) {
        const char *key = key_text(s, p);
        size_t n = key ? strlen(key) : 0;

        if (!key)
            return NULL;
        if (n + 1 > at)
            break;
        if (text[at])
            text[--at] = '.';
        memcpy(text + (at -= n), key, n);
    }
    return mt_arena_strdup(s->arena, text + at);
}

static mt_status record(struct mt_torch_scan *s, const struct place *p,
                        const struct mt_torch_found *found,
                        struct mt_torch_found ***last, size_t *n,
                        struct mt_err *err)
{
    struct mt_torch_found *f = mt_arena_calloc(s->arena, 1, sizeof *f);

    if (!f)
        return mt_fail_memory(err);
    *f = *found;
    f->path = path_text(s, p);
    if (!f->path)
        return mt_fail_memory(err);
    **last = f;
    *last = &f->next;
    ++*n;
    return MT_OK;
}

const struct mt_pickle *mt_torch_get(const struct mt_torch_value *dict,
                                     const char *key)
{
    const struct mt_pickle *found = NULL, *k, *v;

    for (size_t i = 0; i < mt_torch_pairs(dict); i++) {
        mt_torch_pair(dict, i, &k, &v);
        if (mt_pickle_is_text(k, key))
            found = v; /* the last one counts, as in Python */
    }
    return found;
}

/* What a dictionary holds itself. */
struct content {
    size_t tensors;
    bool floats;
};

static mt_status walk(struct mt_torch_scan *s, const struct mt_pickle *v,
                      const struct place *p, bool inside, struct content *above,
                      struct mt_err *err);

static mt_status walk_dict(struct mt_torch_scan *s, const struct mt_pickle *v,
                           const struct mt_torch_value *dict,
                           const struct place *p, bool inside,
                           struct mt_err *err)
{
    bool optimizer = !inside && mt_torch_get(dict, "state") &&
                     mt_torch_get(dict, "param_groups");
    size_t before = s->n_entries + s->n_optimizers;
    struct mt_torch_found found = { .value = v };
    struct content content = { 0, false };
    mt_status status = MT_OK;

    if (optimizer)
        status =
            record(s, p, &found, &s->last_optimizer, &s->n_optimizers, err);
    for (size_t i = 0; status == MT_OK && i < mt_torch_pairs(dict); i++) {
        struct place here = { p, NULL, i, p->depth + 1 };
        const struct mt_pickle *value;

        mt_torch_pair(dict, i, &here.key, &value);
        status = walk(s, value, &here, inside || optimizer,
                      here.key->kind == MT_PK_TEXT ? &content : NULL, err);
    }
    if (status != MT_OK || optimizer || inside || !content.tensors ||
        2 * content.tensors < mt_torch_pairs(dict) ||
        s->n_entries + s->n_optimizers != before)
        return status;
    found.floats = content.floats;
    return record(s, p, &found, &s->last_entry, &s->n_entries, err);
}

static mt_status walk_list(struct mt_torch_scan *s,
                           const struct mt_pickle *list, const struct place *p,
                           bool inside, struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; status == MT_OK && i < mt_pickle_count(list); i++) {
        struct place here = { p, NULL, i, p->depth + 1 };

        status = walk(s, mt_pickle_at(list, i), &here, inside, NULL, err);
    }
    return status;
}

/* inside: an optimizer's dictionary. above: what holds the value, if it is a
 * dictionary and the key a name; or NULL. */
static mt_status walk(struct mt_torch_scan *s, const struct mt_pickle *v,
                      const struct place *p, bool inside, struct content *above,
                      struct mt_err *err)
{
    struct mt_torch_value value;
    struct mt_torch_found object = { .value = v };
    mt_status status = mt_torch_understand(s->source, v, &value, err);

    if (status != MT_OK)
        return status;
    if (p->depth > MT_TORCH_MAX_DEPTH)
        return mt_fail(err, MT_INVALID,
                       "%s: values are nested in more than %d levels, or hold "
                       "themselves",
                       s->source, MT_TORCH_MAX_DEPTH);
    if (++s->steps > MT_TORCH_MAX_STEPS)
        return mt_fail(err, MT_INVALID,
                       "%s: more than %d values, counting those that are "
                       "shared each time",
                       s->source, MT_TORCH_MAX_STEPS);
    switch (value.meaning) {
    case MT_TORCH_DICT:
        return walk_dict(s, v, &value, p, inside, err);
    case MT_TORCH_LIST:
        return walk_list(s, value.list, p, inside, err);
    case MT_TORCH_TENSOR:
        if (above) {
            above->tensors++;
            above->floats |= !value.tensor.odd &&
                             mt_dtype_is_float(value.tensor.type->dtype);
        }
        return MT_OK;
    case MT_TORCH_OBJECT:
        object.needs = value.needs;
        return record(s, p, &object, &s->last_object, &s->n_objects, err);
    case MT_TORCH_PLAIN:
        break;
    }
    return MT_OK;
}

mt_status mt_torch_scan(const char *source, const struct mt_pickle *root,
                        struct mt_arena *arena, struct mt_torch_scan *out,
                        struct mt_err *err)
{
    struct place top = { .up = NULL };

    *out = (struct mt_torch_scan){ .source = source, .arena = arena };
    out->last_entry = &out->entries;
    out->last_optimizer = &out->optimizers;
    out->last_object = &out->objects;
    return walk(out, root, &top, false, NULL, err);
}
