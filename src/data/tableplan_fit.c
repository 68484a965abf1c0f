/* The values of categories and the fills of gaps, from the training rows. */
#include "data/tableplan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "data/date.h"

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double middle_of(double a, double b, double c)
{
    double low = a < b ? a : b, high = a < b ? b : a;

    return c < low ? low : c > high ? high : c;
}

enum { FEW = 8, MANY_STEPS = 64 };

/* The value that would be at index k if v were sorted; partitions v around it,
 * so that none after it is less and none before it greater (Hoare's FIND). The
 * last few, or what is left after many steps, are sorted. */
static double find_nth(double *v, size_t n, size_t k)
{
    size_t low = 0, high = n; /* it is in low ... high-1 */

    for (int steps = 0; steps < MANY_STEPS && high - low > FEW; steps++) {
        double pivot =
            middle_of(v[low], v[low + (high - low) / 2], v[high - 1]);
        size_t i = low, j = high - 1;

        for (;; i++, j--) {
            double was;

            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i >= j)
                break;
            was = v[i];
            v[i] = v[j];
            v[j] = was;
        }
        if (k <= j)
            high = j + 1;
        else
            low = j + 1;
    }
    qsort(v + low, high - low, sizeof *v, compare_doubles);
    return v[k];
}

static double find_median(double *v, size_t n)
{
    double below = find_nth(v, n, (n - 1) / 2), above = below;

    if (n % 2)
        return (below + above) / 2;
    above = v[n / 2];
    for (size_t i = n / 2; i < n; i++)
        above = v[i] < above ? v[i] : above;
    return (below + above) / 2;
}

/* The mean is summed in row order; the median of an even number is the midpoint
 * of two. Reorders v. */
static double fill_value(enum mt_missing rule, double *v, size_t n)
{
    double sum = 0;

    if (rule == MT_MISSING_ZERO)
        return 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    if (rule == MT_MISSING_MEAN)
        return sum / (double)n;
    return find_median(v, n);
}

enum { BLOCK = 1024 };

struct fit {
    const struct mt_cells *cells;
    const struct mt_subset *set;
    size_t n;
};

/* The cells of training rows i ... i+*n-1, at most BLOCK. */
static void read_cells(const struct fit *f, size_t column, size_t i,
                       double *cells, size_t *n)
{
    uint32_t room[BLOCK];
    const uint32_t *rows;

    *n = f->n - i < BLOCK ? f->n - i : BLOCK;
    rows = mt_subset_rows(f->set, i, *n, room);
    for (size_t k = 0; k < *n; k++)
        cells[k] = mt_cells_at(f->cells, rows ? rows[k] : i + k, column);
}

/* Finds the fill of numbers and dates; *low and *high: smallest and largest. */
static mt_status fit_number(struct mt_plan_column *p, const struct fit *f,
                            size_t column, double *low, double *high,
                            struct mt_err *err)
{
    double *v = malloc((f->n + 1) * sizeof *v), cells[BLOCK];
    size_t n = 0;

    if (!v)
        return mt_fail_memory(err);
    *low = *high = 0;
    for (size_t i = 0, some; i < f->n; i += some) {
        read_cells(f, column, i, cells, &some);
        for (size_t k = 0; k < some; k++) {
            double x = cells[k];

            if (x != x)
                continue;
            *low = n && *low < x ? *low : x;
            *high = n && *high > x ? *high : x;
            v[n++] = x;
        }
    }
    p->gaps = n < f->n;
    if (n)
        p->fill = fill_value(p->missing, v, n);
    free(v);
    if (n || (p->missing == MT_MISSING_ZERO && p->type == MT_PLAN_NUMBER))
        return MT_OK;
    return mt_fail(err, MT_INVALID,
                   "column \"%s\": no training row has a value; expected at "
                   "least one",
                   mt_excerpt(p->name, strlen(p->name)).text);
}

/* With the rule "zero", a gap becomes the first date. */
static mt_status fit_date(struct mt_plan_column *p, const struct fit *f,
                          size_t column, struct mt_err *err)
{
    double last, cells[BLOCK];
    mt_status status = fit_number(p, f, column, &p->start, &last, err);

    p->range = last - p->start;
    for (size_t i = 0, some; i < f->n; i += some) {
        read_cells(f, column, i, cells, &some);
        for (size_t k = 0; k < some; k++)
            p->times |= cells[k] == cells[k] && mt_date_of_day(cells[k]) != 0;
    }
    if (p->missing == MT_MISSING_ZERO)
        p->fill = p->start;
    return status;
}

struct value {
    const char *text;
    size_t count;
    bool given;
};

/* The most frequent first, equal ones in byte order. */
static int compare_values(const void *a, const void *b)
{
    const struct value *x = a, *y = b;

    if (x->given != y->given)
        return x->given ? -1 : 1;
    if (x->count != y->count && !x->given)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

mt_status mt_plan_number_codes(struct mt_plan_column *p, struct mt_arena *arena,
                               struct mt_err *err)
{
    p->n_codes = p->labels.n;
    p->element = mt_arena_calloc(arena, p->n_codes + 1, sizeof *p->element);
    if (!p->element)
        return mt_fail_memory(err);
    for (size_t i = 0; i < p->n_codes; i++)
        p->element[i] = -1;
    for (size_t i = 0; i < p->n_values + p->n_rare; i++) {
        const char *text =
            i < p->n_values ? p->values[i] : p->rare[i - p->n_values];
        int32_t code = mt_labels_index(&p->labels, text, strlen(text));

        if (code >= 0)
            p->element[code] = (int32_t)(i < p->n_values ? i : p->n_values);
    }
    return MT_OK;
}

/* Divides a sorted list of values into those with an element and the rare. */
static mt_status cut_values(struct mt_plan_column *p, const struct value *v,
                            size_t n, size_t most, struct mt_arena *arena,
                            struct mt_err *err)
{
    size_t kept = p->n_given ? p->n_given : n <= most ? n : most - 1;

    p->values = mt_arena_calloc(arena, kept + 1, sizeof *p->values);
    p->rare = mt_arena_calloc(arena, n - kept + 1, sizeof *p->rare);
    if (!p->values || !p->rare)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (i < kept)
            p->values[p->n_values++] = v[i].text;
        else
            p->rare[p->n_rare++] = v[i].text;
    }
    qsort(p->values, p->n_values, sizeof *p->values, compare_texts);
    qsort(p->rare, p->n_rare, sizeof *p->rare, compare_texts);
    return mt_plan_number_codes(p, arena, err);
}

static mt_status fit_category(struct mt_plan *plan, struct mt_plan_column *p,
                              const struct fit *f, size_t column,
                              struct mt_arena *arena, struct mt_err *err)
{
    struct value *v = calloc(p->labels.n + 1, sizeof *v);
    double cells[BLOCK];
    mt_status status;
    size_t n = 0;

    if (!v)
        return mt_fail_memory(err);
    for (size_t i = 0; i < p->labels.n; i++)
        v[i] = (struct value){ p->labels.values[i], 0, i < p->n_given };
    for (size_t i = 0, some; i < f->n; i += some) {
        read_cells(f, column, i, cells, &some);
        for (size_t k = 0; k < some; k++) {
            double x = cells[k];

            if (x == x && x >= 0)
                v[(size_t)x].count++;
            p->n_missing += x != x;
        }
    }
    p->gaps = p->n_missing > 0;
    for (size_t i = p->n_given; p->n_given && i < p->labels.n; i++) {
        p->n_unlisted += v[i].count;
        if (v[i].count && !p->unlisted)
            p->unlisted = v[i].text;
    }
    for (size_t i = 0; i < p->labels.n; i++)
        if (v[i].count || v[i].given)
            v[n++] = v[i];
    qsort(v, n, sizeof *v, compare_values);
    status = cut_values(p, v, n, plan->max_categories, arena, err);
    free(v);
    return status;
}

void mt_plan_place(struct mt_plan *plan)
{
    plan->elements = 0;
    for (size_t i = 0; i < plan->n; i++) {
        struct mt_plan_column *p = &plan->columns[i];

        p->first = plan->elements;
        p->flag = p->type != MT_PLAN_CATEGORY && plan->flags && p->gaps;
        p->n = 1 + p->flag;
        if (p->type == MT_PLAN_DATE)
            p->n += p->times ? 4 : 2;
        if (p->type == MT_PLAN_CATEGORY)
            p->n = p->n_values + (p->n_rare > 0) +
                   (p->gaps && p->missing == MT_MISSING_VALUE);
        plan->elements += p->n;
    }
    plan->fitted = true;
}

static mt_status fit_column(struct mt_plan *plan, const struct fit *f, size_t i,
                            struct mt_arena *arena, struct mt_err *err)
{
    struct mt_plan_column *p = &plan->columns[i];
    double low, high;
    mt_status status;

    if (p->type == MT_PLAN_NUMBER)
        return fit_number(p, f, i, &low, &high, err);
    if (p->type == MT_PLAN_DATE)
        return fit_date(p, f, i, err);
    status = fit_category(plan, p, f, i, arena, err);
    if (status == MT_OK && !p->n_values && !p->gaps)
        return mt_fail(err, MT_INVALID, "column \"%s\": no values",
                       mt_excerpt(p->name, strlen(p->name)).text);
    return status;
}

mt_status mt_plan_fit(struct mt_plan *plan, const struct mt_cells *cells,
                      const struct mt_subset *rows, struct mt_arena *arena,
                      struct mt_err *err)
{
    struct fit f = { cells, rows, rows->n };
    mt_status status = MT_OK;

    if (plan->fitted || plan->plain)
        return MT_OK;
    for (size_t i = 0; i < plan->n && status == MT_OK; i++)
        status = fit_column(plan, &f, i, arena, err);
    if (status == MT_OK)
        mt_plan_place(plan);
    return status;
}
