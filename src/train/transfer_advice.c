/*
 * Options that would make a state fit: names first (advising.h lists the
 * files), then matrices to transpose; then tensors of another shape are
 * excepted, and what is left over needs --partial. The options are tried
 * together before they are proposed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/advising.h"

enum {
    MAX_TENSORS = 4096, /* no advice for more */
};

/* --- trying ------------------------------------------------------------- */

/* The given list with the added entries. */
static const char **join(const char *const *given, const char *const *added,
                         size_t n, struct mt_arena *arena)
{
    size_t before = 0;
    const char **all;

    while (given && given[before])
        before++;
    all = mt_arena_calloc(arena, before + n + 1, sizeof *all);
    for (size_t i = 0; all && i < before + n; i++)
        all[i] = i < before ? given[i] : added[i - before];
    return all;
}

/* The given options with what is proposed so far. */
static mt_status combine(const struct mt_advising *a,
                         struct mt_transfer_options *out)
{
    const struct mt_transfer_options *o = a->options;
    const struct mt_transfer_advice *advice = a->out;
    size_t n = o->n_map + advice->n_map;
    struct mt_rename *map = mt_arena_calloc(a->arena, n + 1, sizeof *map);

    *out = *o;
    out->except = join(o->except, advice->except, advice->n_except, a->arena);
    out->transpose =
        join(o->transpose, advice->transpose, advice->n_transpose, a->arena);
    if (!map || !out->except || !out->transpose)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < n; i++)
        map[i] = i < o->n_map ? o->map[i] : advice->map[i - o->n_map];
    out->map = map;
    out->n_map = n;
    if (advice->strip_prefix)
        out->strip_prefix = advice->strip_prefix;
    out->partial |= advice->partial;
    return MT_OK;
}

static void mark_taken(struct mt_advising *a, const struct mt_match *m)
{
    memset(a->taken, 0, (a->target->n + 1) * sizeof *a->taken);
    memset(a->tied, 0, (mt_item_count(a->ties) + 1) * sizeof *a->tied);
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        a->renamed[i] = false;
        if (item->to && item->tied)
            *mt_advice_tied_mark(a, item->key) = true;
        if (mt_advice_fits(a, item))
            a->taken[mt_array_number(a->target, item->to)] = true;
    }
}

/* Matches with what is proposed so far. */
static mt_status try(struct mt_advising *a, struct mt_match *out,
                     struct mt_transfer_options *options)
{
    mt_status status = combine(a, options);

    if (status == MT_OK)
        status = mt_match_make(a->target, a->ties, a->source, options, a->arena,
                               out, a->err);
    if (status == MT_OK)
        mark_taken(a, out);
    return status;
}

/* --- what cannot fit ---------------------------------------------------- */

/* The length of the key's prefix "layer." if no item fits any of the target's
 * names with that prefix; else 0. */
static size_t module_of(const struct mt_advising *a, const char *key)
{
    const char *dot = strrchr(key, '.');
    size_t n = dot ? (size_t)(dot + 1 - key) : 0;

    for (size_t i = 0; n && i < a->target->n; i++) {
        const struct mt_array *to = &a->target->arrays[i];

        if (mt_name_is(to->name, MT_MODEL) && a->taken[i] &&
            strncmp(mt_name_key(to->name), key, n) == 0)
            return 0;
    }
    return n;
}

static mt_status add_except(struct mt_advising *a, const char *key)
{
    struct mt_transfer_advice *out = a->out;
    size_t n = module_of(a, key);
    const char *quoted = mt_glob_quote(key, n ? n : strlen(key), &out->arena);
    const char *glob =
        quoted && n ? mt_arena_printf(&out->arena, "%s*", quoted) : quoted;

    if (!glob)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < out->n_except; i++) {
        if (strcmp(out->except[i], glob) == 0)
            return MT_OK;
    }
    if (out->n_except < MT_ADVICE_RENAMES)
        out->except[out->n_except++] = glob;
    return MT_OK;
}

static mt_status advise_excepts(struct mt_advising *a, const struct mt_match *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];
        mt_status status = item->to && !item->fits
                               ? add_except(a, mt_name_key(item->to->name))
                               : MT_OK;

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

/* --- all of it ---------------------------------------------------------- */

static mt_status make_room(struct mt_advising *a)
{
    struct mt_transfer_advice *out = a->out;
    size_t n = MT_ADVICE_RENAMES + 1;

    a->taken = mt_arena_calloc(a->arena, a->target->n + 1, sizeof *a->taken);
    a->renamed =
        mt_arena_calloc(a->arena, a->source->n + 1, sizeof *a->renamed);
    a->tied =
        mt_arena_calloc(a->arena, mt_item_count(a->ties) + 1, sizeof *a->tied);
    out->map = mt_arena_calloc(&out->arena, n, sizeof *out->map);
    out->except = mt_arena_calloc(&out->arena, n, sizeof *out->except);
    out->transpose = mt_arena_calloc(&out->arena, n, sizeof *out->transpose);
    return a->taken && a->renamed && a->tied && out->map && out->except &&
                   out->transpose
               ? MT_OK
               : mt_fail_memory(a->err);
}

/* A search; *again: its result may allow it to find more. */
typedef mt_status search(struct mt_advising *a, const struct mt_match *m,
                         bool *again);

static mt_status run_search(struct mt_advising *a, search *find,
                            struct mt_match *m,
                            struct mt_transfer_options *options)
{
    bool again = true;
    mt_status status = MT_OK;

    while (status == MT_OK && again) {
        status = find(a, m, &again);
        if (status == MT_OK)
            status = try(a, m, options);
    }
    return status;
}

static mt_status find_names(struct mt_advising *a, struct mt_match *m,
                            struct mt_transfer_options *options)
{
    mt_status status = run_search(a, mt_advise_layout, m, options);

    if (status == MT_OK)
        status = run_search(a, mt_advise_middles, m, options);
    if (status == MT_OK)
        status = run_search(a, mt_advise_prefixes, m, options);
    if (status == MT_OK)
        status = mt_advise_singles(a, m);
    return status == MT_OK ? try(a, m, options) : status;
}

static mt_status advise(struct mt_advising *a, const struct mt_match *given)
{
    struct mt_transfer_options options;
    struct mt_transfer_advice *out = a->out;
    struct mt_match m = *given;
    struct mt_err ignored = MT_ERR_INIT;
    mt_status status = make_room(a);

    if (status != MT_OK)
        return status;
    mark_taken(a, &m);
    status = find_names(a, &m, &options);
    if (status == MT_OK)
        status = mt_advise_turns(a, &m);
    if (status == MT_OK)
        status = try(a, &m, &options);
    if (status == MT_OK)
        status = advise_excepts(a, &m);
    if (status == MT_OK)
        status = try(a, &m, &options);
    if (status != MT_OK)
        return status;
    out->partial = !options.partial && (m.missing || m.unexpected);
    out->works = m.fitting && !m.shapes && !m.clash &&
                 mt_match_check_transpose(&m, &options, &ignored) == MT_OK;
    out->loads = m.fitting;
    for (size_t i = 0; i < a->target->n; i++)
        out->tensors += mt_name_is(a->target->arrays[i].name, MT_MODEL) &&
                        !mt_match_is_recounted(&m, a->target, &options, i);
    return MT_OK;
}

mt_status mt_transfer_advise(const struct mt_bundle *target,
                             const struct mt_item *ties,
                             const struct mt_bundle *source,
                             const struct mt_transfer_options *options,
                             const struct mt_match *match,
                             struct mt_transfer_advice *out, struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_advising a = { .target = target,
                             .ties = ties,
                             .source = source,
                             .options = options,
                             .out = out,
                             .arena = &arena,
                             .err = err };

    *out = (struct mt_transfer_advice){ 0 };
    if (source->n > MAX_TENSORS || target->n > MAX_TENSORS)
        return MT_OK;
    mt_status status = advise(&a, match);

    mt_arena_free(&arena);
    return status;
}

void mt_transfer_advice_free(struct mt_transfer_advice *advice)
{
    mt_arena_free(&advice->arena);
    *advice = (struct mt_transfer_advice){ 0 };
}
