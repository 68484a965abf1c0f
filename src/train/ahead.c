#include "train/ahead.h"

#include <stdlib.h>

#include "base/aside.h"

struct mt_ahead {
    struct mt_arena arena;
    struct mt_aside *aside;
    const struct mt_session *session;

    /* the thread's, from start to take */
    struct mt_rows read; /* what is in the buffers; n == 0: nothing */
    uint32_t *numbers;   /* its rows: the session may draw an order anew */
    float *x, *t;
    mt_status status;
    struct mt_err err;
};

mt_status mt_ahead_new(const struct mt_session *s, size_t x_floats,
                       size_t t_floats, size_t rows, struct mt_ahead **out,
                       struct mt_err *err)
{
    struct mt_ahead *a = calloc(1, sizeof *a);

    if (!a)
        return mt_fail_memory(err);
    a->session = s;
    a->numbers = mt_arena_calloc(&a->arena, rows, sizeof *a->numbers);
    a->x = mt_arena_calloc(&a->arena, x_floats, sizeof *a->x);
    a->t = mt_arena_calloc(&a->arena, t_floats, sizeof *a->t);
    if (!a->numbers || !a->x || !a->t)
        mt_fail_memory(err);
    else if (mt_aside_new(&a->aside, err) == MT_OK) {
        *out = a;
        return MT_OK;
    }
    mt_ahead_free(a);
    return err->status;
}

void mt_ahead_free(struct mt_ahead *a)
{
    if (!a)
        return;
    mt_aside_free(a->aside);
    mt_arena_free(&a->arena);
    free(a);
}

static uint32_t row_number(const struct mt_rows *r, size_t i)
{
    return r->rows ? r->rows[i] : (uint32_t)(r->first + i);
}

static void read_batch(void *ctx)
{
    struct mt_ahead *a = ctx;

    a->status = mt_rows_gather(a->session, &a->read, a->x, a->t, &a->err);
}

void mt_ahead_start(struct mt_ahead *a, const struct mt_rows *rows)
{
    if (rows->n == 0 || !mt_part_has_reader(rows->part))
        return;
    mt_aside_wait(a->aside);
    for (size_t i = 0; i < rows->n; i++)
        a->numbers[i] = row_number(rows, i);
    a->read = *rows;
    a->read.rows = a->numbers;
    mt_aside_start(a->aside, read_batch, a);
}

static bool is_read(const struct mt_ahead *a, const struct mt_rows *rows)
{
    if (a->read.part != rows->part || a->read.n != rows->n ||
        a->read.training != rows->training || a->read.epoch != rows->epoch)
        return false;
    for (size_t i = 0; i < rows->n; i++) {
        if (a->numbers[i] != row_number(rows, i))
            return false;
    }
    return true;
}

static void swap(float **a, float **b)
{
    float *was = *a;

    *a = *b;
    *b = was;
}

mt_status mt_ahead_take(struct mt_ahead *a, const struct mt_rows *rows,
                        float **x, float **t, struct mt_err *err)
{
    mt_aside_wait(a->aside);
    if (!is_read(a, rows))
        return mt_rows_gather(a->session, rows, *x, *t, err);
    a->read.n = 0;
    if (a->status != MT_OK) {
        *err = a->err;
        return a->status;
    }
    swap(x, &a->x);
    swap(t, &a->t);
    return MT_OK;
}
