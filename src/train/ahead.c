#include "train/ahead.h"
#include "train/session_internal.h"

#include <stdlib.h>

#include "base/background.h"

enum { MAX_HANDS = 16 };

/* A thread, which reads a share of the batch. */
struct hand {
    struct mt_ahead *ahead;
    struct mt_background *reader;
    mt_status status;
    struct mt_err err;
};

struct mt_ahead {
    struct mt_arena arena;
    const struct mt_session *session;
    struct hand hand[MAX_HANDS];
    size_t hands;
    size_t x_each, t_each; /* floats of a sample */

    /* the threads', from start to take */
    struct mt_rows read; /* what is in the buffers; n == 0: nothing */
    uint32_t *numbers;   /* a copy of its rows, as the session may draw another
                            order */
    float *x, *t;
};

mt_status mt_ahead_new(const struct mt_session *s, size_t x_floats,
                       size_t t_floats, size_t rows, struct mt_ahead **out,
                       struct mt_err *err)
{
    struct mt_ahead *a = calloc(1, sizeof *a);
    size_t hands = mt_team_size(s->team);
    mt_status status = MT_OK;

    if (!a)
        return mt_fail_memory(err);
    a->session = s;
    a->numbers = mt_arena_calloc(&a->arena, rows, sizeof *a->numbers);
    a->x = mt_arena_calloc(&a->arena, x_floats, sizeof *a->x);
    a->t = mt_arena_calloc(&a->arena, t_floats, sizeof *a->t);
    if (!a->numbers || !a->x || !a->t)
        status = mt_fail_memory(err);
    while (status == MT_OK && a->hands < hands && a->hands < MAX_HANDS) {
        struct hand *hand = &a->hand[a->hands++];

        hand->ahead = a;
        status = mt_background_new(&hand->reader, err);
    }
    if (status == MT_OK)
        *out = a;
    else
        mt_ahead_free(a);
    return status;
}

void mt_ahead_free(struct mt_ahead *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->hands; i++)
        mt_background_free(a->hand[i].reader);
    mt_arena_free(&a->arena);
    free(a);
}

static uint32_t row_number(const struct mt_rows *r, size_t i)
{
    return r->rows ? r->rows[i] : (uint32_t)(r->first + i);
}

/* A run of neighbouring rows of the batch. */
static void read_share(void *ctx)
{
    struct hand *hand = ctx;
    const struct mt_ahead *a = hand->ahead;
    size_t i = (size_t)(hand - a->hand), n = a->read.n;
    size_t first = n * i / a->hands, end = n * (i + 1) / a->hands;
    struct mt_rows share = mt_rows_part(&a->read, first, end - first);

    hand->status = MT_OK;
    if (first == end)
        return;
    hand->status = mt_rows_gather(a->session, &share, a->x + first * a->x_each,
                                  a->t + first * a->t_each, &hand->err);
}

static void wait_for_all(struct mt_ahead *a)
{
    for (size_t i = 0; i < a->hands; i++)
        mt_background_wait(a->hand[i].reader);
}

void mt_ahead_start(struct mt_ahead *a, const struct mt_rows *rows)
{
    if (rows->n == 0 || !mt_part_has_reader(rows->part))
        return;
    wait_for_all(a);
    for (size_t i = 0; i < rows->n; i++)
        a->numbers[i] = row_number(rows, i);
    a->read = *rows;
    a->read.rows = a->numbers;
    a->x_each = mt_shape_elements(&rows->part->x.shape);
    a->t_each = mt_shape_elements(&rows->part->y.shape);
    for (size_t i = 0; i < a->hands; i++)
        mt_background_start(a->hand[i].reader, read_share, &a->hand[i]);
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
    wait_for_all(a);
    if (!is_read(a, rows))
        return mt_rows_gather(a->session, rows, *x, *t, err);
    a->read.n = 0;
    for (size_t i = 0; i < a->hands; i++) {
        if (a->hand[i].status != MT_OK) {
            *err = a->hand[i].err;
            return a->hand[i].status;
        }
    }
    swap(x, &a->x);
    swap(t, &a->t);
    return MT_OK;
}
