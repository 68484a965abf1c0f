/*
 * A training session: model, optimizer, schedule, data and position, built
 * from a spec, moved forward step by step, saved and restored exactly.
 *
 *     mt_session_open(&request, &s, err);
 *     mt_session_init(s, err);          fresh values, or mt_session_restore
 *     while (!mt_session_finished(s))
 *         mt_session_step(s, false, &info, err);
 *     mt_session_close(s);
 *
 * The position says everything that is not a tensor: training on from it is
 * the same computation as never having stopped.
 */
#ifndef MT_TRAIN_SESSION_H
#define MT_TRAIN_SESSION_H

#include "data/dataset.h"
#include "nn/model.h"
#include "optim/optimizer.h"
#include "optim/scheduler.h"
#include "train/kept.h"
#include "train/metrics.h"
#include "train/settings.h"
#include "train/watch.h"

struct mt_ahead; /* ahead.h */
struct mt_bundle;

/* Sums over the samples of an epoch so far, or of an evaluation: of the loss,
 * the samples, and then the sums of each metric. */
enum { MT_TOTAL_LOSS, MT_TOTAL_SAMPLES, MT_TOTALS };

struct mt_position {
    uint64_t step;   /* finished optimizer steps */
    uint64_t epoch;  /* finished epochs */
    uint64_t batch;  /* finished batches of this epoch */
};

struct mt_scores {
    size_t samples;  /* 0: not evaluated */
    double loss;
    double metric[MT_MAX_METRICS];
};

/* One finished epoch. */
struct mt_epoch {
    uint64_t epoch, step;
    double lr;
    struct mt_scores train, val;
    bool unscheduled; /* val is there only because the run ends here */
};

struct mt_session_request {
    const struct mt_json *doc;  /* the effective spec; must outlive it */
    const char *data_dir;       /* or NULL */
    struct mt_team *team;
    const struct mt_bundle *from; /* a checkpoint whose fitted data applies,
                                     or NULL */
    enum mt_data_purpose purpose; /* train, eval or check */
    enum mt_split split;          /* of an evaluation */
    size_t resident;            /* as in mt_data_request; 0: its default */
};

struct mt_session {
    struct mt_arena arena;
    const struct mt_json *doc;
    struct mt_team *team;
    struct mt_settings settings;
    struct mt_batching batching;
    const struct mt_metric *metrics[MT_MAX_METRICS];
    size_t n_metrics;
    struct mt_dataset *data;
    enum mt_split split; /* that mt_session_evaluate looks at */
    struct mt_model *model;
    struct mt_optimizer *optimizer;
    struct mt_scheduler *scheduler;
    struct mt_scheduled *now;     /* one for each group: this step's */
    struct mt_monitor plateau;    /* what the schedule watches */
    struct mt_watch stopping;     /* early stopping's */
    struct mt_watch best;         /* that of checkpoint.best */
    struct mt_monitor judge;      /* which epoch is named the best one */
    struct mt_kept kept;          /* for early_stopping.restore_best */
    struct mt_ending ended;

    size_t batches;               /* of an epoch */
    uint64_t steps_per_epoch, total_steps;

    struct mt_position at;
    double *epoch_totals;         /* of the epoch so far */
    double *eval_totals;          /* taken by mt_session_prepare */
    struct mt_epoch *history;     /* one for each finished epoch */
    size_t n_history, history_size;

    /* the machinery of steps and evaluations (step.c, evaluate.c, batch.h) */
    struct mt_program train_full, train_last, eval_full, eval_last;
    void *workspace;              /* shared by the programs */
    size_t workspace_bytes;
    float *x, *t;                 /* a batch's inputs and targets */
    struct mt_ahead *ahead;       /* reads the next one; NULL: all data are in
                                     memory */
    uint32_t *order;              /* of this epoch's rows */
    uint64_t order_epoch;         /* which epoch it is of, plus 1; 0: none */
    float *grad_sum;              /* of several batches, if accumulate > 1 */
    double *partial;              /* sums of gradient blocks */
};

/* Reads the spec, the data, and builds everything; tensors are zero. */
mt_status mt_session_open(const struct mt_session_request *request,
                          struct mt_session **out, struct mt_err *err);
void mt_session_close(struct mt_session *s); /* NULL is allowed */

/* Initial values for a run from step 0. */
mt_status mt_session_init(struct mt_session *s, struct mt_err *err);

/* Plans and takes the memory of steps and evaluations; called by the first
 * step or evaluation otherwise. */
mt_status mt_session_prepare(struct mt_session *s, struct mt_err *err);

/* The memory that the session works in, once it is prepared: parameters,
 * gradients, the optimizer's slots, the best state, activations and scratch. */
size_t mt_session_bytes(const struct mt_session *s);

/* Samples that are held in memory; and an estimate of the most memory that the
 * process will have (its peak resident set) while it trains and saves. */
size_t mt_session_data_bytes(const struct mt_session *s);
size_t mt_session_peak_bytes(const struct mt_session *s);

struct mt_step_info {
    double loss;       /* of the batches, before the update */
    double lr;         /* of the default group */
    double grad_norm;  /* before clipping; NAN unless asked for or clipping */
    bool epoch_ended;
    bool improved;     /* the epoch is the best one, by checkpoint.best */
};

/* One optimizer step, and at the end of an epoch its evaluation and history,
 * and what watches them (monitor.h). Behind the first one, a step on data in
 * memory takes no memory and no lock and makes no system call; on data in a file
 * it is told of a batch that cannot be read when it needs that (ahead.h).
 * MT_NON_FINITE names step and layer; the session is spoiled then. */
mt_status mt_session_step(struct mt_session *s, bool want_norm,
                          struct mt_step_info *info, struct mt_err *err);

/* Evaluates on the validation data, or on the split that the session was opened
 * for; scores->samples is 0 if there is none. */
mt_status mt_session_evaluate(struct mt_session *s, struct mt_scores *scores,
                              struct mt_err *err);

/* How many samples there are to train on, to validate on, to test on. */
static inline size_t mt_session_samples(const struct mt_session *s,
                                        enum mt_split split)
{
    return s->data->subset[split].n;
}

static inline const struct mt_subset *mt_session_evaluated(
    const struct mt_session *s)
{
    return &s->data->subset[s->split];
}

/* The settings of each group for the coming step, in s->now. */
void mt_session_schedule(struct mt_session *s);

/* How many totals there are; taken from the session's memory, all 0. */
size_t mt_totals_count(const struct mt_session *s);
mt_status mt_totals_new(struct mt_session *s, double **out, struct mt_err *err);
void mt_totals_clear(const struct mt_session *s, double *totals);
void mt_totals_add(const struct mt_session *s, double *totals,
                   const struct mt_program *p, const void *targets);
void mt_totals_scores(const struct mt_session *s, double *totals,
                      struct mt_scores *out);

/* Appends an entry to the history. */
mt_status mt_session_add_epoch(struct mt_session *s,
                               const struct mt_epoch *epoch,
                               struct mt_err *err);

#endif
