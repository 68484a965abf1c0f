#include "graph/windows.h"

#include <assert.h>
#include <math.h>

/* --- tables --------------------------------------------------------------- */

static bool new_windows(struct mt_graph *g, size_t in, size_t out,
                        struct mt_windows *w, int32_t **start, int32_t **count)
{
    assert(in <= INT32_MAX && out <= INT32_MAX);
    *start = mt_graph_alloc(g, out * sizeof **start);
    *count = mt_graph_alloc(g, out * sizeof **count);
    *w = (struct mt_windows){ in, out, *start, *count, .step = 1 };
    return *start && *count;
}

static size_t end_of(const struct mt_windows *w, size_t o)
{
    size_t n = (size_t)w->count[o];

    return (size_t)w->start[o] + (n ? (n - 1) * w->step + 1 : 0);
}

static void find_reach(struct mt_windows *w)
{
    for (size_t o = 0; o < w->out; o += 16) {
        size_t first = (size_t)w->start[o], end = 0;

        for (size_t i = o; i < o + 16 && i < w->out; i++) {
            size_t start = (size_t)w->start[i], stop = end_of(w, i);

            first = start < first ? start : first;
            end = stop > end ? stop : end;
        }
        w->reach = end - first > w->reach ? end - first : w->reach;
    }
}

static bool starts_at(const struct mt_windows *w, size_t numerator,
                      size_t denominator, int32_t count)
{
    for (size_t o = 0; o < w->out; o++) {
        if ((size_t)w->start[o] != o * numerator / denominator ||
            w->count[o] != count)
            return false;
    }
    return true;
}

/* Sets the other members once the tables are filled. */
static void finish_band(struct mt_band *band)
{
    const struct mt_windows *w = &band->windows;

    find_reach(&band->windows);
    if (band->weight)
        return;
    if (w->in == w->out && starts_at(w, 1, 1, 1))
        band->form = MT_BAND_IDENTITY;
    else if (2 * w->out <= w->in && starts_at(w, 2, 1, 2))
        band->form = MT_BAND_PAIRS;
    else if (w->out == 2 * w->in && starts_at(w, 1, 2, 1))
        band->form = MT_BAND_TWICE;
}

/* --- pooling -------------------------------------------------------------- */

size_t mt_pool_size(const struct mt_pool_axis *axis, size_t in)
{
    int64_t stride = (int64_t)axis->stride;
    int64_t padded = (int64_t)in + 2 * (int64_t)axis->padding;
    int64_t extent = (int64_t)axis->dilation * ((int64_t)axis->kernel - 1) + 1;
    int64_t room = padded - extent + (axis->ceil_mode ? stride - 1 : 0);
    int64_t out = room / stride + 1;

    if (room < 0)
        return 0;
    /* a window must not start in the padding at the end */
    if (axis->ceil_mode &&
        (out - 1) * stride >= padded - (int64_t)axis->padding)
        out--;
    return (size_t)out;
}

/* The taps of output o's window that are not padding: [*first, *first +
 * *count). */
static void clip(const struct mt_pool_axis *axis, size_t in, size_t o,
                 int64_t *first, int64_t *count)
{
    int64_t start = (int64_t)(o * axis->stride) - (int64_t)axis->padding;
    int64_t step = (int64_t)axis->dilation, end = (int64_t)axis->kernel;
    int64_t last = ((int64_t)in - 1 - start) / step; /* start < in */

    *first = start < 0 ? (-start + step - 1) / step : 0;
    end = end < last + 1 ? end : last + 1;
    *count = end > *first ? end - *first : 0;
}

bool mt_windows_pool(struct mt_graph *g, const struct mt_pool_axis *axis,
                     size_t in, struct mt_windows *w)
{
    size_t out = mt_pool_size(axis, in);
    int32_t *start, *count;

    if (!new_windows(g, in, out, w, &start, &count))
        return false;
    w->step = axis->dilation;
    for (size_t o = 0; o < out; o++) {
        int64_t first, n;

        clip(axis, in, o, &first, &n);
        start[o] =
            (int32_t)((int64_t)(o * axis->stride) - (int64_t)axis->padding +
                      first * (int64_t)axis->dilation);
        count[o] = (int32_t)n;
    }
    find_reach(w);
    return true;
}

bool mt_windows_adaptive(struct mt_graph *g, size_t in, size_t size,
                         struct mt_windows *w)
{
    int32_t *start, *count;

    if (!new_windows(g, in, size, w, &start, &count))
        return false;
    for (size_t o = 0; o < size; o++) {
        start[o] = (int32_t)(o * in / size);
        count[o] = (int32_t)(((o + 1) * in + size - 1) / size) - start[o];
    }
    find_reach(w);
    return true;
}

/* Turns the outputs' divisors into one common divisor, or into weights. */
static bool set_divisors(struct mt_graph *g, struct mt_band *band,
                         const int32_t *divisors, double *divisor)
{
    size_t out = band->windows.out;
    bool equal = true;
    float *weight;
    int32_t *at;

    for (size_t o = 1; o < out; o++)
        equal = equal && divisors[o] == divisors[0];
    *divisor = equal ? divisors[0] : 1;
    if (equal) {
        finish_band(band);
        return true;
    }
    band->weight = weight = mt_graph_alloc(g, out * sizeof *weight);
    band->at = at = mt_graph_alloc(g, out * sizeof *at);
    if (!weight || !at)
        return false;
    for (size_t o = 0; o < out; o++) {
        weight[o] = (float)(1.0 / divisors[o]);
        at[o] = (int32_t)o;
    }
    finish_band(band);
    return true;
}

bool mt_band_pool(struct mt_graph *g, const struct mt_pool_axis *axis,
                  size_t in, bool count_include_pad, struct mt_band *band,
                  double *divisor)
{
    size_t out = mt_pool_size(axis, in);
    int32_t *divisors = mt_graph_alloc(g, out * sizeof *divisors);

    *band = (struct mt_band){ .form = MT_BAND_GENERAL };
    if (!divisors || !mt_windows_pool(g, axis, in, &band->windows))
        return false;
    for (size_t o = 0; o < out; o++) {
        int64_t start = (int64_t)(o * axis->stride) - (int64_t)axis->padding;
        int64_t end = start + (int64_t)axis->kernel;
        int64_t limit = (int64_t)(in + axis->padding);

        /* padding counts, but not elements that ceil_mode adds beyond it */
        divisors[o] = count_include_pad
                          ? (int32_t)((end < limit ? end : limit) - start)
                          : band->windows.count[o];
    }
    return set_divisors(g, band, divisors, divisor);
}

bool mt_band_adaptive(struct mt_graph *g, size_t in, size_t size,
                      struct mt_band *band, double *divisor)
{
    *band = (struct mt_band){ .form = MT_BAND_GENERAL };
    if (!mt_windows_adaptive(g, in, size, &band->windows))
        return false;
    return set_divisors(g, band, band->windows.count, divisor);
}

/* --- resampling ----------------------------------------------------------- */

bool mt_band_nearest(struct mt_graph *g, size_t in, size_t size, double factor,
                     struct mt_band *band)
{
    /* in float, as in torch: other rounding would select other elements */
    float scale = factor > 0 ? (float)(1 / factor) : (float)in / (float)size;
    int32_t *start, *count;

    *band = (struct mt_band){ .form = MT_BAND_GENERAL };
    if (!new_windows(g, in, size, &band->windows, &start, &count))
        return false;
    for (size_t o = 0; o < size; o++) {
        float at = (float)o * scale;

        start[o] = at < (float)in ? (int32_t)at : (int32_t)in - 1;
        start[o] = start[o] < (int32_t)in ? start[o] : (int32_t)in - 1;
        count[o] = 1;
    }
    finish_band(band);
    return true;
}

/* The position of output o between the inputs. */
static double linear_place(size_t o, size_t in, size_t size, double factor,
                           bool align_corners)
{
    double scale = factor > 0 ? 1 / factor : (double)in / (double)size;
    double at;

    if (align_corners) /* the product is exact */
        at = size > 1 ? (double)o * (double)(in - 1) / (double)(size - 1) : 0;
    else
        at = ((double)o + 0.5) * scale - 0.5;
    return at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at;
}

bool mt_band_linear(struct mt_graph *g, size_t in, size_t size, double factor,
                    bool align_corners, struct mt_band *band)
{
    float *weight = mt_graph_alloc(g, 2 * size * sizeof *weight);
    int32_t *at = mt_graph_alloc(g, size * sizeof *at), *start, *count;

    *band = (struct mt_band){ .weight = weight, .at = at, .advance = 1 };
    if (!weight || !at ||
        !new_windows(g, in, size, &band->windows, &start, &count))
        return false;
    for (size_t o = 0; o < size; o++) {
        double place = linear_place(o, in, size, factor, align_corners);

        at[o] = 2 * (int32_t)o;
        start[o] = (int32_t)place;
        count[o] = (size_t)start[o] + 1 < in ? 2 : 1;
        weight[2 * o] = (float)(1 - (place - start[o]));
        weight[2 * o + 1] = (float)(place - start[o]);
    }
    finish_band(band);
    return true;
}

/* --- the transposed map --------------------------------------------------- */

/* Sets back's weights: output i reads its inputs start[i] + k with weight
 * weight[at[i] + k], the weight of the same pair in band. */
static bool transpose_weights(struct mt_graph *g, const struct mt_band *band,
                              struct mt_band *back)
{
    const struct mt_windows *w = &back->windows, *old = &band->windows;
    size_t total = 0, used = 0;
    float *weight;
    int32_t *at;

    if (band->advance == 0) { /* one weight for each input of back */
        back->weight = band->weight;
        back->at = w->start;
        back->advance = 1;
        return true;
    }
    for (size_t i = 0; i < w->out; i++)
        total += (size_t)w->count[i];
    back->weight = weight = mt_graph_alloc(g, total * sizeof *weight);
    back->at = at = mt_graph_alloc(g, w->out * sizeof *at);
    back->advance = 1;
    if (!weight || !at)
        return false;
    for (size_t i = 0; i < w->out; i++) {
        at[i] = (int32_t)used;
        for (size_t k = 0; k < (size_t)w->count[i]; k++) {
            size_t o = (size_t)w->start[i] + k;

            weight[used++] =
                band->weight[(size_t)band->at[o] + i - (size_t)old->start[o]];
        }
    }
    return true;
}

bool mt_band_transpose(struct mt_graph *g, const struct mt_band *band,
                       struct mt_band *back)
{
    const struct mt_windows *w = &band->windows;
    int32_t *start, *count;
    size_t low = 0, high = 0;

    *back = (struct mt_band){ .form = MT_BAND_GENERAL };
    if (!new_windows(g, w->out, w->in, &back->windows, &start, &count))
        return false;
    /* starts and ends ascend, so the windows that have i are neighbours */
    for (size_t i = 0; i < w->in; i++) {
        while (low < w->out && end_of(w, low) <= i)
            low++;
        while (high < w->out && (size_t)w->start[high] <= i)
            high++;
        start[i] = (int32_t)low;
        count[i] = (int32_t)(high - low);
    }
    if (band->weight && !transpose_weights(g, band, back))
        return false;
    finish_band(back);
    return true;
}
