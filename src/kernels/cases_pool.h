/* Cases of kernels_test.c: windows along rows and columns, pooling. */

/* --- tables --------------------------------------------------------------- */

static int32_t window_start[ROOM], window_count[ROOM], weight_at[ROOM];

/* By variant: windows of 3 at every input; pairs; doubles; and long windows,
 * weighted, that reach farther than is held at a time. */
static struct mt_band band_of(size_t in, int variant)
{
    static const size_t kernel[VARIANTS] = { 3, 2, 1, 70 };
    static const size_t stride[VARIANTS] = { 1, 2, 1, 20 };
    size_t k = kernel[variant], s = stride[variant];
    size_t out = variant == 1   ? in / 2
                 : variant == 2 ? 2 * in
                                : (in + s - 1) / s;
    struct mt_band band = { .windows = { in, out, window_start, window_count, 1,
                                         15 * s + k } };

    for (size_t o = 0; o < out; o++) {
        size_t start = variant == 2 ? o / 2 : o * s;
        size_t n = in - start < k ? in - start : k;

        window_start[o] = (int32_t)start;
        window_count[o] = (int32_t)n;
        weight_at[o] = (int32_t)o;
    }
    band.form = variant == 1   ? MT_BAND_PAIRS
                : variant == 2 ? MT_BAND_TWICE
                               : MT_BAND_GENERAL;
    if (variant == 3) {
        band.weight = inputs[TAME][1];
        band.at = weight_at;
        band.advance = in % 2;
    }
    return band;
}

static double band_sum(const struct mt_band *band, size_t o, const float *x,
                       size_t ld, double *size)
{
    double sum = 0;

    *size = 0;
    for (size_t k = 0; k < (size_t)band->windows.count[o]; k++) {
        double v = (double)x[((size_t)band->windows.start[o] + k) * ld];

        if (band->weight)
            v *= (double)band->weight[(size_t)band->at[o] + k * band->advance];
        sum += v;
        *size += fabs(v);
    }
    return sum;
}

/* --- bands ---------------------------------------------------------------- */

static size_t band_rows_of(const struct io *io)
{
    size_t most = io->n ? ROOM / (2 * io->n) : 0;

    return most < 19 ? most : 19;
}

static void call_band_rows(const struct mt_kernels *k, struct io *io)
{
    struct mt_band band = band_of(io->n, io->variant);
    size_t rows = band_rows_of(io);

    io->used[0] = rows * band.windows.out;
    k->band_rows(io->out[0], io->a, rows, &band, io->n % 3 ? 9 : 4);
}

static void check_band_rows(const struct io *io, const float *before)
{
    struct mt_band band = band_of(io->n, io->variant);
    size_t out = band.windows.out;

    (void)before;
    for (size_t i = 0; i < band_rows_of(io) * out; i++) {
        double size, d = io->n % 3 ? 9 : 4;
        double sum =
            band_sum(&band, i % out, io->a + i / out * io->n, 1, &size);

        expect("band_rows", io->n, i, (double)io->out[0][i], sum / d,
               2e-6 * size / d);
    }
}

static size_t band_width(const struct io *io)
{
    static const size_t width[VARIANTS] = { 1, 17, 33, 3 };

    return width[io->variant];
}

static void call_band_columns(const struct mt_kernels *k, struct io *io)
{
    size_t width = band_width(io);
    struct mt_band band = band_of(io->n / width, io->variant);

    io->used[0] = 1 * band.windows.out * width;
    if (io->n < 500)
        io->used[0] *= 3;
    k->band_columns(io->out[0], io->a, io->n < 500 ? 3 : 1, width, &band);
}

static void check_band_columns(const struct io *io, const float *before)
{
    size_t width = band_width(io);
    struct mt_band band = band_of(io->n / width, io->variant);
    size_t plane = band.windows.out * width;

    (void)before;
    for (size_t i = 0; i < io->used[0]; i++) {
        double size,
            sum = band_sum(&band, i % plane / width,
                           io->a + i / plane * band.windows.in * width +
                               i % width,
                           width, &size);

        expect("band_columns", io->n, i, (double)io->out[0][i], sum,
               2e-6 * size);
    }
}

/* --- maxima --------------------------------------------------------------- */

/* Windows of a size, at a stride, with a dilation, that fit. */
static struct mt_windows max_windows(size_t in, int variant)
{
    static const size_t kernel[VARIANTS] = { 2, 3, 4, 300 };
    static const size_t stride[VARIANTS] = { 2, 1, 7, 11 };
    static const size_t step[VARIANTS] = { 1, 2, 21, 1 };
    size_t k = kernel[variant], d = step[variant], s = stride[variant];
    size_t extent;

    k = k < (in + d - 1) / d ? k : (in + d - 1) / d;
    extent = k ? (k - 1) * d + 1 : 1;

    struct mt_windows w = { in,
                            in < extent ? 0 : (in - extent) / s + 1,
                            window_start,
                            window_count,
                            d,
                            15 * s + extent };

    for (size_t o = 0; o < w.out; o++) {
        window_start[o] = (int32_t)(o * s);
        window_count[o] = (int32_t)k;
    }
    return w;
}

static int32_t places[2 * ROOM], more_places[2 * ROOM];

/* Places become an output, so that they are compared as well. */
static void output_places(struct io *io, const int32_t *p)
{
    io->used[1] = io->used[0];
    for (size_t i = 0; i < io->used[0]; i++)
        io->out[1][i] = (float)p[i];
    ck_assert_int_eq(p[io->used[0]], -7);
}

static void forget_places(int32_t *p)
{
    for (size_t i = 0; i < 2 * ROOM; i++)
        p[i] = -7;
}

static void call_max_rows(const struct mt_kernels *k, struct io *io)
{
    struct mt_windows w = max_windows(io->n, io->variant);
    size_t rows = band_rows_of(io);

    forget_places(places);
    io->used[0] = io->used[2] = rows * w.out;
    k->max_rows(io->out[0], places, io->a, rows, &w);
    k->max_rows(io->out[2], NULL, io->a, rows, &w);
    output_places(io, places);
}

/* The first maximum of window o, elements ld apart. */
static size_t first_top(const struct mt_windows *w, size_t o, const float *x,
                        size_t ld)
{
    size_t top = (size_t)w->start[o];

    for (size_t k = 1; k < (size_t)w->count[o]; k++) {
        size_t i = (size_t)w->start[o] + k * w->step;

        top = x[i * ld] > x[top * ld] ? i : top;
    }
    return top;
}

static void check_max_rows(const struct io *io, const float *before)
{
    struct mt_windows w = max_windows(io->n, io->variant);

    (void)before;
    for (size_t i = 0; i < io->used[0]; i++) {
        const float *x = io->a + i / w.out * io->n;
        size_t top = first_top(&w, i % w.out, x, 1);

        expect("max_rows", io->n, i, (double)io->out[0][i], (double)x[top], 0);
        expect("max_rows", io->n, i, (double)io->out[2][i], (double)x[top], 0);
        expect("max_rows, place", io->n, i, (double)io->out[1][i], (double)top,
               0);
    }
}

/* The input's places are its elements' numbers; width_in is 1000. */
static void call_max_columns(const struct mt_kernels *k, struct io *io)
{
    size_t width = band_width(io), planes = io->n < 500 ? 3 : 1;
    struct mt_windows w = max_windows(io->n / width, io->variant);

    for (size_t i = 0; i < 2 * ROOM; i++)
        more_places[i] = (int32_t)i;
    forget_places(places);
    io->used[0] = io->used[2] = planes * w.out * width;
    k->max_columns(io->out[0], places, io->a, more_places, planes, width, 1000,
                   &w);
    k->max_columns(io->out[2], NULL, io->a, NULL, planes, width, 1000, &w);
    output_places(io, places);
}

static void check_max_columns(const struct io *io, const float *before)
{
    size_t width = band_width(io);
    struct mt_windows w = max_windows(io->n / width, io->variant);
    size_t plane = w.out * width;

    (void)before;
    for (size_t i = 0; i < io->used[0]; i++) {
        size_t first = i / plane * w.in * width + i % width;
        size_t row = first_top(&w, i % plane / width, io->a + first, width);
        size_t top = first + row * width;

        expect("max_columns", io->n, i, (double)io->out[0][i],
               (double)io->a[top], 0);
        expect("max_columns", io->n, i, (double)io->out[2][i],
               (double)io->a[top], 0);
        expect("max_columns, place", io->n, i, (double)io->out[1][i],
               (double)(top + 1000 * row), 0);
    }
}

/* --- squares -------------------------------------------------------------- */

static size_t squares_width(const struct io *io)
{
    static const size_t width[VARIANTS] = { 3, 16, 38, 67 };

    return width[io->variant];
}

static void call_max_squares(const struct mt_kernels *k, struct io *io)
{
    size_t w = squares_width(io), h = io->n / w;

    forget_places(places);
    io->used[0] = io->used[2] = 3 * (h / 2) * (w / 2);
    k->max_squares(io->out[0], places, io->a, 3, h, w);
    k->max_squares(io->out[2], NULL, io->a, 3, h, w);
    output_places(io, places);
}

static size_t square_place(const struct io *io, size_t i)
{
    size_t w = squares_width(io), h = io->n / w, squares = h / 2 * (w / 2);
    size_t s = i % squares, top;
    size_t first = s / (w / 2) * 2 * w + s % (w / 2) * 2;
    const float *x = io->a + i / squares * h * w;

    top = first;
    top = x[first + 1] > x[top] ? first + 1 : top;
    top = x[first + w] > x[top] ? first + w : top;
    return x[first + w + 1] > x[top] ? first + w + 1 : top;
}

static void check_max_squares(const struct io *io, const float *before)
{
    size_t w = squares_width(io), h = io->n / w, squares = h / 2 * (w / 2);

    (void)before;
    for (size_t i = 0; i < io->used[0]; i++) {
        size_t top = square_place(io, i);
        double max = (double)io->a[i / squares * h * w + top];

        expect("max_squares", io->n, i, (double)io->out[0][i], max, 0);
        expect("max_squares", io->n, i, (double)io->out[2][i], max, 0);
        expect("max_squares, place", io->n, i, (double)io->out[1][i],
               (double)top, 0);
    }
}

static void call_max_squares_grad(const struct mt_kernels *k, struct io *io)
{
    size_t w = squares_width(io), h = io->n / w;

    k->max_squares(io->out[2], places, io->a, 3, h, w);
    io->used[2] = 3 * (h / 2) * (w / 2);
    io->used[0] = 3 * h * w;
    k->max_squares_grad(io->out[0], io->b, places,
                        io->variant % 2 ? io->out[2] : NULL, 3, h, w);
}

static void check_max_squares_grad(const struct io *io, const float *before)
{
    size_t w = squares_width(io), h = io->n / w, squares = h / 2 * (w / 2);
    static float want[ROOM];

    (void)before;
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < 3 * squares; i++) {
        size_t at = i / squares * h * w + square_place(io, i);
        bool passes = io->a[at] > 0 && fabsf(io->b[i]) >= 0x1p-63f;

        want[at] = io->variant % 2 && !passes ? 0 : io->b[i];
    }
    for (size_t i = 0; i < io->used[0]; i++)
        expect("max_squares_grad", io->n, i, (double)io->out[0][i],
               (double)want[i], 0);
}
