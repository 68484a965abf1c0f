/* Tables from a pipe: records are returned when they are written, and are those
 * of a file, whatever the pieces. A reader that waits in vain exceeds Check's
 * time limit. */
#include <sys/wait.h>

#include "data/csvheader.h"
#include "data/testing.h"

static int ends[2]; /* of the pipe: to read, to write */
static struct mt_csv *csv;
static const struct mt_csv_field *fields;
static size_t n;

static void put(const void *bytes, size_t size)
{
    ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

static void open_with(const char *text)
{
    ck_assert_int_eq(pipe(ends), 0);
    put_text(text);
    ck_assert_msg(mt_csv_open_pipe("pipe", ends[0], &mt_csv_plain, &csv,
                                   &test_err) == MT_OK,
                  "%s", test_err.text);
}

static void finish(void)
{
    mt_csv_free(csv);
    close(ends[0]);
}

static const char *text_of(mt_status status, bool waits)
{
    static char text[256];

    ck_assert_msg(status == MT_OK, "%s", test_err.text);
    strcpy(text, waits ? "..." : "");
    for (size_t i = 0; i < n; i++) {
        strcat(text, i ? "|" : "");
        strncat(text, fields[i].text, fields[i].n);
    }
    return text;
}

/* The next record, its fields separated by |; "" at the end. */
static const char *next(void)
{
    return text_of(mt_csv_next(csv, &fields, &n, &test_err), false);
}

/* The same; "..." if more would have to be read. */
static const char *ready(void)
{
    bool waits;
    mt_status status = mt_csv_next_ready(csv, &fields, &n, &waits, &test_err);

    return text_of(status, waits);
}

START_TEST(records_come_as_they_are_written)
{
    open_with("a,b\n1,2\n");
    ck_assert_str_eq(ready(), "a|b");
    ck_assert_str_eq(ready(), "1|2");
    ck_assert_str_eq(ready(), "...");
    ck_assert_uint_eq(mt_csv_line(csv), 3);
    put_text("\n\n3,\"x\ny\"\n\n4,");
    ck_assert_str_eq(next(), "3|x\ny");
    ck_assert_str_eq(ready(), "...");
    ck_assert_uint_eq(mt_csv_passed(csv).blanks, 2);
    ck_assert_int_eq(mt_csv_rewind(csv, &test_err), MT_OK);
    mt_csv_settle(csv);
    ck_assert_str_eq(ready(), "a|b");
    ck_assert_str_eq(ready(), "1|2");
    ck_assert_str_eq(ready(), "3|x\ny");
    ck_assert_str_eq(ready(), "...");
    put_text("5");
    close(ends[1]);
    ck_assert_str_eq(next(), "4|5");
    ck_assert_uint_eq(mt_csv_line(csv), 8);
    ck_assert_str_eq(ready(), "");
    ck_assert_str_eq(ready(), "");
    finish();
}
END_TEST

START_TEST(gzip_comes_as_it_is_written)
{
    unsigned char first[128], second[128];
    size_t n_first = test_gzip("a,b\n1,2\n", 8, first, sizeof first);
    size_t n_second = test_gzip("3,4\n", 4, second, sizeof second);

    ck_assert_int_eq(pipe(ends), 0);
    put(first, n_first);
    ck_assert_int_eq(
        mt_csv_open_pipe("pipe", ends[0], &mt_csv_plain, &csv, &test_err),
        MT_OK);
    mt_csv_settle(csv);
    ck_assert(mt_csv_is_gzip(csv));
    ck_assert_str_eq(ready(), "a|b");
    ck_assert_str_eq(ready(), "1|2");
    ck_assert_str_eq(ready(), "...");
    put(second, n_second - 5);
    ck_assert_str_eq(next(), "3|4");
    ck_assert_str_eq(ready(), "...");
    close(ends[1]);
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &test_err), MT_INVALID);
    ck_assert_ptr_nonnull(
        strstr(test_err.text, "pipe: the gzip data is cut short"));
    finish();
}
END_TEST

/* All records as one text. */
static char *all_records(void)
{
    char *out = calloc(1, 1 << 20), *p = out;

    ck_assert_ptr_nonnull(out);
    for (int pass = 0; pass < 2; pass++) {
        for (;;) {
            mt_status status = mt_csv_next(csv, &fields, &n, &test_err);

            ck_assert_msg(status == MT_OK, "%s", test_err.text);
            if (!n)
                break;
            for (size_t i = 0; i < n; i++)
                p += sprintf(p, "%.*s|", (int)fields[i].n, fields[i].text);
            p += sprintf(p, "%llu\n", (unsigned long long)mt_csv_line(csv));
        }
        if (pass)
            break;
        ck_assert_int_eq(mt_csv_rewind(csv, &test_err), MT_OK);
        mt_csv_settle(csv);
    }
    return out;
}

/* The bytes in pieces of `each`, from another process. */
static void open_pieces(const unsigned char *bytes, size_t size, size_t each)
{
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    for (size_t i = 0; child == 0 && i < size; i += each) {
        size_t left = size - i;

        if (write(ends[1], bytes + i, left < each ? left : each) < 0)
            _exit(1);
    }
    if (child == 0)
        _exit(0);
    close(ends[1]);
    ck_assert_msg(mt_csv_open_pipe("pipe", ends[0], &mt_csv_plain, &csv,
                                   &test_err) == MT_OK,
                  "%s", test_err.text);
}

START_TEST(pieces_make_no_difference)
{
    static const char *const texts[] = {
        "\xef\xbb\xbfsep=,\r\na,b\r\n1,\"2\r\n3\"\r\n\r\n4,5\r\n",
        "sep=,\ra,b\r1,2\r3,4",
        "x\n1\n2\n",
        "1\n2",
        "a,b\n",
        "",
    };
    unsigned char packed[256];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = strlen(texts[i]);
        size_t n_packed = test_gzip(texts[i], size, packed, sizeof packed);
        char *expected, *got;

        ck_assert_int_eq(
            test_csv(texts[i], size, &mt_csv_plain, &csv, &test_err), MT_OK);
        expected = all_records();
        mt_csv_free(csv);
        for (size_t each = 1; each < 8; each += 2)
            for (int gz = 0; gz < 2; gz++) {
                open_pieces(gz ? packed : (const unsigned char *)texts[i],
                            gz ? n_packed : size, each);
                got = all_records();
                ck_assert_str_eq(got, expected);
                free(got);
                finish();
                wait(NULL);
            }
        free(expected);
    }
}
END_TEST

/* More than any buffer, before and after it is settled. */
START_TEST(much)
{
    enum { ROWS = 60000 };
    char *text = malloc(ROWS * 16), *p = text;

    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < ROWS; i++)
        p += sprintf(p, "%d,%d\n", i, i % 7);
    open_pieces((const unsigned char *)text, (size_t)(p - text), 10007);
    for (int pass = 0; pass < 2; pass++) {
        size_t rows = 0;

        for (;; rows++) {
            ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &test_err), MT_OK);
            if (!n)
                break;
            ck_assert_uint_eq(strtoul(fields[0].text, NULL, 10), rows);
        }
        ck_assert_uint_eq(rows, ROWS);
        if (pass)
            break;
        ck_assert_int_eq(mt_csv_rewind(csv, &test_err), MT_OK);
        mt_csv_settle(csv);
    }
    finish();
    wait(NULL);
    free(text);
}
END_TEST

/* No more records are read than are needed to recognize a header. */
START_TEST(header_without_waiting)
{
    static const struct {
        const char *text;
        bool header;
    } cases[] = {
        { "5.0,3\n4.9,2\n5.1,4\n", false }, /* in the range of those below */
        { "1,7,3\n4,5,6\n4,2,3\n2,5,7\n", false },
        { "4.5,red\n4,blue\n5,red\n", false }, /* a value, again */
        { ",NA\n", false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mt_csv_header found;
        struct mt_arena arena = MT_ARENA_INIT;

        open_with(cases[i].text);
        ck_assert_int_eq(mt_csv_find_header(csv, &arena, &found, &test_err),
                         MT_OK);
        ck_assert(found.header == cases[i].header);
        mt_arena_free(&arena);
        close(ends[1]);
        finish();
    }
}
END_TEST

START_TEST(what_cannot_be_read)
{
    int fd[2];

    ck_assert_int_eq(pipe(fd), 0);
    close(fd[0]);
    ck_assert_int_eq(
        mt_csv_open_pipe("pipe", fd[1], &mt_csv_plain, &csv, &test_err), MT_IO);
    ck_assert_ptr_nonnull(strstr(test_err.text, "pipe: cannot be read"));
    close(fd[1]);
}
END_TEST

Suite *csvpipe_suite(void);

Suite *csvpipe_suite(void)
{
    Suite *suite = suite_create("csvpipe");
    TCase *tc = test_case(suite, "all");

    tcase_add_test(tc, records_come_as_they_are_written);
    tcase_add_test(tc, gzip_comes_as_it_is_written);
    tcase_add_test(tc, pieces_make_no_difference);
    tcase_add_test(tc, much);
    tcase_add_test(tc, header_without_waiting);
    tcase_add_test(tc, what_cannot_be_read);
    return suite;
}
