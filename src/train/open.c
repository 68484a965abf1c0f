/* Building a session: spec, data, model, optimizer, schedule, monitors. */
#include "train/session_internal.h"

#include <math.h>
#include <stdlib.h>

#include "train/balance.h"
#include "train/datastate.h"
#include "train/ema.h"
#include "train/monitor.h"
#include "train/range.h"
#include "train/totals.h"

static mt_status open_data(struct mt_session *s,
                           const struct mt_session_request *request,
                           const struct mt_loss *loss, struct mt_err *err)
{
    const struct mt_item *root = mt_json_root(s->doc);
    struct mt_fitted fitted;
    struct mt_data_request data = {
        .doc = s->doc,
        .spec = mt_json_get(root, "data"),
        .dir = request->data_dir,
        .seed = s->settings.seed,
        .classification = loss->type->classification,
        .probabilities = mt_loss_of_probabilities(loss) ||
                         loss->type->wants == MT_WANTS_LOG_PROBABILITIES,
        .fractions = mt_loss_of_probabilities(loss),
        .purpose = request->purpose,
        .split =
            request->purpose == MT_DATA_EVAL ? request->split : MT_SPLIT_VAL,
        .resident = request->resident,
    };
    mt_status status;

    s->split = data.split;
    if ((status = mt_batching_read(s->doc, data.spec, &s->batching, err)) !=
        MT_OK)
        return status;
    if (request->from) {
        if ((status = mt_data_state_read(request->from, &s->arena, &fitted,
                                         err)) != MT_OK)
            return status;
        data.fitted = &fitted;
    }
    return mt_dataset_open(&data, &s->data, err);
}

static mt_status build_model(struct mt_session *s, bool classification,
                             struct mt_err *err)
{
    const struct mt_fitted *f = &s->data->fitted;
    struct mt_model_request request = {
        .doc = s->doc,
        .x = f->x,
        .y = f->y,
        .tokens =
            f->x_dtype == MT_I32 || f->x_dtype == MT_I64 || f->x_dtype == MT_U8,
        .classes = f->classes,
        .vocab = f->vocab,
        .seed = s->settings.seed,
        .memory = MT_MEMORY_NONE,
    };

    if (!classification && !request.classes)
        request.classes = mt_shape_elements(&request.y);
    return mt_model_new(&request, &s->model, err);
}

static mt_status check_tokens(const struct mt_session *s, struct mt_err *err)
{
    size_t rows = s->model->record.tokens;

    if (s->model->x_dtype != MT_I32 || !rows)
        return MT_OK;
    return mt_dataset_check_tokens(s->data, rows, err);
}

static mt_status check_labels(const struct mt_session *s, struct mt_err *err)
{
    const int64_t *ignored = mt_loss_ignored(&s->model->loss);
    size_t classes = mt_loss_classes(&s->model->loss, &s->model->output);
    long long ignore = ignored ? *ignored : 0;

    if (!classes)
        return MT_OK;
    return mt_dataset_check_labels(s->data, classes, ignored ? &ignore : NULL,
                                   err);
}

/* The loss is read twice: here, to know what targets are, and with the model.*/
static mt_status read_loss(struct mt_session *s, struct mt_loss *out,
                           struct mt_err *err)
{
    const struct mt_item *root = mt_json_root(s->doc);

    return mt_loss_read(s->doc, mt_json_get(root, "loss"), &s->arena, out, err);
}

struct mt_run_length mt_run_length(const struct mt_settings *t,
                                   const struct mt_batching *batching, size_t n)
{
    size_t b = batching->batch_size;
    struct mt_run_length run = { .steps = t->steps };

    run.batches = batching->drop_last ? n / b : (n + b - 1) / b;
    run.steps_per_epoch = (run.batches + t->accumulate - 1) / t->accumulate;
    if (t->steps == MT_SIZE_ABSENT &&
        __builtin_mul_overflow(t->epochs, run.steps_per_epoch, &run.steps))
        run.steps = UINT64_MAX;
    return run;
}

static mt_status check_shards(const struct mt_session *s, struct mt_err *err)
{
    const struct mt_item *train = mt_json_get(mt_json_root(s->doc), "train");
    size_t shards = s->settings.shards, ranks = s->ranks;

    if (shards > s->batching.batch_size)
        return mt_json_fail(s->doc, mt_json_get(train, "shards"), err,
                            "a batch of %zu samples cannot be cut in %zu parts",
                            s->batching.batch_size, shards);
    if (ranks > shards)
        return mt_fail(err, MT_INVALID,
                       "%zu processes need a train.shards of at least %zu, and "
                       "it is %zu; it is part of the computation, so runs that "
                       "shall give the same result need the same one",
                       ranks, ranks, shards);
    return MT_OK;
}

static mt_status count_steps(struct mt_session *s, struct mt_err *err)
{
    size_t n = mt_session_samples(s, MT_SPLIT_TRAIN);
    size_t b = s->batching.batch_size;
    struct mt_run_length run = mt_run_length(&s->settings, &s->batching, n);

    s->batches = run.batches;
    s->steps_per_epoch = run.steps_per_epoch;
    s->total_steps = run.steps;
    if (s->batches == 0)
        return mt_json_fail(s->doc,
                            mt_json_get(mt_json_get(mt_json_root(s->doc),
                                                    "data"), "batch_size"),
                            err, "with drop_last, %zu training samples give no "
                            "batch of %zu", n, b);
    if (s->total_steps > UINT32_MAX / s->settings.accumulate)
        return mt_fail(err, MT_INVALID, "%llu batches are more than 2^32",
                       (unsigned long long)s->total_steps);
    return MT_OK;
}

static mt_status build_optimizer(struct mt_session *s, struct mt_err *err)
{
    const struct mt_item *root = mt_json_root(s->doc);
    mt_status status;

    if ((status = mt_optimizer_new(s->doc, mt_json_get(root, "optimizer"),
                                   &s->model->store, &s->optimizer, err)) !=
            MT_OK ||
        (status = mt_scheduler_new(s->doc, mt_json_get(root, "scheduler"),
                                   &s->arena, &s->scheduler, err)) != MT_OK ||
        (status = mt_optimizer_follow(s->optimizer, s->scheduler, err)) !=
            MT_OK)
        return status;
    s->now = mt_arena_calloc(&s->arena, s->optimizer->n_groups,
                             sizeof *s->now);
    return s->now ? MT_OK : mt_fail_memory(err);
}

/* Metrics that only evaluations have need validation data. */
static mt_status check_whole(const struct mt_session *s, struct mt_err *err)
{
    const struct mt_item *train = mt_json_get(mt_json_root(s->doc), "train");

    for (size_t i = 0; i < s->n_metrics; i++) {
        if (s->metrics[i]->whole && !mt_session_evaluated(s)->n)
            return mt_json_fail(s->doc, mt_json_get(train, "metrics"), err,
                                "%s ranks all samples of a set, and is of "
                                "evaluations only: it needs validation data, "
                                "data.val or data.val_split",
                                s->metrics[i]->name);
    }
    return MT_OK;
}

static mt_status build(struct mt_session *s,
                       const struct mt_session_request *request,
                       struct mt_err *err)
{
    const struct mt_item *train = mt_json_get(mt_json_root(s->doc), "train");
    struct mt_loss loss;
    mt_status status;

    if ((status = mt_settings_read(s->doc, &s->arena, &s->settings, err)) !=
            MT_OK ||
        (status = read_loss(s, &loss, err)) != MT_OK ||
        (status = open_data(s, request, &loss, err)) != MT_OK ||
        (status = check_shards(s, err)) != MT_OK ||
        (status = build_model(s, loss.type->classification, err)) != MT_OK ||
        (status = check_tokens(s, err)) != MT_OK ||
        (status = check_labels(s, err)) != MT_OK ||
        (status = mt_range_check_targets(s, err)) != MT_OK ||
        (status = mt_balance_loss(s, err)) != MT_OK ||
        (status = build_optimizer(s, err)) != MT_OK ||
        (status = mt_metrics_read(s->doc, mt_json_get(train, "metrics"),
                                  &s->settings.metrics, &s->model->loss,
                                  s->metrics, err)) != MT_OK)
        return status;
    s->n_metrics = s->history.n_metrics = s->settings.metrics.n;
    if ((status = check_whole(s, err)) != MT_OK)
        return status;
    if ((status = mt_totals_new(s, &s->epoch_totals, err)) != MT_OK)
        return status;
    if (request->purpose == MT_DATA_EVAL)
        return MT_OK;
    if ((status = mt_monitors_read(s, err)) != MT_OK)
        return status;
    return count_steps(s, err);
}

/* A run that cannot fit into memory is refused before it takes any. */
static mt_status check_fit(struct mt_session *s, struct mt_err *err)
{
    mt_status status = mt_session_plan(s, err);

    if (status == MT_OK && s->fit.fits == MT_FITS_NOT)
        return mt_fail(err, MT_NO_MEMORY, "%s", s->fit.text);
    return status;
}

/* Takes memory for tensors, slots and the mean, all 0. */
static mt_status take_memory(struct mt_session *s, enum mt_memory memory,
                             struct mt_err *err)
{
    struct mt_store *store = &s->model->store;
    mt_status status;

    store->memory = memory;
    store->few_grads = s->taken != NULL;
    if ((status = mt_store_allocate(store, err)) != MT_OK ||
        (status = mt_optimizer_allocate(s->optimizer, err)) != MT_OK)
        return status;
    if (isnan(s->settings.ema.decay) || memory != MT_MEMORY_TRAINING)
        return MT_OK;
    return mt_ema_new(store, s->settings.ema.decay, &s->arena, &s->ema, err);
}

mt_status mt_session_open(const struct mt_session_request *request,
                          struct mt_session **out, struct mt_err *err)
{
    bool trains = request->purpose == MT_DATA_TRAIN &&
                  request->memory == MT_MEMORY_TRAINING;
    struct mt_session *s = calloc(1, sizeof *s);
    mt_status status;

    if (!s)
        return mt_fail_memory(err);
    s->doc = request->doc;
    s->team = request->team;
    s->comm = request->comm;
    s->ranks = request->ranks ? request->ranks : mt_comm_size(s->comm);
    s->norms = request->norms;
    if ((status = build(s, request, err)) != MT_OK ||
        (trains && (status = check_fit(s, err)) != MT_OK) ||
        (status = take_memory(s, request->memory, err)) != MT_OK) {
        mt_session_close(s);
        return status;
    }
    *out = s;
    return MT_OK;
}
