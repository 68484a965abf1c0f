#include "data/testing.h"

/* The encoded inputs of all training samples, "1 0 2.5 | 0 1 3 | ...". */
static const char *inputs(const struct mt_dataset *data)
{
    static char text[4096];
    const struct mt_column *x = &data->train.x;
    const uint32_t *rows = data->subset[MT_SPLIT_TRAIN].rows;
    size_t width = mt_shape_elements(&x->shape), n = 0;

    for (size_t i = 0; i < data->subset[MT_SPLIT_TRAIN].n; i++) {
        const double *v = (const double *)x->data +
                         (rows ? rows[i] : i) * width;

        for (size_t k = 0; k < width && n < sizeof text; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%g",
                                  k   ? " "
                                  : i ? " | "
                                      : "",
                                  v[k]);
    }
    return text;
}

/* Opens table t.csv under a spec's further keys; its inputs are these. */
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
    /* of equally rare ones the first in byte order is kept */
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

Suite *tableplan_suite(void);

Suite *tableplan_suite(void)
{
    Suite *suite = suite_create("tableplan");
    TCase *tc = test_case(suite, "encoding");

    tcase_add_test(tc, values_are_in_byte_order_then_missing);
    tcase_add_test(tc, the_rarest_values_share_one_input);
    tcase_add_test(tc, listed_values_are_the_inputs);
    tcase_add_test(tc, truth_values_are_two_in_any_case);
    tcase_add_test(tc, gaps_are_filled_and_flagged);
    return suite;
}
