/*
 * Options that would make a state fit.
 *
 * Renames are found one after the other: of all pairs of a start p of a name
 * that does not fit and a start q of a name that is missing, the one that makes
 * most tensors fit, less those that it would take away. p or q may be empty: a
 * prefix to be stripped or added. Then single names of the same shape are
 * paired, the nearest first. What has another shape is excepted, what is left
 * over needs --partial. All of it together is tried before it is proposed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "train/transfer_match.h"

enum {
    MAX_STARTS = 64,     /* different starts of names that are tried */
    MAX_RENAMES = 24,    /* that a command can be proposed with */
    MAX_TENSORS = 4096,  /* beyond which there is no advice */
    MAX_LOOKS = 4 << 20, /* names that are looked up or compared; what is */
    LONG_NAME = 128,     /* found until then is advised */
};

struct starts {
    char *text[MAX_STARTS];
    size_t n;
};

struct advising {
    const struct mt_bundle *target;
    const struct mt_item *ties;
    const struct mt_bundle *source;
    const struct mt_transfer_options *options;
    struct mt_transfer_advice *out;
    struct mt_arena *arena;
    bool *taken;   /* (arrays of the target) something fits in there */
    bool *renamed; /* (items) by what is proposed */
    size_t looks;
    struct mt_err *err;
};

static bool is_weary(const struct advising *a)
{
    return a->looks > MAX_LOOKS;
}

/* The distance of two names; of long ones that of their lengths. */
static size_t distance_of(struct advising *a, const char *x, const char *y)
{
    size_t n = strlen(x), m = strlen(y);

    a->looks += 1 + (n < LONG_NAME && m < LONG_NAME ? n * m / 64 : 0);
    if (n < LONG_NAME && m < LONG_NAME)
        return mt_edit_distance(x, y);
    return LONG_NAME + (n > m ? n - m : m - n);
}

/* --- starts of names ---------------------------------------------------- */

static bool add_start(struct starts *s, const char *name, size_t n,
                      struct mt_arena *arena)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strlen(s->text[i]) == n && strncmp(s->text[i], name, n) == 0)
            return true;
    }
    if (s->n == MAX_STARTS)
        return true;
    s->text[s->n] = mt_arena_strndup(arena, name, n);
    return s->text[s->n++] != NULL;
}

/* "", "a." and "a.b." of "a.b.c" */
static bool add_starts(struct starts *s, const char *name,
                       struct mt_arena *arena)
{
    bool ok = add_start(s, "", 0, arena);

    for (const char *dot = strchr(name, '.'); dot && ok;
         dot = strchr(dot + 1, '.'))
        ok = add_start(s, name, (size_t)(dot + 1 - name), arena);
    return ok;
}

/* --- renames ------------------------------------------------------------ */

static bool is_open(const struct advising *a, const struct mt_match_item *item,
                    size_t i)
{
    return !item->mapped && !item->tied && !a->renamed[i];
}

/* The free place of the target that the item would fill under that name. */
static const struct mt_array *place_for(const struct advising *a,
                                        const struct mt_match_item *item,
                                        const char *p, const char *q)
{
    char key[2048];
    const struct mt_array *to;
    bool tied;
    int n = snprintf(key, sizeof key, "%s%s", q, item->key + strlen(p));

    if (n < 0 || (size_t)n >= sizeof key)
        return NULL;
    to = mt_find_place(a->target, a->ties, key, &tied);
    return to && (tied || !a->taken[mt_array_number(a->target, to)]) &&
                   mt_match_selects(a->options, key) &&
                   mt_match_fits(item->from,
                                 mt_match_transposes(a->options, key,
                                                     &item->from->shape),
                                 to)
               ? to
               : NULL;
}

/* How many fit more by renaming p... to q... */
static long gain(struct advising *a, const struct mt_match *m, const char *p,
                 const char *q)
{
    long sum = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (!is_open(a, item, i) || strncmp(item->key, p, strlen(p)) != 0)
            continue;
        a->looks++;
        sum += item->fits ? -1 : place_for(a, item, p, q) != NULL;
    }
    return sum;
}

static bool find_starts(struct advising *a, const struct mt_match *m,
                        struct starts *p, struct starts *q)
{
    p->n = q->n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (is_open(a, item, i) && !item->fits &&
            !add_starts(p, item->key, a->arena))
            return false;
    }
    for (size_t i = 0; i < a->target->n; i++) {
        const struct mt_array *to = &a->target->arrays[i];

        if (mt_name_is(to->name, MT_MODEL) && !a->taken[i] &&
            !add_starts(q, mt_name_key(to->name), a->arena))
            return false;
    }
    for (const struct mt_item *tie = a->ties ? a->ties->child : NULL; tie;
         tie = tie->next) {
        if (!add_starts(q, tie->key, a->arena))
            return false;
    }
    return true;
}

/* The best rename of starts: false where none makes anything fit. */
static bool find_rename(struct advising *a, const struct mt_match *m,
                        const char **best_p, const char **best_q)
{
    struct starts p, q;
    long best = 0;
    size_t near = 0;

    if (!find_starts(a, m, &p, &q))
        return false;
    for (size_t i = 0; i < p.n; i++) {
        for (size_t k = 0; k < q.n; k++) {
            if (strcmp(p.text[i], q.text[k]) == 0 || is_weary(a))
                continue;
            long sum = gain(a, m, p.text[i], q.text[k]);
            size_t distance;

            if (sum <= 0 || sum < best)
                continue;
            distance = distance_of(a, p.text[i], q.text[k]);
            if (sum == best && distance >= near)
                continue;
            best = sum;
            near = distance;
            *best_p = p.text[i];
            *best_q = q.text[k];
        }
    }
    return best > 0;
}

/* Marks what the rename fills and what it touches. */
static void apply_rename(struct advising *a, const struct mt_match *m,
                         const char *p, const char *q)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];
        const struct mt_array *to;

        if (!is_open(a, item, i) || strncmp(item->key, p, strlen(p)) != 0)
            continue;
        if (item->fits)
            a->taken[mt_array_number(a->target, item->to)] = false;
        to = place_for(a, item, p, q);
        if (to)
            a->taken[mt_array_number(a->target, to)] = true;
        a->renamed[i] = true;
    }
}

static mt_status add_map(struct advising *a, const char *from, const char *to)
{
    if (!from || !to)
        return mt_fail_memory(a->err);
    a->out->map[a->out->n_map++] = (struct mt_rename){ from, to };
    return MT_OK;
}

/* A prefix that is to go away is stripped, as long as nothing was stripped or
 * renamed before it: these come in that order. */
static mt_status note_rename(struct advising *a, const char *p, const char *q)
{
    const char *stripped = a->options->strip_prefix;

    if (!*q && !a->out->n_map && !a->out->strip_prefix && !a->options->n_map) {
        a->out->strip_prefix = mt_arena_printf(&a->out->arena, "%s%s",
                                               stripped ? stripped : "", p);
        return a->out->strip_prefix ? MT_OK : mt_fail_memory(a->err);
    }
    return add_map(a, mt_arena_printf(&a->out->arena, "%s*", p),
                   mt_arena_printf(&a->out->arena, "%s*", q));
}

static bool has_glob(const char *name)
{
    return strpbrk(name, "*?[\\=") != NULL;
}

/* The free place of the item's shape whose name is nearest. */
static const struct mt_array *nearest_place(struct advising *a,
                                            const struct mt_match_item *item)
{
    const struct mt_array *best = NULL;
    size_t near = 0;

    for (size_t i = 0; i < a->target->n; i++) {
        const struct mt_array *to = &a->target->arrays[i];
        size_t distance;

        a->looks++;
        if (a->taken[i] || !mt_name_is(to->name, MT_MODEL) || is_weary(a) ||
            !mt_match_selects(a->options, mt_name_key(to->name)) ||
            !mt_match_fits(item->from,
                           mt_match_transposes(a->options,
                                               mt_name_key(to->name),
                                               &item->from->shape),
                           to))
            continue;
        distance = distance_of(a, item->key, mt_name_key(to->name));
        if (!best || distance < near) {
            best = to;
            near = distance;
        }
    }
    return best;
}

/* Too many single names would be guesses, and no one would read them. */
static mt_status pair_singles(struct advising *a, const struct mt_match *m)
{
    size_t before = a->out->n_map;

    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];
        const struct mt_array *to;

        if (!is_open(a, item, i) || item->to || has_glob(item->key))
            continue;
        to = nearest_place(a, item);
        if (!to || has_glob(mt_name_key(to->name)))
            continue;
        if (a->out->n_map == MAX_RENAMES) {
            a->out->n_map = before;
            return MT_OK;
        }
        a->taken[mt_array_number(a->target, to)] = true;
        a->renamed[i] = true;
        mt_status status =
            add_map(a, mt_arena_strdup(&a->out->arena, item->key),
                    mt_arena_strdup(&a->out->arena, mt_name_key(to->name)));

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status advise_renames(struct advising *a, const struct mt_match *m)
{
    const char *p = NULL, *q = NULL;

    while (a->out->n_map < MAX_RENAMES && find_rename(a, m, &p, &q)) {
        bool stripping = !a->out->strip_prefix;
        mt_status status = note_rename(a, p, q);

        if (status != MT_OK)
            return status;
        apply_rename(a, m, p, q);
        /* What is stripped may need a rename as well: start again. */
        if (stripping && a->out->strip_prefix)
            return MT_OK;
    }
    return pair_singles(a, m);
}

/* --- trying ------------------------------------------------------------- */

/* The options as given, and what is proposed so far. */
static mt_status combine(const struct advising *a,
                         struct mt_transfer_options *out)
{
    const struct mt_transfer_options *o = a->options;
    size_t n = o->n_map + a->out->n_map, excepted = 0;
    struct mt_rename *map = mt_arena_calloc(a->arena, n + 1, sizeof *map);
    const char **except;

    while (o->except && o->except[excepted])
        excepted++;
    except = mt_arena_calloc(a->arena, excepted + a->out->n_except + 1,
                             sizeof *except);
    if (!map || !except)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < n; i++)
        map[i] = i < o->n_map ? o->map[i] : a->out->map[i - o->n_map];
    for (size_t i = 0; i < excepted + a->out->n_except; i++)
        except[i] = i < excepted ? o->except[i] : a->out->except[i - excepted];
    *out = *o;
    out->map = map;
    out->n_map = n;
    out->except = except;
    if (a->out->strip_prefix)
        out->strip_prefix = a->out->strip_prefix;
    out->partial |= a->out->partial;
    return MT_OK;
}

static mt_status try(const struct advising *a, struct mt_match *out,
                     struct mt_transfer_options *options)
{
    mt_status status = combine(a, options);

    return status == MT_OK ? mt_match_make(a->target, a->ties, a->source,
                                           options, a->arena, out, a->err)
                           : status;
}

static void mark_taken(struct advising *a, const struct mt_match *m)
{
    memset(a->taken, 0, (a->target->n + 1) * sizeof *a->taken);
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        a->renamed[i] = false;
        if (item->fits)
            a->taken[mt_array_number(a->target, item->to)] = true;
    }
}

/* --- what cannot fit ---------------------------------------------------- */

/* The bytes of "layer." where none of the target's names that begin so fits;
 * else 0. */
static size_t module_of(const struct advising *a, const char *key)
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

static mt_status add_except(struct advising *a, const char *key)
{
    struct mt_transfer_advice *out = a->out;
    size_t n = module_of(a, key);
    const char *glob = n ? mt_arena_printf(&out->arena, "%.*s*", (int)n, key)
                         : mt_arena_strdup(&out->arena, key);

    if (!glob)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < out->n_except; i++) {
        if (strcmp(out->except[i], glob) == 0)
            return MT_OK;
    }
    if (out->n_except < MAX_RENAMES)
        out->except[out->n_except++] = glob;
    return MT_OK;
}

static mt_status advise_excepts(struct advising *a, const struct mt_match *m)
{
    mark_taken(a, m);
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

static mt_status make_room(struct advising *a)
{
    struct mt_transfer_advice *out = a->out;

    a->taken = mt_arena_calloc(a->arena, a->target->n + 1, sizeof *a->taken);
    a->renamed =
        mt_arena_calloc(a->arena, a->source->n + 1, sizeof *a->renamed);
    out->map = mt_arena_calloc(&out->arena, MAX_RENAMES + 1, sizeof *out->map);
    out->except =
        mt_arena_calloc(&out->arena, MAX_RENAMES + 1, sizeof *out->except);
    return a->taken && a->renamed && out->map && out->except
               ? MT_OK
               : mt_fail_memory(a->err);
}

static mt_status advise(struct advising *a, const struct mt_match *given)
{
    struct mt_transfer_options options;
    struct mt_match m = *given;
    mt_status status = make_room(a);

    if (status != MT_OK)
        return status;
    mark_taken(a, &m);
    status = advise_renames(a, &m);
    if (status == MT_OK && a->out->strip_prefix) { /* and what is left now */
        status = try(a, &m, &options);
        if (status == MT_OK) {
            mark_taken(a, &m);
            status = advise_renames(a, &m);
        }
    }
    if (status == MT_OK)
        status = try(a, &m, &options);
    if (status == MT_OK)
        status = advise_excepts(a, &m);
    if (status == MT_OK)
        status = try(a, &m, &options);
    if (status != MT_OK)
        return status;
    a->out->partial = !options.partial && (m.missing || m.unexpected);
    a->out->works = m.fitting && !m.shapes && !m.clash;
    return MT_OK;
}

mt_status mt_transfer_advise(const struct mt_bundle *target, const struct mt_item *ties,
                             const struct mt_bundle *source,
                             const struct mt_transfer_options *options,
                             const struct mt_match *match,
                             struct mt_transfer_advice *out, struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct advising a = { .target = target,
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
