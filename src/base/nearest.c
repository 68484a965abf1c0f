#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

/* Nobody types longer names, and the distance takes time in proportion to the
 * product of the lengths. */
enum { MAX_NAME = 256 };

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

/* A common start or end does not change the distance. */
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

/* One abbreviates the other: "out_feat", or "dropout_p" for "dropout". Very
 * short names do not count: they begin too many others. */
static bool is_prefix(const char *name, size_t n_name, const char *candidate,
                      size_t n_candidate)
{
    size_t shorter = mt_size_min(n_name, n_candidate);

    return shorter >= (n_name <= n_candidate ? 2 : 3) &&
           !memcmp(name, candidate, shorter);
}

bool mt_nearest_try(struct mt_nearest *n, const char *candidate)
{
    char name[MAX_NAME + 1], other[MAX_NAME + 1];
    size_t length = strlen(n->name), n_other = strlen(candidate);
    size_t limit = length >= 6 ? length / 3 : length >= 2;
    size_t gap = length > n_other ? length - n_other : n_other - length;
    size_t folded, exact;
    bool prefix;

    if (length > MAX_NAME || n_other > MAX_NAME)
        return false;
    copy_lower(name, n->name);
    copy_lower(other, candidate);
    prefix = is_prefix(name, length, other, n_other);
    if (gap > limit && !prefix)
        return false;
    folded = mt_edit_distance(name, other);
    if (prefix)
        folded = mt_size_min(folded, 1);
    if (folded > limit || (n->best && folded > n->folded))
        return false;
    exact = mt_edit_distance(n->name, candidate);
    if (n->best && folded == n->folded && exact >= n->exact)
        return false;
    n->best = candidate;
    n->folded = folded;
    n->exact = exact;
    return true;
}

const char *mt_nearest(const char *name, const char *const *candidates,
                       size_t n)
{
    struct mt_nearest near = mt_nearest_to(name);

    for (size_t i = 0; i < n; i++)
        mt_nearest_try(&near, candidates[i]);
    return near.best;
}
