/* Matrices that are [in, out] in the state and must be transposed. */
#include <fnmatch.h>
#include <string.h>

#include "train/advising.h"
#include "train/layouts.h"

enum turn { NO_MATRIX, AS_IS, TURNED, SQUARE };

static enum turn turn_of(const struct mt_match_item *item)
{
    const struct mt_shape *shape = &item->from->shape;

    if (!item->to || item->transposed || shape->rank < 2)
        return NO_MATRIX;
    if (shape->dim[shape->rank - 1] == shape->dim[shape->rank - 2])
        return item->fits ? SQUARE : NO_MATRIX;
    if (item->fits)
        return AS_IS;
    return mt_match_fits(item->from, true, item->to) ? TURNED : NO_MATRIX;
}

static size_t common_start(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static bool same_last(const char *a, const char *b)
{
    const char *x = strrchr(a, '.'), *y = strrchr(b, '.');

    return strcmp(x ? x : a, y ? y : b) == 0;
}

/* The shape of a square matrix does not say whether it is transposed; it is
 * taken to be like the matrix whose name has the longest prefix in common. */
static bool turns_square(const struct mt_match *m, const enum turn *turns,
                         size_t square)
{
    const char *key = mt_name_key(m->items[square].from->name);
    size_t best[2] = { 0, 0 }; /* 1 + length of the longest common prefix */

    for (size_t i = 0; i < m->n; i++) {
        const char *other = mt_name_key(m->items[i].from->name);
        size_t n = 1 + common_start(key, other);

        if ((turns[i] != AS_IS && turns[i] != TURNED) || !same_last(key, other))
            continue;
        if (n > best[turns[i] == TURNED])
            best[turns[i] == TURNED] = n;
    }
    return best[0] == best[1] ? mt_layout_is_kernel(key) : best[1] > best[0];
}

/* --- globs -------------------------------------------------------------- */

struct turning {
    struct mt_advising *a;
    const struct mt_match *m;
    enum turn *turns; /* (items) */
    bool *covered;    /* (items) */
};

/* How many further matrices to transpose the glob matches; 0 if it also matches
 * another one. */
static size_t covers(struct turning *t, const char *glob)
{
    size_t n = 0;

    for (size_t i = 0; i < t->m->n && !mt_advice_is_over(t->a); i++) {
        t->a->looks++;
        if (t->turns[i] == NO_MATRIX ||
            fnmatch(glob, t->m->items[i].key, 0) != 0)
            continue;
        if (t->turns[i] != TURNED)
            return 0;
        n += !t->covered[i];
    }
    return n;
}

/* Candidates: all; the name up to a dot, with its numbers or any; the name from
 * a dot on; the whole name with any numbers. */
enum { WITH_NUMBERS, ANY_NUMBERS, END, KINDS };

static const char *glob_of(const struct turning *t, const char *key, size_t n,
                           int kind)
{
    struct mt_arena *arena = t->a->arena;
    const char *quoted = kind == WITH_NUMBERS ? mt_glob_quote(key, n + 1, arena)
                         : kind == ANY_NUMBERS
                             ? mt_glob_numbers(key, n + 1, arena)
                             : mt_glob_quote(key + n, strlen(key + n), arena);

    if (!quoted)
        return NULL;
    return mt_arena_printf(&t->a->out->arena, kind == END ? "*%s" : "%s*",
                           quoted);
}

static void try_glob(struct turning *t, const char *glob, const char **best,
                     size_t *most)
{
    size_t n = glob ? covers(t, glob) : 0;

    if (n <= *most)
        return;
    *most = n;
    *best = glob;
}

/* The candidate that matches the most; NULL: no memory. */
static const char *best_glob(struct turning *t, const char *key)
{
    struct mt_arena *arena = &t->a->out->arena;
    const char *best = mt_glob_quote(key, strlen(key), arena);
    size_t most = 0;

    try_glob(t, mt_arena_strdup(arena, "*"), &best, &most);
    for (const char *dot = strchr(key, '.'); dot; dot = strchr(dot + 1, '.')) {
        for (int kind = 0; kind < KINDS; kind++)
            try_glob(t, glob_of(t, key, (size_t)(dot - key), kind), &best,
                     &most);
    }
    try_glob(t, mt_glob_numbers(key, strlen(key), arena), &best, &most);
    return best;
}

static mt_status add_globs(struct turning *t)
{
    struct mt_transfer_advice *out = t->a->out;

    for (size_t i = 0; i < t->m->n; i++) {
        const char *glob;

        if (t->turns[i] != TURNED || t->covered[i] ||
            out->n_transpose == MT_ADVICE_RENAMES)
            continue;
        glob = best_glob(t, t->m->items[i].key);
        if (!glob)
            return mt_fail_memory(t->a->err);
        out->transpose[out->n_transpose++] = glob;
        for (size_t k = i; k < t->m->n; k++)
            t->covered[k] |= fnmatch(glob, t->m->items[k].key, 0) == 0;
    }
    return MT_OK;
}

mt_status mt_advise_turns(struct mt_advising *a, const struct mt_match *m)
{
    struct turning t = { a, m, NULL, NULL };

    t.turns = mt_arena_calloc(a->arena, m->n + 1, sizeof *t.turns);
    t.covered = mt_arena_calloc(a->arena, m->n + 1, sizeof *t.covered);
    if (!t.turns || !t.covered)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < m->n; i++)
        t.turns[i] = turn_of(&m->items[i]);

    bool *square = mt_arena_calloc(a->arena, m->n + 1, sizeof *square);

    if (!square)
        return mt_fail_memory(a->err);
    for (size_t i = 0; i < m->n; i++)
        square[i] = t.turns[i] == SQUARE && turns_square(m, t.turns, i);
    for (size_t i = 0; i < m->n; i++) {
        if (!square[i])
            continue;
        t.turns[i] = TURNED;
        if (!a->out->square)
            a->out->square = mt_arena_strdup(&a->out->arena, m->items[i].key);
        a->out->n_square++;
    }
    return add_globs(&t);
}
