#include "plot/ticks.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dmath.h"

/* Numbers from 10^-5 up to (not including) 10^6 are written out, others with a
 * power of ten. */
enum { LEAST_POWER = -5, MOST_POWER = 5 };

/* count 10^power, rounded once: not all powers of ten are doubles. */
static double decimal(long long count, int power)
{
    char text[64];

    snprintf(text, sizeof text, "%llde%d", count, power);
    return strtod(text, NULL);
}

/* The largest p with 10^p <= x, for x > 0. */
static int power_of(double x)
{
    int p = (int)floor(mt_log10(x));

    while (decimal(1, p) > x)
        p--;
    while (decimal(1, p + 1) <= x)
        p++;
    return p;
}

/* Writes count 10^-places with that many (few) decimal places. */
static void write_places(char *out, size_t size, long long count, int places)
{
    long long one = 1, size_of = count < 0 ? -count : count;

    for (int i = 0; i < places; i++)
        one *= 10;
    snprintf(out, size, "%s%lld%s", count < 0 ? "-" : "", size_of / one,
             places > 0 ? "." : "");
    for (size_t n = strlen(out); one > 1 && n + 1 < size; n++) {
        one /= 10;
        out[n] = (char)('0' + size_of / one % 10);
        out[n + 1] = '\0';
    }
}

/* Adds count 10^power, written with 10^exponent, or out in full for 0. */
static void add_tick(struct mt_ticks *out, long long count, int power,
                     int exponent)
{
    struct mt_tick *t = &out->tick[out->n];

    if (out->n == MT_MAX_TICKS)
        return;
    out->n++;
    *t = (struct mt_tick){ .value = decimal(count, power) };
    if (count == 0) {
        snprintf(t->digits, sizeof t->digits, "0");
        return;
    }
    t->exponent = exponent;
    for (int i = exponent; i < power; i++)
        count *= 10;
    write_places(t->digits, sizeof t->digits, count,
                 power < exponent ? exponent - power : 0);
}

/* If all ticks are 1 times a power, they are written as the power alone. */
static void drop_ones(struct mt_ticks *out)
{
    for (size_t i = 0; i < out->n; i++) {
        if (strcmp(out->tick[i].digits, "1") != 0)
            return;
    }
    for (size_t i = 0; i < out->n; i++) {
        if (out->tick[i].exponent)
            out->tick[i].digits[0] = '\0';
    }
}

/* --- linear ------------------------------------------------------------- */

/* A step: m 10^p. */
struct step {
    int m, p;
};

static struct step next(struct step s)
{
    if (s.m == 1)
        return (struct step){ 2, s.p };
    if (s.m == 2)
        return (struct step){ 5, s.p };
    return (struct step){ 1, s.p + 1 };
}

/* How many multiples of the step are within lo and hi; *first is the first. */
static size_t count_steps(double lo, double hi, struct step s, long long *first)
{
    double unit = decimal(s.m, s.p), a = ceil(lo / unit), b = floor(hi / unit);

    *first = (long long)a;
    return b >= a ? (size_t)(b - a) + 1 : 0;
}

/* The power with which the ticks first ... last times 10^power are written. */
static int common_exponent(long long first, long long last, int power)
{
    long long far = llabs(first) > llabs(last) ? llabs(first) : llabs(last);
    int top = power;

    for (; far >= 10; far /= 10)
        top++;
    return top > MOST_POWER || power < LEAST_POWER ? top : 0;
}

static void choose_linear(double lo, double hi, bool whole, size_t max,
                          struct mt_ticks *out)
{
    double span = hi / 2 - lo / 2;
    double raw = span / (double)max; /* no smaller step can fit */
    struct step s = { 1, raw > 0 ? power_of(raw) : -323 };
    long long first;
    size_t n;

    if (s.p < -322)
        s.p = -322;
    if (whole && s.p < 0)
        s.p = 0;
    while ((n = count_steps(lo, hi, s, &first)) > max)
        s = next(s);
    int exponent =
        common_exponent(first * s.m, (first + (long long)n - 1) * s.m, s.p);

    for (size_t i = 0; i < n; i++)
        add_tick(out, (first + (long long)i) * s.m, s.p, exponent);
}

/* --- logarithmic -------------------------------------------------------- */

/* Which multiples of each power get a text, the fullest set first. */
static const struct {
    const char *multiples;
    int stride; /* use one power of so many */
} log_sets[] = {
    { "125", 1 }, { "13", 1 }, { "1", 1 },  { "1", 2 },   { "1", 5 },
    { "1", 10 },  { "1", 20 }, { "1", 50 }, { "1", 100 }, { "1", 200 },
};

static bool within(const struct mt_scale *s, int multiple, int power)
{
    double value = decimal(multiple, power);
    double at = value > 0 && isfinite(value) ? mt_log10(value) : NAN;

    return at >= s->lo - 1e-9 && at <= s->hi + 1e-9;
}

static size_t fill_log(const struct mt_scale *s, size_t set, bool plain,
                       struct mt_ticks *out)
{
    int stride = log_sets[set].stride;
    size_t n = 0;

    for (int p = (int)floor(s->lo) - 1; p <= (int)ceil(s->hi); p++) {
        for (const char *m = log_sets[set].multiples; *m; m++) {
            if (p % stride != 0 || !within(s, *m - '0', p))
                continue;
            n++;
            if (out)
                add_tick(out, *m - '0', p, plain ? 0 : p);
        }
    }
    return n;
}

static void fill_minor(const struct mt_scale *s, size_t set,
                       struct mt_ticks *out)
{
    if (log_sets[set].stride != 1)
        return;
    for (int p = (int)floor(s->lo) - 1; p <= (int)ceil(s->hi); p++) {
        for (int m = 1; m <= 9; m++) {
            if (!strchr(log_sets[set].multiples, '0' + m) && within(s, m, p) &&
                out->n_minor < MT_MAX_TICKS)
                out->minor[out->n_minor++] = decimal(m, p);
        }
    }
}

/* The value of a place on a logarithmic scale, and a little more. */
static double value_at(double place, double more)
{
    int whole = (int)floor(place);
    double value = decimal(1, whole) *
                   mt_dexp((place - whole) * 2.302585092994045684) * more;

    return value > DBL_MAX ? DBL_MAX : value;
}

/* For axes with few multiples of powers: ticks as on a linear axis. */
static void choose_between(const struct mt_scale *s, size_t max,
                           struct mt_ticks *out)
{
    size_t n = 0;

    choose_linear(value_at(s->lo, 1 - 1e-12), value_at(s->hi, 1 + 1e-12), false,
                  max, out);
    for (size_t i = 0; i < out->n; i++) { /* 0 has no place */
        if (out->tick[i].value > 0)
            out->tick[n++] = out->tick[i];
    }
    out->n = n;
}

static void choose_log(const struct mt_scale *s, size_t max,
                       struct mt_ticks *out)
{
    size_t n_sets = sizeof log_sets / sizeof *log_sets;
    bool plain = s->lo >= LEAST_POWER && s->hi < MOST_POWER + 1;

    for (size_t set = 0; set < n_sets; set++) {
        size_t n = fill_log(s, set, plain, NULL);

        if (n > max)
            continue;
        if (n < 2 || (n < 3 && set == 0))
            break;
        fill_log(s, set, plain, out);
        fill_minor(s, set, out);
        return;
    }
    choose_between(s, max, out);
}

void mt_ticks_choose(const struct mt_scale *s, size_t max_labels,
                     struct mt_ticks *out)
{
    size_t max = max_labels < 2              ? 2
                 : max_labels > MT_MAX_TICKS ? MT_MAX_TICKS
                                             : max_labels;

    out->n = out->n_minor = 0;
    if (s->log)
        choose_log(s, max, out);
    else
        choose_linear(s->lo, s->hi, s->whole, max, out);
    drop_ones(out);
}

struct mt_tick_text mt_tick_text(const struct mt_tick *tick)
{
    struct mt_tick_text out;
    const char *digits = *tick->digits ? tick->digits : "1";

    if (tick->exponent)
        snprintf(out.text, sizeof out.text, "%se%d", digits, tick->exponent);
    else
        snprintf(out.text, sizeof out.text, "%s", digits);
    return out;
}
