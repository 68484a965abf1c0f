#include "data/cells.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"

static struct mt_err err;

/* Values of one kind for each column; all are read back, -0 as 0. */
static double value(uint32_t kind, const uint32_t w[4])
{
    static const double odd[] = { 0,
                                  -0.0,
                                  1e-300,
                                  1e300,
                                  1.0 / 3,
                                  0x1p53,
                                  9007199254740993.0,
                                  123456789012345678.0 };
    double sign = w[3] & 1 ? -1 : 1;
    uint64_t bits = (uint64_t)w[0] << 32 | w[1];
    double v;

    switch (kind) {
    case 0:
        return w[0] % 2;
    case 1:
        return sign * (w[0] % 128);
    case 2:
        return sign * (w[0] % 10000) / 100;
    case 3:
        return sign * (w[0] % 1000) / 1000 + w[1] % 3;
    case 4:
        return w[2] % 9 ? 1.5e9 + w[0] % 1000 : (double)NAN;
    case 5:
        return sign * (double)(bits % 1000000000000000) / 1e5;
    case 6:
        return sign * (double)(bits >> (w[2] % 64)) / (1 + w[2] % 100);
    case 7:
        memcpy(&v, &bits, sizeof v);
        return v;
    case 8:
        return odd[w[0] % (sizeof odd / sizeof *odd)];
    case 9:
        return sign * (double)(UINT64_C(1) << (w[0] % 56));
    default:
        return NAN;
    }
}

enum { KINDS = 11 };

static void round_trip(size_t width, size_t rows)
{
    struct mt_philox_key key = mt_philox_key(1, "test", "cells");
    double *all = malloc((rows * width + 1) * sizeof *all);
    double *row = malloc((width + 1) * sizeof *row);
    struct mt_cells *cells = mt_cells_new(width);

    ck_assert(all && row && cells);
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < width; c++) {
            uint32_t w[4];
            double v;

            mt_philox_block(key, i, (uint32_t)c, w);
            /* Some columns change their kind from block to block. */
            v = value((uint32_t)(c + (c % 3 ? 0 : i / 3000)) % KINDS, w);
            if (c % 5 == 4 && w[2] & 64) {
                v = (double)(int32_t)w[0] / 1e3;
                mt_cells_put_decimal(mt_cells_next(cells), c,
                                     (uint64_t)llabs((int32_t)w[0]),
                                     (int32_t)w[0] < 0, 3);
            } else {
                mt_cells_put(cells, c, v);
            }
            all[i * width + c] = v + 0.0;
        }
        ck_assert_int_eq(mt_cells_push(cells, &err), MT_OK);
    }
    ck_assert_int_eq(mt_cells_finish(cells, &err), MT_OK);
    ck_assert_uint_eq(mt_cells_rows(cells), rows);
    for (size_t i = 0; i < rows; i++) {
        mt_cells_row(cells, i, width, row);
        for (size_t c = 0; c < width; c++) {
            double v = all[i * width + c], at = mt_cells_at(cells, i, c);

            ck_assert_msg((v != v && row[c] != row[c] && at != at) ||
                              (!memcmp(&v, &row[c], sizeof v) &&
                               !memcmp(&v, &at, sizeof v)),
                          "%zu, %zu: %a, expected %a", i, c, row[c], v);
        }
    }
    mt_cells_free(cells);
    free(all);
    free(row);
}

START_TEST(test_round_trip)
{
    round_trip(1, 1);
    round_trip(11, 20000);
    round_trip(33, 4097);
    round_trip(1, 5000);
    round_trip(100000, 3);
}
END_TEST

enum { ROWS = 100000, WIDTH = 8 };

/* Fields of few characters, of several kinds. */
static double small(size_t kind, size_t i)
{
    double n = (double)(i % 128);

    switch (kind) {
    case 0:
        return n;
    case 1:
        return n / 100;
    case 2:
        return -n / 100;
    case 3:
        return n * 1e7;
    case 4:
        return i % 128 == 7 ? (double)NAN : n;
    case 5: /* integers to 9999, and hundredths to 1.27 */
        return i % 2 ? (double)(i % 10000) : n / 100;
    default:
        return 0;
    }
}

/* Blocks take the bits of the values, and not many more. */
START_TEST(test_small)
{
    static const size_t bits[] = { 7, 7, 8, 31, 8, 16, 1 };

    for (size_t k = 0; k < sizeof bits / sizeof *bits; k++) {
        struct mt_cells *cells = mt_cells_new(WIDTH);
        size_t bytes = ROWS * WIDTH * bits[k] / 8;

        ck_assert_ptr_nonnull(cells);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t c = 0; c < WIDTH; c++)
                mt_cells_put(cells, c, small(k, i * 7 + c));
            ck_assert_int_eq(mt_cells_push(cells, &err), MT_OK);
        }
        ck_assert_int_eq(mt_cells_finish(cells, &err), MT_OK);
        ck_assert_uint_ge(mt_cells_bytes(cells), bytes);
        ck_assert_uint_le(mt_cells_bytes(cells), bytes * 101 / 100 + 6000);
        for (size_t i = 0; i < ROWS; i += 997) {
            double v = small(k, i * 7 + 3), at = mt_cells_at(cells, i, 3);

            ck_assert(v == at || (v != v && at != at));
        }
        mt_cells_free(cells);
    }
}
END_TEST

Suite *cells_suite(void);

Suite *cells_suite(void)
{
    Suite *suite = suite_create("cells");
    TCase *tc = tcase_create("cells");

    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_small);
    suite_add_tcase(suite, tc);
    return suite;
}
