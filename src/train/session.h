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
 * Tensors and position are the whole state: training on from them is the same
 * computation as never having stopped.
 */
#ifndef MT_TRAIN_SESSION_H
#define MT_TRAIN_SESSION_H

#include "base/strbuf.h"
#include "data/dataset.h"
#include "nn/model.h"
#include "optim/optimizer.h"
#include "optim/scheduler.h"
#include "train/metrics.h"
#include "train/settings.h"
#include "train/watch.h"

struct mt_bundle;
struct mt_comm;

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
    const struct mt_json *doc;  /* the effective spec; outlives the session */
    const char *data_dir;       /* or NULL */
    struct mt_team *team;
    struct mt_comm *comm;         /* the other processes of the job, or NULL */
    size_t ranks;                 /* to plan for; 0: those of comm */
    const struct mt_bundle *from; /* a checkpoint whose fitted data applies,
                                     or NULL */
    enum mt_data_purpose purpose; /* train, eval or check */
    enum mt_split split;          /* to evaluate */
    enum mt_memory memory;        /* with less than training needs: no steps */
    bool norms;                   /* some steps will be asked for the norm */
    size_t resident;            /* as in mt_data_request; 0: its default */
};

struct mt_session; /* session_internal.h; known to train/ only */

/* The length of a run on n training samples. */
struct mt_run_length {
    size_t batches; /* per epoch */
    uint64_t steps_per_epoch, steps;
};
struct mt_run_length mt_run_length(const struct mt_settings *settings,
                                   const struct mt_batching *batching,
                                   size_t n);

/* Reads the spec and the data, and builds everything; tensors that
 * request->memory asks for are zero. For training, memory is planned first, and
 * a run that cannot fit is refused (MT_NO_MEMORY). */
mt_status mt_session_open(const struct mt_session_request *request,
                          struct mt_session **out, struct mt_err *err);
void mt_session_close(struct mt_session *s); /* NULL is allowed */

/* Initial values for a run from step 0. */
mt_status mt_session_init(struct mt_session *s, struct mt_err *err);

/* Plans the memory of steps and evaluations; a session without memory can be
 * planned, too. A second call does nothing. */
mt_status mt_session_plan(struct mt_session *s, struct mt_err *err);

/* Plans that memory and takes it; else the first step or evaluation does. */
mt_status mt_session_prepare(struct mt_session *s, struct mt_err *err);

/* The memory that training works in, in process `rank`: parameters, gradients,
 * the optimizer's slots, the best state, activations and scratch. Process 0 has
 * all slots while it saves. The session must be planned, but need not have
 * memory. */
size_t mt_session_bytes(const struct mt_session *s, size_t rank);
size_t mt_session_workspace_bytes(const struct mt_session *s); /* of these */

/* Bytes that this process sends in a step in which every part of every batch
 * counts: gradients, parameters, and small numbers. */
struct mt_traffic {
    uint64_t gradients, parameters, rest;
};
struct mt_traffic mt_session_traffic(const struct mt_session *s,
                                     bool want_norm);

/* Bytes of samples held in memory; and an estimate of the process's peak
 * resident set while it trains and saves, to be made before the session has
 * memory. */
size_t mt_session_data_bytes(const struct mt_session *s);
size_t mt_session_peak_bytes(const struct mt_session *s, size_t rank);

/* Whether that fits into the available memory, as found when the session was
 * planned. */
struct mt_fit; /* fit.h */
const struct mt_fit *mt_session_fit(const struct mt_session *s);

struct mt_step_info {
    double loss;       /* of the batches, before the update; NAN: idle */
    double lr;         /* of the default group */
    double grad_norm;  /* before clipping; NAN unless asked for or clipping */
    bool epoch_ended;
    size_t idle_batches; /* batches in which no target counts */
    bool idle;           /* all are: nothing was updated */
    bool improved;     /* the epoch is the best one, by checkpoint.best */
    uint64_t sent;     /* bytes to other processes, without the epoch's end */
    unsigned wishes;   /* bits set in any process by mt_session_wish before the
                          step began; each is reported once */
};

/* Sets bits for what this process wants all to do, such as to stop. The next
 * step sends them, so that all processes learn of them at the same step. */
void mt_session_wish(struct mt_session *s, unsigned bits);

/* Copies process 0's bytes at `what` to all processes. */
mt_status mt_session_lead(const struct mt_session *s, void *what, size_t bytes,
                          struct mt_err *err);

/* One optimizer step, with the norm of the gradients if that is wanted, which
 * then takes memory for all of them; at the end of an epoch also its
 * evaluation, its entry in the history, and the monitors (monitor.h). After the
 * first one, a step on data in memory allocates nothing, takes no lock and
 * makes no system call; with data in files, a batch that cannot be read fails
 * in the step that needs it (ahead.h). MT_NON_FINITE names step and layer; the
 * session is unusable then. */
mt_status mt_session_step(struct mt_session *s, bool want_norm,
                          struct mt_step_info *info, struct mt_err *err);

/* Evaluates on the validation data, or on the split that the session was opened
 * for; scores->samples is 0 if it has no samples. */
mt_status mt_session_evaluate(struct mt_session *s, struct mt_scores *scores,
                              struct mt_err *err);

/* Appends which classes the last evaluation left out of auc for lack of
 * samples, e.g. 'class "square" has no samples here: auc is the mean of the 2
 * others'; nothing if there are none. */
void mt_session_left_out(const struct mt_session *s, struct mt_strbuf *out);

/* Makes the next evaluations count a confusion matrix. Fails if the loss is not
 * one of classes, or there are more than 4096. */
mt_status mt_session_count_confusion(struct mt_session *s, struct mt_err *err);

/* The counts of the last evaluation, or NULL: (classes, classes + 1), a row for
 * each class of the targets; the last column counts outputs that are not
 * finite. Owned by the session. */
const double *mt_session_confusion(const struct mt_session *s, size_t *classes);

/* --- parts of a session, which owns them ---------------------------------- */

const struct mt_json *mt_session_doc(const struct mt_session *s);
struct mt_team *mt_session_team(const struct mt_session *s);
const struct mt_settings *mt_session_settings(const struct mt_session *s);
struct mt_model *mt_session_model(const struct mt_session *s);
struct mt_optimizer *mt_session_optimizer(const struct mt_session *s);
struct mt_dataset *mt_session_data(const struct mt_session *s);

/* Those of the spec's train.metrics. */
size_t mt_session_n_metrics(const struct mt_session *s);
const struct mt_metric *mt_session_metric(const struct mt_session *s, size_t i);

/* Adds a metric to later evaluations, unless it is there, does not suit the
 * loss, or there are already MT_MAX_METRICS. */
void mt_session_add_metric(struct mt_session *s, const struct mt_metric *m);

/* What early stopping and checkpoint.best have seen. */
const struct mt_watch *mt_session_stopping(const struct mt_session *s);
const struct mt_watch *mt_session_saved_best(const struct mt_session *s);

/* The monitor that decides which epoch is reported as the best. */
const struct mt_monitor *mt_session_judge(const struct mt_session *s);

struct mt_position mt_session_at(const struct mt_session *s);
uint64_t mt_session_total_steps(const struct mt_session *s);
uint64_t mt_session_steps_per_epoch(const struct mt_session *s);
size_t mt_session_batch_size(const struct mt_session *s);

/* Training samples processed up to the position, counting repetitions. */
uint64_t mt_session_samples_done(const struct mt_session *s);

/* What a changed spec dropped of the optimizer's state or starts fresh; n 0:
 * nothing. */
struct mt_refit;
const struct mt_refit *mt_session_refit(const struct mt_session *s);

/* If the run is finished and the kept best state is not the present one,
 * restores that state and notes where the run ended. Returns whether it did. */
bool mt_session_restore_best(struct mt_session *s);

/* Was that done, by this run or by the one that wrote the checkpoint? */
bool mt_session_restored(const struct mt_session *s);

/* Is a best state kept? */
bool mt_session_keeps_best(const struct mt_session *s);

/* The number of samples of a split. */
size_t mt_session_samples(const struct mt_session *s, enum mt_split split);

/* The split that evaluations use, and its samples. */
enum mt_split mt_session_split(const struct mt_session *s);
const struct mt_subset *mt_session_evaluated(const struct mt_session *s);

/* The last finished epoch, or NULL. */
const struct mt_epoch *mt_session_last_epoch(const struct mt_session *s);

/* Means over the epoch so far; at the end of an epoch, over that epoch. samples
 * is 0 before the first step. */
struct mt_scores mt_session_running(const struct mt_session *s);

/* The settings of each group in the last step. */
const struct mt_scheduled *mt_session_scheduled(const struct mt_session *s);

#endif
