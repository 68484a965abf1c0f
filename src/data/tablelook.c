#include "data/tablelook.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "data/date.h"
#include "data/gaps.h"
#include "data/number.h"
#include "data/tableplan.h"

enum {
    LONGEST = 40,      /* most bytes of a number with a decimal comma */
    LONG_VALUE = 4096, /* most bytes of a value that is counted */
    CODE = 4,          /* fewest digits of a code */
    FEW = 20,          /* most numbers that may be classes, */
    ROWS_OF_EACH = 5   /* with so many rows each on average */
};

void mt_look_init(struct mt_look *l, struct mt_arena *arena)
{
    *l = (struct mt_look){ .whole = true, .counts_rows = true, .coded = true };
    mt_labels_init(&l->labels, arena);
}

void mt_look_free(struct mt_look *l)
{
    mt_labels_free(&l->labels);
    free(l->counts);
    free(l->lines);
}

/* A field, or the same field of several rows. */
struct fields {
    const struct mt_csv_field *field;
    size_t rows;
    uint64_t line; /* of the first */
};

static void add_number(struct mt_look *l, double v, size_t rows)
{
    double d;

    if (!l->numbers)
        l->first = l->min = l->max = v;
    l->numbers += rows;
    l->min = v < l->min ? v : l->min;
    l->max = v > l->max ? v : l->max;
    l->whole &= v == floor(v);
    d = v - l->first;
    l->sum += (double)rows * d;
    l->squares += (double)rows * (d * d);
}

/* Is it a number with a decimal comma, "1,5"? */
static bool has_decimal_comma(const struct mt_csv_field *field)
{
    char text[LONGEST], *comma;
    double v;

    if (field->n > sizeof text)
        return false;
    memcpy(text, field->text, field->n);
    comma = memchr(text, ',', field->n);
    if (!comma)
        return false;
    *comma = '.';
    return mt_number_f64(text, field->n, &v) == MT_NUMBER_OK;
}

static mt_status add_some(struct mt_look_some *some, const struct mt_look *l,
                          const struct fields *f, struct mt_err *err)
{
    bool first = !some->n;

    some->n += f->rows;
    if (!first)
        return MT_OK;
    some->line = f->line;
    some->text = mt_arena_strdup(l->labels.arena,
                                 mt_excerpt(f->field->text, f->field->n).text);
    return some->text ? MT_OK : mt_fail_memory(err);
}

static mt_status add_text(struct mt_look *l, const struct fields *f,
                          struct mt_err *err)
{
    mt_status status = add_some(&l->texts, l, f, err);

    if (status == MT_OK && has_decimal_comma(f->field))
        status = add_some(&l->commas, l, f, err);
    if (status == MT_OK && mt_date_is_other(f->field->text, f->field->n))
        status = add_some(&l->other_dates, l, f, err);
    return status;
}

static mt_status count_value(struct mt_look *l, const struct fields *fields,
                             struct mt_err *err)
{
    struct mt_csv_field f =
        l->raw ? mt_csv_trim(*fields->field) : mt_plan_value(fields->field);
    size_t n = l->labels.n;
    uint32_t index;

    l->many |=
        n > MT_LOOK_VALUES || f.n > LONG_VALUE || !mt_utf8_valid(f.text, f.n);
    if (l->many)
        return MT_OK;
    if (mt_labels_add(&l->labels, f.text, f.n, &index) == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (l->labels.n > n && (n & (n - 1)) == 0) { /* 0, 1, 2, 4, ... */
        size_t room = n ? 2 * n : 1;
        size_t *counts = realloc(l->counts, room * sizeof *counts);
        uint64_t *lines = realloc(l->lines, room * sizeof *lines);

        l->counts = counts ? counts : l->counts;
        l->lines = lines ? lines : l->lines;
        if (!counts || !lines)
            return mt_fail_memory(err);
    }
    if (l->labels.n > n) {
        l->counts[n] = 0;
        l->lines[n] = fields->line;
    }
    l->counts[index] += fields->rows;
    return MT_OK;
}

static void follow_counter(struct mt_look *l, bool number, double v)
{
    size_t row = l->numbers + l->dates.n + l->texts.n + l->gaps.n;

    l->counts_rows &= number && (row ? v == l->next : v == 0 || v == 1);
    l->next = v + 1;
}

static void follow_code(struct mt_look *l, struct mt_csv_field f, size_t rows)
{
    if (!l->coded)
        return;
    if (!l->width)
        l->width = f.n;
    l->coded = f.n == l->width && f.n >= CODE;
    for (size_t i = 0; i < f.n && l->coded; i++)
        l->coded = f.text[i] >= '0' && f.text[i] <= '9';
    l->zeros += f.text[0] == '0' ? rows : 0;
}

static mt_status add_date(struct mt_look *l, const struct fields *f,
                          double seconds, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (l->dates.n && seconds < l->last_date)
        status = add_some(&l->falls, l, f, err);
    l->last_date = seconds;
    return status == MT_OK ? add_some(&l->dates, l, f, err) : status;
}

static mt_status add_fields(struct mt_look *l, const struct fields *f,
                            bool number, double v, struct mt_err *err)
{
    const struct mt_csv_field *field = f->field;
    bool gap = !number && mt_is_gap(NULL, field), time;
    mt_status status = MT_OK;

    follow_counter(l, number, v);
    if (gap)
        return add_some(&l->gaps, l, f, err);
    follow_code(l, mt_csv_trim(*field), f->rows);
    if (number)
        add_number(l, v, f->rows);
    else if (mt_date_parse(field->text, field->n, &v, &time))
        status = add_date(l, f, v, err);
    else
        status = add_text(l, f, err);
    return status == MT_OK ? count_value(l, f, err) : status;
}

mt_status mt_look_add(struct mt_look *l, const struct mt_csv *csv,
                      const struct mt_csv_field *field, struct mt_err *err)
{
    struct fields one = { field, 1, mt_csv_line(csv) };
    double v = 0;
    bool number = mt_csv_value(csv, field, &v) == MT_NUMBER_OK;

    return add_fields(l, &one, number, v, err);
}

mt_status mt_look_add_rows(struct mt_look *l, const struct mt_csv *csv,
                           const char *text, size_t rows, uint64_t line,
                           struct mt_err *err)
{
    struct mt_csv_field field = { text, strlen(text), 0 };
    struct fields all = { &field, rows, line };
    double v = 0;
    bool number =
        mt_csv_parse(mt_csv_dialect(csv), text, field.n, &v) == MT_NUMBER_OK;

    return add_fields(l, &all, number, v, err);
}

size_t mt_look_values(const struct mt_look *l)
{
    return l->numbers + l->dates.n + l->texts.n;
}

double mt_look_mean(const struct mt_look *l)
{
    return l->first + l->sum / (double)l->numbers;
}

double mt_look_std(const struct mt_look *l)
{
    double n = (double)l->numbers, mean = l->sum / n;

    return sqrt(fmax(0, l->squares / n - mean * mean));
}

/* ---- targets ---- */

enum mt_csv_target mt_look_target(const struct mt_look *l)
{
    size_t values = mt_look_values(l), n = l->labels.n;
    bool few = !l->many && l->whole && n <= FEW && n * ROWS_OF_EACH <= values;

    if (!values)
        return MT_TARGET_EMPTY;
    if (l->numbers == values)
        return few ? MT_TARGET_FEW : MT_TARGET_NUMBERS;
    if (l->dates.n == values)
        return MT_TARGET_DATES;
    if (2 * (l->numbers + l->commas.n) > values)
        return few && 20 * l->texts.n >= values && !l->commas.n
                   ? MT_TARGET_CLASSES
                   : MT_TARGET_FAULTY;
    return l->many || n > MT_LOOK_VALUES || (n > FEW && n > values / 2)
               ? MT_TARGET_TEXT
               : MT_TARGET_CLASSES;
}

mt_status mt_look_check_classes(const struct mt_look *l, const char *path,
                                const char *name, struct mt_err *err)
{
    const struct mt_look_some *odd = l->commas.n ? &l->commas : &l->texts;
    struct mt_excerpt shown = mt_excerpt(name, strlen(name));

    if (mt_look_target(l) == MT_TARGET_FAULTY && odd->n)
        return mt_fail(err, MT_INVALID,
                       "%s:%llu: column \"%s\": expected a number as in %zu of "
                       "%zu rows, got \"%s\" (if it is a class: data.types: "
                       "{\"%s\": \"category\"})",
                       path, (unsigned long long)odd->line, shown.text,
                       l->numbers, mt_look_values(l), odd->text, shown.text);
    if (l->numbers == mt_look_values(l) && !l->whole &&
        (l->many || l->labels.n > FEW))
        return mt_fail(
            err, MT_INVALID,
            "%s: column \"%s\": more than %d different numbers, with "
            "fractions; expected classes, because the loss takes "
            "them (for numbers: a loss such as MSELoss; if they are "
            "classes: data.types: {\"%s\": \"category\"})",
            path, shown.text, FEW, shown.text);
    return MT_OK;
}
