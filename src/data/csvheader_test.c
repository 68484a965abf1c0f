#include "data/csvheader.h"

#include "data/csvcolumns.h"
#include "data/testing.h"

/* Does the table with this text have a header, and why? */
static bool finds(const char *text, char *why, size_t size)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_csv_header found;
    struct mt_csv *csv;
    bool ok =
        test_csv(text, strlen(text), &mt_csv_plain, &csv, &err) == MT_OK &&
        mt_csv_find_header(csv, &arena, &found, &err) == MT_OK;

    ck_assert_msg(ok, "%s", err.text);
    snprintf(why, size, "%s", found.why);
    mt_csv_free(csv);
    mt_arena_free(&arena);
    return found.header;
}

#define HEADER(text, reason)                                                   \
    {                                                                          \
        text, reason, true                                                     \
    }
#define DATA(text, reason)                                                     \
    {                                                                          \
        text, reason, false                                                    \
    }
#define IRIS "4.9,3.0,1.4,a\n4.7,3.2,1.3,a\n4.6,3.1,1.5,b\n5.0,3.6,1.4,b\n"
#define CARS                                                                   \
    "high,2,small,no\nlow,4,big,yes\nhigh,4,small,no\nmed,2,big,yes\n"         \
    "low,4,small,no\nmed,2,big,yes\nhigh,4,small,yes\nlow,2,big,no\n"
#define WORDS                                                                  \
    "red,small,yes\nblue,big,no\nred,big,yes\nblue,small,no\nred,big,no\n"     \
    "blue,big,yes\nred,small,no\nred,small,yes\nblue,small,yes\n"
#define YEARS "Chad,7.1,7.3,7.9\nPeru,4.0,4.4,4.1\nMali,6.2,5.9,6.5\n"
#define WHOLE                                                                  \
    "5,40,13\n9,11,2\n3,70,31\n8,42,5\n2,90,9\n7,33,44\n4,8,1\n6,1,17\n9,25,"  \
    "3\n"

static const struct {
    const char *text, *why;
    bool header;
} tables[] = {
    HEADER("len,wid,size,kind\n" IRIS, "\"len\" is above numbers"),
    DATA("5.1,3.5,1.4,a\n" IRIS, "\"a\" in column 3 is a value of line 2"),
    DATA("?,3.5,1.4,c\n" IRIS, "\"?\" in column 0 is a missing value"),
    DATA("NA,3.5,NaN,c\n" IRIS, "\"NA\" in column 0 is a missing value"),
    DATA(",3.5,1.4,a\n" IRIS, "\"a\" in column 3 is a value of line 2"),
    DATA("5.1,3.5,1.4,x\n" IRIS, "\"5.1\" in column 0 is like the values"),
    DATA("bad,3.5,1.4,a\n" IRIS, "\"a\" in column 3"),
    DATA("1,1\n2,3\n", "\"1\" in column 0 is like the values below it"),
    HEADER("x,1\n2,3\n4,5\n", "\"x\" is above numbers"),
    HEADER("price,doors,boot,safe\n" CARS, "\"doors\" is above numbers"),
    DATA("med,4,small,no\n" CARS, "\"med\" in column 0 is a value of line 5"),
    HEADER("colour,size,old\n" WORDS, "\"colour\" is not among the few values"),
    DATA("blue,big,no\n" WORDS, "\"blue\" in column 0 is a value of line 3"),
    DATA("blue,huge,no\n" WORDS, "\"blue\" in column 0 is a value of line 3"),
    HEADER("name,note\nAda,good\nBob,bad\n", "its fields are texts, all"),
    DATA("Ada,Ada\nBob,bad\n", "nothing sets it apart"),
    /* names that are numbers */
    HEADER("country,1990,1991,1992\n" YEARS, "go in steps (\"1990\", ...)"),
    HEADER("0,1,2\n" WHOLE, "its numbers go in steps (\"0\", ...)"),
    HEADER(",0,1,2\na,5,7,5\nb,6,6,1\nc,9,2,8\n", "its numbers go in steps"),
    DATA("12,9,6\n10,8,6\n11,7,1\n9,6,2\n", "\"12\" in column 0 is like"),
    DATA("1,2,3\n2,3,4\n3,4,5\n4,5,6\n", "\"1\" in column 0 is like"),
    HEADER("2019,2030,2044\n" WHOLE, "\"2019\" is unlike those below it"),
    DATA("7,30,44\n" WHOLE, "\"7\" in column 0 is like the values below"),
    HEADER("day,4046,4225\n2020-01-04,40,13\n2020-01-11,11,2\n"
           "2020-01-18,99,31\n",
           "\"day\" is above values with digits"),
    DATA("2020-01-04,40,13\n2020-01-11,11,2\n", "\"2020-01-04\" in column 0"),
    DATA("2020-01-04,bad\n2020-01-11,11\n2020-01-18,99\n",
         "\"2020-01-04\" in column 0 is like the values below"),
    HEADER("day,cost,4046,4225\n2020-01-04,1.5,40,13\n2020-01-11,2,11,22\n",
           "\"cost\" is above numbers"),
    HEADER("when,cost\n1/2/2024,$5.00\n1/3/2024,$6.10\n",
           "\"when\" is above values with digits"),
};

START_TEST(headers_are_found_in_both_directions)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char why[256];
        bool header = finds(tables[i].text, why, sizeof why);

        ck_assert_msg(header == tables[i].header && strstr(why, tables[i].why),
                      "%d, %s, of\n%s", header, why, tables[i].text);
    }
}
END_TEST

/* The names of the columns of a text, "a|a.1|b". */
static const char *names_of(const char *text)
{
    static char out[256];
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_csv_select none = { .doc = NULL };
    struct mt_csv_columns c;
    struct mt_err err = MT_ERR_INIT;
    struct mt_csv *csv;
    size_t n = 0;

    ck_assert_int_eq(test_csv(text, strlen(text), &mt_csv_plain, &csv, &err),
                     MT_OK);
    ck_assert_int_eq(mt_csv_read_header(&none, csv, "t.csv", &arena, &c, &err),
                     MT_OK);
    *out = '\0';
    for (size_t i = 0; c.names && i < c.n; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? "|" : "",
                              c.names[i]);
    mt_csv_free(csv);
    mt_arena_free(&arena);
    return out;
}

/* As by pandas.read_csv. */
START_TEST(names_are_made_different)
{
    ck_assert_str_eq(names_of("x,y,x,x\n1,2,3,4\n"), "x|y|x.1|x.2");
    ck_assert_str_eq(names_of("x,x,x.1,x\n1,2,3,4\n"), "x|x.2|x.1|x.3");
    ck_assert_str_eq(names_of("x.1,x.1,x,x\n1,2,3,4\n"), "x.1|x.1.1|x|x.2");
    ck_assert_str_eq(names_of(",a,\n1,2,3\n"), "Unnamed: 0|a|Unnamed: 2");
    ck_assert_str_eq(names_of("1,2\n3,4\n"), "");
}
END_TEST

Suite *csvheader_suite(void);

Suite *csvheader_suite(void)
{
    Suite *suite = suite_create("csvheader");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, headers_are_found_in_both_directions);
    tcase_add_test(tc, names_are_made_different);
    suite_add_tcase(suite, tc);
    return suite;
}
