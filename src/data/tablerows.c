#include "data/tablerows.h"

#include <stdlib.h>

#include "base/size.h"
#include "data/convert.h"

/* ---- inputs ---- */

static void encode(const struct mt_table_rows *r, size_t row, double *cells,
                   double *x)
{
    mt_cells_row(r->cells, row, r->width, r->plan ? cells : x);
    if (r->plan)
        mt_plan_encode(r->plan, cells, x);
}

/* Memory for the cells of one row. */
static double *new_row(const struct mt_table_rows *r)
{
    return calloc(r->width + r->elements, sizeof(double));
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
    x = cells + r->width;
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

/* ---- targets ---- */

static int32_t class_at(const struct mt_table_targets *y, size_t row)
{
    int32_t cell = (int32_t)mt_cells_at(y->rows->cells, row, y->rows->width);

    return y->class_of ? y->class_of[cell] : cell;
}

/* One element of a target, converted to element i of out. */
static void put_target(const struct mt_table_targets *y, size_t row, size_t k,
                       const struct mt_normalization *norm, enum mt_dtype to,
                       void *out, size_t i)
{
    enum mt_dtype from = y->classes ? MT_I32 : MT_F64;
    int32_t class = 0;
    double number = 0;
    const char *at = y->classes ? (const char *)&class : (const char *)&number;

    if (y->classes)
        class = class_at(y, row);
    else
        number = mt_cells_at(y->rows->cells, row, y->rows->width + k);
    if (to == MT_F32)
        mt_normalize(norm, y->n, k, from, at, 1, (float *)out + i);
    else
        mt_convert(from, at, 1, to, (char *)out + i * mt_dtype_size(to));
}

static mt_status gather_targets(const struct mt_reader *reader,
                                const struct mt_samples *samples,
                                const struct mt_normalization *norm,
                                enum mt_dtype to, void *out, struct mt_err *err)
{
    const struct mt_table_targets *y = (const struct mt_table_targets *)reader;

    (void)err;
    for (size_t i = 0; i < samples->n; i++)
        for (size_t k = 0; k < y->n; k++)
            put_target(y, mt_sample_number(samples, i) + y->skip, k, norm, to,
                       out, i * y->n + k);
    return MT_OK;
}

/* ---- rows ---- */

static void close_rows(struct mt_reader *reader)
{
    mt_cells_free(((struct mt_table_rows *)reader)->cells);
}

mt_status mt_table_rows_new(struct mt_dataset *data, size_t width,
                            size_t targets, struct mt_table_rows **out,
                            struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(data);
    struct mt_table_rows *r = mt_arena_calloc(&data->arena, 1, sizeof *r);

    if (!own || !r)
        return mt_fail_memory(err);
    r->reader = (struct mt_reader){ gather, close_rows, .min = 0, .max = -1 };
    own->reader = &r->reader;
    r->cells = mt_cells_new(width + targets);
    r->width = r->elements = width;
    r->steps = 1;
    r->y.reader = (struct mt_reader){ gather_targets, .min = 0, .max = -1 };
    r->y.rows = r;
    r->y.n = targets;
    *out = r;
    return r->cells ? MT_OK : mt_fail_memory(err);
}

void mt_table_rows_column(struct mt_table_rows *r, const struct mt_plan *plan,
                          const struct mt_window *window, struct mt_column *x)
{
    r->plan = plan && !plan->plain ? plan : NULL;
    r->elements = r->plan ? plan->elements : r->width;
    r->steps = window->steps ? window->steps : 1;
    *x = (struct mt_column){ .dtype = MT_F64,
                             .stride = r->elements * sizeof(double),
                             .shape = mt_shape_of(1, r->elements),
                             .reader = &r->reader };
    mt_window_inputs(window, x);
}

void mt_table_rows_numbers(struct mt_table_rows *r,
                           const struct mt_window *window, struct mt_column *y)
{
    r->y.skip = mt_window_rows(window, 1) - 1;
    *y = (struct mt_column){ .dtype = MT_F64,
                             .stride = r->y.n * sizeof(double),
                             .shape = mt_shape_of(1, r->y.n),
                             .reader = &r->y.reader };
}

void mt_table_rows_classes(struct mt_table_rows *r, const int32_t *class_of,
                           int32_t min, int32_t max,
                           const struct mt_window *window, struct mt_column *y)
{
    r->y.skip = mt_window_rows(window, 1) - 1;
    r->y.classes = true;
    r->y.class_of = class_of;
    r->y.reader.min = min;
    r->y.reader.max = max;
    *y = (struct mt_column){ .dtype = MT_I32,
                             .stride = sizeof(int32_t),
                             .shape = mt_shape_of(0),
                             .reader = &r->y.reader };
}

/* ---- in memory ---- */

/* Memory owned by data. NULL: there is none. */
static void *new_memory(struct mt_dataset *data, size_t bytes)
{
    struct mt_owned *own = mt_data_own(data);

    if (own)
        own->memory = malloc(bytes ? bytes : 1);
    return own ? own->memory : NULL;
}

mt_status mt_table_rows_load(struct mt_table_rows *r, size_t limit, bool look,
                             struct mt_dataset *data,
                             const struct mt_window *window,
                             struct mt_part *part, struct mt_err *err)
{
    size_t rows = mt_cells_rows(r->cells), x_bytes, y_bytes, bytes;
    struct mt_samples targets = { .n = part->samples };
    mt_status status;
    double *cells, *x;
    void *y;

    if (!mt_size_mul(rows, r->elements * sizeof(double), &x_bytes) ||
        !mt_size_mul(part->samples, part->y.stride, &y_bytes) ||
        !mt_size_add(x_bytes, y_bytes, &bytes) || bytes > limit) {
        mt_data_takes(data, mt_cells_bytes(r->cells), 0);
        return MT_OK;
    }
    mt_data_takes(data, bytes, mt_cells_bytes(r->cells));
    r->reader.look = r->y.reader.look = look;
    if (look)
        return MT_OK;
    cells = new_row(r);
    x = new_memory(data, x_bytes);
    y = new_memory(data, y_bytes);
    if (!cells || !x || !y) {
        free(cells);
        return mt_fail_memory(err);
    }
    for (size_t i = 0; i < rows; i++)
        encode(r, i, cells, x + i * r->elements);
    free(cells);
    status =
        gather_targets(&r->y.reader, &targets, NULL, part->y.dtype, y, err);
    mt_cells_free(r->cells);
    r->cells = NULL;
    part->x = (struct mt_column){ x, MT_F64, r->elements * sizeof(double),
                                  mt_shape_of(1, r->elements) };
    mt_window_inputs(window, &part->x);
    part->y.data = y;
    part->y.reader = NULL;
    return status;
}
