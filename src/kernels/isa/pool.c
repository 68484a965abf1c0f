/* Maxima of windows, and where they are. */
#include "kernels/isa/columns.h"
#include "kernels/isa/internal.h"

/* Positions travel as the bits of floats: they are moved, never computed. */
VINLINE vf position(size_t i)
{
    return vi_float(vi_set1((int32_t)i));
}

VINLINE vi load_positions(const int32_t *p, size_t n)
{
    int32_t t[VL] = { 0 };

    if (n == VL)
        return vi_load(p);
    memcpy(t, p, n * sizeof *t);
    return vi_load(t);
}

VINLINE void store_positions(int32_t *p, vi v, size_t n)
{
    int32_t t[VL];

    if (n == VL) {
        vi_store(p, v);
        return;
    }
    vi_store(t, v);
    memcpy(p, t, n * sizeof *t);
}

/* The maximum so far and its position; the earlier one of equals wins, and a
 * NaN over all. */
struct top {
    vf max, at;
};

VINLINE void take(struct top *top, vf x, vf at)
{
    vm more = vf_lt(top->max, x), number = vf_eq(x, x);

    top->max = vf_sel(number, vf_sel(more, x, top->max), x);
    top->at = vf_sel(number, vf_sel(more, at, top->at), at);
}

VINLINE void take_value(vf *max, vf x)
{
    *max = vf_sel(vf_eq(x, x), vf_sel(vf_lt(*max, x), x, *max), x);
}

/* n elements of a window from column `at` on, columns VL apart in t */
VINLINE void take_columns(struct top *top, const float *t, size_t at,
                          size_t step, size_t n)
{
    for (size_t k = 0; k < n; k++)
        take(top, vf_load(t + k * step * VL), position(at + k * step));
}

/* A window along up to 16 rows, wherever its end is. */
static struct top far_top(const struct mt_windows *w, size_t o, const float *x,
                          size_t rows)
{
    float t[MAX_REACH * VL];
    size_t at = (size_t)w->start[o], n = (size_t)w->count[o];
    size_t some = w->step < MAX_REACH ? MAX_REACH / w->step : 1;
    struct top top;

    load_columns(t, x + at, rows, w->in, 1);
    top = (struct top){ vf_load(t), position(at) };
    while (n) {
        size_t m = n < some ? n : some;

        load_columns(t, x + at, rows, w->in, (m - 1) * w->step + 1);
        take_columns(&top, t, at, w->step, m);
        at += m * w->step;
        n -= m;
    }
    return top;
}

/* The columns [*first, *end) that n windows from o on lie in. */
static void find_columns(const struct mt_windows *w, size_t o, size_t n,
                         size_t *first, size_t *end)
{
    *first = w->in;
    *end = 0;
    for (size_t i = o; i < o + n; i++) {
        size_t start = (size_t)w->start[i];
        size_t last = start + ((size_t)w->count[i] - 1) * w->step;

        *first = start < *first ? start : *first;
        *end = last + 1 > *end ? last + 1 : *end;
    }
}

/* n outputs from o on, n <= 16, of up to 16 rows */
static void near_tops(vf max[VL], vf at[VL], const struct mt_windows *w,
                      size_t o, size_t n, const float *x, size_t rows)
{
    float t[MAX_REACH * VL];
    size_t first, end;

    find_columns(w, o, n, &first, &end);
    load_columns(t, x + first, rows, w->in, end - first);
    for (size_t k = 0; k < n; k++) {
        size_t c = (size_t)w->start[o + k];
        const float *tc = t + (c - first) * VL;
        struct top top = { vf_load(tc), position(c) };

        take_columns(&top, tc + w->step * VL, c + w->step, w->step,
                     (size_t)w->count[o + k] - 1);
        max[k] = top.max;
        at[k] = top.at;
    }
}

static void store_position_columns(int32_t *p, vf at[VL], size_t rows,
                                   size_t ld, size_t n)
{
    for (size_t k = n; k < VL; k++)
        at[k] = vf_zero();
    vf_transpose(at);
    for (size_t i = 0; i < rows; i++)
        store_positions(p + i * ld, vf_bits(at[i]), n);
}

void MT_FN(max_rows)(float *y, int32_t *at, const float *x, size_t rows,
                     const struct mt_windows *w)
{
    vf max[VL], where[VL];

    for (size_t i = 0; i < rows; i += VL) {
        size_t m = rows - i < VL ? rows - i : VL;

        for (size_t o = 0; o < w->out; o += VL) {
            size_t n = w->out - o < VL ? w->out - o : VL;

            if (w->reach <= MAX_REACH) {
                near_tops(max, where, w, o, n, x + i * w->in, m);
            } else {
                for (size_t k = 0; k < n; k++) {
                    struct top top = far_top(w, o + k, x + i * w->in, m);

                    max[k] = top.max;
                    where[k] = top.at;
                }
            }
            store_columns(y + i * w->out + o, max, m, w->out, n);
            if (at)
                store_position_columns(at + i * w->out + o, where, m, w->out,
                                       n);
        }
    }
}

/* One vector of outputs; at counts columns, index elements of the plane. */
VINLINE vf column_top(int32_t *index, const float *x, const int32_t *at,
                      size_t width, size_t width_in, const struct mt_windows *w,
                      size_t o, size_t n)
{
    size_t first = (size_t)w->start[o];
    struct top top = { vf_zero(), vf_zero() };

    for (size_t k = 0; k < (size_t)w->count[o]; k++) {
        size_t row = first + k * w->step, here = row * width;
        vf v = n == VL ? vf_load(x + here) : vf_load_n(x + here, n);
        vf p = vi_float(vi_add(load_positions(at + here, n),
                               vi_set1((int32_t)(row * width_in))));

        if (k)
            take(&top, v, p);
        else
            top = (struct top){ v, p };
    }
    store_positions(index, vf_bits(top.at), n);
    return top.max;
}

VINLINE vf column_max(const float *x, size_t width, const struct mt_windows *w,
                      size_t o, size_t n)
{
    vf max = vf_zero();

    x += (size_t)w->start[o] * width;
    for (size_t k = 0; k < (size_t)w->count[o]; k++, x += w->step * width) {
        vf v = n == VL ? vf_load(x) : vf_load_n(x, n);

        if (k)
            take_value(&max, v);
        else
            max = v;
    }
    return max;
}

void MT_FN(max_columns)(float *y, int32_t *index, const float *x,
                        const int32_t *at, size_t planes, size_t width,
                        size_t width_in, const struct mt_windows *w)
{
    for (size_t p = 0; p < planes * w->out; p++) {
        size_t in = p / w->out * w->in * width, o = p % w->out;

        for (size_t j = 0; j < width; j += VL) {
            size_t n = width - j < VL ? width - j : VL;
            size_t out = p * width + j;
            vf max = index ? column_top(index + out, x + in + j, at + in + j,
                                        width, width_in, w, o, n)
                           : column_max(x + in + j, width, w, o, n);

            if (n == VL)
                vf_store(y + out, max);
            else
                vf_store_n(y + out, max, n);
        }
    }
}

/* --- squares of 2 x 2 ----------------------------------------------------- */

/* The left and right columns of n squares from one row. */
VINLINE void load_pairs(const float *x, size_t n, vf *left, vf *right)
{
    vf a, b = vf_zero();

    if (n == VL) {
        a = vf_load(x);
        b = vf_load(x + VL);
    } else {
        a = vf_load_n(x, 2 * n < VL ? 2 * n : VL);
        if (2 * n > VL)
            b = vf_load_n(x + VL, 2 * n - VL);
    }
    vf_unzip(a, b, left, right);
}

VINLINE void store_pairs(float *x, size_t n, vf left, vf right)
{
    vf a, b;

    vf_zip(left, right, &a, &b);
    if (n == VL) {
        vf_store(x, a);
        vf_store(x + VL, b);
        return;
    }
    vf_store_n(x, a, 2 * n < VL ? 2 * n : VL);
    if (2 * n > VL)
        vf_store_n(x + VL, b, 2 * n - VL);
}

/* 0, 2, 4, ...: the columns of the left elements */
VINLINE vi left_columns(void)
{
    static const int32_t even[VL] = { 0,  2,  4,  6,  8,  10, 12, 14,
                                      16, 18, 20, 22, 24, 26, 28, 30 };

    return vi_load(even);
}

/* n squares; x is their first element, `at` its place in the plane */
VINLINE vf square_top(int32_t *index, const float *x, size_t w, size_t at,
                      size_t n)
{
    vf left, right, low_left, low_right;
    vi place = vi_add(left_columns(), vi_set1((int32_t)at));
    vi below = vi_add(place, vi_set1((int32_t)w)), one = vi_set1(1);

    load_pairs(x, n, &left, &right);
    load_pairs(x + w, n, &low_left, &low_right);
    struct top top = { left, vi_float(place) };

    take(&top, right, vi_float(vi_add(place, one)));
    take(&top, low_left, vi_float(below));
    take(&top, low_right, vi_float(vi_add(below, one)));
    store_positions(index, vf_bits(top.at), n);
    return top.max;
}

VINLINE vf square_max(const float *x, size_t w, size_t n)
{
    vf max, right, low_left, low_right;

    load_pairs(x, n, &max, &right);
    load_pairs(x + w, n, &low_left, &low_right);
    take_value(&max, right);
    take_value(&max, low_left);
    take_value(&max, low_right);
    return max;
}

void MT_FN(max_squares)(float *y, int32_t *index, const float *x, size_t planes,
                        size_t h, size_t w)
{
    size_t h2 = h / 2, w2 = w / 2;

    for (size_t p = 0; p < planes * h2; p++) {
        size_t row = p % h2 * 2 * w; /* in the plane */
        const float *xp = x + p / h2 * h * w;

        for (size_t j = 0; j < w2; j += VL) {
            size_t n = w2 - j < VL ? w2 - j : VL;
            size_t at = row + 2 * j, out = p * w2 + j;
            vf max = index ? square_top(index + out, xp + at, w, at, n)
                           : square_max(xp + at, w, n);

            if (n == VL)
                vf_store(y + out, max);
            else
                vf_store_n(y + out, max, n);
        }
    }
}

/* g where the maximum was, 0 elsewhere */
VINLINE vf only_at(vf g, vi index, vi place)
{
    return vf_sel(vi_eq(index, place), g, vf_zero());
}

/* g, or if y is given, the gradient of relu there; n <= VL */
VINLINE vf pooled_grad(const float *g, const float *y, size_t n)
{
    vf v = n == VL ? vf_load(g) : vf_load_n(g, n);

    if (y)
        v = vf_flush(vf_sel(vf_lt(vf_zero(), vf_load_n(y, n)), v, vf_zero()));
    return v;
}

/* Two rows of dx, w wide, of which the first is at `row` in its plane. */
static void two_rows_grad(float *dx, const float *g, const int32_t *index,
                          const float *y, size_t row, size_t w)
{
    vi one = vi_set1(1);

    for (size_t j = 0; j < w / 2; j += VL) {
        size_t n = w / 2 - j < VL ? w / 2 - j : VL;
        vi i = load_positions(index + j, n);
        vi place = vi_add(left_columns(), vi_set1((int32_t)(row + 2 * j)));
        vi below = vi_add(place, vi_set1((int32_t)w));
        vf gj = pooled_grad(g + j, y ? y + j : NULL, n);

        store_pairs(dx + 2 * j, n, only_at(gj, i, place),
                    only_at(gj, i, vi_add(place, one)));
        store_pairs(dx + w + 2 * j, n, only_at(gj, i, below),
                    only_at(gj, i, vi_add(below, one)));
    }
    if (w % 2)
        dx[w - 1] = dx[2 * w - 1] = 0;
}

void MT_FN(max_squares_grad)(float *dx, const float *g, const int32_t *index,
                             const float *y, size_t planes, size_t h, size_t w)
{
    size_t h2 = h / 2, w2 = w / 2;

    for (size_t p = 0; p < planes; p++, dx += h * w) {
        for (size_t o = 0; o < h2; o++) {
            size_t at = (p * h2 + o) * w2;

            two_rows_grad(dx + 2 * o * w, g + at, index + at, y ? y + at : NULL,
                          2 * o * w, w);
        }
        if (h % 2)
            memset(dx + (h - 1) * w, 0, w * sizeof *dx);
    }
}
