#include "train/batchrun.h"

#include <math.h>
#include <string.h>

#include "train/batch.h"
#include "train/pieces.h"
#include "train/range.h"
#include "train/reduce.h"
#include "train/taking.h"
#include "train/totals.h"

/* What a part passes to the others in addition to its gradient: its process's
 * wishes, its loss, its totals, and the statistics of its batch norms. */
enum { WISH, LOSS, TOTALS };

static double *record_of(const struct mt_session *s, size_t part)
{
    return s->records + part * s->record;
}

static double *totals_of(const struct mt_session *s, size_t part)
{
    return s->settings.shards == 1 ? s->epoch_totals
                                   : record_of(s, part) + TOTALS;
}

static double *statistics_of(const struct mt_session *s, size_t part)
{
    if (mt_comm_size(s->comm) == 1)
        return NULL; /* updated at once: parts run in order anyway */
    return record_of(s, part) + TOTALS + mt_totals_count(s);
}

/* --- when something is not finite --------------------------------------- */

static mt_status fail_non_finite(const struct mt_session *s,
                                 const struct mt_program *p, float loss,
                                 const struct mt_turn *turn, struct mt_err *err)
{
    const struct mt_node *node =
        mt_graph_find_non_finite(p->graph, s->team, turn);

    return mt_fail(err, MT_NON_FINITE,
                   "step %llu: the loss is %s; the first output that is not "
                   "finite is that of %s%s%s",
                   (unsigned long long)s->at.step + 1,
                   isnan(loss) ? "nan"
                   : loss > 0  ? "inf"
                               : "-inf",
                   node && *node->layer ? "layer \"" : "",
                   !node          ? "no layer"
                   : *node->layer ? node->layer
                                  : "the loss",
                   node && *node->layer ? "\"" : "");
}

/* --- one part ------------------------------------------------------------- */

/* A batch: the weight of its parts in its loss, and where this process's
 * samples begin. */
struct run {
    struct mt_session *s;
    size_t n, first;
    size_t share;
    double weight; /* of all parts */
    uint32_t stream;
};

static struct mt_range rows_of(const struct run *run, size_t part)
{
    return mt_cut(run->n, run->s->settings.shards, part);
}

/* The part's program, with its samples. */
static struct mt_program *program_of(const struct run *run, size_t part)
{
    struct mt_session *s = run->s;
    struct mt_range rows = rows_of(run, part);
    struct mt_program *p = mt_programs_find(&s->train, rows.end - rows.first);
    size_t at = rows.first - run->first;

    p->x->data = s->x;
    p->t->data = s->t;
    if (at) {
        p->x->data = s->x + at * mt_shape_elements(&s->model->x);
        p->t->data = s->t + at * mt_shape_elements(&s->model->y);
    }
    return p;
}

static double weigh(const struct run *run, size_t part)
{
    struct mt_session *s = run->s;
    struct mt_range rows = rows_of(run, part);
    struct mt_program *p;

    if (rows.first == rows.end || !s->weigh_targets)
        return (double)(rows.end - rows.first);
    p = program_of(run, part);
    return mt_loss_weight(&s->model->loss, p->t->data,
                          mt_shape_elements(&p->t->shape), p->batch);
}

/* The factor of the part's loss in the batch's loss. */
static double factor_of(const struct run *run, size_t part)
{
    return mt_loss_is_sum(&run->s->model->loss)
               ? 1
               : run->s->weights[part] / run->weight;
}

static void add_totals(const struct run *run, size_t part,
                       const struct mt_program *p)
{
    struct mt_session *s = run->s;
    double *totals = totals_of(s, part), n = (double)run->n;
    double value = *(const float *)p->loss->data;

    if (mt_loss_is_sum(&s->model->loss)) {
        double loss = totals[MT_TOTAL_LOSS];

        mt_totals_add(s, totals, p, p->t->data, (double)p->batch);
        totals[MT_TOTAL_LOSS] = loss + value * n;
    } else {
        mt_totals_add(s, totals, p, p->t->data, factor_of(run, part) * n);
    }
}

/* The exchange of gradients that are complete, while others are computed. */
struct overlap {
    struct mt_session *s;
    const size_t *writers; /* [stripes] */
    size_t complete;       /* stripes, from the end of the block */
    mt_status status;
    struct mt_err *err;
};

static void after_node(void *ctx, size_t node)
{
    struct overlap *o = ctx;

    while (o->complete < o->s->stripes && o->writers[o->complete] <= node + 1)
        o->complete++;
    if (o->complete && o->status == MT_OK)
        o->status =
            mt_reduce_advance(o->s->reduce, o->s->team, o->complete, o->err);
}

/* first: of its rows, in the batch. */
static mt_status run_part(const struct run *run, size_t part, size_t first,
                          const struct mt_rows *rows, float *value,
                          struct mt_err *err)
{
    struct mt_session *s = run->s;
    struct mt_program *p = program_of(run, part);
    struct mt_turn turn = { run->stream, first, p->batch,
                            statistics_of(s, part) };
    struct overlap overlap = { .s = s, .err = err };
    struct mt_taking taking;
    mt_status status;

    *(float *)p->one->data = (float)(factor_of(run, part) / (double)run->share);
    if (s->writers && part + 1 == s->parts.end) {
        overlap.writers = s->writers + (size_t)(p - s->train.of) * s->stripes;
        turn.after = after_node;
        turn.ctx = &overlap;
    }
    if (s->taking)
        mt_taking_begin(&taking, s, p, &turn);
    mt_graph_run_part(p->graph, s->team, &turn);
    if (overlap.status != MT_OK)
        return overlap.status;
    if (mt_loss_of_probabilities(&s->model->loss) &&
        (status = mt_range_check_outputs(s, p, rows, err)) != MT_OK)
        return status;
    *value = *(const float *)p->loss->data;
    if (!isfinite(*value))
        return fail_non_finite(s, p, *value, &turn, err);
    add_totals(run, part, p);
    return MT_OK;
}

/* --- all of them ------------------------------------------------------ */

/* Finds the weights of all parts. Where they depend on the targets, only the
 * part's own process knows them. */
static mt_status weigh_all(struct run *run, struct mt_err *err)
{
    struct mt_session *s = run->s;
    struct mt_range own = s->parts;
    size_t shards = s->settings.shards;
    mt_status status = MT_OK;

    if (s->weigh_targets && mt_comm_size(s->comm) > 1) {
        for (size_t i = own.first; i < own.end; i++)
            s->weights[i] = weigh(run, i);
        status = mt_comm_gather(s->comm, s->weights, s->weights_at, 1, err);
    } else {
        for (size_t i = 0; i < shards; i++)
            s->weights[i] = weigh(run, i);
    }
    run->weight = 0;
    for (size_t i = 0; i < shards; i++) {
        s->counts[i] = s->weights[i] > 0;
        run->weight += s->weights[i];
    }
    return status;
}

static mt_status run_parts(const struct run *run, const struct mt_rows *rows,
                           struct mt_err *err)
{
    struct mt_session *s = run->s;
    mt_status status = MT_OK;

    memset(record_of(s, s->parts.first), 0,
           (s->parts.end - s->parts.first) * s->record * sizeof *s->records);
    mt_reduce_begin(s->reduce);
    record_of(s, s->parts.first)[WISH] = s->wish;
    s->wish = 0;
    for (size_t i = s->parts.first; i < s->parts.end && status == MT_OK; i++) {
        struct mt_range at = rows_of(run, i);
        struct mt_rows own =
            mt_rows_part(rows, at.first - run->first, at.end - at.first);
        bool last = i + 1 == s->parts.end;
        float value = 0;

        if (last)
            mt_reduce_last(s->reduce, s->team, s->counts);
        if (s->counts[i])
            status = run_part(run, i, at.first, &own, &value, err);
        else
            totals_of(s, i)[MT_TOTAL_SAMPLES] += (double)(at.end - at.first);
        record_of(s, i)[LOSS] = (double)value;
        if (status == MT_OK && !last)
            mt_reduce_add(s->reduce, s->team, i, s->counts[i]);
    }
    if (status != MT_OK)
        mt_reduce_abandon(s->reduce);
    return status;
}

/* The graph of any part: all have the same places for statistics. */
static const struct mt_graph *any_graph(const struct mt_session *s)
{
    return s->train.of[0].graph;
}

/* In the order of the parts: the loss, the totals, running statistics. */
static mt_status take_records(const struct run *run, double *loss,
                              unsigned *wishes, struct mt_err *err)
{
    struct mt_session *s = run->s;

    for (size_t i = 0; i < s->settings.shards; i++) {
        double value = record_of(s, i)[LOSS];

        *wishes |= (unsigned)record_of(s, i)[WISH];
        mt_totals_merge(s, s->epoch_totals, totals_of(s, i));
        if (!s->counts[i])
            continue;
        if (!isfinite(value))
            return mt_fail(err, MT_NON_FINITE,
                           "step %llu: the loss of another process is not "
                           "finite",
                           (unsigned long long)s->at.step + 1);
        if (statistics_of(s, i))
            mt_graph_update(any_graph(s), statistics_of(s, i));
        *loss += value * factor_of(run, i) / (double)run->share;
    }
    return MT_OK;
}

/* This process's samples of batch i of the epoch, which begin at *first of its
 * *n. */
static struct mt_rows own_rows(const struct mt_session *s, size_t i, size_t *n,
                               size_t *first)
{
    struct mt_rows rows = mt_session_batch(s, i);
    size_t shards = s->settings.shards;

    *n = rows.n;
    *first = 0;
    if (shards == 1 || !rows.n)
        return rows;
    *first = mt_cut(rows.n, shards, s->parts.first).first;
    size_t end = mt_cut(rows.n, shards, s->parts.end - 1).end;

    return mt_rows_part(&rows, *first, end - *first);
}

static mt_status run_cut(struct run *run, const struct mt_rows *rows,
                         double *loss, unsigned *wishes, bool *idle,
                         struct mt_err *err)
{
    struct mt_session *s = run->s;
    mt_status status;

    if ((status = weigh_all(run, err)) != MT_OK)
        return status;
    *idle = run->weight == 0;
    if (*idle)
        return MT_OK;
    if ((status = run_parts(run, rows, err)) != MT_OK ||
        (status = mt_reduce_finish(s->reduce, s->team, err)) != MT_OK ||
        (status = mt_comm_gather(s->comm, s->records, s->records_at, 1, err)) !=
            MT_OK)
        return status;
    return take_records(run, loss, wishes, err);
}

/* A batch that is one part. */
static mt_status run_whole(struct run *run, const struct mt_rows *rows,
                           double *loss, bool *idle, struct mt_err *err)
{
    struct mt_session *s = run->s;
    float value = 0;

    *idle = s->weigh_targets && weigh(run, 0) == 0;
    if (*idle)
        return MT_OK;
    run->weight = s->weights[0] = 1;
    mt_status status = run_part(run, 0, 0, rows, &value, err);

    *loss += (double)value / (double)run->share;
    return status;
}

mt_status mt_batchrun(struct mt_session *s, size_t share, double *loss,
                      unsigned *wishes, bool *idle, struct mt_err *err)
{
    size_t batch = (size_t)s->at.batch, ahead;
    struct run run = { .s = s,
                       .share = share,
                       .stream =
                           (uint32_t)(s->at.epoch * s->batches + s->at.batch) };
    struct mt_rows rows = own_rows(s, batch, &run.n, &run.first);
    struct mt_rows next = s->ahead ? own_rows(s, batch + 1, &ahead, &ahead)
                                   : (struct mt_rows){ 0 };
    mt_status status = mt_session_gather(s, &rows, &next, err);

    if (status != MT_OK)
        return status;
    return s->records ? run_cut(&run, &rows, loss, wishes, idle, err)
                      : run_whole(&run, &rows, loss, idle, err);
}

/* --- memory ----------------------------------------------------------- */

/* Where each process's numbers begin, if each part has `each` of them. */
static size_t *places(struct mt_session *s, size_t each)
{
    size_t size = mt_comm_size(s->comm);
    size_t *at = mt_arena_calloc(&s->arena, size + 1, sizeof *at);

    for (size_t r = 0; at && r < size; r++)
        at[r + 1] = mt_reduce_parts(s->settings.shards, size, r).end * each *
                    sizeof(double);
    return at;
}

mt_status mt_batchrun_prepare(struct mt_session *s, struct mt_err *err)
{
    size_t shards = s->settings.shards;
    struct mt_reduce_request request = { &s->model->store, shards, s->comm,
                                         &s->arena };

    s->weights = mt_arena_calloc(&s->arena, shards, sizeof *s->weights);
    s->counts = mt_arena_calloc(&s->arena, shards, sizeof *s->counts);
    s->weights_at = places(s, 1);
    if (!s->weights || !s->counts || !s->weights_at)
        return mt_fail_memory(err);
    if (shards == 1 || s->train.n == 0)
        return MT_OK;
    s->record = TOTALS + mt_totals_count(s);
    if (mt_comm_size(s->comm) > 1)
        s->record += mt_graph_statistics(any_graph(s));
    s->records =
        mt_arena_calloc(&s->arena, shards * s->record, sizeof *s->records);
    s->records_at = places(s, s->record);
    if (!s->records || !s->records_at)
        return mt_fail_memory(err);
    return mt_reduce_new(&request, &s->reduce, err);
}

mt_status mt_batchrun_overlap(struct mt_session *s, struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    size_t ranks = mt_comm_size(s->comm);

    if (!s->reduce || ranks == 1 || s->comm->here == ranks)
        return MT_OK;
    s->writers =
        mt_arena_calloc(&s->arena, s->train.n * s->stripes, sizeof *s->writers);
    if (!s->writers)
        return mt_fail_memory(err);
    for (size_t i = 0; i < s->train.n; i++) {
        size_t *writers = s->writers + i * s->stripes, last = 0;

        for (size_t n = 0; n < s->stripes; n++) {
            struct mt_range stripe =
                mt_stripe(store, ranks, s->stripes - 1 - n);

            last = mt_size_max(last,
                               mt_graph_last_writer(s->train.of[i].graph,
                                                    store->grads + stripe.first,
                                                    store->grads + stripe.end));
            writers[n] = last;
        }
    }
    return MT_OK;
}
