#include "cmd/templatetable.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cmd/shellwords.h"

enum {
    WIDE = 30,  /* columns: then runs of plain numbers are one line */
    SHOWN = 12, /* classes */
    RARE = 2    /* a value of fewer rows may be a typing error */
};

/* ---- columns ---- */

/* ` ("NA" in line 7)` */
static void add_place(const struct mt_look_some *some, struct mt_strbuf *out)
{
    if (*some->text)
        mt_strbuf_printf(out, " (\"%s\" in line %llu)", some->text,
                         (unsigned long long)some->line);
    else
        mt_strbuf_printf(out, " (line %llu)", (unsigned long long)some->line);
}

static void add_values(const struct mt_look *l, struct mt_strbuf *out)
{
    if (l->many && l->labels.n <= MT_LOOK_VALUES)
        mt_strbuf_puts(out, "values that are too long, or not UTF-8");
    else if (l->many)
        mt_strbuf_printf(out, "more than %d values", MT_LOOK_VALUES);
    else
        mt_strbuf_puts(out, mt_count(l->labels.n, "value").text);
}

/* A value that only one row has may be a mistake. */
static void add_single(const struct mt_look *l, struct mt_strbuf *out)
{
    size_t n = 0, first = 0;

    for (size_t i = 0; i < l->labels.n; i++) {
        if (l->counts[i] != 1)
            continue;
        if (n == 0 || l->lines[i] < l->lines[first])
            first = i;
        n++;
    }
    if (n)
        mt_strbuf_printf(
            out, ", %zu of a single row (\"%s\" in line %llu)", n,
            mt_excerpt(l->labels.values[first], strlen(l->labels.values[first]))
                .text,
            (unsigned long long)l->lines[first]);
}

static void add_some(const char *what, const struct mt_look_some *some,
                     const struct mt_csv_guess *g, struct mt_strbuf *out)
{
    mt_strbuf_printf(out, "%s in %zu of %zu rows", what, some->n, g->rows);
    add_place(some, out);
}

/* Texts in a column whose values are mostly numbers or dates. */
static void add_faults(const struct mt_look *l, const struct mt_csv_guess *g,
                       struct mt_strbuf *out)
{
    if (l->commas.n)
        add_some("decimal commas", &l->commas, g, out);
    else if (l->dates.n > l->numbers && l->texts.n)
        add_some("no date", &l->texts, g, out);
    else if (l->dates.n > l->numbers)
        mt_strbuf_puts(out, "dates and numbers");
    else
        add_some("no number", l->texts.n ? &l->texts : &l->dates, g, out);
}

static void add_comma_remedy(struct mt_strbuf *out)
{
    mt_strbuf_puts(out, ", but other numbers of the table have decimal points; "
                        "write all in one form");
}

static void add_left_out(const struct mt_csv_guess *g, size_t column,
                         struct mt_strbuf *out)
{
    const struct mt_look *l = &g->looks[column];

    mt_strbuf_puts(out, "left out: ");
    switch (g->use[column]) {
    case MT_CSV_ORDER:
        mt_strbuf_puts(out, l->falls.n ? "dates, not in order"
                                       : "dates, in order, as windows take the "
                                         "rows");
        return;
    case MT_CSV_EMPTY:
        mt_strbuf_puts(out, "no row has a value");
        return;
    case MT_CSV_CONSTANT:
        mt_strbuf_printf(
            out, "\"%s\" in every row",
            mt_excerpt(l->labels.values[0], strlen(l->labels.values[0])).text);
        return;
    case MT_CSV_COUNTER:
        mt_strbuf_puts(out, "it only counts the rows");
        return;
    case MT_CSV_ID:
        mt_strbuf_puts(out, "an id, by its name: ");
        add_values(l, out);
        mt_strbuf_puts(out, ", whole numbers");
        return;
    case MT_CSV_COMMA:
        add_faults(l, g, out);
        add_comma_remedy(out);
        return;
    case MT_CSV_OTHER_DATES:
        add_some("dates", &l->other_dates, g, out);
        mt_strbuf_puts(out, " whose order of day and month is not known; "
                            "expected the form 2024-01-31");
        return;
    case MT_CSV_FAULTY:
        add_faults(l, g, out);
        return;
    default:
        mt_strbuf_puts(out, l->texts.n ? "text, " : "codes, ");
        add_values(l, out);
        if (l->texts.n)
            add_place(&l->texts, out);
    }
}

static void add_gaps(const struct mt_look *l, const char *rule,
                     struct mt_strbuf *out)
{
    if (!l->gaps.n)
        return;
    mt_strbuf_printf(out, "; missing in %s", mt_count(l->gaps.n, "row").text);
    add_place(&l->gaps, out);
    mt_strbuf_printf(out, ": %s", rule);
}

static void add_line(const struct mt_csv_guess *g, size_t column,
                     struct mt_strbuf *out)
{
    const struct mt_look *l = &g->looks[column];

    switch (g->use[column]) {
    case MT_CSV_NUMBER:
        mt_strbuf_printf(out, "numbers from %.9g to %.9g, ", l->min, l->max);
        add_values(l, out);
        add_gaps(l, "the median, and a flag", out);
        break;
    case MT_CSV_DATE:
        mt_strbuf_puts(out, "dates, ");
        add_values(l, out);
        add_gaps(l, "the median, and a flag", out);
        break;
    case MT_CSV_CATEGORY:
        mt_strbuf_puts(out, "a category of ");
        add_values(l, out);
        add_single(l, out);
        add_gaps(l, "a value of its own", out);
        break;
    case MT_CSV_TARGET:
        mt_strbuf_puts(out, "the target, ");
        add_values(l, out);
        add_gaps(l,
                 g->series ? "each row of a series needs one"
                           : "these rows are left out",
                 out);
        break;
    default:
        add_left_out(g, column, out);
    }
}

static bool is_plain(const struct mt_csv_guess *g, size_t column)
{
    return g->columns.n > WIDE && column < g->columns.n &&
           g->use[column] == MT_CSV_NUMBER && !g->looks[column].gaps.n;
}

static void report_list(const struct mt_own_data *own,
                        const struct mt_csv_guess *g)
{
    const struct mt_csv_columns *c = &g->columns;
    bool kinds[MT_CSV_TEXT + 1] = { false };

    for (size_t i = 0, end; i < c->n; i = end) {
        struct mt_csv_column_text name = mt_csv_column_text(c, i);
        struct mt_strbuf line = MT_STRBUF_INIT;

        for (end = i + 1; is_plain(g, i) && is_plain(g, end);)
            end++;
        kinds[g->use[i]] = true;
        add_line(g, i, &line);
        if (end > i + 1)
            mt_own_say(own, "%s to %s: numbers", name.text,
                       mt_csv_column_text(c, end - 1).text);
        else
            mt_own_say(own, "%s: %s", name.text, line.text ? line.text : "");
        mt_strbuf_free(&line);
    }
    if (kinds[MT_CSV_TEXT])
        mt_own_say(own,
                   "a text is a category if it has at most %d values, "
                   "each in two rows or more on average",
                   MT_CSV_CATEGORIES);
    if (kinds[MT_CSV_FAULTY])
        mt_own_say(own, "to use a column with faults, correct these rows, "
                        "or name its texts for missing values in "
                        "data.missing_values");
}

static void report_header(const struct mt_own_data *own,
                          const struct mt_csv_guess *g)
{
    const struct mt_csv_columns *c = &g->columns;

    mt_own_say(own, "%s: %zu rows of %s; %s: %s%s", own->files[0], g->rows,
               mt_count(c->n, "column").text,
               c->names ? "the first line is the header" : "no header", c->why,
               c->sure    ? ""
               : c->names ? " (if it is not: --header no)"
                          : " (if the first line is one: --header yes)");
    for (size_t i = 0; c->names && i < c->n; i++)
        if (c->names[i] != c->raw[i])
            mt_own_say(own, "column %zu: another \"%s\" is named \"%s\"", i,
                       mt_excerpt(c->raw[i], strlen(c->raw[i])).text,
                       mt_excerpt(c->names[i], strlen(c->names[i])).text);
}

/* ---- targets ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct mt_csv_class *x = *(struct mt_csv_class *const *)a;
    const struct mt_csv_class *y = *(struct mt_csv_class *const *)b;

    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return (x > y) - (x < y);
}

/* "Gent 61.6 %, Ulm 38.4 %", the largest first. */
static void add_shares(struct mt_csv_class **sorted, size_t n, size_t rows,
                       struct mt_strbuf *out)
{
    for (size_t i = 0; i < n && i < SHOWN; i++)
        mt_strbuf_printf(
            out, "%s%s %.1f %%", i ? ", " : "",
            mt_excerpt(sorted[i]->name, strlen(sorted[i]->name)).text,
            100 * (double)sorted[i]->rows / (double)rows);
    if (n > SHOWN)
        mt_strbuf_printf(out, " and %zu more", n - SHOWN);
}

/* Classes of a single row may be typing errors. */
static void report_rare(const struct mt_own_data *own,
                        struct mt_csv_class *const *sorted, size_t n)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    size_t rare = 0;

    for (size_t i = n; i-- > 0 && sorted[i]->rows < RARE; rare++)
        if (rare < SHOWN)
            mt_strbuf_printf(
                &out, "%s%s (line %llu)", rare ? ", " : "",
                mt_excerpt(sorted[i]->name, strlen(sorted[i]->name)).text,
                (unsigned long long)sorted[i]->line);
    if (rare)
        mt_own_say(own, "%zu class%s of a single row: %s%s", rare,
                   rare == 1 ? "" : "es", out.text ? out.text : "",
                   rare > SHOWN ? ", ..." : "");
    mt_strbuf_free(&out);
}

static mt_status report_classes(const struct mt_own_data *own,
                                const struct mt_csv_guess *g,
                                struct mt_arena *arena, struct mt_err *err)
{
    size_t target = g->columns.targets[0], n;
    struct mt_csv_class *classes, **sorted;
    struct mt_strbuf shares = MT_STRBUF_INIT;
    mt_status status = mt_csv_classes(g, arena, &classes, &n, err);

    if (status != MT_OK)
        return status;
    sorted = mt_arena_calloc(arena, n + 1, sizeof *sorted);
    if (!sorted)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &classes[i];
    qsort(sorted, n, sizeof *sorted, compare_rows);
    add_shares(sorted, n, mt_look_values(&g->looks[target]), &shares);
    mt_own_say(own,
               "target %s: %zu classes (%s), so it is a "
               "classification%s",
               mt_csv_column_text(&g->columns, target).text, n,
               shares.text ? shares.text : "",
               g->targets[0] == MT_TARGET_FEW
                   ? " (if it is a quantity: mtrain init csv-regression)"
                   : "");
    report_rare(own, sorted, n);
    mt_strbuf_free(&shares);
    return MT_OK;
}

static bool can_be_numbers(enum mt_csv_target target)
{
    return target == MT_TARGET_NUMBERS || target == MT_TARGET_FEW;
}

/* Prints the target as classes, whatever its values look like. */
static bool can_be_classes(const struct mt_csv_guess *g)
{
    const struct mt_look *l = &g->looks[g->columns.targets[0]];

    return g->targets[0] != MT_TARGET_EMPTY && !l->many && !l->commas.n &&
           l->labels.n <= MT_LOOK_VALUES;
}

void mt_table_print_columns(const struct mt_own_data *own,
                            const struct mt_csv_guess *g)
{
    report_header(own, g);
    if (g->form.said)
        mt_own_say(own, "%s: %s", own->files[0], g->form.said);
    report_list(own, g);
}

mt_status mt_table_print_targets(const struct mt_own_data *own,
                                 const struct mt_csv_guess *g, bool regression,
                                 struct mt_arena *arena, struct mt_err *err)
{
    const struct mt_csv_columns *c = &g->columns;

    if (!regression)
        return report_classes(own, g, arena, err);
    for (size_t i = 0; i < c->n_targets; i++) {
        const struct mt_look *l = &g->looks[c->targets[i]];

        mt_own_say(
            own,
            "target %s: numbers from %.9g to %.9g, so it is a regression%s",
            mt_csv_column_text(c, c->targets[i]).text, l->min, l->max,
            c->n_targets == 1 && l->whole && can_be_classes(g)
                ? " (if they are classes: mtrain init csv-classification)"
                : "");
    }
    return MT_OK;
}

/* ---- what cannot be learnt ---- */

static mt_status fail_target(const struct mt_own_data *own,
                             const struct mt_csv_guess *g, size_t column,
                             struct mt_strbuf *why, struct mt_err *err)
{
    mt_fail(err, MT_INVALID, "%s: %s %s", own->files[0],
            mt_csv_column_text(&g->columns, column).text,
            why->text ? why->text : "");
    mt_strbuf_free(why);
    return err->status;
}

/* Fails for a target that should be a number and has texts. */
static mt_status fail_number(const struct mt_own_data *own,
                             const struct mt_csv_guess *g, size_t i,
                             struct mt_err *err)
{
    size_t column = g->columns.targets[i];
    const struct mt_look *l = &g->looks[column];
    struct mt_strbuf why = MT_STRBUF_INIT;

    mt_strbuf_puts(&why, l->commas.n ? "has " : "is ");
    if (g->targets[i] == MT_TARGET_DATES)
        mt_strbuf_puts(&why, "a date, which cannot be predicted; name another "
                             "column with --target");
    else
        add_faults(l, g, &why);
    if (l->commas.n)
        add_comma_remedy(&why);
    else if (g->targets[i] == MT_TARGET_CLASSES && g->columns.n_targets == 1)
        mt_strbuf_puts(&why, "; for classes: mtrain init csv-classification");
    else if (g->targets[i] == MT_TARGET_FAULTY)
        mt_strbuf_puts(&why,
                       "; correct these rows, empty the field where there "
                       "is no value, or name another column with "
                       "--target");
    return fail_target(own, g, column, &why, err);
}

static mt_status fail_classes(const struct mt_own_data *own,
                              const struct mt_csv_guess *g, struct mt_err *err)
{
    size_t column = g->columns.targets[0];
    struct mt_strbuf why = MT_STRBUF_INIT;

    mt_strbuf_puts(&why, "has ");
    add_values(&g->looks[column], &why);
    mt_strbuf_printf(&why,
                     " in %zu rows, which are no classes; name another one "
                     "with --target",
                     mt_look_values(&g->looks[column]));
    return fail_target(own, g, column, &why, err);
}

static mt_status check_target(bool guess, const struct mt_own_data *own,
                              const struct mt_csv_guess *g, size_t i,
                              bool regression, struct mt_err *err)
{
    size_t column = g->columns.targets[i];
    const struct mt_look *l = &g->looks[column];
    struct mt_strbuf why = MT_STRBUF_INIT;

    if (g->targets[i] == MT_TARGET_EMPTY)
        mt_strbuf_puts(&why, "has no value in any row; name another one with "
                             "--target");
    else if (l->labels.n == 1 && !l->many)
        mt_strbuf_puts(&why, "has the same value in every row; name another "
                             "one with --target");
    if (why.len)
        return fail_target(own, g, column, &why, err);
    if (regression)
        return can_be_numbers(g->targets[i]) ? MT_OK
                                             : fail_number(own, g, i, err);
    if (guess &&
        (g->targets[i] == MT_TARGET_FAULTY || g->targets[i] == MT_TARGET_DATES))
        return fail_number(own, g, i, err);
    if (l->commas.n)
        return fail_number(own, g, i, err);
    if (!can_be_classes(g) || (guess && g->targets[i] == MT_TARGET_TEXT))
        return fail_classes(own, g, err);
    return MT_OK;
}

mt_status mt_table_check(bool guess, const struct mt_own_data *own,
                         const struct mt_csv_guess *g, bool regression,
                         struct mt_err *err)
{
    const struct mt_csv_columns *c = &g->columns;
    mt_status status = MT_OK;

    if (!regression && c->n_targets > 1)
        return mt_fail(err, MT_INVALID,
                       "%s: %zu targets; expected one, the class",
                       own->files[0], c->n_targets);
    for (size_t i = 0; i < c->n_targets && status == MT_OK; i++)
        status = check_target(guess, own, g, i, regression, err);
    if (status != MT_OK || c->n_features)
        return status;
    return mt_fail(err, MT_INVALID,
                   "%s: no column except the target%s can be used; the list "
                   "above says why",
                   own->files[0], c->n_targets == 1 ? "" : "s");
}
