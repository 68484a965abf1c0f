/*
 * What the families of schedules share: the types for the table in
 * scheduler.c, and the helpers that more than one of them needs. Internal to
 * optim/.
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

/* A new rate; the momentum stays as it is. */
static inline struct mt_scheduled mt_sched_lr(double lr)
{
    return (struct mt_scheduled){ lr, (double)NAN };
}

/* Checks that the list under key holds whole numbers; its row bounds them. */
mt_status mt_sched_check_steps(const struct mt_json *doc, const struct mt_item *object,
                               const char *key, const struct mt_reals *steps,
                               struct mt_err *err);

/* The value that mt_sched_check_steps would name: member i of the list under
 * key, or the bare number. */
const struct mt_item *mt_sched_member(const struct mt_item *object, const char *key, size_t i);

/* How many of the steps are <= t. */
size_t mt_sched_passed(const struct mt_reals *steps, uint64_t t);

/* Reads a schedule inside a SequentialLR: any but those that cannot be part
 * of one, and without an interval of its own. */
mt_status mt_sched_read_stage(const struct mt_json *doc, const struct mt_item *object,
                              struct mt_arena *arena, struct mt_scheduler **out,
                              struct mt_err *err);

#endif
