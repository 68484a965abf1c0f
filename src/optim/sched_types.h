/*
 * Shared by the families of schedules: the types for the table in scheduler.c,
 * and common helpers. Internal to optim/.
 */
#ifndef MT_OPTIM_SCHED_TYPES_H
#define MT_OPTIM_SCHED_TYPES_H

#include <math.h>

#include "optim/scheduler.h"

extern const struct mt_scheduler_type mt_sched_constant;
extern const struct mt_scheduler_type mt_sched_linear;
extern const struct mt_scheduler_type mt_sched_step;
extern const struct mt_scheduler_type mt_sched_multi_step;
extern const struct mt_scheduler_type mt_sched_exponential;
extern const struct mt_scheduler_type mt_sched_polynomial;
extern const struct mt_scheduler_type mt_sched_cosine;
extern const struct mt_scheduler_type mt_sched_warm_restarts;
extern const struct mt_scheduler_type mt_sched_one_cycle;
extern const struct mt_scheduler_type mt_sched_plateau;
extern const struct mt_scheduler_type mt_sched_sequential;

/* A new rate; the momentum does not change. */
static inline struct mt_scheduled mt_sched_lr(double lr)
{
    return (struct mt_scheduled){ lr, (double)NAN };
}

/* Checks that the list under key has only whole numbers; its row of the key
 * table has their range. */
mt_status mt_sched_check_steps(const struct mt_json *doc, const struct mt_item *object,
                               const char *key, const struct mt_reals *steps,
                               struct mt_err *err);

/* The item for messages about step i: member i of the list under key, or the
 * single number. */
const struct mt_item *mt_sched_member(const struct mt_item *object, const char *key, size_t i);

/* The number of steps that are <= t. */
size_t mt_sched_passed(const struct mt_reals *steps, uint64_t t);

/* Reads a schedule inside a SequentialLR: any except those that cannot be part
 * of one, and without an interval of its own. */
mt_status mt_sched_read_stage(const struct mt_json *doc, const struct mt_item *object,
                              struct mt_arena *arena, struct mt_scheduler **out,
                              struct mt_err *err);

#endif
