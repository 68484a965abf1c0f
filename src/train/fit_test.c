#include "train/fit.h"

#include <check.h>
#include <string.h>

#define MB(n) (UINT64_C(1000000) * (n))

static const struct mt_need need = { .peak = MB(2000),
                                     .more = MB(1900),
                                     .state = MB(1500),
                                     .batches = MB(400),
                                     .data = MB(90) };

START_TEST(fits_where_it_does)
{
    static const struct {
        struct mt_memlimit limit;
        enum mt_fits fits;
        const char *says;
    } rows[] = {
        { { MB(4000), "this machine", MB(3000), MB(5), UINT64_MAX },
          MT_FITS,
          "this machine has 4000.0 MB, of which 3000.0 MB are free" },
        { { MB(4000), "this machine", MB(1995), MB(5), UINT64_MAX },
          MT_FITS,
          "1995.0 MB are free" }, /* memory already used need not be free */
        { { MB(4000), "this machine", MB(1994), MB(5), UINT64_MAX },
          MT_FITS_TIGHTLY,
          "1994.0 MB are free" },
        { { MB(2000), "this machine", MB(5), MB(5), UINT64_MAX },
          MT_FITS_TIGHTLY,
          "this machine has 2000.0 MB, of which 5.0 MB are free" },
        { { MB(1999), "its control group", MB(1500), MB(5), UINT64_MAX },
          MT_FITS_NOT,
          "its control group has 1999.0 MB, of which 1500.0 MB are free" },
        { { MB(100), "its control group", MB(1500), MB(5), UINT64_MAX },
          MT_FITS_NOT,
          "has 100.0 MB, of which 100.0 MB are free" },
        { { MB(4000), "this machine", MB(3000), MB(5), MB(1899) },
          MT_FITS_NOT,
          "for data); ulimit leaves it 1899.0 MB" },
        { { MB(4000), "this machine", MB(3000), MB(5), MB(1900) },
          MT_FITS,
          "this machine has" },
        { { UINT64_MAX, "", UINT64_MAX, 0, UINT64_MAX }, MT_FITS, "" },
        { { MB(1000), "this machine", UINT64_MAX, 0, UINT64_MAX },
          MT_FITS_NOT,
          "this machine has 1000.0 MB" },
        { { UINT64_MAX, "", MB(1000), MB(3000), UINT64_MAX }, MT_FITS, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_fit f = mt_fit(&need, &rows[i].limit);

        ck_assert_msg(f.fits == rows[i].fits, "row %zu: %d: %s", i, f.fits,
                      f.text);
        ck_assert_msg(strstr(f.text, rows[i].says) != NULL, "row %zu: %s", i,
                      f.text);
        ck_assert_ptr_nonnull(strstr(
            f.text, "training takes 2000.0 MB of memory (1500.0 MB for "
                    "parameters, gradients and the optimizer, 400.0 MB for "
                    "batches and activations, 90.0 MB for data); "));
    }
}
END_TEST

/* Addresses that take no memory. */
START_TEST(addresses_may_be_more_than_memory)
{
    struct mt_need wide = need;
    struct mt_memlimit limit = { MB(4000), "this machine", MB(3000), MB(5),
                                 MB(2499) };
    struct mt_fit f;

    wide.more = MB(2500);
    f = mt_fit(&wide, &limit);
    ck_assert_int_eq(f.fits, MT_FITS_NOT);
    ck_assert_ptr_nonnull(strstr(f.text, "ulimit leaves it 2499.0 MB, and it "
                                         "needs addresses for 2500.0 MB"));
    limit.room = MB(2500);
    ck_assert_int_eq(mt_fit(&wide, &limit).fits, MT_FITS);
}
END_TEST

Suite *fit_suite(void);

Suite *fit_suite(void)
{
    Suite *s = suite_create("fit");
    TCase *t = tcase_create("core");

    tcase_add_test(t, fits_where_it_does);
    tcase_add_test(t, addresses_may_be_more_than_memory);
    suite_add_tcase(s, t);
    return s;
}
