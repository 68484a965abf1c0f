#include "data/tablelook.h"

#include <math.h>

#include "base/utf8.h"
#include "data/number.h"
#include "data/tableplan.h"

static void add_number(struct mt_look *l, double v)
{
    if (l->numbers++ == 0) {
        l->first = l->min = l->max = v;
        l->whole = true;
    }
    l->min = v < l->min ? v : l->min;
    l->max = v > l->max ? v : l->max;
    l->whole &= v == floor(v);
    l->sum += v - l->first;
    l->squares += (v - l->first) * (v - l->first);
}

static mt_status add_field(struct mt_csv *csv, const struct mt_csv_field *field,
                           size_t most, struct mt_look *l, struct mt_err *err)
{
    struct mt_csv_field f = mt_plan_value(field);
    uint32_t index;
    double v;

    if (mt_plan_is_gap(NULL, field)) {
        if (l->gaps++ == 0)
            l->gap_line = mt_csv_line(csv);
        return MT_OK;
    }
    if (mt_number_f64(field->text, field->n, &v) == MT_NUMBER_OK)
        add_number(l, v);
    else
        l->texts++;
    l->many |= l->labels.n > most || !mt_utf8_valid(f.text, f.n);
    if (!l->many && mt_labels_add(&l->labels, f.text, f.n, &index) ==
                        MT_NO_MEMORY)
        return mt_fail_memory(err);
    return MT_OK;
}

mt_status mt_table_look(struct mt_csv *csv, const struct mt_csv_columns *c,
                        size_t target, size_t most, struct mt_arena *arena,
                        struct mt_look *looks, struct mt_err *err)
{
    const struct mt_csv_field *fields;
    size_t n;

    for (size_t i = 0; i < c->n; i++)
        mt_labels_init(&looks[i].labels, arena);
    for (;;) {
        mt_status status = mt_csv_next(csv, &fields, &n, err);

        if (status != MT_OK || n == 0)
            return status;
        for (size_t i = 0; i < n && i < c->n; i++) {
            status = add_field(csv, &fields[i],
                               i == target ? most : MT_LOOK_VALUES, &looks[i],
                               err);
            if (status != MT_OK)
                return status;
        }
    }
}

void mt_look_free(struct mt_look *looks, size_t n)
{
    for (size_t i = 0; looks && i < n; i++)
        mt_labels_free(&looks[i].labels);
}

bool mt_look_is_category(const struct mt_look *l)
{
    size_t rows = l->numbers + l->texts;

    return l->texts && !l->many && l->labels.n <= MT_LOOK_VALUES &&
           l->labels.n > 1 && 2 * l->labels.n <= rows &&
           (!l->numbers || 20 * l->texts >= rows);
}

bool mt_look_has_gaps(const struct mt_look *l)
{
    return l->gaps && l->numbers && !l->texts;
}
