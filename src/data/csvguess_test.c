#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/csvguess.h"

static struct mt_arena arena;
static struct mt_csv_guess g;
static struct mt_err err;
static char path[64];

static void setup(void)
{
    int fd;

    arena = (struct mt_arena)MT_ARENA_INIT;
    snprintf(path, sizeof path, "/tmp/csvguess-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void teardown(void)
{
    mt_arena_free(&arena);
    unlink(path);
}

static mt_status guess(const char *text, const char *target)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    err = (struct mt_err)MT_ERR_INIT;
    return mt_csv_guess(path, target, &arena, &g, &err);
}

/* rows lines of "i * step, i % classes" below a header */
static void write_rows(char *out, size_t size, int rows, int classes)
{
    size_t n = (size_t)snprintf(out, size, "x,y\n");

    for (int i = 0; i < rows; i++)
        n += (size_t)snprintf(out + n, size - n, "%d,%d\n", i, i % classes);
}

START_TEST(text_targets_are_classes)
{
    ck_assert_int_eq(guess("a,kind,b\n1,red,2\n3,blue,4\n5,red,6\n", "kind"),
                     MT_OK);
    ck_assert(g.classification && !g.numeric);
    ck_assert_uint_eq(g.classes, 2);
    ck_assert_str_eq(g.class_names[0], "blue");
    ck_assert_str_eq(g.class_names[1], "red");
    ck_assert_uint_eq(g.rows, 3);
    ck_assert_uint_eq(g.target, 1);
    ck_assert_uint_eq(g.columns.n_features, 2);
    ck_assert_uint_eq(g.columns.features[1], 2);
}
END_TEST

START_TEST(numbers_are_a_regression_unless_few_and_whole)
{
    static const struct {
        int rows, classes;
        bool classification;
    } cases[] = {
        { 10, 2, true }, { 9, 2, false }, { 100, 20, true },
        { 99, 20, false }, { 200, 21, false }, { 30, 30, false },
    };
    char text[8192];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_rows(text, sizeof text, cases[i].rows, cases[i].classes);
        ck_assert_int_eq(guess(text, NULL), MT_OK);
        ck_assert_msg(g.classification == cases[i].classification,
                      "%d rows, %d classes", cases[i].rows, cases[i].classes);
        ck_assert(g.numeric);
    }
    ck_assert_int_eq(guess("x,y\n1,0.5\n2,1.5\n3,0.5\n4,1.5\n5,0.5\n6,1.5\n"
                           "7,0.5\n8,1.5\n9,0.5\n0,1.5\n", "y"), MT_OK);
    ck_assert(!g.classification);
}
END_TEST

START_TEST(a_numeric_target_is_measured)
{
    ck_assert_int_eq(guess("x,y\n1,1000001\n2,1000003.5\n3,999998.5\n", NULL),
                     MT_OK);
    ck_assert_double_eq(g.min, 999998.5);
    ck_assert_double_eq(g.max, 1000003.5);
    ck_assert_double_eq_tol(g.mean, 1000001, 1e-9);
    ck_assert_double_eq_tol(g.std, sqrt(12.5 / 3), 1e-9);
}
END_TEST

START_TEST(columns_that_are_no_numbers_are_left_out)
{
    ck_assert_int_eq(guess("id;age;city;gap;y\nA1;30;Bonn;;1.5\n"
                           "A2;41;Ulm;3;2.5\nA3;2;;nan;0.5\n", NULL), MT_OK);
    ck_assert_int_eq(g.delimiter, ';');
    ck_assert_uint_eq(g.columns.n_features, 2);
    ck_assert_uint_eq(g.columns.features[0], 1);
    ck_assert_uint_eq(g.columns.features[1], 3);
    ck_assert_int_eq(g.use[0], MT_CSV_TEXT);
    ck_assert_int_eq(g.use[1], MT_CSV_FEATURE);
    ck_assert_int_eq(g.use[2], MT_CSV_TEXT);
    ck_assert_int_eq(g.use[3], MT_CSV_GAPS);
    ck_assert_uint_eq(g.gaps[3], 2);
    ck_assert_uint_eq(g.gap_line[3], 2);
    ck_assert_int_eq(g.use[4], MT_CSV_TARGET);
}
END_TEST

START_TEST(texts_of_several_rows_are_categories)
{
    ck_assert_int_eq(guess("a,b,c,d,y\nx,True,1,1,1\ny,no,2,2,2\nx,TRUE,3,3,4\n"
                           "NA,No,more,4,5\nx,true,3,5,6\ny,no,more,6,?\n", NULL),
                     MT_OK);
    ck_assert_int_eq(g.use[0], MT_CSV_CATEGORY);
    ck_assert_uint_eq(g.n_values[0], 2);
    ck_assert_str_eq(g.values[0][0], "x");
    ck_assert_uint_eq(g.gaps[0], 1);
    ck_assert_int_eq(g.use[1], MT_CSV_CATEGORY);
    ck_assert_uint_eq(g.n_values[1], 2);
    ck_assert_str_eq(g.values[1][1], "true");
    ck_assert_int_eq(g.use[2], MT_CSV_TEXT); /* 4 values in 6 rows */
    ck_assert_int_eq(g.use[3], MT_CSV_FEATURE);
    ck_assert(g.numeric && !g.classification);
    ck_assert_uint_eq(g.rows_with_target, 5);
    ck_assert_uint_eq(g.gap_line[4], 7);
    ck_assert_double_eq(g.max, 6);
    ck_assert_double_eq_tol(g.mean, 3.6, 1e-12);
}
END_TEST

START_TEST(why_a_column_is_left_out_is_known)
{
    ck_assert_int_eq(guess("age;city;gap;y\n30;Bonn;1;1.5\n41;\"a\x1b\nb\";;2\n"
                           "2;7;nan;0\n", NULL), MT_OK);
    ck_assert_uint_eq(g.odd[0].n, 0);
    ck_assert_ptr_null(g.odd[0].text);
    ck_assert_uint_eq(g.odd[1].n, 2);
    ck_assert_str_eq(g.odd[1].text, "Bonn");
    ck_assert_uint_eq(g.odd[1].line, 2);
    ck_assert_int_eq(g.use[2], MT_CSV_GAPS);
    ck_assert_uint_eq(g.odd[2].n, 2);
    ck_assert_str_eq(g.odd[2].text, "");
    ck_assert_uint_eq(g.odd[2].line, 3);
    /* what makes it a text, not what is only missing; fit to be shown */
    ck_assert_int_eq(guess("a;b;y\n1;;1\n2;\x1b[1m;2\n", NULL), MT_OK);
    ck_assert_int_eq(g.use[1], MT_CSV_TEXT);
    ck_assert_str_eq(g.odd[1].text, "?[1m");
    ck_assert_uint_eq(g.odd[1].line, 3);
}
END_TEST

START_TEST(decimal_commas_are_known)
{
    ck_assert_int_eq(guess("a;b;c;y\n1;;1,5;3,5\n2;-1,5e3;x;4\n3;2;1,5;5\n",
                           NULL), MT_OK);
    ck_assert_int_eq(g.use[0], MT_CSV_FEATURE);
    ck_assert_int_eq(g.use[1], MT_CSV_COMMA);
    ck_assert_str_eq(g.odd[1].text, "-1,5e3");
    ck_assert_uint_eq(g.odd[1].line, 3);
    ck_assert_int_eq(g.use[2], MT_CSV_TEXT);
    ck_assert_int_eq(g.use[3], MT_CSV_TARGET);
    ck_assert_int_eq(g.target_use, MT_CSV_COMMA);
    ck_assert(g.no_classes);
    ck_assert_int_eq(guess("a;y\n1;1,234,567\n2;3,4\n", NULL), MT_OK);
    ck_assert_int_eq(g.target_use, MT_CSV_TEXT);
}
END_TEST

START_TEST(texts_of_nearly_every_row_are_no_classes)
{
    char text[2048];
    size_t n;

    for (int classes = 20; classes <= 21; classes++) {
        n = (size_t)snprintf(text, sizeof text, "x,y\n");
        for (int i = 0; i < 40; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%d,c%d\n", i * i,
                                  i % classes);
        ck_assert_int_eq(guess(text, NULL), MT_OK);
        ck_assert(g.classification && g.no_classes == (classes == 21));
    }
}
END_TEST

START_TEST(a_first_column_that_counts_is_left_out)
{
    static const struct {
        const char *text;
        enum mt_csv_use use;
    } cases[] = {
        { "id,x,y\n1,5,1.5\n2,4,1\n3,4,2\n", MT_CSV_COUNTER },
        { ",x,y\n0,5,1.5\n1,4,1\n2,4,2\n", MT_CSV_COUNTER },
        { "id,x,y\n2,5,1.5\n3,4,1\n4,4,2\n", MT_CSV_FEATURE },
        { "id,x,y\n1,5,1.5\n2,4,1\n4,4,2\n", MT_CSV_FEATURE },
        { "id,y\n1,1.5\n2,1\n3,2\n", MT_CSV_FEATURE }, /* all there is */
        { "id,x,y\n1,5,1.5\n2,4,1\n,4,2\n", MT_CSV_GAPS },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(guess(cases[i].text, NULL), MT_OK);
        ck_assert_msg(g.use[0] == cases[i].use, "%zu: %d", i, (int)g.use[0]);
        ck_assert_uint_eq(g.columns.n_features,
                          g.columns.n - 1 - (g.use[0] == MT_CSV_COUNTER));
        ck_assert_uint_eq(g.columns.features[0], g.use[0] == MT_CSV_COUNTER);
    }
    /* not where it is to be predicted */
    ck_assert_int_eq(guess("id,x,z\n1,5,1.5\n2,4,1\n3,4,2\n", "id"), MT_OK);
    ck_assert_int_eq(g.use[0], MT_CSV_TARGET);
    ck_assert_uint_eq(g.columns.n_features, 2);
}
END_TEST

START_TEST(delimiters_and_headers_are_found)
{
    ck_assert_int_eq(guess("1.5\t2\n3\t4\n", "0"), MT_OK);
    ck_assert_int_eq(g.delimiter, '\t');
    ck_assert_ptr_null(g.columns.names);
    ck_assert_uint_eq(g.target, 0);
    ck_assert_int_eq(guess("\"a;b;c;d\",y\n1,2\n3,4\n", NULL), MT_OK);
    ck_assert_int_eq(g.delimiter, ',');
    ck_assert_str_eq(g.columns.names[0], "a;b;c;d");
}
END_TEST

START_TEST(what_is_no_table_is_refused)
{
    static const struct {
        const char *text, *target, *told;
    } cases[] = {
        { "", NULL, "the file is empty" },
        { "a,b\n", NULL, "at least two rows" },
        { "a,b\n1,2\n3\n", NULL, "expected 2 fields" },
        { "a,b\n1,2\n3,4\n", "c", "--target c: target: " },
        { "age,b\n1,2\n3,4\n", "aeg", "did you mean \"age\"?" },
        { "a,b\n1,2\n3,4\n", "7", "expected an index from -2 to 1" },
        { "a,b\nx,2\ny,4\n", NULL, "no column has a number in every row" },
        { "a;b\n1,5;2\n2,5;4\n", NULL, "\"1,5\" in line 2 has a" },
        { "a\n1\n2\n", NULL, "no column is left for features" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(guess(cases[i].text, cases[i].target), MT_INVALID);
        ck_assert_msg(strstr(err.text, cases[i].told), "%s", err.text);
    }
    unlink(path);
    ck_assert_int_eq(mt_csv_guess(path, NULL, &arena, &g, &err), MT_IO);
}
END_TEST

START_TEST(many_classes_are_counted_up_to_a_bound)
{
    FILE *f = fopen(path, "w");

    fputs("x,y\n", f);
    for (int i = 0; i < 3000; i++)
        fprintf(f, "%d,name%d\n", i, i);
    fclose(f);
    ck_assert_int_eq(mt_csv_guess(path, NULL, &arena, &g, &err), MT_OK);
    ck_assert_uint_eq(g.rows, 3000);
    ck_assert_uint_eq(g.classes, MT_CSV_GUESS_CLASSES + 1);
}
END_TEST

Suite *csvguess_suite(void);
Suite *csvguess_suite(void)
{
    Suite *suite = suite_create("csvguess");
    TCase *tc = tcase_create("csvguess");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, text_targets_are_classes);
    tcase_add_test(tc, numbers_are_a_regression_unless_few_and_whole);
    tcase_add_test(tc, a_numeric_target_is_measured);
    tcase_add_test(tc, columns_that_are_no_numbers_are_left_out);
    tcase_add_test(tc, texts_of_several_rows_are_categories);
    tcase_add_test(tc, why_a_column_is_left_out_is_known);
    tcase_add_test(tc, decimal_commas_are_known);
    tcase_add_test(tc, texts_of_nearly_every_row_are_no_classes);
    tcase_add_test(tc, a_first_column_that_counts_is_left_out);
    tcase_add_test(tc, delimiters_and_headers_are_found);
    tcase_add_test(tc, what_is_no_table_is_refused);
    tcase_add_test(tc, many_classes_are_counted_up_to_a_bound);
    suite_add_tcase(suite, tc);
    return suite;
}
