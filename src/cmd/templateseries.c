#include "cmd/templateseries.h"

void mt_series_choose(struct mt_csv_guess *g, bool regression)
{
    struct mt_csv_columns *c = &g->columns;

    g->series = true;
    c->n_features = 0;
    for (size_t i = 0; i < c->n_targets && regression; i++)
        c->features[c->n_features++] = c->targets[i];
    for (size_t i = 0; i < c->n; i++) {
        if (g->use[i] == MT_CSV_NUMBER || g->use[i] == MT_CSV_CATEGORY)
            c->features[c->n_features++] = i;
        if (g->use[i] == MT_CSV_DATE)
            g->use[i] = MT_CSV_ORDER;
    }
}

static mt_status check_order(const struct mt_own_data *own,
                             const struct mt_csv_guess *g, size_t column,
                             struct mt_err *err)
{
    const struct mt_look *l = &g->looks[column];

    if (!l->falls.n)
        return MT_OK;
    return mt_fail(err, MT_INVALID,
                   "%s:%llu: %s: %s is before the date of the row above it, as "
                   "in %zu of %zu rows; a series has its rows in the order of "
                   "time: sort them by this column, and keep one series in a "
                   "file",
                   own->files[0], (unsigned long long)l->falls.line,
                   mt_csv_column_text(&g->columns, column).text, l->falls.text,
                   l->falls.n, g->rows);
}

mt_status mt_series_check(const struct mt_own_data *own,
                          const struct mt_csv_guess *g, struct mt_err *err)
{
    const struct mt_csv_columns *c = &g->columns;
    mt_status status = MT_OK;

    for (size_t i = 0; i < c->n_targets; i++) {
        const struct mt_look_some *gaps = &g->looks[c->targets[i]].gaps;

        if (gaps->n)
            return mt_fail(err, MT_INVALID,
                           "%s:%llu: %s, the target, has no value in %zu of "
                           "%zu rows; a series needs one in each, for a row "
                           "left out would move those after it: fill them in",
                           own->files[0], (unsigned long long)gaps->line,
                           mt_csv_column_text(c, c->targets[i]).text, gaps->n,
                           g->rows);
    }
    for (size_t i = 0; i < c->n && status == MT_OK; i++)
        if (g->use[i] == MT_CSV_ORDER)
            status = check_order(own, g, i, err);
    return status;
}

size_t mt_series_windows(const struct mt_own_data *own,
                         const struct mt_csv_guess *g)
{
    return g->rows > own->window ? g->rows - own->window : 0;
}
