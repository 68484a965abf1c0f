#include "data/csvguess.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mt_arena arena;
static struct mt_csv_guess g;
static struct mt_err err;
static char path[64];

static void setup(void)
{
    int fd;

    arena = (struct mt_arena)MT_ARENA_INIT;
    g = (struct mt_csv_guess){ 0 };
    snprintf(path, sizeof path, "/tmp/csvguess-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void teardown(void)
{
    mt_csv_guess_free(&g);
    mt_arena_free(&arena);
    unlink(path);
}

static mt_status guess_with(const char *text, const struct mt_csv_hints *hints)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    err = (struct mt_err)MT_ERR_INIT;
    mt_csv_guess_free(&g);
    return mt_csv_guess(path, hints, &arena, &g, &err);
}

/* target NULL: not given */
static mt_status guess(const char *text, const char *target)
{
    struct mt_csv_hints hints = { &target, target != NULL, MT_HEADER_GUESS };

    return guess_with(text, &hints);
}

static void guesses(const char *text, const char *target)
{
    ck_assert_msg(guess(text, target) == MT_OK, "%s", err.text);
}

/* "Bonn 2 (3), Ulm 1 (2)": rows, and the first line */
static const char *classes(void)
{
    static char text[512];
    struct mt_csv_class *c;
    size_t n, at = 0;

    ck_assert_int_eq(mt_csv_classes(&g, &arena, &c, &n, &err), MT_OK);
    *text = '\0';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %zu (%llu)",
                               i ? ", " : "", c[i].name, c[i].rows,
                               (unsigned long long)c[i].line);
    return text;
}

/* rows lines of "i * i, i % classes" below a header */
static const char *rows_of(int rows, int n_classes, const char *class)
{
    static char out[1 << 16];
    size_t n = (size_t)snprintf(out, sizeof out, "x,y\n");

    for (int i = 0; i < rows; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%d,%s%d\n", i * i,
                              class, i % n_classes);
    return out;
}

START_TEST(text_targets_are_classes)
{
    guesses("a,kind,b\n1,red,2\n3,blue,4\n5,red,6\n", "kind");
    ck_assert_int_eq(g.targets[0], MT_TARGET_CLASSES);
    ck_assert_str_eq(classes(), "blue 1 (3), red 2 (2)");
    ck_assert_uint_eq(g.rows, 3);
    ck_assert_uint_eq(g.columns.targets[0], 1);
    ck_assert_uint_eq(g.columns.n_features, 2);
    ck_assert_uint_eq(g.columns.features[1], 2);
    /* one number in two spellings is one class */
    guesses("a,y\n1,1\n3,2\n5,1.0\n", "y");
    ck_assert_str_eq(classes(), "1 2 (2), 2 1 (3)");
    /* in a target, upper and lower case differ */
    guesses("a,y\n1,Yes\n3,yes\n5,no\n", "y");
    ck_assert_str_eq(classes(), "Yes 1 (2), no 1 (4), yes 1 (3)");
}
END_TEST

START_TEST(numbers_are_a_regression_unless_few_and_whole)
{
    static const struct {
        int rows, classes;
        bool few;
    } cases[] = {
        { 10, 2, true },   { 9, 2, false },    { 100, 20, true },
        { 99, 20, false }, { 200, 21, false }, { 30, 30, false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        guesses(rows_of(cases[i].rows, cases[i].classes, ""), NULL);
        ck_assert_msg((g.targets[0] == MT_TARGET_FEW) == cases[i].few,
                      "%d rows, %d classes", cases[i].rows, cases[i].classes);
        ck_assert(cases[i].few || g.targets[0] == MT_TARGET_NUMBERS);
    }
    guesses("x,y\n1,0.5\n2,1.5\n3,0.5\n4,1.5\n5,0.5\n6,1.5\n7,0.5\n8,1.5\n"
            "9,0.5\n0,1.5\n",
            "y");
    ck_assert_int_eq(g.targets[0], MT_TARGET_NUMBERS);
    /* gaps change nothing */
    guesses("x,y\n1,12\n2,NA\n3,14\n4,?\n5,17.5\n", "y");
    ck_assert_int_eq(g.targets[0], MT_TARGET_NUMBERS);
    ck_assert_uint_eq(g.looks[1].gaps.n, 2);
    ck_assert_str_eq(g.looks[1].gaps.text, "NA");
    ck_assert_uint_eq(g.looks[1].gaps.line, 3);
}
END_TEST

START_TEST(a_number_with_faults_is_no_class)
{
    static char text[1 << 17];

    guesses("x,y\n1,1.5\n2,2.5\n3,\"3,5\"\n", NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_FAULTY);
    ck_assert_str_eq(g.looks[1].commas.text, "3,5");
    ck_assert_uint_eq(g.looks[1].commas.line, 4);
    guesses("x,y\n1,15\n2,25\n3,none\n4,8\n", NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_FAULTY);
    ck_assert_str_eq(g.looks[1].texts.text, "none");
    /* one text of 101 rows is a fault, ten of 110 are a class */
    snprintf(text, sizeof text, "%s5,none\n", rows_of(100, 2, ""));
    guesses(text, NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_FAULTY);
    for (int i = 0; i < 9; i++)
        strcat(text, "5,none\n");
    guesses(text, NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_CLASSES);
    guesses("x,y\n1,a\n2,5\n3,a\n4,b\n", NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_CLASSES);
    guesses("x,y\n1,\n2,?\n3,NA\n", NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_EMPTY);
    guesses("x,y\n1,2024-01-01\n2,2024-01-02\n3,2024-01-01\n", NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_DATES);
}
END_TEST

START_TEST(texts_of_nearly_every_row_are_no_classes)
{
    guesses(rows_of(40, 20, "c"), NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_CLASSES);
    guesses(rows_of(40, 21, "c"), NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_TEXT);
    guesses(rows_of(3000, 1001, "c"), NULL);
    ck_assert_int_eq(g.targets[0], MT_TARGET_TEXT);
    ck_assert_uint_eq(g.looks[1].labels.n, 1001);
    guesses(rows_of(3000, 1002, "c"), NULL);
    ck_assert(g.looks[1].many);
}
END_TEST

START_TEST(a_number_is_measured)
{
    guesses("x,y\n1,1000001\n2,1000003.5\n3,999998.5\n4,\n", NULL);
    ck_assert_double_eq(g.looks[1].min, 999998.5);
    ck_assert_double_eq(g.looks[1].max, 1000003.5);
    ck_assert_double_eq_tol(mt_look_mean(&g.looks[1]), 1000001, 1e-9);
    ck_assert_double_eq_tol(mt_look_std(&g.looks[1]), sqrt(12.5 / 3), 1e-9);
}
END_TEST

/* What the first column is; a number and the target follow. */
static const struct {
    const char *name, *values;
    enum mt_csv_use use;
} columns[] = {
    { "a", "1 2 4", MT_CSV_NUMBER },
    { "a", "1 ? 4", MT_CSV_NUMBER },
    { "a", "1 1 ?", MT_CSV_NUMBER },
    { "a", "x y x y", MT_CSV_CATEGORY },
    { "a", "x y x ?", MT_CSV_TEXT },
    { "a", "x y x NA x", MT_CSV_CATEGORY },
    { "a", "x NA ?", MT_CSV_CATEGORY },
    { "a", "True FALSE true false", MT_CSV_CATEGORY },
    { "a", "2024-01-01 2024-01-01T10:00 ? 2023-05-06", MT_CSV_DATE },
    { "a", "? NA ?", MT_CSV_EMPTY },
    { "a", "5 5 5", MT_CSV_CONSTANT },
    { "a", "x x x", MT_CSV_CONSTANT },
    { "a", "1 2 3 4", MT_CSV_COUNTER },
    { "a", "0 1 2 3", MT_CSV_COUNTER },
    { "a", "2 3 4 5", MT_CSV_NUMBER },
    { "a", "1 2 ? 4", MT_CSV_NUMBER },
    { "user_id", "7 3 5 9 2 11 4 8 12 6", MT_CSV_ID },
    { "userId", "7 3 5 9 2 11 4 8 12 6", MT_CSV_ID },
    { "user_id", "7 3 5 9 2 11 4 8 7 6", MT_CSV_NUMBER },
    { "user_id", "7 3 5 9 2 11 4 8 12 6.5", MT_CSV_NUMBER },
    { "humid", "7 3 5 9 2 11 4 8 12 6", MT_CSV_NUMBER },
    { "a", "1,5 2.5 4 3", MT_CSV_COMMA },
    { "a", "1,5 2 4 3", MT_CSV_NUMBER },
    { "a", "x y x y x 1,5", MT_CSV_CATEGORY },
    { "a", "1,5 2,5 1,5 2,5 x", MT_CSV_FAULTY },
    { "a", "31/12/2024 01/02/2024 31/12/2024 01/02/2024", MT_CSV_OTHER_DATES },
    { "a", "1 2 x", MT_CSV_FAULTY },
    { "a", "2024-01-01 2024-01-02 x", MT_CSV_FAULTY },
    { "a", "one two three", MT_CSV_TEXT },
    { "zip", "01234 90210 01234 90210", MT_CSV_CATEGORY },
    { "zip", "01234 90210 10001", MT_CSV_TEXT },
    { "zip", "11234 90210 10001", MT_CSV_NUMBER },
    { "a", "012 105 007", MT_CSV_NUMBER },
};

START_TEST(columns_are_what_their_values_say)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        char text[1024], values[256], *save = NULL;
        size_t n;
        int row = 0;

        n = (size_t)snprintf(text, sizeof text, "%s,b,y\n", columns[i].name);
        snprintf(values, sizeof values, "%s", columns[i].values);
        for (char *v = strtok_r(values, " ", &save); v;
             v = strtok_r(NULL, " ", &save), row++)
            n += (size_t)snprintf(text + n, sizeof text - n, "\"%s\",%d,%d\n",
                                  v, row * row, row % 2);
        guesses(text, NULL);
        ck_assert_msg(g.use[0] == columns[i].use, "%s: %d", columns[i].values,
                      (int)g.use[0]);
        ck_assert_uint_eq(g.columns.n_features,
                          1 + (columns[i].use < MT_CSV_TARGET));
    }
}
END_TEST

START_TEST(odd_fields_have_their_line)
{
    guesses("age;city;gap;y\n30;Bonn;1;1.5\n41;\"a\x1b\nb\";;2\n2;7;nan;0\n",
            NULL);
    ck_assert_uint_eq(g.looks[0].texts.n, 0);
    ck_assert_ptr_null(g.looks[0].texts.text);
    ck_assert_uint_eq(g.looks[1].texts.n, 2);
    ck_assert_str_eq(g.looks[1].texts.text, "Bonn");
    ck_assert_uint_eq(g.looks[1].texts.line, 2);
    ck_assert_uint_eq(g.looks[2].gaps.n, 2);
    ck_assert_str_eq(g.looks[2].gaps.text, "");
    ck_assert_uint_eq(g.looks[2].gaps.line, 3);
    /* made printable */
    guesses("a;b;y\n1;;1\n2;\x1b[1m;2\n", NULL);
    ck_assert_str_eq(g.looks[1].texts.text, "?[1m");
    ck_assert_uint_eq(g.looks[1].texts.line, 3);
}
END_TEST

/* Texts that cannot be the name of a value are not kept. */
START_TEST(long_values_are_not_counted)
{
    static char text[1 << 14];
    char *end = text + sprintf(text, "a,b,y\n1,");

    memset(end, 'x', 5000);
    strcpy(end + 5000, ",1\n2,a,2\n3,b,4\n");
    guesses(text, NULL);
    ck_assert_int_eq(g.use[1], MT_CSV_TEXT);
    ck_assert(g.looks[1].many && g.looks[1].labels.n == 0);
    guesses("a,b,y\n1,\xff,1\n2,x,2\n3,x,4\n", NULL);
    ck_assert_int_eq(g.use[1], MT_CSV_TEXT);
}
END_TEST

START_TEST(a_counter_is_used_if_it_is_all_there_is)
{
    guesses("id,y\n1,1.5\n2,1\n3,2\n", NULL);
    ck_assert_uint_eq(g.columns.n_features, 1);
    ck_assert_int_eq(g.use[0], MT_CSV_NUMBER);
    /* not if it is the target */
    guesses("id,x,z\n1,5,1.5\n2,4,1\n3,4,2\n", "id");
    ck_assert_int_eq(g.use[0], MT_CSV_TARGET);
    ck_assert_uint_eq(g.columns.n_features, 2);
    guesses("a,b\nx,2\ny,4\n", NULL);
    ck_assert_uint_eq(g.columns.n_features, 0);
}
END_TEST

START_TEST(delimiters_and_headers_are_found)
{
    static const struct mt_csv_hints yes = { .header = MT_HEADER_YES },
                                     no = { .header = MT_HEADER_NO };

    guesses("1.5\t2\n3\t4\n", "0");
    ck_assert_int_eq(g.form.dialect.delimiter, '\t');
    ck_assert_ptr_null(g.columns.names);
    ck_assert_uint_eq(g.columns.targets[0], 0);
    guesses("\"a;b;c;d\",y\n1,2\n3,4\n", NULL);
    ck_assert_int_eq(g.form.dialect.delimiter, ',');
    ck_assert_str_eq(g.columns.names[0], "a;b;c;d");
    ck_assert_int_eq(guess_with("1,2\n3,4\n5,6\n", &yes), MT_OK);
    ck_assert_uint_eq(g.rows, 2);
    ck_assert_str_eq(g.columns.why, "as --header says");
    ck_assert_int_eq(guess_with("a,b\n3,4\n", &no), MT_OK);
    ck_assert_uint_eq(g.rows, 2);
}
END_TEST

START_TEST(several_targets_are_taken)
{
    static const char *const names[] = { "4046", "b" };
    static const struct mt_csv_hints two = { names, 2, MT_HEADER_GUESS };

    ck_assert_int_eq(guess_with("a,b,4046\n1,2,3\n4,5,6.5\n9,8,7\n", &two),
                     MT_OK);
    ck_assert_uint_eq(g.columns.n_targets, 2);
    ck_assert_uint_eq(g.columns.targets[0], 2);
    ck_assert_uint_eq(g.columns.targets[1], 1);
    ck_assert_int_eq(g.targets[1], MT_TARGET_NUMBERS);
    ck_assert_uint_eq(g.columns.n_features, 1);
    ck_assert_int_eq(guess_with("a,b,c\n1,2,3\n4,5,6.5\n9,8,7\n", &two),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "--target: target[0]: "));
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
        { "a,b\n1,2\n3,4\n", "01", "no column \"01\"" },
        { "a\n1\n2\n", NULL, "no column is left for features" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(guess(cases[i].text, cases[i].target), MT_INVALID);
        ck_assert_msg(strstr(err.text, cases[i].told), "%s", err.text);
    }
    unlink(path);
    ck_assert_int_eq(
        mt_csv_guess(path, &(struct mt_csv_hints){ 0 }, &arena, &g, &err),
        MT_IO);
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
    tcase_add_test(tc, a_number_with_faults_is_no_class);
    tcase_add_test(tc, texts_of_nearly_every_row_are_no_classes);
    tcase_add_test(tc, a_number_is_measured);
    tcase_add_test(tc, columns_are_what_their_values_say);
    tcase_add_test(tc, odd_fields_have_their_line);
    tcase_add_test(tc, long_values_are_not_counted);
    tcase_add_test(tc, a_counter_is_used_if_it_is_all_there_is);
    tcase_add_test(tc, delimiters_and_headers_are_found);
    tcase_add_test(tc, several_targets_are_taken);
    tcase_add_test(tc, what_is_no_table_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
