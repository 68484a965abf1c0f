#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "data/dataset.h"

static struct mt_err test_err;

enum { SAMPLES = 7, BYTES = 4096 };

/* One element of a column, converted in the simplest way. */
static double element(const struct mt_column *c, size_t row, size_t e)
{
    const char *at =
        (const char *)c->data + row * c->stride + e * mt_dtype_size(c->dtype);
    double d;
    float f;
    int32_t i;
    int64_t l;

    switch (c->dtype) {
    case MT_F32:
        memcpy(&f, at, sizeof f);
        return (double)f;
    case MT_F64:
        memcpy(&d, at, sizeof d);
        return d;
    case MT_I32:
        memcpy(&i, at, sizeof i);
        return i;
    case MT_I64:
        memcpy(&l, at, sizeof l);
        return (double)l;
    default:
        return (double)*(const unsigned char *)at;
    }
}

/* Whole numbers, so that every type can hold them; at an odd address. */
static void fill(char *bytes, enum mt_dtype dtype, size_t n)
{
    struct mt_philox_key key = mt_philox_key(1, "test", "gather");

    for (size_t i = 0; i < n; i++) {
        int32_t v = (int32_t)(mt_philox_word(key, 0, i) % 200);
        float f = (float)v / 4;
        double d = (double)v / 8;
        int64_t l = (int64_t)v << 33;
        int32_t s = v - 100;
        unsigned char u = (unsigned char)v;

        switch (dtype) {
        case MT_F32:
            memcpy(bytes + i * 4, &f, 4);
            break;
        case MT_F64:
            memcpy(bytes + i * 8, &d, 8);
            break;
        case MT_I32:
            memcpy(bytes + i * 4, &s, 4);
            break;
        case MT_I64:
            memcpy(bytes + i * 8, &l, 8);
            break;
        default:
            memcpy(bytes + i, &u, 1);
        }
    }
}

static const enum mt_dtype dtypes[] = { MT_F32, MT_F64, MT_I32, MT_I64, MT_U8 };

/* Shapes with lengths around the block of 16. */
static const struct mt_shape shapes[] = {
    { 0, { 0 } },  { 1, { 1 } },     { 1, { 15 } },    { 1, { 16 } },
    { 1, { 17 } }, { 2, { 3, 16 } }, { 2, { 3, 11 } }, { 3, { 2, 3, 6 } },
};

static void check_f32(const struct mt_column *c,
                      const struct mt_normalization *norm, const uint32_t *rows,
                      size_t first, size_t n)
{
    size_t each = mt_shape_elements(&c->shape);
    float *out = malloc((n * each + 1) * sizeof *out);

    ck_assert_ptr_nonnull(out);
    out[n * each] = 77;
    mt_gather_f32(c, norm,
                  &(const struct mt_samples){ rows, first, n }, out, &test_err);
    for (size_t i = 0; i < n * each; i++) {
        size_t e = i % each, row = rows ? rows[i / each] : first + i / each;
        double v = element(c, row, e);
        float x = (float)v;

        if (norm && norm->n) {
            size_t f = norm->n == each ? e : e / (each / norm->n);

            x = (float)((v * (double)norm->scale - norm->mean[f]) /
                        norm->std[f]);
        } else if (norm) {
            x *= norm->scale;
        }
        ck_assert_msg(out[i] == x, "element %zu of %zu: %a, expected %a", i,
                      each, (double)out[i], (double)x);
    }
    ck_assert(out[n * each] == 77);
    free(out);
}

static void check_i32(const struct mt_column *c, const uint32_t *rows,
                      size_t first, size_t n)
{
    size_t each = mt_shape_elements(&c->shape);
    int32_t *out = malloc((n * each + 1) * sizeof *out);

    ck_assert_ptr_nonnull(out);
    out[n * each] = 77;
    mt_gather_i32(c, &(const struct mt_samples){ rows, first, n }, out, &test_err);
    for (size_t i = 0; i < n * each; i++) {
        double v =
            element(c, rows ? rows[i / each] : first + i / each, i % each);

        v = v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : trunc(v);
        ck_assert_int_eq(out[i], (int32_t)v);
    }
    ck_assert_int_eq(out[n * each], 77);
    free(out);
}

START_TEST(test_all)
{
    static const uint32_t rows[] = { 6, 0, 3, 3, 1 };
    char *bytes = malloc(BYTES);
    double stats[64];

    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < 64; i++)
        stats[i] = 0.3 + i * 0.7;
    for (size_t d = 0; d < 5; d++) {
        fill(bytes + 1, dtypes[d], (BYTES - 8) / mt_dtype_size(dtypes[d]));
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            size_t each = mt_shape_elements(&shapes[s]);
            size_t size = mt_dtype_size(dtypes[d]);
            const struct mt_normalization norms[] = {
                { 1, 0, NULL, NULL },
                { 0.3f, 0, NULL, NULL },
                { 1, 1, stats, stats + 1 },
                { 0.7f, each, stats, stats + 3 },
                { 0.7f, shapes[s].rank ? shapes[s].dim[0] : 1, stats + 2,
                  stats },
            };
            /* dense, with a gap, overlapping */
            const size_t strides[] = { each * size, (each + 1) * size, size };

            for (size_t t = 0; t < 3; t++) {
                struct mt_column c = { bytes + 1, dtypes[d], strides[t],
                                       shapes[s] };

                check_f32(&c, NULL, NULL, 0, SAMPLES);
                check_i32(&c, NULL, 2, 3);
                check_i32(&c, rows, 0, 5);
                for (size_t k = 0; k < 5; k++) {
                    check_f32(&c, &norms[k], NULL, 2, 3);
                    check_f32(&c, &norms[k], rows, 0, 5);
                    check_f32(&c, &norms[k], rows, 0, 0);
                }
            }
        }
    }
    free(bytes);
}
END_TEST

/* Rounding to nearest, ties to even; clamping. */
START_TEST(test_ends)
{
    static const int64_t wide[] = { 16777217, 16777219, -5000000000,
                                    5000000000 };
    static const double reals[] = {
        1e300, -1e300, NAN, -2.9, 2147483646.5, 0.1
    };
    struct mt_column c = { wide, MT_I64, 8, { 0, { 0 } } };
    float x[6];
    int32_t v[6];

    mt_gather_f32(&c, NULL, &(const struct mt_samples){ NULL, 0, 4 }, x, &test_err);
    ck_assert(x[0] == 16777216 && x[1] == 16777220 && x[3] == 5e9f);
    mt_gather_i32(&c, &(const struct mt_samples){ NULL, 0, 4 }, v, &test_err);
    ck_assert_int_eq(v[0], 16777217);
    ck_assert_int_eq(v[2], INT32_MIN);
    ck_assert_int_eq(v[3], INT32_MAX);
    c.data = reals;
    c.dtype = MT_F64;
    mt_gather_i32(&c, &(const struct mt_samples){ NULL, 0, 6 }, v, &test_err);
    ck_assert_int_eq(v[0], INT32_MAX);
    ck_assert_int_eq(v[1], INT32_MIN);
    ck_assert_int_eq(v[2], 0);
    ck_assert_int_eq(v[3], -2);
    ck_assert_int_eq(v[4], 2147483646);
    mt_gather_f32(&c, NULL, &(const struct mt_samples){ NULL, 5, 1 }, x, &test_err);
    ck_assert(x[0] == 0.1f);
}
END_TEST

Suite *gather_suite(void);

Suite *gather_suite(void)
{
    Suite *suite = suite_create("gather");
    TCase *tc = tcase_create("gather");

    tcase_add_test(tc, test_all);
    tcase_add_test(tc, test_ends);
    suite_add_tcase(suite, tc);
    return suite;
}
