/* Prefixes and inner parts of names that do not fit. */
#include <stdio.h>
#include <string.h>

#include "train/advising.h"

/* --- renames ------------------------------------------------------------ */

/* The place that the item would fill with its prefix p replaced by q. */
static const struct mt_array *place_for(const struct mt_advising *a,
                                        const struct mt_match_item *item,
                                        const char *p, const char *q)
{
    char key[2048];
    int n = snprintf(key, sizeof key, "%s%s", q, item->key + strlen(p));

    return n < 0 || (size_t)n >= sizeof key ? NULL
                                            : mt_advice_place(a, item, key);
}

/* How many more items would fit if p... became q... */
static long gain(struct mt_advising *a, const struct mt_match *m, const char *p,
                 const char *q)
{
    long sum = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (!mt_advice_is_open(a, item, i) ||
            strncmp(item->key, p, strlen(p)) != 0)
            continue;
        a->looks++;
        sum += mt_advice_fits(a, item) ? -1 : place_for(a, item, p, q) != NULL;
    }
    return sum;
}

static bool find_starts(struct mt_advising *a, const struct mt_match *m,
                        struct mt_starts *p, struct mt_starts *q)
{
    p->n = q->n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (mt_advice_is_open(a, item, i) && !mt_advice_fits(a, item) &&
            !mt_starts_add(p, item->key, a->arena))
            return false;
    }
    for (size_t i = 0; i < a->target->n; i++) {
        const struct mt_array *to = &a->target->arrays[i];

        if (mt_name_is(to->name, MT_MODEL) && !a->taken[i] &&
            !mt_starts_add(q, mt_name_key(to->name), a->arena))
            return false;
    }
    for (const struct mt_item *tie = a->ties ? a->ties->child : NULL; tie;
         tie = tie->next) {
        if (!mt_starts_add(q, tie->key, a->arena))
            return false;
    }
    return true;
}

/* The best rename of a prefix; false if none makes more items fit. */
static bool find_rename(struct mt_advising *a, const struct mt_match *m,
                        const char **best_p, const char **best_q)
{
    struct mt_starts p, q;
    long best = 0;
    size_t near = 0;

    if (!find_starts(a, m, &p, &q))
        return false;
    for (size_t i = 0; i < p.n; i++) {
        for (size_t k = 0; k < q.n; k++) {
            if (strcmp(p.text[i], q.text[k]) == 0 || mt_advice_is_over(a))
                continue;
            long sum = gain(a, m, p.text[i], q.text[k]);
            size_t distance;

            if (sum <= 0 || sum < best)
                continue;
            distance = mt_advice_distance(a, p.text[i], q.text[k]);
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

/* Marks the places that the rename fills and the items that it renames. */
static void apply_rename(struct mt_advising *a, const struct mt_match *m,
                         const char *p, const char *q)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (!mt_advice_is_open(a, item, i) ||
            strncmp(item->key, p, strlen(p)) != 0)
            continue;
        if (mt_advice_fits(a, item))
            a->taken[mt_array_number(a->target, item->to)] = false;
        if (place_for(a, item, p, q)) {
            char key[2048];

            snprintf(key, sizeof key, "%s%s", q, item->key + strlen(p));
            mt_advice_take(a, key);
        }
        a->renamed[i] = true;
    }
}

/* Strips p if that is possible, else adds a rename. */
static mt_status note_rename(struct mt_advising *a, const char *p,
                             const char *q, bool *again)
{
    const char *quoted;

    *again = !*q && mt_advice_strip(a, p);
    if (*again)
        return MT_OK;
    quoted = mt_glob_quote(p, strlen(p), a->arena);
    return quoted ? mt_advice_add_map(
                        a, mt_arena_printf(&a->out->arena, "%s*", quoted),
                        mt_arena_printf(&a->out->arena, "%s*", q))
                  : mt_fail_memory(a->err);
}

mt_status mt_advise_prefixes(struct mt_advising *a, const struct mt_match *m,
                             bool *again)
{
    const char *p = NULL, *q = NULL;

    *again = false;
    while (a->out->n_map < MT_ADVICE_RENAMES && find_rename(a, m, &p, &q)) {
        mt_status status = note_rename(a, p, q, again);

        if (status != MT_OK)
            return status;
        apply_rename(a, m, p, q);
        if (*again)
            return MT_OK;
    }
    return MT_OK;
}

/* --- middles ------------------------------------------------------------ */

/* Removes every occurrence of a part from the key; returns their number. */
static size_t without(const char *key, const char *part, char *out, size_t size)
{
    size_t n = strlen(part), times = 0, used = 0;

    for (const char *p = key; *p && used + 1 < size;) {
        if ((p == key || p[-1] == '.') && strncmp(p, part, n) == 0 &&
            p[n] == '.') {
            p += n + 1;
            times++;
        } else {
            out[used++] = *p++;
        }
    }
    out[used] = '\0';
    return used + 1 < size ? times : 0;
}

/* How many items would fit without that prefix and that part. */
static size_t count_without(struct mt_advising *a, const struct mt_match *m,
                            const char *start, const char *part)
{
    size_t skip = strlen(start), n = 0;
    char key[2048];

    for (size_t i = 0; i < m->n && !mt_advice_is_over(a); i++) {
        const struct mt_match_item *item = &m->items[i];

        a->looks++;
        n += mt_advice_is_open(a, item, i) && !mt_advice_fits(a, item) &&
             strncmp(item->key, start, skip) == 0 &&
             without(item->key + skip, part, key, sizeof key) &&
             mt_advice_place(a, item, key);
    }
    return n;
}

/* Adds the parts of a name, each before a dot. */
static bool add_parts(const char *name, struct mt_starts *out,
                      struct mt_arena *arena)
{
    const char *p = name, *dot;

    for (; (dot = strchr(p, '.')); p = dot + 1) {
        if (dot > p && !mt_starts_add_text(out, p, (size_t)(dot - p), arena))
            return false;
    }
    return true;
}

/* The candidates: prefixes of the first name that does not fit, which may have
 * to go, too, and its parts; else the parts of all names. */
static bool find_parts(const struct mt_advising *a, const struct mt_match *m,
                       struct mt_starts *starts, struct mt_starts *parts,
                       bool all)
{
    starts->n = parts->n = 0;
    if (all && !mt_starts_add_text(starts, "", 0, a->arena))
        return false;
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (!mt_advice_is_open(a, item, i) || mt_advice_fits(a, item))
            continue;
        if (!add_parts(item->key, parts, a->arena))
            return false;
        if (!all)
            return mt_starts_add(starts, item->key, a->arena);
    }
    return true;
}

/* Adds "*.part.*=*.*", for each number of occurrences in a name. */
static mt_status add_middle(struct mt_advising *a, const char *part,
                            size_t times)
{
    struct mt_strbuf from = MT_STRBUF_INIT, to = MT_STRBUF_INIT;
    const char *quoted = mt_glob_quote(part, strlen(part), a->arena);
    mt_status status;

    mt_strbuf_puts(&from, "*");
    mt_strbuf_puts(&to, "*");
    for (size_t i = 0; i < times; i++) {
        mt_strbuf_printf(&from, ".%s.*", quoted ? quoted : "");
        mt_strbuf_puts(&to, ".*");
    }
    if (from.failed || to.failed || !quoted)
        status = mt_fail_memory(a->err);
    else
        status =
            mt_advice_add_map(a, mt_arena_strdup(&a->out->arena, from.text),
                              mt_arena_strdup(&a->out->arena, to.text));
    mt_strbuf_free(&from);
    mt_strbuf_free(&to);
    return status;
}

/* Marks the items that a part's removal renames; returns the most occurrences
 * in a name. */
static size_t apply_middle(struct mt_advising *a, const struct mt_match *m,
                           const char *part)
{
    char key[2048];
    size_t most = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];
        size_t n;

        if (!mt_advice_is_open(a, item, i) || mt_advice_fits(a, item))
            continue;
        n = without(item->key, part, key, sizeof key);
        if (!n || !mt_advice_place(a, item, key))
            continue;
        mt_advice_take(a, key);
        a->renamed[i] = true;
        most = n > most ? n : most;
    }
    return most;
}

struct middle {
    const char *start, *part;
    size_t n; /* names that fit without them */
};

static mt_status best_middle(struct mt_advising *a, const struct mt_match *m,
                             bool all, struct middle *best)
{
    struct mt_starts starts, parts;

    if (!find_parts(a, m, &starts, &parts, all))
        return mt_fail_memory(a->err);
    for (size_t k = 0; k < starts.n * parts.n; k++) {
        struct middle try = { starts.text[k / parts.n], parts.text[k % parts.n],
                              0 };

        try.n = count_without(a, m, try.start, try.part);
        /* a name may begin with the part, where the rule does not match; a
         * longer prefix includes it */
        if (try.n > best->n || (best->part && try.n == best->n &&
                                strlen(try.start) > strlen(best->start)))
            *best = try;
    }
    return MT_OK;
}

mt_status mt_advise_middles(struct mt_advising *a, const struct mt_match *m,
                            bool *again)
{
    enum { MOST = 4, FEW = 2 };
    struct middle best = { NULL, NULL, FEW };
    mt_status status = best_middle(a, m, false, &best);
    size_t times;

    *again = false;
    if (status == MT_OK)
        status = best_middle(a, m, true, &best);
    if (status != MT_OK || !best.part ||
        a->out->n_map + MOST >= MT_ADVICE_RENAMES)
        return status;
    if (*best.start) {
        *again = mt_advice_strip(a, best.start);
        return MT_OK;
    }
    times = apply_middle(a, m, best.part);
    *again = times > 0;
    for (size_t n = times < MOST ? times : MOST; n && status == MT_OK; n--)
        status = add_middle(a, best.part, n);
    return status;
}
