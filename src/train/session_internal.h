/*
 * What a session consists of. For train/ only: commands ask session.h.
 */
#ifndef MT_TRAIN_SESSION_INTERNAL_H
#define MT_TRAIN_SESSION_INTERNAL_H

#include "comm/comm.h"
#include "train/epochs.h"
#include "train/fit.h"
#include "train/programs.h"
#include "train/refit.h"
#include "train/regions.h"
#include "train/session.h"
#include "train/shards.h"

struct mt_ahead;   /* ahead.h */
struct mt_ema;     /* ema.h */
struct mt_ranking; /* ranking.h */
struct mt_reduce;  /* reduce.h */

struct mt_session {
    struct mt_arena arena;
    const struct mt_json *doc;
    struct mt_team *team;
    struct mt_comm *comm; /* the other processes; NULL: there are none */
    size_t ranks;         /* how many there are, or are planned for */
    struct mt_settings settings;
    struct mt_batching batching;
    const struct mt_metric *metrics[MT_MAX_METRICS];
    size_t n_metrics;
    bool confusion; /* counted by evaluations, after the metrics */
    struct mt_dataset *data;
    enum mt_split split; /* that mt_session_evaluate looks at */
    struct mt_model *model;
    struct mt_optimizer *optimizer;
    struct mt_scheduler *scheduler;
    struct mt_scheduled *now;  /* one for each group: this step's */
    struct mt_monitor plateau; /* what the schedule watches */
    struct mt_watch stopping;  /* early stopping's */
    struct mt_watch best;      /* that of checkpoint.best */
    struct mt_monitor judge;   /* which epoch is named the best one */
    struct mt_kept kept;       /* for early_stopping.restore_best */
    struct mt_ending ended;
    struct mt_refit refit;     /* of the state that it was restored from */
    struct mt_ema *ema;        /* of the parameters; or NULL */

    size_t batches; /* of an epoch */
    uint64_t steps_per_epoch, total_steps;

    struct mt_position at;
    unsigned wish;
    double *epoch_totals;     /* of the epoch so far */
    double *eval_totals;      /* taken by mt_session_prepare */
    double *eval_records;     /* of each process: loss, weight, totals of the
                                 batch that it is at; NULL: shards is 1 */
    struct mt_ranking *ranking; /* of metrics that need it; or NULL */
    struct mt_epochs history;

    /* the machinery of steps and evaluations (step.c, evaluate.c, batch.h) */
    struct mt_programs train, eval;
    size_t eval_batch; /* samples */
    bool planned;    /* they are recorded */
    struct mt_fit fit; /* found out when they were, before memory is taken */
    void *workspace; /* shared by the programs */
    size_t workspace_bytes;
    bool weigh_targets;     /* what a part weighs depends on its targets */
    float *x, *t;           /* a batch's inputs and targets: those of this
                               process */
    struct mt_ahead *ahead; /* reads the next one; NULL: all data are in
                               memory */
    uint32_t *order;        /* of this epoch's rows */
    uint32_t *evaluated;    /* [2, batch]: of evaluations (mt_subset_rows) */
    uint64_t order_epoch;   /* which epoch it is of, plus 1; 0: none */
    float *grad_sum;        /* of several batches, if accumulate > 1 */
    double *partial;        /* sums of gradient blocks: [spans] of the store, */
    size_t *partial_at;     /* and where each process's begin, in bytes */

    /* parts of a batch and what they come to (batchrun.c) */
    struct mt_range parts; /* of this process */
    struct mt_range slice; /* of the parameters, in floats: whose optimizer
                              state this process has */
    size_t *slices_at;     /* where each one's begins, in bytes */
    double *weights;       /* [shards] in the batch's loss; */
    bool *counts;          /* [shards] are they more than 0? */
    double *records;       /* (shards, record); NULL: shards is 1 */
    size_t record;
    size_t *weights_at, *records_at; /* where each process's begin, in bytes */
    struct mt_reduce *reduce;        /* NULL: shards is 1 */
};

/* Spans (graph/spans.h) of the parameters. */
size_t mt_session_spans(const struct mt_session *s);

/* The settings of each group for the coming step, in s->now. */
void mt_session_schedule(struct mt_session *s);

/* The most samples of a batch that this process has, once it is planned. */
size_t mt_session_own_rows(const struct mt_session *s);

/* Of a session that is planned and has no memory yet. */
struct mt_fit mt_session_find_fit(const struct mt_session *s);

/* What train.ema's mean takes; 0 without it. */
size_t mt_session_ema_bytes(const struct mt_session *s);

#endif
