#include "data/csvsniff.h"

#include "data/testing.h"

static struct mt_csv_sniffed found;

static mt_status sniff(const char *text, size_t n)
{
    static const struct mt_csv_dialect none;
    struct mt_arena arena = MT_ARENA_INIT;
    static char said[1024];
    mt_status status;

    test_write("t.csv", text, n);
    status = mt_csv_sniff(test_path("t.csv"), &none, &arena, &found, &test_err);
    if (status == MT_OK) {
        snprintf(said, sizeof said, "%s", found.said ? found.said : "");
        found.said = said;
    }
    mt_arena_free(&arena);
    return status;
}

/* "delimiter decimal thousands comment", 0 for none. */
static void finds(const char *text, const char *form, const char *said)
{
    char all[8];

    ck_assert_msg(sniff(text, strlen(text)) == MT_OK, "%s", test_err.text);
    snprintf(all, sizeof all, "%c%c%c%c", found.dialect.delimiter,
             found.dialect.decimal,
             found.dialect.thousands ? found.dialect.thousands : '0',
             found.dialect.comment ? found.dialect.comment : '0');
    ck_assert_msg(!strcmp(all, form), "%s: \"%s\", expected \"%s\"", text, all,
                  form);
    ck_assert_msg(strstr(found.said, said), "%s: \"%s\" lacks \"%s\"", text,
                  found.said, said);
}

START_TEST(delimiters)
{
    finds("a,b\n1,2\n", ",.00", "");
    ck_assert_str_eq(found.said, "");
    finds("a;b\n1;2\n", ";.00", "fields are separated by \";\"");
    finds("a\tb\n1\t2\n", "\t.00", "separated by tabs");
    finds("a|b\n1|2\n", "|.00", "\"|\"");
    finds(" 1.0  2\t3\n 4 5  6\n", " .00", "separated by spaces");
    /* a tab between numbers in columns and a name */
    finds("18.0  8 \t\"a b\"\n15.0  8 \t\"c\"\n", " .00", "spaces");
    finds("name\tnote\nx\ta b c\ny\td e f\n", "\t.00", "tabs");
    /* decimal commas are more than the semicolons */
    finds("1,5;2,5;3,5\n4,5;5,5;6,5\n", ";,00", "decimal commas");
    finds("\"a;b;c\",y\n1,2\n", ",.00", "");
    finds("a,b,\n1,2\n3,4\n", ",.00", "");
    finds(",1\n,2\n", ",.00", "");
    finds("a,b;c\n5'1\" x,1\n5'2\" y,2\n5'3\",3\n", ",.00", "");
    finds("a;b\n\"x \"\"y\"\",,,\";1\n\"z,,,\";2\n", ";.00", "");
    finds("sep=;\na;b\n1;2\n", ";.00", "");
    finds("one\n1\n2\n", ",.00", "");
    finds("text\nof words\nin lines of two\n", ",.00", "");
}
END_TEST

START_TEST(numbers)
{
    finds("a;b\n1,5;x\n2;y\n", ";,00", "as in \"1,5\" (line 2)");
    finds("a;b\n1.234,5;x\n", ";,.0", "separated by \".\", as in \"1.234,5\"");
    finds("a,b\n\"1,234,567\",1\n\"387,333\",2\n", ",.,0",
          "separated by \",\"");
    finds("a,b\n\"387,333\",1.5\n", ",.,0", "as in \"387,333\" (line 2)");
    finds("a;b\n387,333;0,5\n", ";,00", "");
    finds("a;b\n1 234;2\n", ";. 0", "separated by \" \"");
    finds("a;b\n1'234;2\n", ";.'0", "separated by \"'\"");
    finds("a;b\n1.234;2\n", ";.00", "");
    finds("a,b\n\"1,5\",2.5\n", ",.00", ""); /* no form reads both */
    /* one field in 20 may be a fault, and texts say nothing */
    finds("a;b\n1,5;x,y\n2,5;1,2,3\n3,5;z\n", ";,00", "");
    finds("a,b\n\"x, y\",2.5\n", ",.00", "");
    ck_assert_int_eq(sniff("a,b\n\"387,333\",2\n", 16), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "t.csv:2: \"387,333\" may"));
    ck_assert_ptr_nonnull(strstr(test_err.text, "--decimal , or --thousands"));
}
END_TEST

START_TEST(lines)
{
    static char text[4096];
    size_t n = 0;

    finds("# by hand\na,b\n1,2\n", ",.0#", "1 comment line skipped (line 1)");
    finds("#a,b\n1,2\n", ",.00", ""); /* a header */
    finds("# x\n# a,b\na,b\n1,2\n", ",.0#", "2 comment lines");
    finds("a,b\n1,2\n\n3,4\n\n", ",.00", "1 empty line skipped (line 3)");
    finds("a,b\n1,\"x\ny\"\n", ",.00",
          "1 record goes over several lines (line 2)");
    /* a comment far below */
    n = (size_t)sprintf(text, "a,b,c\n");
    for (int i = 0; i < 300; i++)
        n += (size_t)sprintf(text + n, "%d,%d,1\n", i, i % 7);
    sprintf(text + n, "# the end\n");
    finds(text, ",.0#", "1 comment line skipped (line 302)");
    ck_assert_int_eq(sniff("\xff\xfe"
                           "a\0",
                           4),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "UTF-16"));
}
END_TEST

Suite *csvsniff_suite(void);

Suite *csvsniff_suite(void)
{
    Suite *suite = suite_create("csvsniff");
    TCase *tc = test_case(suite, "csvsniff");

    tcase_add_test(tc, delimiters);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, lines);
    return suite;
}
