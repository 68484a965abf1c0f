/* Names of the same part in other programs, and similar names; expressed in as
 * few renames as possible. */
#include <stdlib.h>
#include <string.h>

#include "train/advising.h"
#include "train/layouts.h"

/* Tensors of the source and their intended places. */
struct pairing {
    const char **to;        /* (items) names of the target, or NULL */
    const char **canonical; /* (arrays of the target) layouts.h, or NULL */
    size_t *order;          /* (n) their indices, sorted by canonical name */
    size_t n;
};

static int compare_names(const void *a, const void *b, void *names)
{
    const char *const *list = names;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(list[x], list[y]);

    return order ? order : x < y ? -1 : x > y;
}

static mt_status pairing_new(const struct mt_advising *a,
                             const struct mt_match *m, struct pairing *out)
{
    out->to = mt_arena_calloc(a->arena, m->n + 1, sizeof *out->to);
    out->canonical =
        mt_arena_calloc(a->arena, a->target->n + 1, sizeof *out->canonical);
    out->order =
        mt_arena_calloc(a->arena, a->target->n + 1, sizeof *out->order);
    out->n = 0;
    if (!out->to || !out->canonical || !out->order)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < a->target->n; i++) {
        const char *name = a->target->arrays[i].name;

        if (!mt_name_is(name, MT_MODEL))
            continue;
        out->canonical[i] = mt_layout_name(mt_name_key(name), a->arena);
        if (!out->canonical[i])
            return mt_fail_memory(a->err);
        out->order[out->n++] = i;
    }
    qsort_r(out->order, out->n, sizeof *out->order, compare_names,
            out->canonical);
    return MT_OK;
}

/* --- rules -------------------------------------------------------------- */

/* How a pair of names becomes a rule: what is replaced by stars. */
struct shape {
    enum {
        NO_NUMBER,
        INDICES,
        NUMBERS
    } numbers; /* INDICES: those that are a whole
                  part of the source's name */
    bool last; /* also what follows the last dot */
};

/* Finds the same numbers in another name, in the same order. */
static bool find_same(const struct mt_stars *s, const char *name,
                      const char *in, struct mt_stars *out)
{
    struct mt_stars all = mt_find_numbers(in, false);
    size_t k = 0;

    out->n = 0;
    for (size_t i = 0; i < s->n; i++) {
        while (k < all.n &&
               (all.length[k] != s->length[i] ||
                strncmp(in + all.at[k], name + s->at[i], s->length[i]) != 0))
            k++;
        if (k == all.n)
            return false;
        out->at[out->n] = all.at[k];
        out->length[out->n++] = all.length[k++];
    }
    return true;
}

/* The name with these stars; last: and one for its last part. */
static const char *put_stars(const char *name, const struct mt_stars *stars,
                             bool last, bool glob, struct mt_arena *arena)
{
    const char *dot = last ? strrchr(name, '.') : NULL;
    size_t n = dot ? (size_t)(dot + 1 - name) : strlen(name), k = 0;
    struct mt_strbuf out = MT_STRBUF_INIT;
    const char *text = NULL;

    for (size_t i = 0; i < n;) {
        if (k < stars->n && stars->at[k] == i) {
            mt_strbuf_putc(&out, '*');
            i += stars->length[k++];
        } else {
            mt_glob_add(&out, name + i++, 1, glob);
        }
    }
    if (dot)
        mt_strbuf_putc(&out, '*');
    if (!out.failed)
        text = mt_arena_strdup(arena, out.text ? out.text : "");
    mt_strbuf_free(&out);
    return text;
}

/* False if the names do not have that shape, or memory is lacking. */
static bool make_rule(const char *key, const char *to,
                      const struct shape *shape, struct mt_arena *arena,
                      struct mt_rename *out)
{
    struct mt_stars from = { .n = 0 }, there = { .n = 0 };

    if (shape->numbers) {
        from = mt_find_numbers(key, shape->numbers == INDICES);
        if (!from.n || !find_same(&from, key, to, &there))
            return false;
    }
    out->from = put_stars(key, &from, shape->last, true, arena);
    out->to = put_stars(to, &there, shape->last, false, arena);
    return out->from && out->to;
}

static bool is_renameable(const char *to)
{
    return !strpbrk(to, "*\\");
}

/* Does the rule rename paired items as they are paired, and no other that fits
 * or would get a name of the target? */
static bool is_right(struct mt_advising *a, const struct mt_match *m,
                     const struct pairing *p, const struct mt_rename *rule,
                     const char *key, const char *to)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    const char *made;
    bool right = mt_rename_check(rule, &err) == MT_OK &&
                 (made = mt_rename_apply(rule, key, &arena)) &&
                 strcmp(made, to) == 0;

    for (size_t i = 0; i < m->n && right && !mt_advice_is_over(a); i++) {
        const struct mt_match_item *item = &m->items[i];

        a->looks += 4;
        if (item->mapped || a->renamed[i] ||
            !(made = mt_rename_apply(rule, item->key, &arena)))
            continue;
        right = p->to[i] ? strcmp(made, p->to[i]) == 0
                         : !mt_advice_fits(a, item) &&
                               !mt_find_model(a->target, made);
    }
    mt_arena_free(&arena);
    return right;
}

static mt_status add_rule(struct mt_advising *a, const struct mt_match *m,
                          const struct pairing *p, size_t i)
{
    static const struct shape shapes[] = {
        { INDICES, true },  { INDICES, false },  { NUMBERS, true },
        { NUMBERS, false }, { NO_NUMBER, true }, { NO_NUMBER, false },
    };
    const char *key = m->items[i].key, *to = p->to[i];
    struct mt_rename rule = { NULL, NULL };

    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        if (make_rule(key, to, &shapes[k], &a->out->arena, &rule) &&
            is_right(a, m, p, &rule, key, to))
            break;
        rule.from = NULL;
    }
    if (!rule.from) /* a name with '=' that cannot be matched alone */
        return MT_OK;
    for (size_t k = i; k < m->n; k++) {
        struct mt_arena arena = MT_ARENA_INIT;

        if (p->to[k] && mt_rename_apply(&rule, m->items[k].key, &arena))
            a->renamed[k] = true;
        mt_arena_free(&arena);
    }
    return mt_advice_add_map(a, rule.from, rule.to);
}

/* Makes rules from the pairs. Gives up if they are too many: those would be
 * guesses that nobody reads. */
static mt_status add_rules(struct mt_advising *a, const struct mt_match *m,
                           const struct pairing *p)
{
    size_t before = a->out->n_map;
    bool *renamed = mt_arena_calloc(a->arena, m->n + 1, sizeof *renamed);
    mt_status status = renamed ? MT_OK : mt_fail_memory(a->err);

    if (renamed)
        memcpy(renamed, a->renamed, m->n * sizeof *renamed);
    for (size_t i = 0; i < m->n && status == MT_OK; i++) {
        if (!p->to[i] || a->renamed[i] || !is_renameable(p->to[i]) ||
            strcmp(p->to[i], m->items[i].key) == 0)
            continue;
        if (a->out->n_map == MT_ADVICE_RENAMES) {
            a->out->n_map = before;
            memcpy(a->renamed, renamed, m->n * sizeof *renamed);
            return MT_OK;
        }
        status = add_rule(a, m, p, i);
    }
    return status;
}

/* --- names of the same part --------------------------------------------- */

/* The free place of that canonical name that the item fills, or SIZE_MAX. */
static size_t find_place(struct mt_advising *a, const struct pairing *p,
                         const struct mt_match_item *item,
                         const char *canonical)
{
    size_t low = 0, high = p->n;

    a->looks++;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(p->canonical[p->order[mid]], canonical) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < p->n; low++) {
        size_t i = p->order[low];
        const struct mt_array *to = &a->target->arrays[i];

        if (strcmp(p->canonical[i], canonical) != 0)
            break;
        if (!a->taken[i] &&
            mt_match_selects(a->options, mt_name_key(to->name)) &&
            mt_advice_fills(a, item, to, mt_name_key(to->name)))
            return i;
    }
    return SIZE_MAX;
}

/* A prefix of the source's names, and what the target's have instead. */
struct start {
    const char *from, *to;
};

/* Pairs the items with that prefix, and counts them. keep: false, only
 * count. */
static mt_status pair_layout(struct mt_advising *a, const struct mt_match *m,
                             struct pairing *p, const struct start *start,
                             bool keep, size_t *count)
{
    struct mt_arena arena = MT_ARENA_INIT;
    size_t n = strlen(start->from);
    mt_status status = MT_OK;

    *count = 0;
    for (size_t i = 0; i < m->n && !mt_advice_is_over(a); i++) {
        const struct mt_match_item *item = &m->items[i];
        const char *canonical;
        size_t place;

        if (!mt_advice_is_open(a, item, i) || mt_advice_fits(a, item) ||
            strncmp(item->key, start->from, n) != 0)
            continue;
        canonical = mt_layout_name(item->key + n, &arena);
        if (canonical && *start->to)
            canonical = mt_arena_printf(&arena, "%s%s", start->to, canonical);
        if (!canonical) {
            status = mt_fail_memory(a->err);
            break;
        }
        place = find_place(a, p, item, canonical);
        if (place == SIZE_MAX)
            continue;
        ++*count;
        if (keep) {
            a->taken[place] = true;
            p->to[i] = mt_name_key(a->target->arrays[place].name);
        }
    }
    mt_arena_free(&arena);
    return status;
}

/* Adds "", and what precedes the first number: "block" of "block0.norm1" */
static bool find_stems(const struct mt_advising *a, const struct pairing *p,
                       struct mt_starts *out)
{
    bool ok = mt_starts_add_text(out, "", 0, a->arena);

    for (size_t i = 0; i < p->n && ok; i++) {
        const char *name = p->canonical[p->order[i]];
        size_t n = strcspn(name, "0123456789");

        if (n && name[n] && !a->taken[p->order[i]])
            ok = mt_starts_add_text(out, name, n, a->arena);
    }
    return ok;
}

/* Prefixes of a second copy of the weights, which is seldom wanted. */
static bool is_copy(const char *start)
{
    static const char *const copies[] = { "ema",     "swa",    "averag",
                                          "teacher", "shadow", "target" };

    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        if (strstr(start, copies[i]))
            return true;
    }
    return false;
}

/* The prefixes with which the most items pair up; best->from is NULL if none
 * do. */
static mt_status best_start(struct mt_advising *a, const struct mt_match *m,
                            struct pairing *p, struct start *best)
{
    struct mt_starts starts = { .n = 0 }, stems = { .n = 0 };
    const char *also = NULL;
    size_t most = 0, count;
    mt_status status = MT_OK;

    *best = (struct start){ NULL, NULL };
    if (!find_stems(a, p, &stems))
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < m->n; i++) {
        if (mt_advice_is_open(a, &m->items[i], i) &&
            !mt_advice_fits(a, &m->items[i]) &&
            !mt_starts_add(&starts, m->items[i].key, a->arena))
            return mt_fail_memory(a->err);
    }
    for (size_t k = 0; k < starts.n * stems.n && status == MT_OK; k++) {
        struct start start = { starts.text[k % starts.n],
                               stems.text[k / starts.n] };
        bool better;

        status = pair_layout(a, m, p, &start, false, &count);
        better = count > most ||
                 (count && count == most && !*best->to && !*start.to &&
                  is_copy(best->from) && !is_copy(start.from));
        if (count > most)
            also = NULL;
        else if (count && count == most && !*best->to && !*start.to)
            also = better ? best->from : start.from;
        if (better) {
            most = count;
            *best = start;
        }
    }
    if (also && *also && *best->from && !a->out->also)
        a->out->also = mt_arena_strdup(&a->out->arena, also);
    return status;
}

mt_status mt_advise_layout(struct mt_advising *a, const struct mt_match *m,
                           bool *again)
{
    struct pairing p;
    struct start best;
    size_t count;
    mt_status status = pairing_new(a, m, &p);

    *again = false;
    if (status == MT_OK)
        status = best_start(a, m, &p, &best);
    if (status != MT_OK || !best.from)
        return status;
    if (*best.from && !*best.to && mt_advice_strip(a, best.from)) {
        *again = true;
        return MT_OK;
    }
    status = pair_layout(a, m, &p, &best, true, &count);
    count = a->out->n_map;
    if (status == MT_OK)
        status = add_rules(a, m, &p);
    *again = a->out->n_map > count;
    return status;
}

/* --- similar names ------------------------------------------------------- */

/* Tensors that a weight is computed from: none of them is the weight itself. */
static bool is_factor(const char *key)
{
    static const char *const ends[] = { "_orig",   "_u",        "_v",
                                        "_g",      "original0", "original1",
                                        "original" };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (mt_ends_with(key, ends[i]))
            return true;
    }
    return strstr(key, "parametrizations.") != NULL;
}

/* The free place of the item's shape with the most similar name, or
 * SIZE_MAX. */
static size_t nearest_place(struct mt_advising *a, const struct pairing *p,
                            const struct mt_match_item *item,
                            const char *canonical)
{
    size_t best = SIZE_MAX, near = 0;

    for (size_t i = 0; i < a->target->n; i++) {
        const struct mt_array *to = &a->target->arrays[i];
        size_t distance;

        a->looks++;
        if (!p->canonical[i] || a->taken[i] || mt_advice_is_over(a) ||
            !mt_advice_fills(a, item, to, mt_name_key(to->name)))
            continue;
        distance = mt_advice_distance(a, canonical, p->canonical[i]);
        if (best == SIZE_MAX || distance < near) {
            best = i;
            near = distance;
        }
    }
    return best;
}

mt_status mt_advise_singles(struct mt_advising *a, const struct mt_match *m)
{
    struct pairing p;
    mt_status status = pairing_new(a, m, &p);

    for (size_t i = 0; i < m->n && status == MT_OK; i++) {
        const struct mt_match_item *item = &m->items[i];
        const char *canonical;
        size_t place;

        if (!mt_advice_is_open(a, item, i) || item->to || is_factor(item->key))
            continue;
        canonical = mt_layout_name(item->key, a->arena);
        if (!canonical)
            return mt_fail_memory(a->err);
        place = nearest_place(a, &p, item, canonical);
        if (place == SIZE_MAX)
            continue;
        a->taken[place] = true;
        p.to[i] = mt_name_key(a->target->arrays[place].name);
    }
    return status == MT_OK ? add_rules(a, m, &p) : status;
}
