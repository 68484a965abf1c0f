#include "train/batch.h"

#include "graph/spans.h"
#include "train/ahead.h"

/* --- which samples ------------------------------------------------------ */

size_t mt_session_order_size(const struct mt_session *s)
{
    size_t n = mt_session_samples(s, MT_SPLIT_TRAIN);
    size_t b = s->batching.batch_size;

    return s->batching.shuffle || n / 2 < b ? n : 2 * b;
}

void mt_session_order(struct mt_session *s)
{
    const struct mt_subset *set = &s->data->subset[MT_SPLIT_TRAIN];
    uint32_t n = (uint32_t)set->n;
    const uint32_t *rows;

    if (s->order_epoch == s->at.epoch + 1)
        return;
    s->order_epoch = s->at.epoch + 1;
    if (!s->batching.shuffle)
        return;
    rows = mt_subset_rows(set, 0, n, s->order);
    for (uint32_t i = 0; rows != s->order && i < n; i++)
        s->order[i] = rows ? rows[i] : i;
    mt_philox_shuffle(mt_philox_key(s->settings.seed, "shuffle", ""),
                      (uint32_t)s->at.epoch, n, s->order);
}

struct mt_rows mt_session_batch(const struct mt_session *s, size_t i)
{
    const struct mt_subset *set = &s->data->subset[MT_SPLIT_TRAIN];
    size_t b = s->batching.batch_size;
    struct mt_rows rows = { .part = set->part,
                            .training = true,
                            .epoch = s->order_epoch - 1 };

    if (i >= s->batches)
        return rows;
    rows.first = i * b;
    rows.n = set->n - rows.first < b ? set->n - rows.first : b;
    rows.rows = s->batching.shuffle
                    ? s->order + rows.first
                    : mt_subset_rows(set, rows.first, rows.n,
                                     s->order + (i % 2 ? b : 0));
    return rows;
}

/* --- their values ------------------------------------------------------- */

struct gather_job {
    const struct mt_session *s;
    const struct mt_rows *rows;
    size_t x_each, t_each; /* elements of a sample, of its target */
};

static void gather_span(const void *ctx, size_t at, size_t n)
{
    const struct gather_job *job = ctx;
    struct mt_rows part = mt_rows_part(job->rows, at, n);
    struct mt_err unused; /* gathering from memory cannot fail */

    mt_rows_gather(job->s, &part, job->s->x + at * job->x_each,
                   job->s->t + at * job->t_each, &unused);
}

static void gather_from_memory(struct mt_session *s, const struct mt_rows *rows)
{
    struct gather_job job = {
        .s = s,
        .rows = rows,
        .x_each = mt_shape_elements(&rows->part->x.shape),
        .t_each = mt_shape_elements(&rows->part->y.shape),
    };

    mt_row_spans(s->team, rows->n, job.x_each + job.t_each, gather_span, &job);
}

mt_status mt_session_gather(struct mt_session *s, const struct mt_rows *rows,
                            const struct mt_rows *next, struct mt_err *err)
{
    mt_status status;

    if (!rows->n)
        return MT_OK;
    if (!mt_part_has_reader(rows->part))
        gather_from_memory(s, rows);
    else if ((status = mt_ahead_take(s->ahead, rows, &s->x, &s->t, err)) !=
             MT_OK)
        return status;
    else
        mt_ahead_start(s->ahead, next);
    return MT_OK;
}
