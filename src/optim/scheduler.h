/*
 * Learning-rate schedules, with the types, options and numbers of
 * torch.optim.lr_scheduler: one file per family, one table row each.
 *
 * A schedule is a pure function of how many times it has been stepped (t = 0
 * before the first step) wherever torch's closed form allows; so resuming
 * needs no state but t. ReduceLROnPlateau alone keeps a little state, which
 * goes into the checkpoint by name.
 */
#ifndef MT_OPTIM_SCHEDULER_H
#define MT_OPTIM_SCHEDULER_H

#include "base/arena.h"
#include "spec/keys.h"
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

struct mt_scheduler_type {
    const char *name; /* "CosineAnnealingLR" */
    const char *doc;
    const struct mt_key *keys;
    size_t args_size; /* of the struct that keys fill */
    size_t state_count;
    const char *const *state_names;

    /* Checks what single keys cannot (may be NULL); may set args up further.*/
    mt_status (*prepare)(struct mt_scheduler *s, const struct mt_json *doc,
                         const struct mt_item *object, struct mt_err *err);

    /* The values for a group with these base values after t steps. */
    struct mt_scheduled (*at)(const struct mt_scheduler *s, uint64_t t,
                              struct mt_scheduled base);

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

extern const struct mt_scheduler_type *const mt_scheduler_types[]; /* NULL-
                                                            terminated */

/* The keys of every schedule; of those that are no part of a SequentialLR; and
 * of those that observe. */
extern const struct mt_key mt_scheduler_keys[], mt_scheduler_interval_keys[],
    mt_scheduler_monitor_keys[];

/* May it be part of a SequentialLR? */
bool mt_scheduler_is_stage(const struct mt_scheduler_type *type);

/* Reads the spec's "scheduler" object; NULL or null gives a constant schedule
 * (its type is in no table and is called "constant"). Everything is taken from
 * arena and lives as long as it and doc. */
mt_status mt_scheduler_new(const struct mt_json *doc, const struct mt_item *object,
                           struct mt_arena *arena, struct mt_scheduler **out,
                           struct mt_err *err);

struct mt_scheduled mt_scheduler_at(const struct mt_scheduler *s, uint64_t t,
                                    struct mt_scheduled base);
void mt_scheduler_observe(struct mt_scheduler *s, double value);

#endif
