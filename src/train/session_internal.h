/*
 * What a session consists of. For train/ only: commands use session.h.
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
    size_t ranks;         /* how many there are, or to plan for */
    struct mt_settings settings;
    struct mt_batching batching;
    const struct mt_metric *metrics[MT_MAX_METRICS];
    size_t n_metrics;
    bool confusion; /* counted by evaluations, after the metrics */
    struct mt_dataset *data;
    enum mt_split split; /* that mt_session_evaluate uses */
    struct mt_model *model;
    struct mt_optimizer *optimizer;
    struct mt_scheduler *scheduler;
    struct mt_scheduled *now;  /* of this step, one for each group */
    struct mt_monitor plateau; /* the schedule's */
    struct mt_watch stopping;  /* early stopping's */
    struct mt_watch best;      /* of checkpoint.best */
    struct mt_monitor judge;   /* of the epoch that is reported as the best */
    struct mt_kept kept;       /* for early_stopping.restore_best */
    struct mt_ending ended;
    struct mt_refit refit;     /* of the state that it was restored from */
    struct mt_ema *ema;        /* of the parameters; or NULL */

    size_t batches; /* per epoch; 0: only evaluated */
    uint64_t steps_per_epoch, total_steps;

    struct mt_position at;
    unsigned wish;
    double *epoch_totals;     /* of the epoch so far */
    double *eval_totals;      /* taken by mt_session_prepare */
    double *eval_records;     /* of each process: loss, weight and totals of its
                                 present batch; NULL: shards is 1 */
    size_t *eval_at;          /* where each process's begin, in bytes */
    struct mt_ranking *ranking; /* for metrics that need it; or NULL */
    struct mt_epochs history;

    /* the machinery of steps and evaluations (step.c, evaluate.c, batch.h) */
    struct mt_programs train, eval;
    size_t eval_batch; /* samples */
    bool planned;    /* they are recorded */
    struct mt_fit fit; /* found when planned, before memory is taken */
    void *workspace; /* shared by the programs */
    size_t workspace_bytes;
    bool weigh_targets;     /* the weight of a part depends on its targets */
    float *x, *t;           /* this process's inputs and targets of a batch */
    struct mt_ahead *ahead; /* reads the next batch; NULL: all data are in
                               memory */
    uint32_t *order;        /* of the training rows in an epoch */
    uint32_t *evaluated;    /* [2, batch] of evaluations (mt_subset_rows) */
    uint64_t order_epoch;   /* that epoch, plus 1; 0: none */
    float *grad_sum;        /* of several batches, if accumulate > 1 */
    bool norms;             /* steps are asked for the norm of gradients */
    const bool *taken;      /* [tensors] whose gradients are taken (taking.h);
                               NULL: none; */
    bool taking;            /* in the present step */
    double *partial;        /* [spans] sums of squares of the gradients, */
    size_t *partial_at;     /* and where those of pieces begin, in bytes */

    /* parts of a batch and their results (batchrun.c) */
    struct mt_range parts; /* of this process */
    size_t stripes;        /* of the parameters (pieces.h); */
    struct mt_range *pieces; /* [stripes] of this process: it has their
                                optimizer state */
    size_t *pieces_at;       /* [stripes, ranks] where pieces begin, in bytes */
    double *weights;       /* [shards] in the batch's loss; */
    bool *counts;          /* [shards] are they more than 0? */
    double *records;       /* (shards, record); NULL: shards is 1 */
    size_t record;
    size_t *weights_at, *records_at; /* where each process's begin, in bytes */
    struct mt_reduce *reduce;        /* NULL: shards is 1 */
    size_t *writers; /* [programs, stripes] when the last stripes are complete:
                        after so many nodes; NULL: they are exchanged after
                        backward */
};

/* The number of spans (graph/spans.h) of the parameters. */
size_t mt_session_spans(const struct mt_session *s);

/* Puts the settings of each group for the next step into s->now. */
void mt_session_schedule(struct mt_session *s);

/* The most samples of a batch that this process has; the session is planned. */
size_t mt_session_own_rows(const struct mt_session *s);

/* Does training fit into memory? The session is planned and has no memory
 * yet. */
struct mt_fit mt_session_find_fit(const struct mt_session *s);

/* The memory of train.ema's mean; 0 without it. */
size_t mt_session_ema_bytes(const struct mt_session *s);

#endif
