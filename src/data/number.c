#include "data/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/number_short.h"

/* A decimal as it was scanned: w * 10^exp10 if !cut. */
struct decimal {
    bool negative;
    bool cut;          /* w lacks digits */
    uint64_t w;        /* the first significant digits, at most 19 */
    long exp10;        /* of w's last digit */
    const char *begin; /* the digits and the point */
    const char *end;
    long explicit10; /* what follows the e */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void trim(const char **text, size_t *n)
{
    while (*n && (**text == ' ' || **text == '\t'))
        ++*text, --*n;
    while (*n && ((*text)[*n - 1] == ' ' || (*text)[*n - 1] == '\t'))
        --*n;
}

static bool is_special(const char *text, size_t n)
{
    static const char *const names[] = { "nan", "inf", "infinity" };

    if (n && (*text == '+' || *text == '-'))
        ++text, --n;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n == strlen(names[i]) && !strncasecmp(text, names[i], n))
            return true;
    return false;
}

/* Digits with at most one point; returns their end, or NULL if there is no
 * digit. Once w is 10^18 or more, another digit may not fit. */
static const char *scan_digits(const char *p, const char *end,
                               struct decimal *d)
{
    bool any = false, point = false;

    d->begin = p;
    for (; p < end; p++) {
        if (is_digit(*p)) {
            any = true;
            if (d->w < UINT64_C(1000000000000000000)) {
                d->w = d->w * 10 + (uint64_t)(*p - '0');
                d->exp10 -= point;
            } else {
                d->cut = true;
                d->exp10 += !point;
            }
        } else if (*p == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    d->end = p;
    return any ? p : NULL;
}

/* Nine digits of an exponent are enough: no field has so many digits before or
 * after the point that they make up for it. */
static const char *scan_exponent(const char *p, const char *end,
                                 struct decimal *d)
{
    bool negative = false;
    long e = 0;

    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end || !is_digit(*p))
        return NULL;
    for (; p < end && is_digit(*p); p++)
        if (e < 100000000)
            e = e * 10 + (*p - '0');
    d->explicit10 = negative ? -e : e;
    d->exp10 += d->explicit10;
    return p;
}

static enum mt_number scan(const char *text, size_t n, struct decimal *d)
{
    const char *p, *end;

    trim(&text, &n);
    if (n == 0)
        return MT_NUMBER_EMPTY;
    p = text;
    end = text + n;
    if (*p == '+' || *p == '-')
        d->negative = *p++ == '-';
    p = scan_digits(p, end, d);
    if (p && p < end && (*p == 'e' || *p == 'E'))
        p = scan_exponent(p + 1, end, d);
    if (p == end)
        return MT_NUMBER_OK;
    return is_special(text, n) ? MT_NUMBER_SPECIAL : MT_NUMBER_BAD;
}

/*
 * The slow path, by strtod: at most 800 digits, then one digit that says
 * whether more follow. No double, nor the midpoint between two, has as many
 * digits, so this is rounded like the whole.
 */
enum { DIGITS = 800 };

static void print_decimal(const struct decimal *d, char out[DIGITS + 40])
{
    size_t n = 0;
    long exp10 = d->explicit10;
    bool point = false, sticky = false;

    for (const char *p = d->begin; p < d->end; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (n < DIGITS) {
            exp10 -= point;
            if (n || *p != '0')
                out[n++] = *p;
        } else {
            exp10 += !point;
            sticky |= *p != '0';
        }
    }
    if (sticky) {
        out[n++] = '1';
        exp10--;
    }
    snprintf(out + n, 40, "%se%ld", n ? "" : "0", exp10);
}

static const double pow10_of[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,
                                   1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
                                   1e18, 1e19, 1e20, 1e21, 1e22 };

static uint64_t load(const char *text, size_t n)
{
    uint64_t v = 0;

    memcpy(&v, text, n);
    return le64toh(v);
}

/* The 1 to 8 characters as a word (number_short.h); loads overlap in the
 * middle. */
static uint64_t load_word(const char *text, size_t n)
{
    if (n >= 4)
        return load(text, 4) | load(text + n - 4, 4) << (8 * n - 32);
    if (n >= 2)
        return load(text, 2) | load(text + n - 2, 2) << (8 * n - 16);
    return load(text, 1);
}

/* The digits and the power of ten are exact doubles, so their quotient is
 * rounded once (Clinger). */
static double to_double(const struct mt_short *s)
{
    double v = (double)s->digits / pow10_of[s->places];

    return s->minus ? -v : v;
}

static bool short_double(const char *text, size_t n, double *out)
{
    struct mt_short s;

    if (n - 1 >= 8 || !mt_short_parse(load_word(text, n), n, &s))
        return false;
    *out = to_double(&s);
    return true;
}

static const uint64_t whole_pow10_of[] = { 1,       10,       100,
                                           1000,    10000,    100000,
                                           1000000, 10000000, 100000000 };

/* Appends the digits from *p on to w, eight at a time; *count: their number.
 * false: they do not fit a word. */
static bool add_digits(const char **p, const char *end, uint64_t *w,
                       unsigned *count)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    size_t k = 8;

    for (*count = 0; k == 8; *count += (unsigned)k) {
        uint64_t x = mt_short_load(*p) ^ ones * '0', others;

        others = (x | (x + ones * (128 - 10))) & high;
        k = others ? (size_t)__builtin_ctzll(others) >> 3 : 8;
        k = k < (size_t)(end - *p) ? k : (size_t)(end - *p);
        if (k == 0)
            break;
        if (__builtin_mul_overflow(*w, whole_pow10_of[k], w) ||
            __builtin_add_overflow(*w, mt_short_join(x << (64 - 8 * k)), w))
            return false;
        *p += k;
    }
    return true;
}

/* Reads an e, an exponent of one or two digits, and nothing after it. */
static bool read_exponent(const char *p, const char *end, int *out)
{
    bool negative = p + 1 < end && p[1] == '-';

    p += 1 + (negative || (p + 1 < end && p[1] == '+'));
    if (end - p < 1 || end - p > 2 || !is_digit(*p) || !is_digit(end[-1]))
        return false;
    *out = end - p == 1 ? *p - '0' : (*p - '0') * 10 + (p[1] - '0');
    *out = negative ? -*out : *out;
    return true;
}

bool mt_number_decimal(const char *text, size_t n, struct mt_short *out)
{
    const char *p = text, *end = text + n;
    unsigned whole, places = 0;
    uint64_t w = 0;
    int exponent = 0;

    out->minus = *p == '-';
    p += out->minus;
    if (!add_digits(&p, end, &w, &whole))
        return false;
    if (p < end && *p == '.') {
        p++;
        if (!add_digits(&p, end, &w, &places))
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E') && read_exponent(p, end, &exponent))
        p = end;
    if (p < end || !(whole + places))
        return false;
    exponent -= (int)places;
    if (exponent > 8 || (exponent > 0 && __builtin_mul_overflow(
                                             w, whole_pow10_of[exponent], &w)))
        return false;
    out->digits = w;
    out->places = exponent < 0 ? (unsigned)-exponent : 0;
    return w <= UINT64_C(1) << 53 && out->places <= 15;
}

/* The same for any decimal with exact digits and power: product or quotient. */
static bool fast_double(const struct decimal *d, double *out)
{
    if (d->cut || d->w > UINT64_C(1) << 53 || d->exp10 < -22 || d->exp10 > 22)
        return false;
    *out = d->exp10 < 0 ? (double)d->w / pow10_of[-d->exp10]
                        : (double)d->w * pow10_of[d->exp10];
    return true;
}

static double pow2(int e)
{
    uint64_t bits = (uint64_t)(1023 + e) << 52;
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

static const uint64_t pow5_of[] = {
    UINT64_C(1),
    UINT64_C(5),
    UINT64_C(25),
    UINT64_C(125),
    UINT64_C(625),
    UINT64_C(3125),
    UINT64_C(15625),
    UINT64_C(78125),
    UINT64_C(390625),
    UINT64_C(1953125),
    UINT64_C(9765625),
    UINT64_C(48828125),
    UINT64_C(244140625),
    UINT64_C(1220703125),
    UINT64_C(6103515625),
    UINT64_C(30517578125),
    UINT64_C(152587890625),
    UINT64_C(762939453125),
    UINT64_C(3814697265625),
    UINT64_C(19073486328125),
    UINT64_C(95367431640625),
    UINT64_C(476837158203125),
    UINT64_C(2384185791015625),
    UINT64_C(11920928955078125),
    UINT64_C(59604644775390625),
    UINT64_C(298023223876953125),
    UINT64_C(1490116119384765625),
    UINT64_C(7450580596923828125),
};

/* For up to 19 digits and powers of ten up to 27: 5^27 is less than 2^63, so
 *
 *     w / 10^k = w / 5^k / 2^k
 *
 * is a quotient of integers. 63 or 64 bits of it, the lowest set if there are
 * further ones, are rounded once. */
static bool exact_double(const struct decimal *d, double *out)
{
#ifdef __SIZEOF_INT128__
    int k = (int)(d->exp10 < 0 ? -d->exp10 : d->exp10), shift = 0, up = 0;
    unsigned __int128 all, rest;
    uint64_t m;

    if (d->cut || d->w == 0 || d->exp10 < -27 || d->exp10 > 27)
        return false;
    if (d->exp10 < 0) {
        uint64_t five = pow5_of[k] << (up = __builtin_clzll(pow5_of[k]));

        shift = __builtin_clzll(d->w) + 63;
        all = (unsigned __int128)d->w << shift;
        m = (uint64_t)(all / five);
        rest = all % five;
        k = -k;
    } else {
        all = (unsigned __int128)d->w * pow5_of[k];
        if (all >> 64)
            up = 64 - __builtin_clzll((uint64_t)(all >> 64));
        m = (uint64_t)(all >> up);
        rest = all - ((unsigned __int128)m << up);
    }
    *out = (double)(m | (rest != 0)) * pow2(k + up - shift);
    return true;
#else
    (void)d;
    (void)out;
    return false;
#endif
}

enum mt_number mt_number_f64(const char *text, size_t n, double *out)
{
    struct decimal d = { 0 };
    enum mt_number result;
    char buf[DIGITS + 40];
    double v;

    if (short_double(text, n, out))
        return MT_NUMBER_OK;
    result = scan(text, n, &d);
    if (result != MT_NUMBER_OK)
        return result;
    if (!fast_double(&d, &v) && !exact_double(&d, &v)) {
        print_decimal(&d, buf);
        v = strtod(buf, NULL);
    }
    if (isinf(v))
        return MT_NUMBER_TOO_LARGE;
    *out = d.negative ? -v : v;
    return MT_NUMBER_OK;
}

enum mt_number mt_number_in_f32(const char *text, size_t n, double *out)
{
    double v;
    enum mt_number result;

    if (short_double(text, n, out))
        return MT_NUMBER_OK;
    result = mt_number_f64(text, n, &v);
    if (result == MT_NUMBER_OK && !(fabs(v) < 0x1.ffffffp127))
        result = MT_NUMBER_TOO_LARGE;
    if (result == MT_NUMBER_OK)
        *out = v;
    return result;
}

enum mt_number mt_number_padded(const char *text, size_t n, double *out)
{
    struct mt_short s;

    if (!(n - 1 < 8 && mt_short_parse(mt_short_load(text), n, &s)) &&
        !(n - 1 < MT_DECIMAL && mt_number_decimal(text, n, &s)))
        return mt_number_in_f32(text, n, out);
    *out = to_double(&s);
    return MT_NUMBER_OK;
}
