/*
 * Normalisation: statistics, forward and backward passes over runs (planes of
 * one channel), over columns (channels side by side) and along rows.
 *
 * With d = x - mean and the sums s = sum g, sx = sum g d over the M values that
 * share their statistics, g already times the weight:
 *
 *     dx = rstd g - rstd s / M - d rstd^3 sx / M
 */
#include "kernels/isa/internal.h"
#include "kernels/moments.h"

/* Values that are read twice while they are in the first-level cache, and
 * whose float sums are added in double. */
enum { BLOCK = 4096, ROW_BLOCK = 64 };

/* A channel's planes are far apart, which defeats the CPU's own prefetching, so
 * the next plane is prefetched while one is read. */
VINLINE void prefetch(const float *x, size_t stride)
{
    __builtin_prefetch(x + stride, 0, 3);
}

VINLINE vf load_to(const float *p, size_t n)
{
    return n >= VL ? vf_load(p) : vf_load_n(p, n);
}

VINLINE void store_to(float *p, vf v, size_t n)
{
    if (n >= VL)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

/* v with lanes n ... 15 set to 0 */
VINLINE vf first_lanes(vf v, size_t n)
{
    static const float lane[VL] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                    8, 9, 10, 11, 12, 13, 14, 15 };

    return vf_sel(vf_lt(vf_load(lane), vf_set1((float)n)), v, vf_zero());
}

/* --- sums over runs ----------------------------------------------------- */

struct sum4 {
    vf s0, s1, s2, s3;
};

VINLINE double total4(const struct sum4 *s)
{
    return (double)vf_sum(vf_add(vf_add(s->s0, s->s1), vf_add(s->s2, s->s3)));
}

VINLINE void add_run(struct sum4 *s, const float *x, size_t n, size_t stride)
{
    size_t i = 0;

    for (; i + 4 * VL <= n; i += 4 * VL) {
        for (size_t j = 0; j < 4 * VL; j += VL)
            prefetch(x + i + j, stride);
        s->s0 = vf_add(s->s0, vf_load(x + i));
        s->s1 = vf_add(s->s1, vf_load(x + i + VL));
        s->s2 = vf_add(s->s2, vf_load(x + i + 2 * VL));
        s->s3 = vf_add(s->s3, vf_load(x + i + 3 * VL));
    }
    for (; i + VL <= n; i += VL)
        s->s0 = vf_add(s->s0, vf_load(x + i));
    if (i < n)
        s->s1 = vf_add(s->s1, vf_load_n(x + i, n - i));
}

/* Sums of a and of b, two vectors in flight for each. */
struct sum22 {
    vf a0, a1, b0, b1;
};

VINLINE double total_a(const struct sum22 *s)
{
    return (double)vf_sum(vf_add(s->a0, s->a1));
}

VINLINE double total_b(const struct sum22 *s)
{
    return (double)vf_sum(vf_add(s->b0, s->b1));
}

/* a += d, b += d^2, d = x - shift */
VINLINE void add_deviations(struct sum22 *s, const float *x, size_t n, vf shift)
{
    size_t i = 0;

    for (; i + 2 * VL <= n; i += 2 * VL) {
        vf d0 = vf_sub(vf_load(x + i), shift);
        vf d1 = vf_sub(vf_load(x + i + VL), shift);

        s->a0 = vf_add(s->a0, d0);
        s->a1 = vf_add(s->a1, d1);
        s->b0 = vf_fma(d0, d0, s->b0);
        s->b1 = vf_fma(d1, d1, s->b1);
    }
    if (i + VL <= n) {
        vf d = vf_sub(vf_load(x + i), shift);

        s->a0 = vf_add(s->a0, d);
        s->b0 = vf_fma(d, d, s->b0);
        i += VL;
    }
    if (i < n) {
        vf d = vf_sub(vf_load_n(x + i, n - i), shift);

        d = first_lanes(d, n - i);
        s->a1 = vf_add(s->a1, d);
        s->b1 = vf_fma(d, d, s->b1);
    }
}

/* a += g, b += g d, d = x - mean; g is 0 past its end */
VINLINE void add_products(struct sum22 *s, const float *g, const float *x,
                          size_t n, vf mean, size_t stride)
{
    size_t i = 0;

    for (; i + 2 * VL <= n; i += 2 * VL) {
        for (size_t j = 0; j < 2 * VL; j += VL) {
            prefetch(g + i + j, stride);
            prefetch(x + i + j, stride);
        }
        vf g0 = vf_load(g + i), g1 = vf_load(g + i + VL);

        s->a0 = vf_add(s->a0, g0);
        s->a1 = vf_add(s->a1, g1);
        s->b0 = vf_fma(g0, vf_sub(vf_load(x + i), mean), s->b0);
        s->b1 = vf_fma(g1, vf_sub(vf_load(x + i + VL), mean), s->b1);
    }
    for (; i < n; i += VL) {
        vf g0 = load_to(g + i, n - i), x0 = load_to(x + i, n - i);

        s->a0 = vf_add(s->a0, g0);
        s->b0 = vf_fma(g0, vf_sub(x0, mean), s->b0);
    }
}

static const struct sum4 no_sum4;
static const struct sum22 no_sum22;

/* Of deviations d from near the mean: sum d^2 less what that shift adds, which
 * rounding must not take below 0. NaN stays. */
VINLINE double centred(double squares, double sum, double inverse)
{
    double m2 = squares - sum * sum * inverse;

    return m2 < 0 ? 0 : m2;
}

/* One block. The mean of the first pass only has to be near: the second one
 * sums what is left of it, too. */
VINLINE void add_block(struct mt_moments *m, const float *x, size_t runs,
                       size_t n, size_t stride)
{
    double count = (double)runs * (double)n, inverse = 1 / count, left;
    struct sum4 s = no_sum4;
    struct sum22 d = no_sum22;

    for (size_t r = 0; r < runs; r++)
        add_run(&s, x + r * stride, n, stride);
    float shift = (float)(total4(&s) * inverse);

    for (size_t r = 0; r < runs; r++)
        add_deviations(&d, x + r * stride, n, vf_set1(shift));
    left = total_a(&d);
    mt_moments_add(m, count, (double)shift + left * inverse,
                   centred(total_b(&d), left, inverse));
}

/* Calls STEP for blocks of `count` runs from run r, of `size` values from i. */
#define FOR_BLOCKS(runs, n, STEP)                                              \
    do {                                                                       \
        size_t per = (n) < BLOCK ? BLOCK / (n) : 1;                            \
                                                                               \
        for (size_t r = 0; r < (runs); r += per) {                             \
            size_t count = (runs)-r < per ? (runs)-r : per;                    \
                                                                               \
            for (size_t i = 0; i < (n); i += BLOCK) {                          \
                size_t size = (n)-i < BLOCK ? (n)-i : BLOCK;                   \
                                                                               \
                STEP;                                                          \
            }                                                                  \
        }                                                                      \
    } while (0)

void MT_FN(moments)(struct mt_moments *m, const float *x, size_t runs, size_t n,
                    size_t stride)
{
    if (n == 0)
        return;
    FOR_BLOCKS(runs, n, add_block(m, x + r * stride + i, count, size, stride));
}

VINLINE void add_product_block(double s[2], const float *g, const float *x,
                               size_t runs, size_t n, size_t stride, vf mean)
{
    struct sum22 t = no_sum22;

    for (size_t r = 0; r < runs; r++)
        add_products(&t, g + r * stride, x + r * stride, n, mean, stride);
    s[0] += total_a(&t);
    s[1] += total_b(&t);
}

void MT_FN(norm_sums)(double s[2], const float *g, const float *x, size_t runs,
                      size_t n, size_t stride, float mean)
{
    vf shift = vf_set1(mean);

    if (n == 0)
        return;
    FOR_BLOCKS(runs, n,
               add_product_block(s, g + r * stride + i, x + r * stride + i,
                                 count, size, stride, shift));
}

/* --- runs: forward and backward ----------------------------------------- */

/* y = (x - p0) p1 + p2 */
void MT_FN(norm)(float *y, const float *x, size_t runs, size_t n, size_t stride,
                 const float *p)
{
    vf mean = vf_set1(p[0]), a = vf_set1(p[1]), b = vf_set1(p[2]);

    for (size_t r = 0; r < runs; r++, x += stride, y += stride) {
        size_t i = 0;

        for (; i + VL <= n; i += VL)
            vf_store(y + i, vf_fma(vf_sub(vf_load(x + i), mean), a, b));
        if (i < n)
            vf_store_n(y + i,
                       vf_fma(vf_sub(vf_load_n(x + i, n - i), mean), a, b),
                       n - i);
    }
}

/* dx = g p1 + ((x - p0) p3 + p2) */
VINLINE vf grad_of(vf g, vf x, vf mean, vf k1, vf k2, vf k3)
{
    return vf_fma(g, k1, vf_fma(vf_sub(x, mean), k3, k2));
}

void MT_FN(norm_grad)(float *dx, const float *g, const float *x, size_t runs,
                      size_t n, size_t stride, const float *p)
{
    vf mean = vf_set1(p[0]), k1 = vf_set1(p[1]), k2 = vf_set1(p[2]);
    vf k3 = vf_set1(p[3]);

    for (size_t r = 0; r < runs; r++) {
        const float *gr = g + r * stride, *xr = x + r * stride;
        float *out = dx + r * stride;
        size_t i = 0;

        for (; i + VL <= n; i += VL) {
            prefetch(gr + i, stride);
            prefetch(xr + i, stride);
            prefetch(out + i, stride);
            vf_store(out + i, grad_of(vf_load(gr + i), vf_load(xr + i), mean,
                                      k1, k2, k3));
        }
        if (i < n)
            vf_store_n(out + i,
                       grad_of(vf_load_n(gr + i, n - i),
                               vf_load_n(xr + i, n - i), mean, k1, k2, k3),
                       n - i);
    }
}

/* --- columns ------------------------------------------------------------ */

/* total_j += s_j, in double */
VINLINE void add_lanes(double total[VL], vf s)
{
    float lane[VL];

    vf_store(lane, s);
    for (int j = 0; j < VL; j++)
        total[j] += (double)lane[j];
}

/* Columns are summed in strips of one vector (its last lanes may be missing) or
 * of four, which use whole runs of cache lines; rows in blocks of ROW_BLOCK. */
enum { WIDE = 4 };

VINLINE vf load_strip(const float *x, size_t width, int v, int vectors)
{
    return vectors > 1 ? vf_load(x + v * VL) : load_to(x, width);
}

VINLINE void strip_sums(double *total, const float *x, size_t rows, size_t ldx,
                        size_t width, const int vectors)
{
    for (size_t at = 0; at < rows; at += ROW_BLOCK) {
        size_t end = rows - at < ROW_BLOCK ? rows : at + ROW_BLOCK;
        vf s[WIDE];

        for (int v = 0; v < WIDE; v++)
            s[v] = vf_zero();
        for (size_t i = at; i < end; i++) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                s[v] = vf_add(s[v], load_strip(x + i * ldx, width, v, vectors));
        }
        for (int v = 0; v < vectors; v++)
            add_lanes(total + v * VL, s[v]);
    }
}

/* a += x - shift, b += (x - shift)^2 */
VINLINE void strip_deviations(double *a, double *b, const float *x, size_t rows,
                              size_t ldx, const float *shift, size_t width,
                              const int vectors)
{
    for (size_t at = 0; at < rows; at += ROW_BLOCK) {
        size_t end = rows - at < ROW_BLOCK ? rows : at + ROW_BLOCK;
        vf s[WIDE], q[WIDE], m[WIDE];

        for (int v = 0; v < WIDE; v++) {
            s[v] = q[v] = vf_zero();
            m[v] = vf_load(shift + v * VL);
        }
        for (size_t i = at; i < end; i++) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                vf d = load_strip(x + i * ldx, width, v, vectors);

                d = vf_sub(d, m[v]);
                s[v] = vf_add(s[v], d);
                q[v] = vf_fma(d, d, q[v]);
            }
        }
        for (int v = 0; v < vectors; v++) {
            add_lanes(a + v * VL, s[v]);
            add_lanes(b + v * VL, q[v]);
        }
    }
}

VINLINE void strip_moments(double *mean, double *m2, const float *x,
                           size_t rows, size_t ldx, size_t width,
                           const int vectors)
{
    double sum[WIDE * VL] = { 0 }, left[WIDE * VL] = { 0 };
    double square[WIDE * VL] = { 0 };
    double inverse = 1 / (double)rows;
    float near[WIDE * VL] = { 0 };

    strip_sums(sum, x, rows, ldx, width, vectors);
    for (size_t j = 0; j < width; j++)
        near[j] = (float)(sum[j] * inverse);
    strip_deviations(left, square, x, rows, ldx, near, width, vectors);
    for (size_t j = 0; j < width; j++) {
        mean[j] = (double)near[j] + left[j] * inverse;
        m2[j] = centred(square[j], left[j], inverse);
    }
}

void MT_FN(column_moments)(double *mean, double *m2, const float *x,
                           size_t rows, size_t n, size_t ldx)
{
    size_t j = 0;

    for (; j + WIDE * VL <= n; j += WIDE * VL)
        strip_moments(mean + j, m2 + j, x + j, rows, ldx, WIDE * VL, WIDE);
    for (; j < n; j += VL)
        strip_moments(mean + j, m2 + j, x + j, rows, ldx,
                      n - j < VL ? n - j : VL, 1);
}

void MT_FN(column_norm)(float *y, const float *x, size_t rows, size_t n,
                        size_t ldx, const float *const p[3])
{
    for (size_t i = 0; i < rows; i++, x += ldx, y += ldx) {
        for (size_t j = 0; j < n; j += VL) {
            size_t w = n - j;
            vf d = vf_sub(load_to(x + j, w), load_to(p[0] + j, w));

            store_to(y + j,
                     vf_fma(d, load_to(p[1] + j, w), load_to(p[2] + j, w)), w);
        }
    }
}

/* a += g, b += g (x - mean) */
VINLINE void strip_products(double *a, double *b, const float *g,
                            const float *x, size_t rows, size_t ldx,
                            const float *mean, size_t width, const int vectors)
{
    for (size_t at = 0; at < rows; at += ROW_BLOCK) {
        size_t end = rows - at < ROW_BLOCK ? rows : at + ROW_BLOCK;
        vf s[WIDE], q[WIDE], m[WIDE];

        for (int v = 0; v < vectors; v++) {
            s[v] = q[v] = vf_zero();
            m[v] = load_strip(mean, width, v, vectors);
        }
        for (size_t i = at; i < end; i++) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                vf gi = load_strip(g + i * ldx, width, v, vectors);
                vf xi = load_strip(x + i * ldx, width, v, vectors);

                s[v] = vf_add(s[v], gi);
                q[v] = vf_fma(gi, vf_sub(xi, m[v]), q[v]);
            }
        }
        for (int v = 0; v < vectors; v++) {
            add_lanes(a + v * VL, s[v]);
            add_lanes(b + v * VL, q[v]);
        }
    }
}

void MT_FN(column_norm_sums)(double *s, double *sx, const float *g,
                             const float *x, size_t rows, size_t n, size_t ldx,
                             const float *mean)
{
    size_t j = 0;

    for (; j < n; j += WIDE * VL) {
        double a[WIDE * VL] = { 0 }, b[WIDE * VL] = { 0 };
        size_t w = n - j < WIDE * VL ? n - j : WIDE * VL;

        if (w == WIDE * VL)
            strip_products(a, b, g + j, x + j, rows, ldx, mean + j, w, WIDE);
        for (size_t i = 0; w < WIDE * VL && i < w; i += VL)
            strip_products(a + i, b + i, g + j + i, x + j + i, rows, ldx,
                           mean + j + i, w - i, 1);
        memcpy(s + j, a, w * sizeof *s);
        memcpy(sx + j, b, w * sizeof *sx);
    }
}

void MT_FN(column_norm_grad)(float *dx, const float *g, const float *x,
                             size_t rows, size_t n, size_t ldx,
                             const float *const p[4])
{
    for (size_t i = 0; i < rows; i++, x += ldx, g += ldx, dx += ldx) {
        for (size_t j = 0; j < n; j += VL) {
            size_t w = n - j;

            store_to(dx + j,
                     grad_of(load_to(g + j, w), load_to(x + j, w),
                             load_to(p[0] + j, w), load_to(p[1] + j, w),
                             load_to(p[2] + j, w), load_to(p[3] + j, w)),
                     w);
        }
    }
}

/* --- rows: forward ------------------------------------------------------ */

VINLINE double row_squares(const float *x, size_t n)
{
    double total = 0;

    for (size_t at = 0; at < n; at += BLOCK) {
        size_t end = n - at < BLOCK ? n : at + BLOCK, i = at;
        vf s0 = vf_zero(), s1 = vf_zero();

        for (; i + 2 * VL <= end; i += 2 * VL) {
            vf x0 = vf_load(x + i), x1 = vf_load(x + i + VL);

            s0 = vf_fma(x0, x0, s0);
            s1 = vf_fma(x1, x1, s1);
        }
        for (; i < end; i += VL) {
            vf x0 = load_to(x + i, end - i);

            s0 = vf_fma(x0, x0, s0);
        }
        total += (double)vf_sum(vf_add(s0, s1));
    }
    return total;
}

/* (x - mean) rstd w + b */
VINLINE void apply_row(float *y, const float *x, size_t n, float mean,
                       float rstd, const float *w, const float *b)
{
    vf m = vf_set1(mean), s = vf_set1(rstd);

    for (size_t i = 0; i < n; i += VL) {
        vf v = vf_mul(vf_sub(load_to(x + i, n - i), m), s);

        if (w && b)
            v = vf_fma(v, load_to(w + i, n - i), load_to(b + i, n - i));
        else if (w)
            v = vf_mul(v, load_to(w + i, n - i));
        store_to(y + i, v, n - i);
    }
}

/* The mean and sum of squared deviations of a row; inverse = 1 / n. A row of
 * one block, as most are, needs no putting together. */
VINLINE void row_moments(struct mt_moments *m, const float *x, size_t n,
                         double inverse)
{
    struct sum4 s = no_sum4;
    struct sum22 d = no_sum22;
    double left;
    float shift;

    if (n > BLOCK) {
        MT_FN(moments)(m, x, 1, n, n);
        return;
    }
    add_run(&s, x, n, n);
    shift = (float)(total4(&s) * inverse);
    add_deviations(&d, x, n, vf_set1(shift));
    left = total_a(&d);
    m->mean = (double)shift + left * inverse;
    m->m2 = centred(total_b(&d), left, inverse);
}

void MT_FN(layer_norm)(float *y, float *mean, float *rstd, const float *x,
                       const float *w, const float *b, size_t rows, size_t n,
                       double eps)
{
    double inverse = 1 / (double)n;

    for (size_t i = 0; i < rows; i++, x += n, y += n) {
        struct mt_moments m = { 0, 0, 0 };

        if (mean) {
            row_moments(&m, x, n, inverse);
            mean[i] = (float)m.mean;
        } else {
            m.m2 = row_squares(x, n);
        }
        rstd[i] = (float)(1 / sqrt(m.m2 * inverse + eps));
        if (w && b)
            apply_row(y, x, n, (float)m.mean, rstd[i], w, b);
        else if (w)
            apply_row(y, x, n, (float)m.mean, rstd[i], w, NULL);
        else
            apply_row(y, x, n, (float)m.mean, rstd[i], NULL, NULL);
    }
}

/* --- rows: backward ----------------------------------------------------- */

/* One row's g w and g w (x - mean) summed, and its share of dw and db. */
VINLINE void row_sums(double s[2], float *dw, float *db, const float *g,
                      const float *x, const float *w, size_t n, float mean,
                      float rstd)
{
    vf m = vf_set1(mean), scale = vf_set1(rstd);

    for (size_t at = 0; at < n; at += BLOCK) {
        size_t end = n - at < BLOCK ? n : at + BLOCK;
        vf a = vf_zero(), b = vf_zero();

        for (size_t i = at; i < end; i += VL) {
            size_t left = end - i;
            vf gi = load_to(g + i, left);
            vf d = vf_sub(load_to(x + i, left), m), gw = gi;

            if (w)
                gw = vf_mul(gi, load_to(w + i, left));
            a = vf_add(a, gw);
            b = vf_fma(gw, d, b);
            if (dw)
                store_to(dw + i,
                         vf_fma(gi, vf_mul(d, scale), load_to(dw + i, left)),
                         left);
            if (db)
                store_to(db + i, vf_add(gi, load_to(db + i, left)), left);
        }
        s[0] += (double)vf_sum(a);
        s[1] += (double)vf_sum(b);
    }
}

VINLINE void row_grad(float *dx, const float *g, const float *x, const float *w,
                      const float *sum, size_t n, const float p[4])
{
    vf mean = vf_set1(p[0]), k1 = vf_set1(p[1]), k2 = vf_set1(p[2]);
    vf k3 = vf_set1(p[3]);

    for (size_t i = 0; i < n; i += VL) {
        vf gi = load_to(g + i, n - i), xi = load_to(x + i, n - i);

        if (w)
            gi = vf_mul(gi, load_to(w + i, n - i));
        gi = grad_of(gi, xi, mean, k1, k2, k3);
        if (sum)
            gi = vf_add(gi, load_to(sum + i, n - i));
        store_to(dx + i, gi, n - i);
    }
}

/* The last step needs the sums of the whole row, which is in the cache then. */
VINLINE void grad_row(float *dx, float *dw, float *db, const float *g,
                      const float *x, const float *w, const float *sum,
                      size_t n, float mean, float rstd, bool minus_mean)
{
    double s[2] = { 0, 0 }, r = (double)rstd, count = (double)n;

    row_sums(s, dw, db, g, x, w, n, mean, rstd);
    if (dx) {
        float p[4] = { mean, rstd, minus_mean ? (float)(-r * s[0] / count) : 0,
                       (float)(-r * r * r * s[1] / count) };

        row_grad(dx, g, x, w, sum, n, p);
    }
}

void MT_FN(layer_norm_grad)(float *dx, float *dw, float *db, const float *g,
                            const float *x, const float *mean,
                            const float *rstd, const float *w, const float *sum,
                            size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++, g += n, x += n) {
        float m = mean ? mean[i] : 0, r = rstd[i];
        float *out = dx ? dx + i * n : NULL;
        const float *plus = sum ? sum + i * n : NULL;

        if (w && dw && db)
            grad_row(out, dw, db, g, x, w, plus, n, m, r, mean);
        else if (w && dw)
            grad_row(out, dw, NULL, g, x, w, plus, n, m, r, mean);
        else if (w)
            grad_row(out, NULL, NULL, g, x, w, plus, n, m, r, mean);
        else
            grad_row(out, NULL, NULL, g, x, NULL, plus, n, m, r, mean);
    }
}
