#include "graph/place.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Memory that is taken: [start, end). */
struct run {
    size_t start, end;
};

/* Runs that do not touch each other, the lowest first. */
struct runs {
    struct run *list;
    size_t n, size;
};

/* Node i of the tree has the children 2i and 2i + 1; node 1 is all times, node
 * leaves + t is time t. The parts of a value are the largest nodes during all
 * of whose times it lives. */
struct node {
    struct runs through; /* memory of values with this node as a part */
    struct runs within;  /* memory of values with a part here or below */
};

struct mt_places {
    size_t leaves; /* a power of two */
    size_t work;
    struct node node[]; /* [2 * leaves] */
};

mt_status mt_places_new(size_t times, struct mt_places **out,
                        struct mt_err *err)
{
    size_t leaves = 1;

    while (leaves < times)
        leaves *= 2;
    *out = calloc(1, sizeof **out + 2 * leaves * sizeof *(*out)->node);
    if (!*out)
        return mt_fail_memory(err);
    (*out)->leaves = leaves;
    return MT_OK;
}

void mt_places_free(struct mt_places *p)
{
    for (size_t i = 0; p && i < 2 * p->leaves; i++) {
        free(p->node[i].through.list);
        free(p->node[i].within.list);
    }
    free(p);
}

size_t mt_places_work(const struct mt_places *p)
{
    return p->work;
}

/* --- runs ---------------------------------------------------------------- */

/* The first run that ends at `at` or after it. */
static size_t first_run(struct mt_places *p, const struct runs *r, size_t at)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->list[middle].end < at)
            low = middle + 1;
        else
            high = middle;
        p->work++;
    }
    return low;
}

/* The lowest address from `at` on with `bytes` free bytes. */
static size_t skip_runs(struct mt_places *p, const struct runs *r, size_t at,
                        size_t bytes)
{
    for (size_t i = first_run(p, r, at);
         i < r->n && r->list[i].start < at + bytes; i++) {
        if (at < r->list[i].end)
            at = r->list[i].end;
        p->work++;
    }
    return at;
}

/* Room for one more. */
static bool grow(struct runs *r)
{
    size_t size = r->size ? 2 * r->size : 2;
    struct run *list;

    if (r->n < r->size)
        return true;
    list = realloc(r->list, size * sizeof *list);
    if (!list)
        return false;
    r->list = list;
    r->size = size;
    return true;
}

/* Adds a run, joined with those that it touches. */
static bool add_run(struct mt_places *p, struct runs *r, struct run run)
{
    size_t from = first_run(p, r, run.start), to = from;

    for (; to < r->n && r->list[to].start <= run.end; to++) {
        if (r->list[to].start < run.start)
            run.start = r->list[to].start;
        if (r->list[to].end > run.end)
            run.end = r->list[to].end;
    }
    if (from == to && !grow(r))
        return false;
    if (to != from + 1) {
        memmove(r->list + from + 1, r->list + to,
                (r->n - to) * sizeof *r->list);
        p->work += r->n - to;
    }
    p->work += to - from;
    r->n = r->n + 1 - (to - from);
    r->list[from] = run;
    return true;
}

/* --- the tree ------------------------------------------------------------ */

enum { LEVELS = 64 };

/* The parts of a life, and all nodes above them: at most two at each level. */
struct life {
    size_t part[2 * LEVELS], above[2 * LEVELS];
    size_t parts, aboves;
};

static void find_parts(const struct mt_places *p, size_t born, size_t dies,
                       struct life *out)
{
    size_t first = p->leaves + born, end = p->leaves + dies + 1;

    assert(born <= dies && dies < p->leaves);
    out->parts = out->aboves = 0;
    for (size_t a = first, b = end; a < b; a /= 2, b /= 2) {
        if (a & 1)
            out->part[out->parts++] = a++;
        if (b & 1)
            out->part[out->parts++] = --b;
    }
    for (int level = 1; first >> level; level++) {
        size_t a = first >> level, b = (end - 1) >> level;
        bool whole_a = a << level == first, whole_b = (b + 1) << level == end;

        if (!whole_a)
            out->above[out->aboves++] = a;
        if (!whole_b && (whole_a || a != b))
            out->above[out->aboves++] = b;
    }
}

size_t mt_places_find(struct mt_places *p, size_t bytes, size_t born,
                      size_t dies)
{
    size_t at = 0, was;
    struct life l;

    find_parts(p, born, dies, &l);
    do { /* until nothing is taken there */
        was = at;
        for (size_t i = 0; i < l.parts; i++)
            at = skip_runs(p, &p->node[l.part[i]].within, at, bytes);
        for (size_t i = 0; i < l.aboves; i++)
            at = skip_runs(p, &p->node[l.above[i]].through, at, bytes);
    } while (at != was);
    return at;
}

mt_status mt_places_take(struct mt_places *p, size_t at, size_t end,
                         size_t born, size_t dies, struct mt_err *err)
{
    struct run run = { at, end };
    bool taken = true;
    struct life l;

    find_parts(p, born, dies, &l);
    for (size_t i = 0; i < l.parts && taken; i++)
        taken = add_run(p, &p->node[l.part[i]].through, run) &&
                add_run(p, &p->node[l.part[i]].within, run);
    for (size_t i = 0; i < l.aboves && taken; i++)
        taken = add_run(p, &p->node[l.above[i]].within, run);
    return taken ? MT_OK : mt_fail_memory(err);
}
