#include "train/ranking.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "kernels/dmath.h"

#define MOST_KEYS ((size_t)1 << 27) /* 1 GiB */

/* --- memory --------------------------------------------------------------- */

size_t mt_ranking_columns(size_t outputs, bool classes)
{
    return classes && outputs == 2 ? 1 : outputs;
}

mt_status mt_ranking_check(size_t columns, size_t rows, struct mt_err *err)
{
    size_t keys;

    if (mt_size_mul(columns, rows, &keys) && keys <= MOST_KEYS)
        return MT_OK;
    return mt_fail(err, MT_INVALID,
                   "auc keeps the scores of all samples until they are sorted: "
                   "%zu times %zu are more than 2^27; leave it out, or "
                   "evaluate fewer samples",
                   rows, columns);
}

mt_status mt_ranking_reserve(struct mt_ranking *r, size_t columns, size_t rows,
                             struct mt_err *err)
{
    mt_status status = mt_ranking_check(columns, rows, err);

    if (status != MT_OK || (r->columns == columns && r->room >= rows))
        return status;
    mt_ranking_free(r);
    r->keys = calloc(columns * rows + 1, sizeof *r->keys);
    r->scratch = calloc(rows + 1, sizeof *r->scratch);
    if (!r->keys || !r->scratch) {
        mt_ranking_free(r);
        return mt_fail_memory(err);
    }
    r->columns = columns;
    r->room = rows;
    return MT_OK;
}

void mt_ranking_free(struct mt_ranking *r)
{
    free(r->keys);
    free(r->scratch);
    *r = (struct mt_ranking){ .n = 0 };
}

size_t mt_ranking_bytes(size_t columns, size_t rows)
{
    return (columns + 1) * rows * sizeof(uint64_t);
}

void mt_ranking_clear(struct mt_ranking *r)
{
    r->n = 0;
}

/* --- adding --------------------------------------------------------------- */

/* Keys have the order of the doubles; the lowest bit is the class. */
static uint64_t key_of(double score, bool is)
{
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t bits;

    score += 0.0; /* -0 is 0 */
    memcpy(&bits, &score, sizeof bits);
    bits = bits & sign ? ~bits : bits | sign;
    return (bits & ~(uint64_t)1) | is;
}

static uint64_t last_key(bool is)
{
    return is ? 1 : ~(uint64_t)1;
}

static bool all_finite(const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i]))
            return false;
    }
    return true;
}

/* To 32 bits, so that sums of the same numbers in another order become
 * equal. */
static double rounded(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    bits = (bits + ((uint64_t)1 << 19)) & ~(((uint64_t)1 << 20) - 1);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* p_c = e^(y_c - max) / sum, as -1 / p_c up to 1/2 and 1 / (1 - p_c) above:
 * this keeps the order, and values near 0 and near 1 stay apart. Column c is at
 * out[c * stride]. */
static void add_softmax(const float *y, size_t n, size_t class, uint64_t *out,
                        size_t stride)
{
    size_t top = 0;
    double others = 0, sum;

    for (size_t c = 1; c < n; c++)
        top = y[c] > y[top] ? c : top;
    for (size_t c = 0; c < n; c++)
        others += c == top ? 0 : mt_dexp((double)y[c] - (double)y[top]);
    sum = others + 1;
    for (size_t c = 0; c < n; c++) {
        double e = mt_dexp((double)y[c] - (double)y[top]);
        bool most = c == top && others < 1;

        out[c * stride] =
            key_of(rounded(most ? sum / others : -sum / e), c == class);
    }
}

static void add_class(struct mt_ranking *r, const float *y, size_t n,
                      size_t class)
{
    uint64_t *out = r->keys + r->n;

    if (!all_finite(y, n)) {
        for (size_t c = 0; c < r->columns; c++)
            out[c * r->room] = last_key(class == (r->columns == 1 ? 1 : c));
    } else if (n == 2) {
        out[0] = key_of((double)y[1] - (double)y[0], class == 1);
    } else {
        add_softmax(y, n, class, out, r->room);
    }
}

static void add_binary(struct mt_ranking *r, const float *y, const float *t)
{
    bool finite = all_finite(y, r->columns);

    for (size_t c = 0; c < r->columns; c++) {
        bool is = t[c] > 0.5f;

        r->keys[c * r->room + r->n] =
            finite ? key_of((double)y[c], is) : last_key(is);
    }
}

void mt_ranking_add(struct mt_ranking *r, const struct mt_outcome *o)
{
    assert(mt_ranking_columns(o->n, o->class != NULL) == r->columns);
    for (size_t i = 0; i < o->rows; i++) {
        if (o->class && o->class[i] == o->ignore)
            continue;
        assert(r->n < r->room);
        if (o->class)
            add_class(r, o->y + i * o->n, o->n, (size_t)o->class[i]);
        else
            add_binary(r, o->y + i * o->n, o->t + i * o->n);
        r->n++;
    }
}

mt_status mt_ranking_gather(struct mt_ranking *r, struct mt_comm *comm,
                            struct mt_err *err)
{
    size_t size = mt_comm_size(comm), rank = mt_comm_rank(comm);
    size_t *n = calloc(size + 1, sizeof *n);
    mt_status status = n ? MT_OK : mt_fail_memory(err);

    if (status != MT_OK)
        return status;
    n[rank] = r->n * sizeof *r->keys;
    status = mt_comm_gather_each(comm, n, sizeof *n, err);
    for (size_t i = 0, at = 0; i <= size; i++) { /* where they begin */
        size_t bytes = n[i];

        n[i] = at;
        at += bytes;
    }
    for (size_t c = 0; c < r->columns && status == MT_OK; c++) {
        char *keys = (char *)(r->keys + c * r->room);

        memmove(keys + n[rank], keys, n[rank + 1] - n[rank]);
        status = mt_comm_gather(comm, keys, n, 1, err);
    }
    r->n = n[size] / sizeof *r->keys;
    free(n);
    return status;
}

/* --- the value ------------------------------------------------------------ */

/* Radix sort, from the lowest byte. */
static void sort(uint64_t *keys, uint64_t *scratch, size_t n)
{
    for (int shift = 0; shift < 64; shift += 8) {
        size_t start[257] = { 0 };
        uint64_t *swap = keys;

        for (size_t i = 0; i < n; i++)
            start[(keys[i] >> shift & 255) + 1]++;
        for (size_t b = 0; b < 256; b++)
            start[b + 1] += start[b];
        for (size_t i = 0; i < n; i++)
            scratch[start[keys[i] >> shift & 255]++] = keys[i];
        keys = scratch;
        scratch = swap;
    }
}

/* Twice the pairs in the right order, equal scores counting 1, over twice all
 * pairs; NaN if there is no pair. The sums are whole numbers below 2^56, so the
 * order of the samples does not matter. */
static double area(const uint64_t *keys, size_t n)
{
    uint64_t right = 0, below = 0, all[2] = { 0 };

    for (size_t i = 0; i < n;) {
        uint64_t here[2] = { 0 }, score = keys[i] >> 1;

        for (; i < n && keys[i] >> 1 == score; i++)
            here[keys[i] & 1]++;
        right += here[1] * (2 * below + here[0]);
        below += here[0];
        all[0] += here[0];
        all[1] += here[1];
    }
    return all[0] && all[1]
               ? (double)right / (2 * (double)all[0] * (double)all[1])
               : (double)NAN;
}

double mt_ranking_value(struct mt_ranking *r)
{
    double sum = 0;
    size_t n = 0;

    r->left_out = 0;
    for (size_t c = 0; c < r->columns; c++) {
        uint64_t *keys = r->keys + c * r->room;
        double value;

        sort(keys, r->scratch, r->n);
        value = area(keys, r->n);
        if (isnan(value)) {
            r->first_left_out = r->left_out ? r->first_left_out : c;
            r->left_out++;
            continue;
        }
        sum += value;
        n++;
    }
    return n ? sum / (double)n : (double)NAN;
}
