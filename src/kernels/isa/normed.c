/*
 * Values that are normalised while they are read: n_i = max((x_i - p0) p1 + p2,
 * p3), where p3 is 0 for a ReLU and -infinity for none. The operations are
 * those of norm and relu, so that the bits are the same.
 */
#include "kernels/isa/internal.h"

enum {
    AHEAD = 1024
}; /* floats: 4 KB, since the CPU's own prefetching
      stops at the end of a page */

struct normed {
    vf mean, factor, shift, low;
};

VINLINE struct normed normed_of(const float *p)
{
    return (struct normed){ vf_set1(p[0]), vf_set1(p[1]), vf_set1(p[2]),
                            vf_set1(p[3]) };
}

/* vf_max keeps a NaN and the sign of 0, as relu does. */
VINLINE vf normed(vf x, const struct normed *m)
{
    return vf_max(m->low, vf_fma(vf_sub(x, m->mean), m->factor, m->shift));
}

/* y (rows, n), rows y_row and x_row apart; may be x itself */
void MT_FN(normed_rows)(float *y, size_t y_row, const float *x, size_t x_row,
                        size_t rows, size_t n, const float *p)
{
    size_t whole = n / VL * VL, rest = n - whole;
    struct normed m = normed_of(p);

    for (size_t i = 0; i < rows; i++, y += y_row, x += x_row) {
        for (size_t j = 0; j < whole; j += VL)
            vf_store(y + j, normed(vf_load(x + j), &m));
        if (rest)
            vf_store_n(y + whole, normed(vf_load_n(x + whole, rest), &m), rest);
    }
}

/* y = max(a normalised by p + b normalised by q, low); q NULL: b as it is */
void MT_FN(normed_add)(float *y, const float *a, const float *p, const float *b,
                       const float *q, size_t n, float low)
{
    struct normed ma = normed_of(p), mb = normed_of(q ? q : p);
    vf least = vf_set1(low);
    size_t i = 0;

    for (; i + VL <= n; i += VL) {
        vf u = normed(vf_load(a + i), &ma), v = vf_load(b + i);

        __builtin_prefetch(a + i + AHEAD, 0, 3);
        __builtin_prefetch(b + i + AHEAD, 0, 3);
        __builtin_prefetch(y + i + AHEAD, 0, 3);

        v = q ? normed(v, &mb) : v;
        vf_store(y + i, vf_max(least, vf_add(u, v)));
    }
    if (i < n) {
        vf u = normed(vf_load_n(a + i, n - i), &ma);
        vf v = vf_load_n(b + i, n - i);

        v = q ? normed(v, &mb) : v;
        vf_store_n(y + i, vf_max(least, vf_add(u, v)), n - i);
    }
}

VINLINE vf relu_slope(vf g, vf x, const struct normed *m)
{
    return vf_flush(vf_sel(vf_lt(vf_zero(), normed(x, m)), g, vf_zero()));
}

/* dx = g where x, normalised, is above 0 */
void MT_FN(normed_relu_grad)(float *dx, const float *g, const float *x,
                             size_t n, const float *p)
{
    struct normed m = normed_of(p);
    size_t i = 0;

    for (; i + VL <= n; i += VL)
        vf_store(dx + i, relu_slope(vf_load(g + i), vf_load(x + i), &m));
    if (i < n)
        vf_store_n(
            dx + i,
            relu_slope(vf_load_n(g + i, n - i), vf_load_n(x + i, n - i), &m),
            n - i);
}
