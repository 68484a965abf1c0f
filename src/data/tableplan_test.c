#include "data/tableplan.h"
#include "data/testing.h"

/* The encoded inputs of all training samples, "1 0 2.5 | 0 1 3 | ...". */
static const char *inputs(const struct mt_dataset *data)
{
    static char text[4096];
    const struct mt_column *x = &data->train.x;
    const struct mt_subset *set = &data->subset[MT_SPLIT_TRAIN];
    size_t width = mt_shape_elements(&x->shape), n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const double *v = (const double *)x->data + test_row(set, i) * width;

        for (size_t k = 0; k < width && n < sizeof text; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%g",
                                  k   ? " "
                                  : i ? " | "
                                      : "",
                                  v[k]);
    }
    return text;
}

/* Of the first training sample, n values to 1e-15. */
static void expect_close(const struct mt_dataset *data, size_t row, size_t n,
                         const double *expected)
{
    const double *x = data->train.x.data;

    ck_assert_uint_eq(mt_shape_elements(&data->train.x.shape), n);
    for (size_t i = 0; i < n; i++)
        ck_assert_double_eq_tol(x[row * n + i], expected[i], 1e-15);
}

/* Checks the inputs of table t.csv, opened with further keys in the spec. */
static void expect(const char *table, const char *keys, const char *expected)
{
    char spec[1024];
    struct mt_dataset *data;

    test_puts("t.csv", table);
    snprintf(spec, sizeof spec, "{'type': 'csv', 'train': 't.csv'%s}", keys);
    data = test_open(spec);
    ck_assert_str_eq(inputs(data), expected);
    mt_dataset_close(data);
}

static void refuse(const char *table, const char *keys, const char *place,
                   const char *cause)
{
    char spec[1024];

    test_puts("t.csv", table);
    snprintf(spec, sizeof spec, "{'type': 'csv', 'train': 't.csv'%s}", keys);
    test_fails(spec, MT_INVALID, place, cause);
}

#define DATES "{'type': 'csv', 'train': 't.csv', 'types': {'d': 'date'}"
#define TOWNS "a,town,y\n1,Ulm,0\n2,Gent,1\n3,,0\n4,Ulm,1\n5,Bonn,0\n6,Ulm,1\n"

START_TEST(values_are_in_byte_order_then_missing)
{
    expect(TOWNS, ", 'types': {'town': 'category'}",
           "1 0 0 1 0 | 2 0 1 0 0 | 3 0 0 0 1 | 4 0 0 1 0 | 5 1 0 0 0 | "
           "6 0 0 1 0");
}
END_TEST

START_TEST(the_rarest_values_share_one_input)
{
    expect(TOWNS, ", 'types': {'t*': 'category'}, 'max_categories': 2",
           "1 1 0 0 | 2 0 1 0 | 3 0 0 1 | 4 1 0 0 | 5 0 1 0 | 6 1 0 0");
    /* of equally rare values the first in byte order is kept */
    expect("a,t,y\n1,d,0\n2,c,0\n3,b,0\n4,a,0\n5,d,0\n",
           ", 'types': {'t': 'category'}, 'max_categories': 3",
           "1 0 1 0 | 2 0 0 1 | 3 0 0 1 | 4 1 0 0 | 5 0 1 0");
}
END_TEST

START_TEST(listed_values_are_the_inputs)
{
    expect(TOWNS,
           ", 'types': {'town': 'category'}, "
           "'categories': {'town': ['Ulm', 'Aalst']}",
           "1 0 1 0 0 | 2 0 0 1 0 | 3 0 0 0 1 | 4 0 1 0 0 | 5 0 0 1 0 | "
           "6 0 1 0 0");
    refuse(TOWNS,
           ", 'types': {'town': 'category'}, "
           "'categories': {'town': ['Ulm', 'Yes', 'yes']}",
           "categories.town", "the value \"yes\" is here twice");
    refuse(TOWNS,
           ", 'types': {'town': 'category'}, "
           "'categories': {'town': ['Ulm', 'NA']}",
           "categories.town", "\"NA\" is a missing value");
}
END_TEST

/* A name takes precedence over a glob, even if it has a star in it. */
START_TEST(names_come_before_globs)
{
    static const char table[] = "a*,ab,ac,y\n1,2,3,0\n1,4,?,1\n";

    expect(table, ", 'types': {'a*': 'category'}, 'missing': {'?c': 'zero'}",
           "1 2 3 | 1 4 0");
    expect(table,
           ", 'types': {'a[*]': 'number', 'a?': 'category', "
           "'ab': 'number'}, 'missing': {'*': 'drop'}",
           "1 2 1");
    /* a rule for all columns does not apply to the target */
    refuse("a,y\n1,2\n2,NA\n", ", 'missing': {'*': 'drop'}",
           "t.csv:3:3:", "column \"y\": \"NA\" is a missing value");
}
END_TEST

START_TEST(truth_values_are_two_in_any_case)
{
    expect("a,b,y\n1,True,0\n2,FALSE,1\n3, true,0\n",
           ", 'types': {'b': 'category'}", "1 0 1 | 2 1 0 | 3 0 1");
    expect("a,b,y\n1,Yes,0\n2,NO,1\n3,yes,0\n4,no,1\n",
           ", 'types': {'b': 'category'}", "1 0 1 | 2 1 0 | 3 0 1 | 4 1 0");
}
END_TEST

START_TEST(gaps_are_filled_and_flagged)
{
    static const char table[] = "a,b,y\n1,10,0\n?,20,1\n4,NA,0\n3,40,1\n";

    expect(table, ", 'missing': 'median'", "1 10 | 3 20 | 4 20 | 3 40");
    expect(table,
           ", 'missing': {'a': 'mean', 'b': 'zero'}, "
           "'missing_flags': true",
           "1 0 10 0 | 2.66667 1 20 0 | 4 0 0 1 | 3 0 40 0");
    expect(table, ", 'missing': {'a': 'drop', 'b': 'median'}",
           "1 10 | 4 25 | 3 40");
    refuse(table, ", 'missing': {'b': 'mean'}",
           "t.csv:3:1:", "column \"a\": \"?\" is a missing value");
}
END_TEST

/* Expected by Python: (d - first) / (last - first), and the sine and cosine of
 * 2 pi (d.timetuple().tm_yday - 1) / days of the year, of 2 pi seconds / 86400.
 */
START_TEST(dates_are_a_part_of_the_range_and_circles)
{
    static const double days[][3] = {
        { 0.0, 0.0, 1.0 },
        { 0.13150684931506848, 0.733885366432199, 0.6792733388972931 },
        { 1.0, -0.017166329754707492, 0.9998526477050269 },
        { 0.5013698630136987, 0.0, -1.0 },
    };
    static const double times[][5] = {
        { 0.0, 0.8498170915275278, 0.5270777086423722, 1.0, 0.0 },
        { 0.35320307595731326, 0.8587639582758029, 0.5123714121284237,
          -0.3235389853200638, -0.9462148408147399 },
        { 1.0, 0.8758917051442429, 0.48250774176121847, -0.38268343236508956,
          0.9238795325112868 },
    };
    struct mt_dataset *data;

    test_puts("t.csv", "d,y\n2024-01-01,1\n2024-02-18,2\n2024-12-31 ,3\n"
                       "2024-07-02,4\n");
    data = test_open(DATES "}");
    for (size_t i = 0; i < 4; i++)
        expect_close(data, i, 3, days[i]);
    mt_dataset_close(data);
    test_puts("t.csv", "d,y\n2023-03-01T06:00,1\n"
                       "2023-03-02 14:15:30.5+01:00,2\n2023-03-04T22:30Z,3\n");
    data = test_open(DATES "}");
    for (size_t i = 0; i < 3; i++)
        expect_close(data, i, 5, times[i]);
    mt_dataset_close(data);
}
END_TEST

START_TEST(gaps_of_dates_are_filled)
{
    static const char table[] =
        "d,y\n2024-01-01,1\n?,2\n2024-01-05,3\n2024-01-11,4\n";
    static const struct {
        const char *rule;
        double part;
    } rows[] = { { "median", 0.4 }, { "mean", 14. / 30 }, { "zero", 0 } };
    char spec[256];

    test_puts("t.csv", table);
    for (size_t i = 0; i < 3; i++) {
        struct mt_dataset *data;
        const double *x;

        snprintf(spec, sizeof spec,
                 DATES ", 'missing': '%s', 'missing_flags': true}",
                 rows[i].rule);
        data = test_open(spec);
        x = data->train.x.data;
        ck_assert_uint_eq(mt_shape_elements(&data->train.x.shape), 4);
        ck_assert_double_eq_tol(x[4], rows[i].part, 1e-15);
        ck_assert(x[3] == 0 && x[7] == 1);
        mt_dataset_close(data);
    }
    test_fails(DATES "}", MT_INVALID, "t.csv:3:1:", "expected a date");
}
END_TEST

START_TEST(odd_dates)
{
    struct mt_dataset *data;

    /* one date: the range is 0, and so is every date's part of it */
    expect("d,y\n2024-01-01,1\n2024-01-01,2\n", ", 'types': {'d': 'date'}",
           "0 0 1 | 0 0 1");
    test_puts("v.csv", "d,y\n2025-01-01,1\n");
    data = test_open(DATES ", 'val': 'v.csv'}");
    ck_assert_double_eq(*(const double *)data->val.x.data, 0);
    mt_dataset_close(data);
    refuse("d,y\n2024-01-01,1\n02/01/2024,2\n", ", 'types': {'d': 'date'}",
           "t.csv:3:1:",
           "expected a date such as 2024-01-31 or "
           "2024-01-31T12:30, got \"02/01/2024\"");
    refuse("d,y\n2024-01-01,1\n2024-02-30,2\n", ", 'types': {'d': 'date'}",
           "t.csv:3:1:", "got \"2024-02-30\"");
}
END_TEST

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Value i of n, in orders that may be hard for finding the median. */
static double ordered(int kind, size_t i, size_t n)
{
    switch (kind) {
    case 0:
        return (double)i;
    case 1:
        return (double)(n - i);
    case 2:
        return 7;
    case 3:
        return (double)(i % 2);
    case 4:
        return (double)(i < n / 2 ? i : n - i);
    case 5:
        return (double)(i * 7919 % n) - 100;
    default: /* each step with a median of three removes two values */
        return (double)(i % 2 ? i : i < n / 2 ? n / 2 + i : i - n / 2);
    }
}

START_TEST(fills_are_medians)
{
    static const size_t sizes[] = { 1, 2, 3, 8, 9, 10, 17, 100, 1001, 4000 };
    struct mt_plan_column column = { .missing = MT_MISSING_MEDIAN };
    struct mt_plan plan = { .n = 1, .columns = &column };
    double v[4000];

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < 7; kind++) {
            struct mt_cells *cells = mt_cells_new(1);
            struct mt_subset rows = { .n = sizes[s] };
            size_t n = sizes[s];

            ck_assert_ptr_nonnull(cells);
            for (size_t i = 0; i < n; i++) {
                v[i] = ordered(kind, i, n);
                mt_cells_put(cells, 0, v[i]);
                ck_assert_int_eq(mt_cells_push(cells, &test_err), MT_OK);
            }
            ck_assert_int_eq(mt_cells_finish(cells, &test_err), MT_OK);
            plan.fitted = false;
            ck_assert_int_eq(mt_plan_fit(&plan, cells, &rows, NULL, &test_err),
                             MT_OK);
            qsort(v, n, sizeof *v, compare_doubles);
            ck_assert_msg(column.fill == (v[(n - 1) / 2] + v[n / 2]) / 2,
                          "kind %d of %zu: %g", kind, n, column.fill);
            mt_cells_free(cells);
        }
}
END_TEST

Suite *tableplan_suite(void);

Suite *tableplan_suite(void)
{
    Suite *suite = suite_create("tableplan");
    TCase *tc = test_case(suite, "encoding");

    tcase_add_test(tc, values_are_in_byte_order_then_missing);
    tcase_add_test(tc, the_rarest_values_share_one_input);
    tcase_add_test(tc, listed_values_are_the_inputs);
    tcase_add_test(tc, names_come_before_globs);
    tcase_add_test(tc, truth_values_are_two_in_any_case);
    tcase_add_test(tc, fills_are_medians);
    tcase_add_test(tc, gaps_are_filled_and_flagged);
    tcase_add_test(tc, dates_are_a_part_of_the_range_and_circles);
    tcase_add_test(tc, gaps_of_dates_are_filled);
    tcase_add_test(tc, odd_dates);
    return suite;
}
