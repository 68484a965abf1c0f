/*
 * What a session consists of. For train/ only: commands ask session.h.
 */
#ifndef MT_TRAIN_SESSION_INTERNAL_H
#define MT_TRAIN_SESSION_INTERNAL_H

#include "train/epochs.h"
#include "train/refit.h"
#include "train/regions.h"
#include "train/session.h"

struct mt_ahead;   /* ahead.h */
struct mt_ema;     /* ema.h */
struct mt_ranking; /* ranking.h */

struct mt_session {
    struct mt_arena arena;
    const struct mt_json *doc;
    struct mt_team *team;
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
    double *epoch_totals;     /* of the epoch so far */
    double *eval_totals;      /* taken by mt_session_prepare */
    struct mt_ranking *ranking; /* of metrics that need it; or NULL */
    struct mt_epochs history;

    /* the machinery of steps and evaluations (step.c, evaluate.c, batch.h) */
    struct mt_program train_full, train_last, eval_full, eval_last;
    bool planned;    /* they are recorded */
    void *workspace; /* shared by the programs */
    size_t workspace_bytes;
    bool may_idle;          /* there are targets that may not count */
    float *x, *t;           /* a batch's inputs and targets */
    struct mt_ahead *ahead; /* reads the next one; NULL: all data are in
                               memory */
    uint32_t *order;        /* of this epoch's rows */
    uint32_t *evaluated;    /* [2, batch]: of evaluations (mt_subset_rows) */
    uint64_t order_epoch;   /* which epoch it is of, plus 1; 0: none */
    float *grad_sum;        /* of several batches, if accumulate > 1 */
    double *partial;        /* sums of gradient blocks */
};

/* The settings of each group for the coming step, in s->now. */
void mt_session_schedule(struct mt_session *s);

/* What train.ema's mean takes; 0 without it. */
size_t mt_session_ema_bytes(const struct mt_session *s);

#endif
