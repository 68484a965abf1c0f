#include "base/npyheader.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct parser {
    const char *source;
    const char *begin, *p, *end; /* of the file; the rest of the dictionary */
    struct mt_err *err;
    struct mt_npy_header *out;
    enum mt_npy_use use;
    size_t rank; /* may be more than a shape holds */
    bool fortran;
};

/* Types without their byte order. */
static const struct {
    const char *descr;
    enum mt_dtype dtype[2]; /* by use */
} known[] = {
    { "f4", { MT_F32, MT_F32 } }, { "f8", { MT_F64, MT_F64 } },
    { "f2", { MT_F32, MT_F16 } }, { "i8", { MT_I64, MT_I64 } },
    { "i4", { MT_I32, MT_I32 } }, { "i2", { MT_I32, MT_I16 } },
    { "i1", { MT_I32, MT_I8 } },  { "u8", { MT_I64, MT_U64 } },
    { "u4", { MT_I64, MT_U32 } }, { "u2", { MT_I32, MT_U16 } },
    { "u1", { MT_U8, MT_U8 } },   { "b1", { MT_U8, MT_BOOL } },
};

enum { N_KNOWN = sizeof known / sizeof *known };

static mt_status fail(const struct parser *ps, const char *expected)
{
    size_t left = (size_t)(ps->end - ps->p);

    return mt_fail(ps->err, MT_INVALID,
                   "%s: byte %zu of the header: expected %s, got \"%s\"",
                   ps->source, (size_t)(ps->p - ps->begin), expected,
                   mt_excerpt(ps->p, left < 16 ? left : 16).text);
}

static void skip_spaces(struct parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\n'))
        ps->p++;
}

static bool take(struct parser *ps, char c)
{
    skip_spaces(ps);
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

/* A string without escapes. */
static mt_status take_string(struct parser *ps, const char **text, size_t *n,
                             const char *expected)
{
    const char *close;
    char quote;

    skip_spaces(ps);
    if (ps->p == ps->end || (*ps->p != '\'' && *ps->p != '"'))
        return fail(ps, expected);
    quote = *ps->p;
    close = memchr(ps->p + 1, quote, (size_t)(ps->end - ps->p - 1));
    if (!close)
        return fail(ps, expected);
    *text = ps->p + 1;
    *n = (size_t)(close - *text);
    ps->p = close + 1;
    return MT_OK;
}

static bool is_word(const char *text, size_t n, const char *word)
{
    return n == strlen(word) && !memcmp(text, word, n);
}

/* Finds "<f4", ">f4", "=f4" (the order of the machine that wrote it, which is
 * taken to be little-endian) or "|u1". */
static bool find_type(struct parser *ps, const char *text, size_t n)
{
    if (n != 3)
        return false;
    for (size_t i = 0; i < N_KNOWN; i++) {
        bool one_byte = known[i].descr[1] == '1';

        if (memcmp(text + 1, known[i].descr, 2) != 0 ||
            !memchr(one_byte ? "|<>=" : "<>=", text[0], one_byte ? 4 : 3))
            continue;
        ps->out->dtype = known[i].dtype[ps->use];
        ps->out->kind = known[i].descr[0];
        ps->out->size = (size_t)(known[i].descr[1] - '0');
        ps->out->big_endian = text[0] == '>' && !one_byte;
        return true;
    }
    return false;
}

/* A type that cannot be read: refused, or only named. */
static mt_status take_other(const struct parser *ps, const char *text, size_t n)
{
    size_t most = sizeof ps->out->type - 1;

    if (ps->use == MT_NPY_DATA)
        return mt_fail(ps->err, MT_INVALID,
                       "%s: elements of type \"%s\"%s; expected bool, an "
                       "integer or a float of up to 64 bits",
                       ps->source, mt_excerpt(text, n).text,
                       is_word(text, n, "|O") ? ", Python objects, which are "
                                                "a pickle and never read"
                                              : "");
    n = n < most ? n : most;
    for (size_t i = 0; i < n; i++)
        ps->out->type[i] =
            text[i] > ' ' && text[i] < 0x7f && !strchr("\"\\", text[i])
                ? text[i]
                : '?';
    ps->out->dtype = MT_OTHER;
    return MT_OK;
}

/* Skips a list that describes a structured array. */
static mt_status skip_list(struct parser *ps)
{
    const char *text;
    size_t depth = 0, n;

    for (; ps->p < ps->end; ps->p++) {
        if (*ps->p == '\'' || *ps->p == '"') {
            mt_status status = take_string(ps, &text, &n, "a string");

            if (status != MT_OK)
                return status;
            ps->p--;
        } else if (*ps->p == '[') {
            depth++;
        } else if (*ps->p == ']' && --depth == 0) {
            ps->p++;
            return MT_OK;
        }
    }
    return fail(ps, "\"]\"");
}

static mt_status parse_descr(struct parser *ps)
{
    const char *text;
    size_t n;

    skip_spaces(ps);
    if (ps->p < ps->end && *ps->p == '[') {
        mt_status status = skip_list(ps);

        return status == MT_OK ? take_other(ps, "structured", 10) : status;
    }
    mt_status status = take_string(ps, &text, &n, "a type such as '<f4'");

    if (status != MT_OK)
        return status;
    return find_type(ps, text, n) ? MT_OK : take_other(ps, text, n);
}

static mt_status parse_bool(struct parser *ps)
{
    size_t left;

    skip_spaces(ps);
    left = (size_t)(ps->end - ps->p);
    if (left >= 4 && !memcmp(ps->p, "True", 4)) {
        ps->fortran = true;
        ps->p += 4;
    } else if (left >= 5 && !memcmp(ps->p, "False", 5)) {
        ps->p += 5;
    } else {
        return fail(ps, "True or False");
    }
    return MT_OK;
}

static mt_status parse_size(struct parser *ps, size_t *out)
{
    const char *first = ps->p;
    size_t v = 0;

    for (; ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9'; ps->p++) {
        size_t digit = (size_t)(*ps->p - '0');

        if (v > (SIZE_MAX - digit) / 10)
            return mt_fail(ps->err, MT_INVALID,
                           "%s: byte %zu of the header: the dimension is too "
                           "large",
                           ps->source, (size_t)(first - ps->begin));
        v = v * 10 + digit;
    }
    if (ps->p > first && ps->p < ps->end && *ps->p == 'L')
        ps->p++; /* as Python 2 wrote it */
    if (ps->p == first)
        return fail(ps, "a dimension or \")\"");
    *out = v;
    return MT_OK;
}

/* "()", "(3,)", "(3, 4)", "(3, 4,)" */
static mt_status parse_shape(struct parser *ps)
{
    struct mt_shape *shape = &ps->out->shape;

    if (!take(ps, '('))
        return fail(ps, "a shape such as (3, 4)");
    while (!take(ps, ')')) {
        size_t dim = 0;
        mt_status status = parse_size(ps, &dim);

        if (status != MT_OK)
            return status;
        if (ps->rank++ < MT_MAX_RANK)
            shape->dim[shape->rank++] = dim;
        else if (ps->use == MT_NPY_DATA)
            return mt_fail(ps->err, MT_INVALID, "%s: more than %d dimensions",
                           ps->source, MT_MAX_RANK);
        if (take(ps, ','))
            continue;
        if (ps->rank < 2) /* (3) is not a tuple */
            return fail(ps, "\",\"");
        if (!take(ps, ')'))
            return fail(ps, "\",\" or \")\"");
        break;
    }
    return MT_OK;
}

static mt_status parse_dict(struct parser *ps)
{
    static const struct {
        const char *key;
        mt_status (*parse)(struct parser *ps);
    } keys[] = { { "descr", parse_descr },
                 { "fortran_order", parse_bool },
                 { "shape", parse_shape } };
    unsigned seen = 0;

    if (!take(ps, '{'))
        return fail(ps, "\"{\"");
    while (!take(ps, '}')) {
        const char *key;
        size_t n, i = 0;
        mt_status status =
            take_string(ps, &key, &n, "'descr', 'fortran_order' or 'shape'");

        if (status != MT_OK)
            return status;
        while (i < 3 && !is_word(key, n, keys[i].key))
            i++;
        if (i == 3 || seen & 1u << i)
            return mt_fail(ps->err, MT_INVALID,
                           "%s: %s key \"%s\" in the "
                           "header",
                           ps->source, i == 3 ? "unknown" : "repeated",
                           mt_excerpt(key, n).text);
        seen |= 1u << i;
        if (!take(ps, ':'))
            return fail(ps, "\":\"");
        status = keys[i].parse(ps);
        if (status != MT_OK)
            return status;
        if (!take(ps, ',') && (ps->p == ps->end || *ps->p != '}'))
            return fail(ps, "\",\" or \"}\"");
    }
    for (size_t i = 0; i < 3; i++)
        if (!(seen & 1u << i))
            return mt_fail(ps->err, MT_INVALID, "%s: the header has no \"%s\"",
                           ps->source, keys[i].key);
    skip_spaces(ps);
    return ps->p == ps->end ? MT_OK : fail(ps, "the end of the header");
}

/* Sets begin, and p and end to the dictionary. */
static mt_status find_dict(struct parser *ps, const unsigned char *bytes,
                           size_t n)
{
    size_t length = 0, width;

    if (n < 10 || memcmp(bytes, "\x93NUMPY", 6))
        return mt_fail(ps->err, MT_INVALID,
                       "%s: not an .npy file: expected it to begin with "
                       "\\x93NUMPY",
                       ps->source);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return mt_fail(ps->err, MT_INVALID,
                       "%s: .npy version %d.%d; expected 1.0, 2.0 or 3.0",
                       ps->source, bytes[6], bytes[7]);
    width = bytes[6] == 1 ? 2 : 4;
    for (size_t i = 0; i < width && 8 + i < n; i++)
        length |= (size_t)bytes[8 + i] << 8 * i;
    if (length > MT_NPY_MAX_HEADER)
        return mt_fail(ps->err, MT_INVALID,
                       "%s: a header of %zu bytes; expected at most %d",
                       ps->source, length, MT_NPY_MAX_HEADER);
    if (n < 8 + width || length > n - 8 - width)
        return mt_fail(ps->err, MT_INVALID,
                       "%s: the file ends within its header of %zu bytes",
                       ps->source, length);
    ps->begin = (const char *)bytes;
    ps->p = ps->begin + 8 + width;
    ps->end = ps->p + length;
    ps->out->offset = 8 + width + length;
    return MT_OK;
}

/* With at most one dimension above 1 both orders are the same. */
static bool order_counts(const struct mt_shape *shape)
{
    int wide = 0;

    for (int i = 0; i < shape->rank; i++)
        wide += shape->dim[i] > 1;
    return wide > 1;
}

mt_status mt_npy_header_parse(const char *source, const void *bytes, size_t n,
                              enum mt_npy_use use, struct mt_npy_header *out,
                              struct mt_err *err)
{
    struct parser ps = {
        .source = source, .err = err, .out = out, .use = use
    };
    mt_status status;

    *out = (struct mt_npy_header){ 0 };
    status = find_dict(&ps, bytes, n);
    if (status == MT_OK)
        status = parse_dict(&ps);
    out->fortran = ps.fortran && order_counts(&out->shape);
    if (ps.rank > MT_MAX_RANK) {
        out->dtype = MT_OTHER;
        snprintf(out->type, sizeof out->type, "%zu dimensions", ps.rank);
    }
    return status;
}

size_t mt_npy_header_size(const unsigned char prefix[MT_NPY_PREFIX])
{
    size_t width = prefix[6] == 1 ? 2 : 4, length = 0;

    if (memcmp(prefix, "\x93NUMPY", 6) != 0 || prefix[6] < 1 || prefix[6] > 3)
        return 0;
    for (size_t i = 0; i < width; i++)
        length |= (size_t)prefix[8 + i] << 8 * i;
    return length > MT_NPY_MAX_HEADER ? 0 : 8 + width + length;
}

static const char *descr_of(enum mt_dtype dtype)
{
    for (size_t i = 0; i < N_KNOWN; i++) {
        if (known[i].dtype[MT_NPY_STATE] == dtype)
            return known[i].descr;
    }
    return NULL;
}

bool mt_npy_has_dtype(enum mt_dtype dtype)
{
    return descr_of(dtype) != NULL;
}

size_t mt_npy_header_write(enum mt_dtype dtype, const struct mt_shape *shape,
                           char out[MT_NPY_WRITTEN])
{
    enum { PREFIX = 10, ALIGN = 64 };
    char *p = out + PREFIX, *end = out + MT_NPY_WRITTEN;

    p += snprintf(p, (size_t)(end - p),
                  "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                  mt_dtype_size(dtype) == 1 ? '|' : '<', descr_of(dtype));
    for (int i = 0; i < shape->rank; i++)
        p += snprintf(p, (size_t)(end - p), i ? ", %zu" : "%zu", shape->dim[i]);
    p += snprintf(p, (size_t)(end - p), shape->rank == 1 ? ",), }" : "), }");

    size_t used = (size_t)(p - out) + 1;
    size_t size = (used + ALIGN - 1) / ALIGN * ALIGN, length = size - PREFIX;

    memset(p, ' ', size - used);
    out[size - 1] = '\n';
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (char)(length & 0xff);
    out[9] = (char)(length >> 8);
    return size;
}
