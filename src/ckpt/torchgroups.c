#include "ckpt/torchgroups.h"

#include "ckpt/printable.h"
#include "ckpt/torchscan.h"

struct reading {
    const char *source;
    struct mt_arena *arena;
    size_t left; /* further parameters and options allowed */
};

/* Counts n parameters or options. */
static mt_status spend(struct reading *r, size_t n, struct mt_err *err)
{
    if (n > r->left)
        return mt_fail(err, MT_INVALID,
                       "%s: groups of the optimizer share their parameters; "
                       "expected each in one group",
                       r->source);
    r->left -= n;
    return MT_OK;
}

/* Reads an option of one or two numbers or booleans. */
static bool read_option(const struct mt_pickle *v, struct mt_state_option *out)
{
    size_t n = v->kind == MT_PK_TUPLE || v->kind == MT_PK_LIST
                   ? mt_pickle_count(v)
                   : 1;

    if (!n || n > 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct mt_pickle *x =
            v->kind == MT_PK_TUPLE || v->kind == MT_PK_LIST ? mt_pickle_at(v, i)
                                                            : v;

        if (x->kind != MT_PK_INT && x->kind != MT_PK_BOOL &&
            x->kind != MT_PK_FLOAT)
            return false;
        out->value[i] = x->kind == MT_PK_FLOAT ? x->f : (double)x->i;
    }
    out->n = n;
    return true;
}

static mt_status read_params(struct reading *r, const struct mt_pickle *list,
                             struct mt_state_group *g, struct mt_err *err)
{
    size_t n = list && list->kind == MT_PK_LIST ? mt_pickle_count(list) : 0;
    mt_status status = spend(r, n, err);

    if (status != MT_OK)
        return status;
    g->params = mt_arena_calloc(r->arena, n + 1, sizeof *g->params);
    if (!g->params)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct mt_pickle *v = mt_pickle_at(list, i);

        if (v->kind != MT_PK_INT)
            return mt_fail(err, MT_INVALID,
                           "%s: the optimizer's parameters are not numbers",
                           r->source);
        g->params[g->n++] = v->i;
    }
    return MT_OK;
}

static mt_status read_group(struct reading *r, const struct mt_pickle *v,
                            struct mt_state_group *g, struct mt_err *err)
{
    struct mt_torch_value dict;
    const struct mt_pickle *key, *value;
    mt_status status = mt_torch_understand(r->source, v, &dict, err);

    if (status == MT_OK && dict.meaning != MT_TORCH_DICT)
        status = mt_fail(err, MT_INVALID,
                         "%s: a group of the optimizer is not a dictionary",
                         r->source);
    if (status == MT_OK)
        status = spend(r, mt_torch_pairs(&dict), err);
    if (status == MT_OK)
        status = read_params(r, mt_torch_get(&dict, "params"), g, err);
    if (status != MT_OK)
        return status;
    g->options = mt_arena_calloc(r->arena, mt_torch_pairs(&dict) + 1,
                                 sizeof *g->options);
    if (!g->options)
        return mt_fail_memory(err);
    for (size_t i = 0; i < mt_torch_pairs(&dict); i++) {
        struct mt_state_option *o = &g->options[g->n_options];

        mt_torch_pair(&dict, i, &key, &value);
        if (key->kind != MT_PK_TEXT || key->n > 100 ||
            mt_pickle_is_text(key, "params") || !read_option(value, o))
            continue;
        o->name = mt_printable_name(r->arena, key->text, key->n, i);
        if (!o->name)
            return mt_fail_memory(err);
        g->n_options++;
    }
    return MT_OK;
}

mt_status mt_torch_groups(const char *source,
                          const struct mt_torch_value *optimizer, size_t most,
                          struct mt_arena *arena,
                          struct mt_state_group **groups, size_t *n,
                          struct mt_err *err)
{
    struct reading r = { source, arena, most };
    struct mt_torch_value list;
    mt_status status = mt_torch_understand(
        source, mt_torch_get(optimizer, "param_groups"), &list, err);
    size_t count = status == MT_OK && list.meaning == MT_TORCH_LIST
                       ? mt_pickle_count(list.list)
                       : 0;

    *n = 0;
    *groups = mt_arena_calloc(arena, count + 1, sizeof **groups);
    if (status == MT_OK && !*groups)
        status = mt_fail_memory(err);
    for (; status == MT_OK && *n < count; ++*n)
        status =
            read_group(&r, mt_pickle_at(list.list, *n), &(*groups)[*n], err);
    return status;
}
