/*
 * Learning-rate schedules, with the types, options and numbers of
 * torch.optim.lr_scheduler: one file per family, one table row each.
 *
 * A schedule is a pure function of how many times it has been stepped (t = 0
 * before the first step), so that resuming needs no state except t. Only
 * ReduceLROnPlateau has a little state, which is saved in checkpoints by name.
 */
#ifndef MT_OPTIM_SCHEDULER_H
#define MT_OPTIM_SCHEDULER_H

#include "base/arena.h"
#include "spec/kind.h"
#include "base/status.h"

struct mt_scheduler;

/* What a schedule may change, per parameter group. */
struct mt_scheduled {
    double lr;
    double momentum; /* SGD's momentum or Adam's beta1; NAN: unchanged */
};

/* One named number of a schedule's state. */
struct mt_scheduler_state {
    const char *name; /* "best", "num_bad_epochs", ... */
    double value;
};

/* The end of a schedule that is made for a run of a certain length. */
struct mt_sched_end {
    uint64_t after;  /* so many steps; 0: it has no such end */
    uint64_t start;  /* where its last part begins, from which `key` counts */
    const char *key; /* that sets it in the spec: "T_max" */
    int stage;       /* index in the spec's "schedulers" of the key; or -1 */
    bool whole;      /* it is useless for a run of another length */
};

struct mt_scheduler_type {
    MT_TYPE_HEAD;
    size_t state_count;
    const char *const *state_names;

    /* Checks what single keys cannot, and may complete args; may be NULL. */
    mt_status (*prepare)(struct mt_scheduler *s, const struct mt_json *doc,
                         const struct mt_item *object, struct mt_err *err);

    /* The values for a group with these base values after t steps. */
    struct mt_scheduled (*at)(const struct mt_scheduler *s, uint64_t t,
                              struct mt_scheduled base);

    /* Its end; NULL: it has none. */
    struct mt_sched_end (*end)(const struct mt_scheduler *s);

    /* Why it cannot be part of a SequentialLR; NULL: it can. */
    const char *no_stage;

    /* Called at each step with the monitored value (ReduceLROnPlateau); NULL
     * for pure schedules. */
    void (*observe)(struct mt_scheduler *s, double value);
};

struct mt_scheduler {
    const struct mt_scheduler_type *type;
    void *args;          /* type->args_size bytes, filled from the spec */
    bool per_step;       /* "interval": "step"; default "epoch" */
    const char *monitor; /* "val_loss" ..., NULL unless the type observes */
    double *state;       /* type->state_count numbers */
    struct mt_arena *arena;
    bool restarted; /* entered at a milestone of a SequentialLR, where
                       torch uses the closed form instead of a step */
};

/* Every schedule has an interval, and a monitor if it observes. The parts of
 * a SequentialLR (stages) have neither. */
extern const struct mt_kind mt_scheduler_kind, mt_stage_kind;

/* Reads the spec's "scheduler" object; for NULL or null the schedule is
 * constant (its type "constant" is not in the table). All memory is taken from
 * arena; the schedule is valid as long as that and doc. */
mt_status mt_scheduler_new(const struct mt_json *doc, const struct mt_item *object,
                           struct mt_arena *arena, struct mt_scheduler **out,
                           struct mt_err *err);

struct mt_scheduled mt_scheduler_at(const struct mt_scheduler *s, uint64_t t,
                                    struct mt_scheduled base);
struct mt_sched_end mt_scheduler_end(const struct mt_scheduler *s);
void mt_scheduler_observe(struct mt_scheduler *s, double value);

#endif
