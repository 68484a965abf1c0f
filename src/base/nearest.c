#include "base/nearest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

/* Longer names come from no human hand, and the distance takes time that is
 * the product of the lengths. */
enum { MAX_NAME = 256 };

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

/* What both have at the start and at the end costs nothing. */
static void strip_common(const char **a, size_t *n_a, const char **b,
                         size_t *n_b)
{
    while (*n_a && *n_b && **a == **b) {
        ++*a, ++*b;
        --*n_a, --*n_b;
    }
    while (*n_a && *n_b && (*a)[*n_a - 1] == (*b)[*n_b - 1])
        --*n_a, --*n_b;
}

/*
 * d[i][j] is the distance of the first i bytes of a from the first j of b:
 *     d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + (a_i != b_j),
 *                   d[i-2][j-2] + 1 where a_i a_{i-1} == b_{j-1} b_j)
 * Only rows i, i-1 and i-2 are kept: each has n_b + 1 entries.
 */
static size_t fill_rows(const char *a, size_t n_a, const char *b, size_t n_b,
                        size_t *now, size_t *prev, size_t *prev2)
{
    for (size_t j = 0; j <= n_b; j++)
        prev[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        now[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t d = prev[j - 1] + (a[i - 1] != b[j - 1]);

            d = mt_size_min(d, mt_size_min(prev[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = mt_size_min(d, prev2[j - 2] + 1);
            now[j] = d;
        }

        size_t *oldest = prev2;

        prev2 = prev;
        prev = now;
        now = oldest;
    }
    return prev[n_b];
}

size_t mt_edit_distance(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b), size;
    size_t *rows = NULL;

    strip_common(&a, &n_a, &b, &n_b);
    if (!n_a || !n_b)
        return n_a + n_b;
    if (mt_size_mul(n_b + 1, 3 * sizeof *rows, &size))
        rows = malloc(size);
    if (!rows)
        return n_a > n_b ? n_a : n_b; /* an upper bound */

    size_t d =
        fill_rows(a, n_a, b, n_b, rows, rows + n_b + 1, rows + 2 * (n_b + 1));

    free(rows);
    return d;
}

static void copy_lower(char *out, const char *text)
{
    while ((*out++ = (char)lower((unsigned char)*text++)))
        ;
}

/* One abbreviates the other: "out_feat", or "dropout_p" for "dropout". A very
 * short one is the start of anything. */
static bool is_prefix(const char *name, size_t n_name, const char *candidate,
                      size_t n_candidate)
{
    size_t shorter = mt_size_min(n_name, n_candidate);

    return shorter >= (n_name <= n_candidate ? 2 : 3) &&
           !memcmp(name, candidate, shorter);
}

struct score {
    size_t folded; /* the distance where case does not count */
    size_t exact;  /* the distance where it does: decides between equals */
};

/* False if candidate is too far from name (in lower case: folded). */
static bool score_candidate(const char *name, const char *folded,
                            const char *candidate, struct score *out)
{
    char other[MAX_NAME + 1];
    size_t n = strlen(folded), n_other = strlen(candidate);
    size_t limit = n >= 6 ? n / 3 : n >= 2;

    if (n_other > MAX_NAME)
        return false;
    copy_lower(other, candidate);
    bool prefix = is_prefix(folded, n, other, n_other);
    size_t gap = n > n_other ? n - n_other : n_other - n;

    if (gap > limit && !prefix)
        return false;
    out->folded = mt_edit_distance(folded, other);
    if (prefix)
        out->folded = mt_size_min(out->folded, 1);
    out->exact = mt_edit_distance(name, candidate);
    return out->folded <= limit;
}

const char *mt_nearest(const char *name, const char *const *candidates,
                       size_t n)
{
    char folded[MAX_NAME + 1];
    const char *best = NULL;
    struct score low = { 0, 0 };

    if (strlen(name) > MAX_NAME)
        return NULL;
    copy_lower(folded, name);
    for (size_t i = 0; i < n; i++) {
        struct score s;

        if (!score_candidate(name, folded, candidates[i], &s))
            continue;
        if (best && (s.folded > low.folded ||
                     (s.folded == low.folded && s.exact >= low.exact)))
            continue;
        best = candidates[i];
        low = s;
    }
    return best;
}
