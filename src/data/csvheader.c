#include "data/csvheader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "data/gaps.h"
#include "data/number.h"

enum {
    RECORDS = 1000,  /* most records that are read, */
    BYTES = 1 << 20, /* and most bytes */
    SOME = 8,        /* fewest records from which a range or a form counts */
    STEPS = 3,       /* fewest numbers in steps, */
    MANY_STEPS = 5,  /* and of any kind */
    BITS = 64        /* of the sketch that counts different values */
};

/* What a field looks like. DIGITS: more digits than letters, as in a date, a
 * price or a percentage. */
enum look { GAP, NUMBER, DIGITS, TEXT };

struct column {
    const char
        *first; /* the field of the first record, without spaces around */
    size_t n_first;
    enum look look;
    double number;

    size_t gaps, numbers, digits, texts; /* of the records below */
    double min, max, last;
    bool rises, falls, fractions; /* true of all numbers */
    uint64_t seen;                /* a bit for each hash of a value */
    uint64_t again;               /* the line that repeats `first`, or 0 */
    bool stepped;                 /* `first` is one of the numbers in steps */
};

struct table {
    struct column *columns;
    size_t n, records;
    double step;     /* of the numbers of the first record; 0: none */
    size_t in_steps; /* records below with numbers in steps, too */
};

static enum look look_at(const struct mt_csv *csv, const char *text, size_t n,
                         double *number)
{
    struct mt_csv_field field = { text, n, 0 };
    size_t digits = 0, letters = 0;

    if (mt_is_gap(NULL, &field))
        return GAP;
    switch (mt_csv_value(csv, &field, number)) {
    case MT_NUMBER_OK:
        return NUMBER;
    case MT_NUMBER_TOO_LARGE:
        return DIGITS;
    case MT_NUMBER_SPECIAL:
    case MT_NUMBER_EMPTY:
        return GAP;
    default:
        break;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        digits += c >= '0' && c <= '9';
        letters += (c | 32) >= 'a' && (c | 32) <= 'z';
        letters += c >= 0xc0; /* the first byte of another character */
    }
    return digits > letters ? DIGITS : TEXT;
}

/* ---- the first record ---- */

static mt_status take_first(struct table *t, const struct mt_csv *csv,
                            const struct mt_csv_field *fields, size_t n,
                            struct mt_arena *arena, struct mt_err *err)
{
    t->n = n;
    t->columns = calloc(n + 1, sizeof *t->columns);
    if (!t->columns)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct column *c = &t->columns[i];
        struct mt_csv_field f = mt_csv_trim(fields[i]);

        c->first = mt_arena_strndup(arena, f.text, f.n);
        if (!c->first)
            return mt_fail_memory(err);
        c->n_first = f.n;
        c->look = look_at(csv, f.text, f.n, &c->number);
        c->rises = c->falls = c->fractions = true;
    }
    return MT_OK;
}

/* Are n whole numbers in steps likely to be names: from 0 or 1 on, years, or
 * many? */
static bool are_names(double first, double last, double step, size_t n)
{
    return n >= STEPS && step > 0 &&
           ((step == 1 && (first == 0 || first == 1)) ||
            (first >= 1000 && last < 3000) || n >= MANY_STEPS);
}

static void find_steps(struct table *t)
{
    const struct column *first = NULL, *last = NULL;
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];

        if (c->look != NUMBER)
            continue;
        if (n == 1)
            t->step = c->number - last->number;
        if (c->number != floor(c->number) ||
            (n && c->number - last->number != t->step)) {
            t->step = 0;
            return;
        }
        first = first ? first : c;
        last = c;
        n++;
    }
    if (!n || !are_names(first->number, last->number, t->step, n))
        t->step = 0;
    for (size_t i = 0; t->step != 0 && i < t->n; i++)
        t->columns[i].stepped = t->columns[i].look == NUMBER;
}

/* ---- the records below ---- */

static void add_number(struct column *c, const struct mt_csv_field *f, double v)
{
    bool whole = true;

    for (size_t i = 0; i < f->n && whole; i++)
        whole = !strchr(".eE", f->text[i]);
    if (!c->numbers)
        c->min = c->max = c->last = v;
    c->rises &= v >= c->last;
    c->falls &= v <= c->last;
    c->fractions &= !whole;
    c->min = fmin(c->min, v);
    c->max = fmax(c->max, v);
    c->last = v;
    c->numbers++;
}

/* FNV-1a, its upper bits. */
static unsigned sketch_bit(const char *text, size_t n)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
    return (unsigned)((h ^ h >> 29) * 0xbf58476d1ce4e5b9 >> 58) % BITS;
}

static void add_record(struct table *t, const struct mt_csv *csv,
                       const struct mt_csv_field *fields, size_t n)
{
    double before = NAN;
    bool steps = t->step != 0 && n == t->n;

    for (size_t i = 0; i < n && i < t->n; i++) {
        struct column *c = &t->columns[i];
        struct mt_csv_field f = mt_csv_trim(fields[i]);
        double v = NAN;
        enum look look = look_at(csv, f.text, f.n, &v);

        if (look == NUMBER)
            add_number(c, &f, v);
        c->gaps += look == GAP;
        c->digits += look == DIGITS;
        c->texts += look == TEXT;
        if (look != GAP)
            c->seen |= (uint64_t)1 << sketch_bit(f.text, f.n);
        if (look == c->look && look >= DIGITS && !c->again &&
            f.n == c->n_first && !memcmp(f.text, c->first, f.n))
            c->again = mt_csv_line(csv);
        if (!c->stepped)
            continue;
        steps &= look == NUMBER && (before != before || v - before == t->step);
        before = v;
    }
    t->in_steps += steps;
    t->records++;
}

/* How far the first number is outside the range of those below; at most 0: it
 * is inside. */
static double distance(const struct column *c)
{
    return fmax(c->min - c->number, c->number - c->max);
}

/* Will the column not vote for a header, whatever records follow? These can
 * only make a number more like those below it. */
static bool is_settled(const struct table *t, const struct column *c)
{
    if (c->look != NUMBER || !c->numbers || t->step != 0)
        return c->look == GAP || c->again;
    return distance(c) <= c->max - c->min &&
           (!c->fractions || c->first[strcspn(c->first, ".eE")]);
}

static bool all_settled(const struct table *t)
{
    size_t i = 0;

    while (i < t->n && is_settled(t, &t->columns[i]))
        i++;
    return i == t->n;
}

static mt_status read_records(struct table *t, struct mt_csv *csv,
                              struct mt_err *err)
{
    size_t bytes = 0;

    while (t->records < RECORDS && bytes < BYTES && !all_settled(t)) {
        const struct mt_csv_field *fields;
        size_t n;
        mt_status status = mt_csv_next(csv, &fields, &n, err);

        if (status != MT_OK || n == 0)
            return status;
        bytes += fields[n - 1].at + fields[n - 1].n;
        add_record(t, csv, fields, n);
    }
    return MT_OK;
}

/* ---- the votes ---- */

/* The reasons, the best first. */
enum reason {
    ABOVE_NUMBERS,
    ABOVE_DIGITS,
    NUMBERS_IN_STEPS,
    UNLIKE_OTHERS,
    ABOVE_TEXTS,
    NEW_TEXT,
    FOR, /* those before it are votes for a header */
    TEXT_AGAIN = FOR,
    MISSING,
    DIGITS_AGAIN, /* a date above dates: counts twice, as no column is called
                     like that */
    LIKE_OTHERS,
    NO_REASON
};

/* Is the first number far outside the range of those below? It must be farther
 * if they are few or sorted. */
static bool is_outside(const struct column *c)
{
    double range = c->max - c->min, away = distance(c);
    bool many = c->numbers >= SOME && !c->rises && !c->falls;

    return c->numbers >= STEPS && range > 0 && away > (many ? 1 : 3) * range;
}

static enum reason judge_number(const struct table *t, const struct column *c)
{
    if (c->stepped && 50 * t->in_steps <= t->records)
        return NUMBERS_IN_STEPS;
    if (is_outside(c) || (c->numbers >= SOME && c->fractions &&
                          !c->first[strcspn(c->first, ".eE")]))
        return UNLIKE_OTHERS;
    return LIKE_OTHERS;
}

static enum reason judge(const struct table *t, const struct column *c)
{
    size_t values = c->numbers + c->digits + c->texts, different = 0;

    if (c->look == GAP)
        return c->n_first ? MISSING : NO_REASON;
    if (!values)
        return NO_REASON;
    if (c->again)
        return TEXT_AGAIN;
    for (unsigned i = 0; i < BITS; i++)
        different += c->seen >> i & 1;
    /* One field in five may be a fault, or a missing value by an unknown
     * name. */
    if (5 * c->numbers >= 4 * values)
        return c->look == NUMBER ? judge_number(t, c) : ABOVE_NUMBERS;
    if (5 * (c->numbers + c->digits) >= 4 * values)
        return c->look == TEXT     ? ABOVE_DIGITS
               : c->look == DIGITS ? DIGITS_AGAIN
                                   : LIKE_OTHERS;
    if (c->look == NUMBER)
        return c->numbers ? NO_REASON : ABOVE_TEXTS;
    if (values >= SOME && 2 * different <= BITS && 2 * different <= values)
        return NEW_TEXT;
    return NO_REASON;
}

static bool texts_differ(const struct table *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->columns[i].look != TEXT)
            return false;
    for (size_t i = 0; i < t->n && i < RECORDS; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(t->columns[i].first, t->columns[k].first))
                return false;
    return true;
}

static void explain(const struct column *c, size_t column, enum reason reason,
                    struct mt_strbuf *out)
{
    struct mt_excerpt e = mt_excerpt(c->first, c->n_first);

    switch (reason) {
    case ABOVE_NUMBERS:
        mt_strbuf_printf(out, "\"%s\" is above numbers", e.text);
        break;
    case ABOVE_DIGITS:
        mt_strbuf_printf(out, "\"%s\" is above values with digits", e.text);
        break;
    case NUMBERS_IN_STEPS:
        mt_strbuf_printf(out, "its numbers go in steps (\"%s\", ...)", e.text);
        break;
    case UNLIKE_OTHERS:
        mt_strbuf_printf(out, "the number \"%s\" is unlike those below it",
                         e.text);
        break;
    case ABOVE_TEXTS:
        mt_strbuf_printf(out, "the number \"%s\" is above texts", e.text);
        break;
    case NEW_TEXT:
        mt_strbuf_printf(out, "\"%s\" is not among the few values below it",
                         e.text);
        break;
    case TEXT_AGAIN:
        mt_strbuf_printf(out,
                         "\"%s\" in column %zu is a value of line %llu "
                         "too",
                         e.text, column, (unsigned long long)c->again);
        break;
    case MISSING:
        mt_strbuf_printf(out, "\"%s\" in column %zu is a missing value", e.text,
                         column);
        break;
    case DIGITS_AGAIN:
    case LIKE_OTHERS:
        mt_strbuf_printf(out,
                         "\"%s\" in column %zu is like the values below "
                         "it",
                         e.text, column);
        break;
    default:
        break;
    }
}

/* One text above numbers or dates may be a fault in a data record; two are
 * names, unless a text or a date votes against. */
static bool prefers_header(const size_t *count, size_t yes, size_t no)
{
    bool names = count[ABOVE_NUMBERS] + count[ABOVE_DIGITS] > 1 &&
                 !count[TEXT_AGAIN] && !count[DIGITS_AGAIN];

    return names || yes > no || (yes == no && count[ABOVE_NUMBERS]);
}

static void decide(const struct table *t, struct mt_csv_header *out,
                   struct mt_strbuf *why)
{
    size_t count[NO_REASON] = { 0 }, first[NO_REASON] = { 0 };
    size_t yes = 0, no = 0;

    for (size_t i = 0; i < t->n; i++) {
        enum reason reason = judge(t, &t->columns[i]);

        if (reason == NO_REASON)
            continue;
        if (!count[reason]++)
            first[reason] = i;
        yes += reason < FOR;
        no += reason < FOR ? 0 : reason == DIGITS_AGAIN ? 2 : 1;
    }
    out->header = prefers_header(count, yes, no);
    if (yes == no && !out->header) {
        out->header = texts_differ(t);
        mt_strbuf_puts(why, out->header
                                ? "its fields are texts, all different"
                                : "nothing sets it apart from the others");
        return;
    }
    out->sure = !(out->header ? no : yes);
    for (int r = out->header ? 0 : FOR; r < NO_REASON && !why->len; r++)
        if (count[r])
            explain(&t->columns[first[r]], first[r], (enum reason)r, why);
}

mt_status mt_csv_find_header(struct mt_csv *csv, struct mt_arena *arena,
                             struct mt_csv_header *out, struct mt_err *err)
{
    struct table t = { 0 };
    struct mt_strbuf why = MT_STRBUF_INIT;
    const struct mt_csv_field *fields;
    size_t n;
    mt_status status = mt_csv_next(csv, &fields, &n, err);

    *out = (struct mt_csv_header){ 0 };
    if (status != MT_OK || n == 0)
        return status;
    status = take_first(&t, csv, fields, n, arena, err);
    if (status == MT_OK) {
        find_steps(&t);
        status = read_records(&t, csv, err);
    }
    if (status == MT_OK) {
        decide(&t, out, &why);
        out->why = why.failed ? NULL : mt_arena_strdup(arena, why.text);
        status = out->why ? MT_OK : mt_fail_memory(err);
    }
    mt_strbuf_free(&why);
    free(t.columns);
    return status;
}
