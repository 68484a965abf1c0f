/* Banded linear maps along rows and columns: pooling by means, resampling. */
#include "kernels/isa/columns.h"
#include "kernels/isa/internal.h"

/* Division, by multiplication where that gives the same: the divisor is a power
 * of two (and a number of elements, so its inverse is not subnormal). */
struct scale {
    vf divisor, inverse;
    bool exact;
};

static struct scale scale_of(float divisor)
{
    uint32_t bits;

    memcpy(&bits, &divisor, sizeof bits);
    return (struct scale){ .divisor = vf_set1(divisor),
                           .inverse = vf_set1(1 / divisor),
                           .exact = (bits & 0x7fffff) == 0 };
}

VINLINE vf scaled(vf x, const struct scale *s)
{
    return s->exact ? vf_mul(x, s->inverse) : vf_div(x, s->divisor);
}

VINLINE vf load_up_to(const float *x, size_t width)
{
    return width == VL ? vf_load(x) : vf_load_n(x, width);
}

/* The sum of up to MT_BAND_BLOCK vectors, ld apart, in order; n >= 1 */
VINLINE vf block_sum(const float *x, size_t ld, size_t n, const float *w,
                     size_t advance, size_t width)
{
    vf s = load_up_to(x, width);

    if (!w) {
        for (size_t k = 1; k < n; k++)
            s = vf_add(s, load_up_to(x + k * ld, width));
        return s;
    }
    s = vf_mul(vf_set1(*w), s);
    for (size_t k = 1; k < n; k++)
        s = vf_fma(vf_set1(w[k * advance]), load_up_to(x + k * ld, width), s);
    return s;
}

VINLINE const float *weights_of(const struct mt_band *band, size_t o)
{
    return band->weight ? band->weight + band->at[o] : NULL;
}

/* Output o of the band, where x is its first input. */
VINLINE vf window_sum(const struct mt_band *band, size_t o, const float *x,
                      size_t ld, size_t width)
{
    const float *w = weights_of(band, o);
    size_t n = (size_t)band->windows.count[o], a = band->advance;
    vf total;

    if (n == 0)
        return vf_zero();
    if (n <= MT_BAND_BLOCK)
        return block_sum(x, ld, n, w, a, width);
    total = block_sum(x, ld, MT_BAND_BLOCK, w, a, width);
    for (size_t at = MT_BAND_BLOCK; at < n; at += MT_BAND_BLOCK) {
        size_t m = n - at < MT_BAND_BLOCK ? n - at : MT_BAND_BLOCK;

        total = vf_add(total, block_sum(x + at * ld, ld, m,
                                        w ? w + at * a : NULL, a, width));
    }
    return total;
}

/* The same for a window along 16 rows, wherever its end is. */
static vf far_sum(const struct mt_band *band, size_t o, const float *x,
                  size_t rows)
{
    float t[MT_BAND_BLOCK * VL];
    const float *w = weights_of(band, o);
    size_t n = (size_t)band->windows.count[o], a = band->advance;
    vf total = vf_zero();

    x += band->windows.start[o];
    for (size_t at = 0; at < n; at += MT_BAND_BLOCK) {
        size_t m = n - at < MT_BAND_BLOCK ? n - at : MT_BAND_BLOCK;

        load_columns(t, x + at, rows, band->windows.in, m);
        vf s = block_sum(t, VL, m, w ? w + at * a : NULL, a, VL);

        total = at ? vf_add(total, s) : s;
    }
    return total;
}

/* n outputs from o on, n <= 16, of up to 16 rows */
static void near_sums(vf sums[VL], const struct mt_band *band, size_t o,
                      size_t n, const float *x, size_t rows)
{
    float t[MAX_REACH * VL];
    const struct mt_windows *w = &band->windows;
    size_t first = (size_t)w->start[o], last = o + n - 1;
    size_t end = (size_t)w->start[last] + (size_t)w->count[last];

    load_columns(t, x + first, rows, w->in, end - first);
    for (size_t k = 0; k < n; k++) {
        size_t at = (size_t)w->start[o + k] - first;

        sums[k] = window_sum(band, o + k, t + at * VL, VL, VL);
    }
}

static void general_rows(float *y, const float *x, size_t rows,
                         const struct mt_band *band, float divisor)
{
    const struct mt_windows *w = &band->windows;
    struct scale scale = scale_of(divisor);
    vf sums[VL];

    for (size_t o = 0; o < w->out; o += VL) {
        size_t n = w->out - o < VL ? w->out - o : VL;

        if (w->reach <= MAX_REACH) {
            near_sums(sums, band, o, n, x, rows);
        } else {
            for (size_t k = 0; k < n; k++)
                sums[k] = far_sum(band, o + k, x, rows);
        }
        for (size_t k = 0; k < n; k++)
            sums[k] = scaled(sums[k], &scale);
        store_columns(y + o, sums, rows, w->out, n);
    }
}

/* y_i = (x_2i + x_(2i + 1)) / divisor */
static void pairs(float *y, const float *x, size_t n, float divisor)
{
    struct scale scale = scale_of(divisor);

    for (size_t i = 0; i < n; i += VL) {
        size_t width = n - i < VL ? n - i : VL;
        size_t low = 2 * width < VL ? 2 * width : VL;
        vf a = load_up_to(x + 2 * i, low), b = vf_zero();

        if (2 * width > VL)
            b = load_up_to(x + 2 * i + VL, 2 * width - VL);
        vf_unzip(a, b, &a, &b);
        a = scaled(vf_add(a, b), &scale);
        if (width == VL)
            vf_store(y + i, a);
        else
            vf_store_n(y + i, a, width);
    }
}

/* y_2i = y_(2i + 1) = x_i / divisor */
static void twice(float *y, const float *x, size_t n, float divisor)
{
    struct scale scale = scale_of(divisor);
    size_t i = 0;
    vf a, b;

    for (; i + VL <= n; i += VL) {
        a = scaled(vf_load(x + i), &scale);
        vf_zip(a, a, &a, &b);
        vf_store(y + 2 * i, a);
        vf_store(y + 2 * i + VL, b);
    }
    if (i < n) {
        size_t left = 2 * (n - i);

        a = scaled(vf_load_n(x + i, n - i), &scale);
        vf_zip(a, a, &a, &b);
        vf_store_n(y + 2 * i, a, left < VL ? left : VL);
        if (left > VL)
            vf_store_n(y + 2 * i + VL, b, left - VL);
    }
}

void MT_FN(band_rows)(float *y, const float *x, size_t rows,
                      const struct mt_band *band, float divisor)
{
    size_t in = band->windows.in, out = band->windows.out;

    if (band->form == MT_BAND_TWICE) {
        twice(y, x, rows * in, divisor);
        return;
    }
    if (band->form == MT_BAND_PAIRS && in == 2 * out) {
        pairs(y, x, rows * out, divisor);
        return;
    }
    if (band->form == MT_BAND_PAIRS) {
        for (size_t i = 0; i < rows; i++)
            pairs(y + i * out, x + i * in, out, divisor);
        return;
    }
    for (size_t i = 0; i < rows; i += VL)
        general_rows(y + i * out, x + i * in, rows - i < VL ? rows - i : VL,
                     band, divisor);
}

/* One row of outputs from the rows of its window. */
static void column_window(float *y, const float *x, size_t width,
                          const struct mt_band *band, size_t o)
{
    size_t j = 0;

    x += (size_t)band->windows.start[o] * width;
    for (; j + VL <= width; j += VL)
        vf_store(y + j, window_sum(band, o, x + j, width, VL));
    if (j < width)
        vf_store_n(y + j, window_sum(band, o, x + j, width, width - j),
                   width - j);
}

void MT_FN(band_columns)(float *y, const float *x, size_t planes, size_t width,
                         const struct mt_band *band)
{
    size_t in = band->windows.in, out = band->windows.out;

    for (size_t p = 0; p < planes; p++) {
        for (size_t o = 0; o < out; o++)
            column_window(y + (p * out + o) * width, x + p * in * width, width,
                          band, o);
    }
}
