#include "data/tableplan_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "data/date.h"
#include "data/gaps.h"
#include "data/number.h"
#include "kernels/dmath.h"

const char *const mt_plan_rules[] = { "error", "drop",  "mean", "median",
                                      "zero",  "value", NULL };

const char *const mt_plan_types[] = { "number", "category", "date", NULL };

void mt_plan_free(struct mt_plan *plan)
{
    for (size_t i = 0; plan->columns && i < plan->n; i++)
        mt_labels_free(&plan->columns[i].labels);
    plan->n = 0;
}

/* ---- fields ---- */

bool mt_plan_gaps_have_digits(const struct mt_strings *gaps)
{
    for (size_t i = 0; i < gaps->n; i++)
        if (strpbrk(gaps->v[i], "0123456789"))
            return true;
    return false;
}

static mt_status fail_gap(const struct mt_csv *csv,
                          const struct mt_csv_columns *c, size_t column,
                          const struct mt_csv_field *field,
                          enum mt_plan_type type, struct mt_err *err)
{
    static const char *const expected[] = { "number", "value", "date" };
    char what[128] = "the field is empty";

    if (mt_csv_trim(*field).n)
        snprintf(what, sizeof what, "\"%s\" is a missing value",
                 mt_excerpt(field->text, field->n).text);
    return mt_csv_fail(csv, column, err,
                       "%s: %s; expected a %s (data.missing says what "
                       "becomes of gaps)",
                       mt_csv_column_text(c, column).text, what,
                       expected[type]);
}

/* true, false, yes and no are the same in upper and lower case. */
static struct mt_csv_field fold(struct mt_csv_field f)
{
    static const char *const words[] = { "true", "false", "yes", "no" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == f.n && !strncasecmp(words[i], f.text, f.n))
            f.text = words[i];
    return f;
}

struct mt_csv_field mt_plan_value(const struct mt_csv_field *field)
{
    return fold(mt_csv_trim(*field));
}

/* Values of rows other than training's get codes, too; fit gives them no
 * element. */
static mt_status read_code(struct mt_plan *plan, struct mt_plan_column *p,
                           const struct mt_csv *csv,
                           const struct mt_csv_columns *c, size_t column,
                           const struct mt_csv_field *field, double *cell,
                           struct mt_err *err)
{
    struct mt_csv_field f = mt_plan_value(field);
    uint32_t code = 0;
    mt_status status = mt_csv_check_line(csv, c, column, &f, err);

    if (status != MT_OK)
        return status;
    if (plan->fitted) {
        *cell = mt_labels_index(&p->labels, f.text, f.n);
        if (*cell < 0 && !*p->example.text)
            p->example = mt_excerpt(f.text, f.n);
        if (*cell >= 0)
            mt_labels_remember(&p->labels, field->text, field->n,
                               (int32_t)*cell);
        return MT_OK;
    }
    if (!mt_utf8_valid(f.text, f.n))
        return mt_csv_fail(
            csv, column, err, "%s: the value is not valid UTF-8: \"%s\"",
            mt_csv_column_text(c, column).text, mt_excerpt(f.text, f.n).text);
    status = mt_labels_add(&p->labels, f.text, f.n, &code);
    *cell = code;
    if (status == MT_OK)
        mt_labels_remember(&p->labels, field->text, field->n, (int32_t)code);
    if (status == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (status != MT_OK)
        return mt_csv_fail(csv, column, err,
                           "%s: more than %d different values; is it a "
                           "category?",
                           mt_csv_column_text(c, column).text, MT_LABELS_MAX);
    return MT_OK;
}

static mt_status read_date(const struct mt_csv *csv,
                           const struct mt_csv_columns *c, size_t column,
                           const struct mt_csv_field *field, double *cell,
                           struct mt_err *err)
{
    bool time;

    if (mt_date_parse(field->text, field->n, cell, &time))
        return MT_OK;
    return mt_csv_fail(csv, column, err,
                       "%s: expected a date such as 2024-01-31 or "
                       "2024-01-31T12:30, got \"%s\"",
                       mt_csv_column_text(c, column).text,
                       mt_excerpt(field->text, field->n).text);
}

mt_status mt_plan_field(struct mt_plan *plan, size_t i,
                        const struct mt_csv *csv,
                        const struct mt_csv_columns *c,
                        const struct mt_csv_field *fields, double *cell,
                        bool *drop, struct mt_err *err)
{
    struct mt_plan_column *p = &plan->columns[i];
    size_t column = c->features[i];
    const struct mt_csv_field *field = &fields[column];

    if (p->type == MT_PLAN_NUMBER && !plan->digits &&
        mt_csv_value(csv, field, cell) == MT_NUMBER_OK)
        return MT_OK;
    if (mt_is_gap(&plan->gaps, field)) {
        *cell = NAN;
        *drop |= p->missing == MT_MISSING_DROP;
        return p->missing == MT_MISSING_ERROR
                   ? fail_gap(csv, c, column, field, p->type, err)
                   : MT_OK;
    }
    switch (p->type) {
    case MT_PLAN_CATEGORY:
        return read_code(plan, p, csv, c, column, field, cell, err);
    case MT_PLAN_DATE:
        return read_date(csv, c, column, field, cell, err);
    default:
        return mt_csv_number(csv, c, fields, column, cell, err);
    }
}

/* ---- encoding ---- */

/* The element of a category that is 1; -1: none, as the training data did not
 * have the value. */
static int32_t element_of(const struct mt_plan_column *p, double cell)
{
    if (cell != cell)
        return p->gaps && p->missing == MT_MISSING_VALUE ? (int32_t)p->n - 1
                                                         : -1;
    return cell >= 0 && (size_t)cell < p->n_codes ? p->element[(size_t)cell]
                                                  : -1;
}

static void encode_category(const struct mt_plan_column *p, double cell,
                            double *x)
{
    int32_t e = element_of(p, cell);

    memset(x, 0, p->n * sizeof *x);
    if (e >= 0)
        x[e] = 1;
}

/* A part of a circle as its sine and cosine. */
static void encode_circle(double part, double *x)
{
    x[0] = mt_dsinpi(2 * part);
    x[1] = mt_dcospi(2 * part);
}

static void encode_date(const struct mt_plan_column *p, double cell, double *x)
{
    double t = cell != cell ? p->fill : cell;

    x[0] = p->range > 0 ? (t - p->start) / p->range : 0;
    encode_circle(mt_date_of_year(t), x + 1);
    if (p->times)
        encode_circle(mt_date_of_day(t), x + 3);
}

void mt_plan_count_unseen(struct mt_plan *plan, const double *cells)
{
    for (size_t i = 0; i < plan->n; i++) {
        struct mt_plan_column *p = &plan->columns[i];
        double cell = cells[i];

        if (p->type != MT_PLAN_CATEGORY || element_of(p, cell) >= 0)
            continue;
        if (!p->unseen++ && cell >= 0 && (size_t)cell < p->labels.n)
            p->example = mt_excerpt(p->labels.values[(size_t)cell],
                                    strlen(p->labels.values[(size_t)cell]));
    }
}

void mt_plan_encode(const struct mt_plan *plan, const double *cells, double *x)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];
        double cell = cells[i], *own = x + p->first;

        if (p->type == MT_PLAN_CATEGORY) {
            encode_category(p, cell, own);
            continue;
        }
        if (p->flag)
            own[p->n - 1] = cell != cell;
        if (p->type == MT_PLAN_DATE)
            encode_date(p, cell, own);
        else
            own[0] = cell != cell ? p->fill : cell;
    }
}

const char *mt_plan_note(const struct mt_plan *plan, struct mt_arena *arena)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    const char *out = NULL;

    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];
        struct mt_excerpt name = mt_excerpt(p->name, strlen(p->name));

        if (p->n_unlisted)
            mt_strbuf_printf(&text,
                             "%scolumn \"%s\": %zu row%s with a value that "
                             "data.categories does not list (\"%s\")",
                             text.len ? "; " : "", name.text, p->n_unlisted,
                             p->n_unlisted == 1 ? "" : "s",
                             mt_excerpt(p->unlisted, strlen(p->unlisted)).text);
        if (p->n_missing && p->missing == MT_MISSING_VALUE)
            mt_strbuf_printf(
                &text,
                "%scolumn \"%s\": missing in %zu row%s, which is a "
                "value of its own",
                text.len ? "; " : "", name.text, p->n_missing,
                p->n_missing == 1 ? "" : "s");
    }
    if (text.len && !text.failed)
        out = mt_arena_strdup(arena, text.text);
    mt_strbuf_free(&text);
    return out;
}

const char *mt_plan_warning(const struct mt_plan *plan, struct mt_arena *arena)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    const char *out = NULL;
    size_t n = 0;

    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];

        if (!p->unseen)
            continue;
        mt_strbuf_printf(&text,
                         "%scolumn \"%s\": %zu field%s with a value that the "
                         "training rows do not have",
                         n++ ? "; " : "",
                         mt_excerpt(p->name, strlen(p->name)).text, p->unseen,
                         p->unseen == 1 ? "" : "s");
        if (*p->example.text)
            mt_strbuf_printf(&text, " (\"%s\")", p->example.text);
    }
    if (n && !text.failed)
        out = mt_arena_strdup(arena, text.text);
    mt_strbuf_free(&text);
    return out;
}
