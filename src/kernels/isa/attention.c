/*
 * Softmax along 16 rows of attention's scores at a time, and its gradient; the
 * blocks that they are called with: ../attention.c. Sums are those of fold2
 * (map.h): of the 16 lane sums of each 256 columns, by the tree of vf_sum, and
 * the blocks in order in double. The lane sums of 16 rows are transposed, so
 * that one tree of vectors adds those of all rows.
 */
#include "kernels/isa/internal.h"
#include "kernels/isa/map.h"
#include "kernels/isa/vmath.h"

/* The columns of row r. */
VINLINE size_t columns_of(const struct mt_score_rows *s, size_t r)
{
    return s->n + r * s->step;
}

/* The sum of the lanes of each row, as vf_sum. */
VINLINE vf sums_of_lanes(vf lanes[VL])
{
    vf s[4];

    vf_transpose(lanes);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        s[i] = vf_add(vf_add(lanes[i], lanes[i + 8]),
                      vf_add(lanes[i + 4], lanes[i + 12]));
    return vf_add(vf_add(s[0], s[2]), vf_add(s[1], s[3]));
}

VINLINE vf max_of_lanes(vf lanes[VL])
{
    vf m;

    vf_transpose(lanes);
    m = lanes[0];
#pragma GCC unroll 16
    for (size_t i = 1; i < VL; i++)
        m = vf_max(m, lanes[i]);
    return m;
}

/* Only a shift: a NaN that it misses is in the sum of exponentials anyway. */
static void find_max(const float *p, const struct mt_score_rows *s)
{
    const vf least = vf_set1(-INFINITY);
    vf lanes[VL];

    for (size_t r = 0; r < VL; r++)
        lanes[r] = least;
    for (size_t r = 0; r < s->rows; r++, p += s->ld) {
        size_t n = columns_of(s, r), i = 0;
        vf m = least;

        for (; i + VL <= n; i += VL)
            m = vf_max(m, vf_load(p + i));
        if (i < n)
            m = vf_max(m, vf_join(n - i, vf_load(p + i), least));
        lanes[r] = m;
    }
    vf_store_n(s->max, vf_mul(max_of_lanes(lanes), vf_set1(s->scale)), s->rows);
}

/* e^(x scale - max) */
VINLINE vf exp_scaled(const float *x, vf scale, vf max)
{
    return vexp_cut(vf_sub(vf_mul(vf_load(x), scale), max));
}

/* Columns [i, end) become their exponentials; returns the lane sums. */
VINLINE vf exponentials(float *p, size_t i, size_t end, vf scale, vf max)
{
    vf sum = vf_zero();

    for (; i < end; i += VL) {
        vf e = exp_scaled(p + i, scale, max);

        if (end - i < VL)
            e = vf_join(end - i, e, vf_zero());
        vf_store(p + i, e);
        sum = vf_add(sum, e);
    }
    return sum;
}

VINLINE void add_to_totals(double total[VL], vf lanes[VL])
{
    float sum[VL];

    vf_store(sum, sums_of_lanes(lanes));
    for (size_t r = 0; r < VL; r++)
        total[r] += (double)sum[r];
}

static void clear_rest(float *p, size_t n, size_t width)
{
    for (n = (n + VL - 1) / VL * VL; n < width; n += VL)
        vf_store(p + n, vf_zero());
}

void MT_FN(attention_softmax)(float *p, const struct mt_score_rows *s)
{
    size_t most = columns_of(s, s->rows - 1);
    double total[VL] = { 0 };
    vf scale = vf_set1(s->scale);

    find_max(p, s);
    for (size_t at = 0; at < most; at += SUM_BLOCK) {
        vf lanes[VL];

        for (size_t r = 0; r < VL; r++)
            lanes[r] = vf_zero();
        for (size_t r = 0; r < s->rows; r++) {
            size_t n = columns_of(s, r), end = at + SUM_BLOCK;

            if (at < n)
                lanes[r] = exponentials(p + r * s->ld, at, n < end ? n : end,
                                        scale, vf_set1(s->max[r]));
        }
        add_to_totals(total, lanes);
    }
    for (size_t r = 0; r < s->rows; r++, p += s->ld) {
        size_t n = columns_of(s, r);

        s->sum[r] = (float)total[r];

        vf inverse = vf_set1(1 / s->sum[r]);

        for (size_t i = 0; i < n; i += VL)
            vf_store(p + i, vf_mul(vf_load(p + i), inverse));
        clear_rest(p, n, s->width);
    }
}

/* Columns [i, end) of p become probabilities; returns the lane sums of their
 * products with those of g. */
VINLINE vf probabilities(float *p, const float *g, size_t i, size_t end,
                         vf scale, vf max, vf inverse)
{
    vf sum = vf_zero();

    for (; i < end; i += VL) {
        vf y = vf_mul(exp_scaled(p + i, scale, max), inverse);
        vf gy = vf_mul(vf_load(g + i), y);

        if (end - i < VL) {
            y = vf_join(end - i, y, vf_zero());
            gy = vf_join(end - i, gy, vf_zero());
        }
        vf_store(p + i, y);
        sum = vf_add(sum, gy);
    }
    return sum;
}

/* g becomes scale y (g - sum). */
static void score_gradients(float *g, const float *y, size_t n, vf sum,
                            vf scale)
{
    for (size_t i = 0; i < n; i += VL) {
        vf dx = vf_mul(vf_load(y + i), vf_sub(vf_load(g + i), sum));

        dx = vf_flush(vf_mul(dx, scale));
        if (n - i < VL)
            dx = vf_join(n - i, dx, vf_zero());
        vf_store(g + i, dx);
    }
}

void MT_FN(attention_softmax_grad)(float *p, float *dp,
                                   const struct mt_score_rows *s)
{
    size_t most = columns_of(s, s->rows - 1);
    double total[VL] = { 0 };
    vf scale = vf_set1(s->scale);

    for (size_t at = 0; at < most; at += SUM_BLOCK) {
        vf lanes[VL];

        for (size_t r = 0; r < VL; r++)
            lanes[r] = vf_zero();
        for (size_t r = 0; r < s->rows; r++) {
            size_t n = columns_of(s, r), end = at + SUM_BLOCK;

            if (at < n)
                lanes[r] = probabilities(
                    p + r * s->ld, dp + r * s->ld, at, n < end ? n : end, scale,
                    vf_set1(s->max[r]), vf_set1(1 / s->sum[r]));
        }
        add_to_totals(total, lanes);
    }
    for (size_t r = 0; r < s->rows; r++, p += s->ld, dp += s->ld) {
        size_t n = columns_of(s, r);

        score_gradients(dp, p, n, vf_set1((float)total[r]), scale);
        clear_rest(p, n, s->width);
        clear_rest(dp, n, s->width);
    }
}
