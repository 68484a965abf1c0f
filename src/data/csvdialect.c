#include "data/csvdialect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct mt_csv_dialect mt_csv_plain = { ',', '.', 0, 0 };

/* ---- keys ---- */

static const struct sign {
    const char *key;
    const char *allowed;   /* NULL: anything but */
    const char *forbidden; /* this */
    const char *expected;
} signs[] = {
    { "delimiter", NULL, "\"\r\n.+-0123456789eE",
      "one character that is in no number, such as \",\", \";\" or \"\\t\"" },
    { "decimal", ".,", "", "\".\" or \",\"" },
    { "thousands", ",.' _", "", "one of \",\", \".\", \"'\", \" \" and \"_\"" },
    { "comment", NULL, "\"\r\n.+-0123456789eE \t",
      "one character, such as \"#\"" },
};

static const char *read_sign(const struct sign *sign, const char *text,
                             char *out)
{
    if (!strcmp(text, "\\t"))
        text = "\t"; /* as it may be typed on a command line */
    if (strlen(text) != 1 || strchr(sign->forbidden, text[0]) ||
        (sign->allowed && !strchr(sign->allowed, text[0])))
        return sign->expected;
    *out = text[0];
    return NULL;
}

const char *mt_csv_sign(const char *key, const char *text, char *out)
{
    const struct sign *sign = signs;

    while (strcmp(sign->key, key))
        sign++;
    return read_sign(sign, text, out);
}

static mt_status read_key(const struct mt_json *doc, const struct mt_item *data,
                          const struct sign *sign, char *out,
                          struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(data, sign->key);
    const char *expected;

    if (!item)
        return MT_OK;
    expected = read_sign(sign, mt_is_string(item) ? item->text : "", out);
    return expected ? mt_json_fail(doc, item, err, "expected %s", expected)
                    : MT_OK;
}

mt_status mt_csv_dialect_read(const struct mt_json *doc,
                              const struct mt_item *data,
                              struct mt_csv_dialect *out, struct mt_err *err)
{
    char *const places[] = { &out->delimiter, &out->decimal, &out->thousands,
                             &out->comment };
    mt_status status = MT_OK;

    *out = mt_csv_plain;
    for (size_t i = 0; i < 4 && status == MT_OK; i++)
        status = read_key(doc, data, &signs[i], places[i], err);
    if (status == MT_OK && out->thousands == out->decimal)
        status = mt_json_fail(doc, mt_json_get(data, "thousands"), err,
                              "\"%c\" is the decimal sign (data.decimal); "
                              "expected another one",
                              out->decimal);
    if (status == MT_OK && out->comment == out->delimiter)
        status = mt_json_fail(doc, mt_json_get(data, "comment"), err,
                              "\"%c\" is the delimiter; expected another "
                              "character",
                              out->comment);
    return status;
}

void mt_csv_dialect_print(const struct mt_csv_dialect *d, struct mt_strbuf *out)
{
    const char is[] = { d->delimiter, d->decimal, d->thousands, d->comment };
    const char was[] = { ',', '.', 0, 0 };

    for (size_t i = 0; i < sizeof is; i++) {
        if (is[i] == was[i])
            continue;
        mt_strbuf_printf(out, ", \"%s\": ", signs[i].key);
        mt_json_add_string(out, (char[]){ is[i], '\0' });
    }
}

/* ---- numbers ---- */

enum { LONGEST = 64 }; /* bytes of a number in a dialect */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Copies groups of digits from *text without separators; false: they are not
 * such groups. */
static bool join_groups(const char **text, const char *end, char separator,
                        char **out)
{
    const char *p = *text;
    size_t n = 0;

    for (; p < end && is_digit(*p); p++, n++)
        *(*out)++ = *p;
    if (separator && p < end && *p == separator && (n < 1 || n > 3))
        return false;
    while (separator && p < end && *p == separator) {
        if (end - p < 4 || !is_digit(p[1]) || !is_digit(p[2]) ||
            !is_digit(p[3]) || (end - p > 4 && is_digit(p[4])))
            return false;
        memcpy(*out, p + 1, 3);
        *out += 3;
        p += 4;
    }
    *text = p;
    return true;
}

enum mt_number mt_csv_parse(const struct mt_csv_dialect *d, const char *text,
                            size_t n, double *out)
{
    char plain[LONGEST], *to = plain;
    const char *p = text, *end = text + n;

    if (d->decimal == '.' && !d->thousands)
        return mt_number_in_f32(text, n, out);
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (end - p >= LONGEST)
        return MT_NUMBER_BAD;
    if (p < end && (*p == '+' || *p == '-'))
        *to++ = *p++;
    if (!join_groups(&p, end, d->thousands, &to))
        return MT_NUMBER_BAD;
    if (p < end && *p == '.' && d->decimal != '.')
        return MT_NUMBER_BAD;
    if (p < end && *p == d->decimal) {
        *to++ = '.';
        p++;
    }
    while (p < end)
        *to++ = *p++;
    return mt_number_in_f32(plain, (size_t)(to - plain), out);
}

/* The plain form first; of two that read the same values, the simpler first. */
const struct mt_csv_dialect mt_csv_forms[MT_CSV_FORMS] = {
    { ',', '.', 0, 0 },    { ',', ',', 0, 0 },   { ',', '.', ',', 0 },
    { ',', ',', '.', 0 },  { ',', '.', ' ', 0 }, { ',', ',', ' ', 0 },
    { ',', '.', '\'', 0 }, { ',', '.', '_', 0 },
};

unsigned mt_csv_forms_of(const char *text, size_t n)
{
    unsigned forms = 0;
    double v;

    for (unsigned i = 0; i < MT_CSV_FORMS; i++)
        if (mt_csv_parse(&mt_csv_forms[i], text, n, &v) == MT_NUMBER_OK)
            forms |= 1u << i;
    return forms;
}

struct mt_csv_advice mt_csv_advise(const char *text, size_t n)
{
    unsigned forms = mt_csv_forms_of(text, n);
    struct mt_csv_advice out = { "" };
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++) {
        const struct mt_csv_dialect *d = &mt_csv_forms[i];
        double v;

        /* A form with thousands reads all that the one without does. */
        if (!(forms >> i & 1) || (i >= 2 && forms >> (i - 2) & 1))
            continue;
        mt_csv_parse(d, text, n, &v);
        at += (size_t)snprintf(out.text + at, sizeof out.text - at,
                               "%s it is %.9g with ", at ? "," : ";", v);
        if (d->decimal == ',' || !d->thousands)
            at += (size_t)snprintf(out.text + at, sizeof out.text - at,
                                   "data.decimal: \"%c\"%s", d->decimal,
                                   d->thousands ? " and " : "");
        if (d->thousands)
            at += (size_t)snprintf(out.text + at, sizeof out.text - at,
                                   "data.thousands: \"%c\"", d->thousands);
    }
    return out;
}

/* ---- the first bytes ---- */

char mt_csv_sep(const char *text, size_t n)
{
    if (n < 6 || strncasecmp(text, "sep=", 4) || !text[4] ||
        !strchr(",;\t|", text[4]) || (text[5] != '\r' && text[5] != '\n'))
        return '\0';
    return text[4];
}

/* Formats that are not text, and how they become text. */
static const struct magic {
    const char *bytes;
    size_t n;
    const char *what;
} magics[] = {
    { "\xff\xfe\0\0", 4, "UTF-32; expected UTF-8 (iconv -f UTF-32 -t UTF-8)" },
    { "\xff\xfe", 2, "UTF-16; expected UTF-8 (iconv -f UTF-16 -t UTF-8)" },
    { "\xfe\xff", 2, "UTF-16; expected UTF-8 (iconv -f UTF-16 -t UTF-8)" },
    { "PK\3\4", 4,
      "a ZIP archive, as .xlsx workbooks are; expected text (save it as CSV, "
      "or unzip it)" },
    { "\xd0\xcf\x11\xe0", 4,
      "an .xls workbook; expected text (save it as CSV)" },
    { "PAR1", 4, "a Parquet file; expected text (save it as CSV)" },
    { "\xfd"
      "7zXZ",
      5, "compressed by xz; expected text or gzip (xz -dc)" },
    { "BZh", 3, "compressed by bzip2; expected text or gzip (bzip2 -dc)" },
    { "\x28\xb5\x2f\xfd", 4,
      "compressed by zstd; expected text or gzip (zstd -dc)" },
};

mt_status mt_csv_check_text(const char *path, const char *b, size_t n,
                            struct mt_err *err)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (n >= magics[i].n && !memcmp(b, magics[i].bytes, magics[i].n))
            return mt_fail(err, MT_INVALID, "%s: the file is %s", path,
                           magics[i].what);
    if (n >= 4 && !b[0] != !b[1] && !b[0] == !b[2] && !b[1] == !b[3])
        return mt_fail(err, MT_INVALID,
                       "%s: the file seems to be UTF-16%s; expected UTF-8 "
                       "(iconv -f UTF-16%s -t UTF-8)",
                       path, b[0] ? "LE" : "BE", b[0] ? "LE" : "BE");
    return MT_OK;
}
