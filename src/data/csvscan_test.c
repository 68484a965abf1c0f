#include "data/csvscan.h"

#include <check.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

static struct mt_csv *csv;
static struct mt_err err;
static const struct mt_csv_field *fields;
static size_t n;

static void start(const char *text, size_t size, char delimiter)
{
    ck_assert_int_eq(
        mt_csv_open_bytes("t.csv", text, size, delimiter, &csv, &err), MT_OK);
}

/* The whole file as text: fields apart by |, records ended by a slash. */
static void expect(const char *text, size_t size, const char *expected)
{
    char got[1024] = "";

    start(text, size, ',');
    for (int pass = 0; pass < 2; pass++) {
        got[0] = '\0';
        for (;;) {
            mt_status status = mt_csv_next(csv, &fields, &n, &err);

            ck_assert_msg(status == MT_OK, "%s", err.text);
            if (!n)
                break;
            for (size_t i = 0; i < n; i++) {
                strncat(got, fields[i].text, fields[i].n);
                strcat(got, i + 1 < n ? "|" : "/");
            }
        }
        ck_assert_str_eq(got, expected);
        ck_assert_int_eq(mt_csv_rewind(csv, &err), MT_OK);
    }
    mt_csv_free(csv);
}

START_TEST(test_records)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        { "", "" },
        { "a", "a/" },
        { "a\n", "a/" },
        { "a,b\nc,d\n", "a|b/c|d/" },
        { "a,b\r\nc,d\r\n", "a|b/c|d/" },
        { "a,b\r\nc,d", "a|b/c|d/" },
        { ",\n", "|/" },
        { "1,", "1|/" },
        { "\xef\xbb\xbf"
          "a,b\n",
          "a|b/" },
        { "\xef\xbb\xbf"
          "\"a\",b\n",
          "a|b/" },
        { "\"a,b\",\"c\nd\"\n", "a,b|c\nd/" },
        { "\"a\"\"b\",\"\"\"\"\n", "a\"b|\"/" },
        { "\"\"\"\"\"\",x\n", "\"\"|x/" },
        { "\"\"\n", "/" },
        { "a\n\n\n", "a/" },
        { "a\r\n\r\n", "a/" },
        { "\"a\r\nb\"\r\n", "a\r\nb/" },
        { " a , b \n", " a | b /" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].text, strlen(rows[i].text), rows[i].expected);
}
END_TEST

START_TEST(test_faults)
{
    static const struct {
        const char *text;
        size_t size;
        const char *message;
    } rows[] = {
        { "a,b\nc\"d,e\n", 0, "t.csv:2:2: a quote inside a field" },
        { "a\n\"b\"c,d\n", 0, "t.csv:2:4: text behind the closing quote" },
        { "a\nb,\"c\nd\ne", 0, "t.csv:2:3: the quote is never closed" },
        { "a\rb\n", 0, "t.csv:1:2: a carriage return without a line feed" },
        { "a\n\"b\"\rc", 0, "t.csv:2:4: a carriage return without" },
        { "a\r", 0, "t.csv:1:2: a carriage return without" },
        { "a\nb\0c\n", 6, "t.csv:2:2: a NUL byte" },
        { "a\n\"b\0\"\n", 7, "t.csv:2:3: a NUL byte" },
        { "a\n\"b\"\0\n", 7, "t.csv:2:4: a NUL byte" },
        { "a\n\nb\n", 0, "t.csv:2:1: an empty line" },
        { "\na\n", 0, "t.csv:1:1: an empty line" },
        { "a\n\"x\ny\"\n\n\nb", 0, "t.csv:4:1: an empty line" },
        /* columns are characters */
        { "\xc3\xa9,\"\xe2\x82\xac\"x\n", 0, "t.csv:1:6: text behind" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_status status;

        start(rows[i].text, rows[i].size ? rows[i].size : strlen(rows[i].text),
              ',');
        do
            status = mt_csv_next(csv, &fields, &n, &err);
        while (status == MT_OK && n);
        ck_assert_msg(status == MT_INVALID, "case %zu was taken", i);
        ck_assert_msg(strstr(err.text, rows[i].message) == err.text,
                      "\"%s\" is not \"%s\"", err.text, rows[i].message);
        mt_csv_free(csv);
    }
}
END_TEST

START_TEST(test_place)
{
    const char *text = "a;b;c\n1;\"x\n\"\"y\";3;4\n";

    start(text, strlen(text), ';');
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    ck_assert_uint_eq(n, 4);
    ck_assert_int_eq(mt_csv_fail(csv, 0, &err, "x%d", 1), MT_INVALID);
    ck_assert_str_eq(err.text, "t.csv:2:1: x1");
    mt_csv_fail(csv, 1, &err, "x");
    ck_assert_str_eq(err.text, "t.csv:2:3: x");
    mt_csv_fail(csv, 2, &err, "x");
    ck_assert_str_eq(err.text, "t.csv:3:6: x");
    mt_csv_fail(csv, 99, &err, "x");
    ck_assert_str_eq(err.text, "t.csv:2:1: x");
    mt_csv_free(csv);
}
END_TEST

/* Records that lie across the chunks in which files are read: long ones,
 * quotes and line ends at every offset. */
START_TEST(test_chunks)
{
    enum { CHUNK = 256 << 10 };
    char *text = malloc(2 * CHUNK);

    ck_assert_ptr_nonnull(text);
    for (size_t pad = CHUNK - 12; pad < CHUNK + 2; pad++) {
        const char *tail = "\r\n\"p\"\"q\",\"r\ns\"\r\nlast,1\r\n";
        size_t size = pad + strlen(tail);

        memset(text, 'x', pad);
        text[100] = '\n';
        strcpy(text + pad, tail);
        start(text, size, ',');
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
        ck_assert_uint_eq(fields[0].n, 100);
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(fields[0].n, pad - 101);
        ck_assert_msg(mt_csv_next(csv, &fields, &n, &err) == MT_OK, "%s",
                      err.text);
        ck_assert_uint_eq(n, 2);
        ck_assert(fields[0].n == 3 && !memcmp(fields[0].text, "p\"q", 3));
        ck_assert(fields[1].n == 3 && !memcmp(fields[1].text, "r\ns", 3));
        mt_csv_fail(csv, 1, &err, "x");
        ck_assert_str_eq(err.text, "t.csv:3:8: x");
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
        ck_assert_uint_eq(n, 2);
        mt_csv_fail(csv, 1, &err, "x");
        ck_assert_str_eq(err.text, "t.csv:5:6: x");
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
        ck_assert_uint_eq(n, 0);
        mt_csv_free(csv);
    }
    free(text);
}
END_TEST

START_TEST(test_limits)
{
    size_t size = (size_t)MT_CSV_MAX_RECORD + (8 << 20);
    char *text = malloc(size);
    mt_status status;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', size);
    memcpy(text, "a\n\"", 3);
    start(text, size, ',');
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_INVALID);
    ck_assert_str_eq(err.text, "t.csv:2:1: a record of more than 16777216 "
                               "bytes; is a quote not closed?");
    mt_csv_free(csv);

    memset(text, ',', size);
    start(text, MT_CSV_MAX_FIELDS, ',');
    status = mt_csv_next(csv, &fields, &n, &err);
    ck_assert_int_eq(status, MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "more than 1048576 fields"));
    mt_csv_free(csv);
    start(text, MT_CSV_MAX_FIELDS - 1, ',');
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    ck_assert_uint_eq(n, MT_CSV_MAX_FIELDS);
    mt_csv_free(csv);
    free(text);
}
END_TEST

START_TEST(test_sha256)
{
    const char *text = "a,b\n1,2\n\n";
    uint8_t got[SHA256_DIGEST_SIZE], expected[SHA256_DIGEST_SIZE];
    struct sha256_ctx sha;

    sha256_init(&sha);
    sha256_update(&sha, strlen(text), (const uint8_t *)text);
    sha256_digest(&sha, sizeof expected, expected);
    start(text, strlen(text), ',');
    ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    ck_assert_int_eq(mt_csv_rewind(csv, &err), MT_OK);
    do
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    while (n);
    sha256_digest(mt_csv_sha256(csv), sizeof got, got);
    ck_assert_mem_eq(got, expected, sizeof got);
    mt_csv_free(csv);
}
END_TEST

Suite *csvscan_suite(void);

Suite *csvscan_suite(void)
{
    Suite *suite = suite_create("csvscan");
    TCase *tc = tcase_create("csvscan");

    tcase_add_test(tc, test_records);
    tcase_add_test(tc, test_faults);
    tcase_add_test(tc, test_place);
    tcase_add_test(tc, test_chunks);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_sha256);
    suite_add_tcase(suite, tc);
    return suite;
}
