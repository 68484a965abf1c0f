/*
 * Compares convolutions bit for bit with the sums that conv.h defines, on every
 * table and for many widths: the 16 positions of a tile may span two rows.
 */
#include "kernels/conv.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm.h"

enum { FENCE = 256 };

static void *get(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + FENCE + 63) / 64 * 64);

    ck_assert_ptr_nonnull(memory);
    memset(memory, 0xff, bytes + FENCE);
    return memory;
}

/* Exactly this many, so that sanitizers see reads past the end. */
static float *numbers(size_t n, uint32_t seed)
{
    float *x = malloc(n * sizeof *x);

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        x[i] = (float)(int32_t)seed * 0x1p-31f;
    }
    return x;
}

/* An element of x (planes, h, w); 0 outside it. */
static float at(const float *x, size_t plane, size_t h, size_t w, size_t i,
                size_t j)
{
    return i < h && j < w ? x[(plane * h + i) * w + j] : 0;
}

/* A sum in blocks of MT_GEMM_KC. */
struct chain {
    float sum, block;
    size_t n;
};

static void put(struct chain *c, float a, float b)
{
    if (c->n && c->n % MT_GEMM_KC == 0) {
        c->sum = c->n == MT_GEMM_KC ? c->block : c->sum + c->block;
        c->block = 0;
    }
    c->block = fmaf(a, b, c->block);
    c->n++;
}

static float total(const struct chain *c)
{
    return c->n > MT_GEMM_KC ? c->sum + c->block : c->block;
}

static float output(const struct mt_conv *cv, const float *x, const float *w,
                    size_t n, size_t o, size_t i, size_t j)
{
    struct chain sum = { 0 };

    for (size_t c = 0; c < cv->c; c++) {
        for (size_t u = 0; u < cv->kh; u++) {
            for (size_t v = 0; v < cv->kw; v++)
                put(&sum, w[((o * cv->c + c) * cv->kh + u) * cv->kw + v],
                    at(x, n * cv->c + c, cv->h, cv->w, i * cv->sh + u - cv->ph,
                       j * cv->sw + v - cv->pw));
        }
    }
    return total(&sum);
}

/* Of stride 1. */
static float input_gradient(const struct mt_conv *cv, const float *dy,
                            const float *w, size_t n, size_t c, size_t i,
                            size_t j)
{
    struct chain sum = { 0 };

    for (size_t o = 0; o < cv->o; o++) {
        for (size_t u = 0; u < cv->kh; u++) {
            for (size_t v = 0; v < cv->kw; v++)
                put(&sum, w[((o * cv->c + c) * cv->kh + u) * cv->kw + v],
                    at(dy, n * cv->o + o, cv->oh, cv->ow, i + cv->ph - u,
                       j + cv->pw - v));
        }
    }
    return total(&sum);
}

typedef float expected(const struct mt_conv *cv, const float *x, const float *w,
                       size_t n, size_t plane, size_t i, size_t j);

static void compare(const struct mt_conv *cv, const char *what, expected *want,
                    const float *x, const float *w, const float *y,
                    size_t planes, size_t height, size_t width)
{
    for (size_t k = 0; k < cv->n * planes * height * width; k++) {
        size_t j = k % width, i = k / width % height;
        size_t plane = k / width / height;
        float value = want(cv, x, w, plane / planes, plane % planes, i, j);

        ck_assert_msg(y[k] == value,
                      "%s, %s: %zu -> %zu, %zu x %zu, kernel %zu, stride %zu, "
                      "padding %zu: plane %zu, row %zu, column %zu: %a, not %a",
                      mt_kernels()->isa, what, cv->c, cv->o, cv->h, cv->w,
                      cv->kh, cv->sh, cv->ph, plane, i, j, y[k], value);
    }
}

static void check_scratch(const char *scratch, size_t bytes)
{
    for (size_t i = 0; i < FENCE; i++)
        ck_assert_msg(scratch[bytes + i] == (char)0xff,
                      "wrote past the scratch memory");
}

static void check_conv(const struct mt_conv *cv)
{
    size_t n_x = cv->n * cv->c * cv->h * cv->w;
    size_t n_y = cv->n * cv->o * cv->oh * cv->ow;
    float *x = numbers(n_x, 1), *y = numbers(n_y, 2);
    float *w = numbers(cv->o * cv->c * cv->kh * cv->kw, 3);
    size_t bytes = mt_conv_forward_scratch(cv, false, 1);
    char *scratch = get(bytes);

    mt_conv_forward(cv, &(struct mt_conv_input){ x, NULL }, w, NULL, y, NULL,
                    scratch);
    compare(cv, "forward", output, x, w, y, cv->o, cv->oh, cv->ow);
    check_scratch(scratch, bytes);
    free(scratch);
    if (cv->sh == 1) {
        bytes = mt_conv_grad_input_scratch(cv, 1);
        scratch = get(bytes);
        mt_conv_grad_input(cv, y, w, NULL, x, NULL, scratch);
        compare(cv, "gradient of the input", input_gradient, y, w, x, cv->c,
                cv->h, cv->w);
        check_scratch(scratch, bytes);
        free(scratch);
    }
    free(x);
    free(y);
    free(w);
}

/* Square kernels, of every table. */
static void check_all(size_t c, size_t o, size_t height, size_t width,
                      size_t kernel, size_t stride, size_t padding)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);

    if (height + 2 * padding < kernel || width + 2 * padding < kernel)
        return;
    for (size_t t = 0; t < n_tables; t++) {
        struct mt_conv cv = {
            .n = 2,
            .groups = 1,
            .c = c,
            .h = height,
            .w = width,
            .o = o,
            .oh = (height + 2 * padding - kernel) / stride + 1,
            .ow = (width + 2 * padding - kernel) / stride + 1,
            .kh = kernel,
            .kw = kernel,
            .sh = stride,
            .sw = stride,
            .ph = padding,
            .pw = padding,
            .dh = 1,
            .dw = 1,
        };

        mt_kernels_use(tables[t]);
        check_conv(&cv);
    }
    mt_kernels_use(tables[0]);
}

START_TEST(rows_of_every_width)
{
    for (size_t width = 1; width <= 70; width++) {
        check_all(1, 3, 5, width, 3, 1, 1);
        check_all(2, 20, 11, width, 3, 1, 0);
        check_all(3, 2, 7, width, 1, 1, 0);
        check_all(2, 7, 9, width, 3, 2, 1);
    }
}
END_TEST

/* More than a block of positions, and of taps. */
START_TEST(several_blocks)
{
    static const size_t widths[] = { 17, 24, 26, 28, 40, 100, 257, 300 };

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        check_all(1, 15, 28, widths[i], 3, 1, 1);
        check_all(30, 9, 6, widths[i], 3, 1, 0);
    }
}
END_TEST

Suite *conv_suite(void);
Suite *conv_suite(void)
{
    Suite *s = suite_create("conv");
    TCase *t = tcase_create("core");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, rows_of_every_width);
    tcase_add_test(t, several_blocks);
    suite_add_tcase(s, t);
    return s;
}
