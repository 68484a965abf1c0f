#include "data/tablerows.h"

#include <stdlib.h>

#include "base/size.h"

static void encode(const struct mt_table_rows *r, size_t row, double *cells,
                   double *x)
{
    mt_cells_row(r->cells, row, r->plan ? cells : x);
    if (r->plan)
        mt_plan_encode(r->plan, cells, x);
}

/* Room for the cells and the elements of one row. */
static double *new_row(const struct mt_table_rows *r)
{
    return calloc(mt_cells_width(r->cells) + r->elements, sizeof(double));
}

static mt_status gather(const struct mt_reader *reader,
                        const struct mt_samples *samples,
                        const struct mt_normalization *norm, enum mt_dtype to,
                        void *out, struct mt_err *err)
{
    const struct mt_table_rows *r = (const struct mt_table_rows *)reader;
    size_t n = r->elements, each = n * r->steps;
    double *cells = new_row(r), *x;

    if (!cells)
        return mt_fail_memory(err);
    x = cells + mt_cells_width(r->cells);
    for (size_t i = 0; i < samples->n * r->steps; i++) {
        size_t step = i % r->steps;
        size_t row = mt_sample_number(samples, i / r->steps) + step;

        if (to == MT_F64) {
            encode(r, row, cells, (double *)out + i * n);
            continue;
        }
        encode(r, row, cells, x);
        mt_normalize(norm, each, step * n, MT_F64, (const char *)x, n,
                     (float *)out + i * n);
    }
    free(cells);
    return MT_OK;
}

static void close_rows(struct mt_reader *reader)
{
    mt_cells_free(((struct mt_table_rows *)reader)->cells);
}

mt_status mt_table_rows_new(struct mt_dataset *data, size_t width,
                            struct mt_table_rows **out, struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(data);
    struct mt_table_rows *r = mt_arena_calloc(&data->arena, 1, sizeof *r);

    if (!own || !r)
        return mt_fail_memory(err);
    r->reader = (struct mt_reader){ gather, close_rows, .min = 0, .max = -1 };
    own->reader = &r->reader;
    r->cells = mt_cells_new(width);
    r->elements = width;
    r->steps = 1;
    *out = r;
    return r->cells ? MT_OK : mt_fail_memory(err);
}

void mt_table_rows_column(struct mt_table_rows *r, const struct mt_plan *plan,
                          const struct mt_window *window, struct mt_column *x)
{
    r->plan = plan && !plan->plain ? plan : NULL;
    r->elements = r->plan ? plan->elements : mt_cells_width(r->cells);
    r->steps = window->steps ? window->steps : 1;
    *x = (struct mt_column){ .dtype = MT_F64,
                             .stride = r->elements * sizeof(double),
                             .shape = mt_shape_of(1, r->elements),
                             .reader = &r->reader };
    mt_window_inputs(window, x);
}

mt_status mt_table_rows_load(struct mt_table_rows *r, size_t limit,
                             struct mt_dataset *data,
                             const struct mt_window *window,
                             struct mt_column *x, struct mt_err *err)
{
    size_t rows = mt_cells_rows(r->cells), bytes;
    struct mt_owned *own;
    double *cells;

    if (!mt_size_mul(rows, r->elements, &bytes) ||
        !mt_size_mul(bytes, sizeof(double), &bytes) || bytes > limit)
        return MT_OK;
    own = mt_data_own(data);
    cells = new_row(r);
    if (own)
        own->memory = malloc(bytes ? bytes : 1);
    if (!cells || !own || !own->memory) {
        free(cells);
        return mt_fail_memory(err);
    }
    for (size_t i = 0; i < rows; i++)
        encode(r, i, cells, (double *)own->memory + i * r->elements);
    free(cells);
    mt_cells_free(r->cells);
    r->cells = NULL;
    *x = (struct mt_column){ own->memory, MT_F64, r->elements * sizeof(double),
                             mt_shape_of(1, r->elements) };
    mt_window_inputs(window, x);
    return MT_OK;
}
