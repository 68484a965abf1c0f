#include "data/csvscan.h"

#include <nettle/sha2.h>

#include "base/philox.h"
#include "data/csvstops.h"
#include "data/testing.h"

static struct mt_csv *csv;
static struct mt_err err;
static const struct mt_csv_field *fields;
static size_t n;

static struct mt_csv_dialect dialect;

static void start(const char *text, size_t size, char delimiter)
{
    dialect = mt_csv_plain;
    dialect.delimiter = delimiter;
    ck_assert_msg(test_csv(text, size, &dialect, &csv, &err) == MT_OK, "%s",
                  err.text);
}

/* The whole file as text: fields separated by |, records ended by a slash. */
static void expect_in(const char *text, size_t size, char delimiter,
                      char comment, const char *expected)
{
    char got[1024] = "";

    dialect = mt_csv_plain;
    dialect.delimiter = delimiter;
    dialect.comment = comment;
    ck_assert_msg(test_csv(text, size, &dialect, &csv, &err) == MT_OK, "%s",
                  err.text);
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

static void expect(const char *text, size_t size, const char *expected)
{
    expect_in(text, size, ',', 0, expected);
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
        /* a quote inside a field is a character */
        { "a\"b,5'0\" x\n", "a\"b|5'0\" x/" },
        { "1, \"a,b\" ,2\n", "1|a,b|2/" },
        /* empty lines */
        { "\na,b\n\n  \nc,d\n", "a|b/c|d/" },
        { "a,b\n\"\"\n", "a|b//" },
        /* CR alone */
        { "a,b\rc,d\r", "a|b/c|d/" },
        { "a,b\r\rc,d", "a|b/c|d/" },
        { "\"a\rb\",c\rd,e\r", "a\rb|c/d|e/" },
        { "a,b\r", "a|b/" },
        { "a,b\nc,d\r", "a|b/c|d/" },
        { "sep=,\r\na,b\r\n", "a|b/" },
        { "sep=,,b\n", "sep=||b/" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].text, strlen(rows[i].text), rows[i].expected);
}
END_TEST

START_TEST(test_spaces)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        { " 0.1  18.00\t2 \n  1 2   3\n", "0.1|18.00|2/1|2|3/" },
        { "18.0 8\t\"a b\"\r\n1 2 \"\"\r\n", "18.0|8|a b/1|2|/" },
        { "1 2\n   \n\n3 4", "1|2/3|4/" },
        { "  1 2  ", "1|2/" },
        { "1 a\"b\n", "1|a\"b/" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_in(rows[i].text, strlen(rows[i].text), ' ', 0, rows[i].expected);
}
END_TEST

START_TEST(test_comments)
{
    const char *text = "# a \"b\n#\na,b\n#x,y\n\n1,#2\n#end";
    struct mt_csv_passed passed;

    expect_in(text, strlen(text), ',', '#', "a|b/1|#2/");
    start(text, strlen(text), ',');
    mt_csv_free(csv);
    dialect.comment = '#';
    ck_assert_int_eq(test_csv(text, strlen(text), &dialect, &csv, &err), MT_OK);
    do
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
    while (n);
    passed = mt_csv_passed(csv);
    ck_assert_uint_eq(passed.comments, 4);
    ck_assert_uint_eq(passed.first_comment, 1);
    ck_assert_uint_eq(passed.blanks, 1);
    ck_assert_uint_eq(passed.first_blank, 5);
    mt_csv_free(csv);
}
END_TEST

/* Every record below the header ends with a delimiter. */
START_TEST(test_trailing)
{
    const char *text = "a,b\n1,2,\n3,4, \n5,\n";

    start(text, strlen(text), ',');
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
        ck_assert_uint_eq(n, 2);
        mt_csv_set_trailing(csv, 2);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
            ck_assert_uint_eq(n, 2);
        }
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, "t.csv:4:1: expected 2 fields "
                                               "and a delimiter at the end"));
        ck_assert_int_eq(mt_csv_rewind(csv, &err), MT_OK);
    }
    mt_csv_free(csv);
}
END_TEST

/* A file that is not text is refused: the message says what it is, and what to
 * do. */
START_TEST(test_not_text)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *message;
    } rows[] = {
        { "\xff\xfe"
          "a\0,\0",
          6, "UTF-16; expected UTF-8 (iconv -f UTF-16 -t UTF-8)" },
        { "\xfe\xff\0a", 4, "UTF-16; expected UTF-8" },
        { "a\0,\0b\0", 6, "seems to be UTF-16LE" },
        { "\0a\0,", 4, "seems to be UTF-16BE" },
        { "PK\3\4....", 8, "a ZIP archive, as .xlsx" },
        { "PAR1", 4, "a Parquet file" },
        { "\x28\xb5\x2f\xfd", 4, "zstd -dc" },
        { "sep=;\na;b\n", 10, "t.csv:1:1: \"sep=;\" says" },
    };

    dialect = mt_csv_plain;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(
            test_csv(rows[i].bytes, rows[i].n, &dialect, &csv, &err),
            MT_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].message), "%s", err.text);
    }
}
END_TEST

/* Inflated in chunks, and rewound; the digest is that of the file. */
START_TEST(test_inflated)
{
    enum { ROWS = 100000, ROOM = 1 << 20 };
    char *text = malloc(ROWS * 16), *p = text, *packed = malloc(ROOM);
    uint8_t got[SHA256_DIGEST_SIZE], expected[SHA256_DIGEST_SIZE];
    struct sha256_ctx sha;
    size_t size;

    ck_assert(text && packed);
    for (int i = 0; i < ROWS; i++)
        p += sprintf(p, "%d,%d\n", i, i % 7);
    size = test_gzip(text, (size_t)(p - text), packed, ROOM);
    start(packed, size, ',');
    ck_assert(mt_csv_is_gzip(csv));
    for (int pass = 0; pass < 2; pass++) {
        size_t rows = 0;

        for (;; rows++) {
            ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
            if (!n)
                break;
            ck_assert_uint_eq(strtoul(fields[0].text, NULL, 10), rows);
        }
        ck_assert_uint_eq(rows, ROWS);
        if (pass == 0)
            ck_assert_int_eq(mt_csv_rewind(csv, &err), MT_OK);
    }
    sha256_init(&sha);
    sha256_update(&sha, size, (const uint8_t *)packed);
    sha256_digest(&sha, sizeof expected, expected);
    sha256_digest(mt_csv_sha256(csv), sizeof got, got);
    ck_assert_mem_eq(got, expected, sizeof got);
    mt_csv_free(csv);
    start(packed, size - 3, ',');
    while (mt_csv_next(csv, &fields, &n, &err) == MT_OK && n)
        ;
    ck_assert_ptr_nonnull(strstr(err.text, "t.csv: the gzip data is cut"));
    mt_csv_free(csv);
    free(text);
    free(packed);
}
END_TEST

START_TEST(test_faults)
{
    static const struct {
        const char *text;
        size_t size;
        const char *message;
    } rows[] = {
        { "a\n\"b\"c,d\n", 0,
          "t.csv:2:4: text after the closing quote of a field whose quote "
          "opened in line 2, column 1;" },
        { "a,b\nx,\"c,d\ny,\"e\"\n", 0,
          "t.csv:3:4: text after the closing quote of a field whose quote "
          "opened in line 2, column 3;" },
        { "a\nb,\"c\nd\ne", 0, "t.csv:2:3: the quote is never closed" },
        { "a\nb\rc\n", 0, "t.csv:2:2: a carriage return within a line" },
        { "a\n\"b\"\rc", 0, "t.csv:2:4: a carriage return within a line" },
        { "a,b\r\"c\rd", 0, "t.csv:2:1: the quote is never closed" },
        { "a,b\r\"c\rd\"e", 0, "t.csv:3:3: text after the closing quote" },
        { "a\nb\0c\n", 6, "t.csv:2:2: a NUL byte" },
        { "a\n\"b\0\"\n", 7, "t.csv:2:3: a NUL byte" },
        { "a\n\"b\"\0\n", 7, "t.csv:2:4: a NUL byte" },
        { "a\n\nb\n", 0, "t.csv:2:1: an empty line" },
        { "\na\n", 0, "t.csv:1:1: an empty line" },
        { "a\n\"x\ny\"\n\n\nb", 0, "t.csv:4:1: an empty line" },
        /* columns are characters */
        { "\xc3\xa9,\"\xe2\x82\xac\"x\n", 0, "t.csv:1:6: text after" },
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

/* Records across the chunks in which files are read: long ones, quotes and line
 * ends at every offset. */
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

/* Writes a field in one of the possible ways, moving *text past it; its value
 * is out[0 ... return-1]. */
static size_t write_field(char **text, char *out, char delimiter, uint64_t draw)
{
    static const char plain[] = "0123456789.-ab\t '\"#\xc3\xa9\x7f\xff";
    size_t k = draw % 11 == 0 ? draw / 11 % 200 : draw / 11 % 9;
    bool quoted = draw / 2200 % 4 == 0;
    char *to = *text;

    if (quoted && draw & 1)
        *to++ = ' ';
    if (quoted)
        *to++ = '"';
    for (size_t i = 0; i < k; i++) {
        char c = plain[(draw >> i % 40) % (sizeof plain - 1)];

        c = c == delimiter || (!quoted && i == 0 && strchr(" \"\t#", c)) ? 'x'
                                                                         : c;
        c = quoted && i % 7 == 5 ? (i & 8 ? '\n' : delimiter) : c;
        if (quoted && c == '"')
            *to++ = c;
        out[i] = *to++ = c;
    }
    if (quoted)
        *to++ = '"';
    *text = to;
    return k;
}

/* Fields of every kind, anywhere in the words and blocks that are searched at
 * once. */
START_TEST(test_random)
{
    enum { ROWS = 4000, WIDTH = 9 };
    static const char delimiters[] = ",;\t|\xa7";
    struct mt_philox_key key = mt_philox_key(1, "test", "csvscan");
    char *text = malloc(ROWS * WIDTH * 300),
         *values = malloc(ROWS * WIDTH * 200);
    size_t(*sizes)[WIDTH] = malloc(ROWS * sizeof *sizes);
    size_t(*places)[WIDTH] = malloc(ROWS * sizeof *places);

    ck_assert(text && values && sizes && places);
    for (uint32_t d = 0; d < sizeof delimiters - 1; d++) {
        char *to = text, *value = values;

        for (uint32_t i = 0; i < ROWS; i++) {
            char *row = to;

            for (uint32_t c = 0; c < WIDTH; c++) {
                uint32_t w[4];

                mt_philox_block(key, d, (uint64_t)i << 8 | c, w);
                places[i][c] = (size_t)(to - row);
                sizes[i][c] = write_field(&to, value, delimiters[d],
                                          (uint64_t)w[0] << 32 | w[1]);
                value += sizes[i][c];
                *to++ = c + 1 < WIDTH ? delimiters[d] : '\n';
            }
        }
        start(text, (size_t)(to - text), delimiters[d]);
        value = values;
        for (size_t i = 0; i < ROWS; i++) {
            ck_assert_msg(mt_csv_next(csv, &fields, &n, &err) == MT_OK, "%s",
                          err.text);
            ck_assert_uint_eq(n, WIDTH);
            for (size_t c = 0; c < WIDTH; c++) {
                ck_assert_uint_eq(fields[c].n, sizes[i][c]);
                ck_assert_uint_eq(fields[c].at, places[i][c]);
                ck_assert_mem_eq(fields[c].text, value, sizes[i][c]);
                value += sizes[i][c];
            }
        }
        ck_assert_int_eq(mt_csv_next(csv, &fields, &n, &err), MT_OK);
        ck_assert_uint_eq(n, 0);
        mt_csv_free(csv);
    }
    free(text);
    free(values);
    free(sizes);
    free(places);
}
END_TEST

START_TEST(test_stops)
{
    static const char delimiters[] = ",;\t| \x80\xa7\xff";
    struct mt_philox_key key = mt_philox_key(1, "test", "stops");
    unsigned char text[64];

    for (uint32_t i = 0; i < 20000; i++) {
        char delimiter = delimiters[i % (sizeof delimiters - 1)];
        uint64_t expected = 0;

        for (uint32_t k = 0; k < 16; k++) {
            uint32_t w = mt_philox_word(key, i, k);

            /* many are close to the searched ones */
            memcpy(text + 4 * k, &w, 4);
            if (w >> 8 & 1)
                text[4 * k] = (unsigned char)(delimiter ^ (w >> 9 & 129));
            if (w >> 16 & 1)
                text[4 * k + 1] = (unsigned char)(w >> 17) % 40;
        }
        for (uint32_t k = 0; k < 64; k++)
            expected |= (uint64_t)(text[k] < ' ' || (char)text[k] == delimiter)
                        << k;
        ck_assert(mt_csv_stops((char *)text, delimiter) == expected);
        ck_assert(mt_csv_stops_words((char *)text, delimiter) == expected);
    }
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
                               "bytes; is this quote not closed?");
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
    tcase_add_test(tc, test_spaces);
    tcase_add_test(tc, test_comments);
    tcase_add_test(tc, test_trailing);
    tcase_add_test(tc, test_not_text);
    tcase_add_test(tc, test_inflated);
    tcase_add_test(tc, test_faults);
    tcase_add_test(tc, test_place);
    tcase_add_test(tc, test_chunks);
    tcase_add_test(tc, test_random);
    tcase_add_test(tc, test_stops);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_sha256);
    suite_add_tcase(suite, tc);
    return suite;
}
