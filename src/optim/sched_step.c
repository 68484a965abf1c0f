/*
 * Schedules that multiply the base rate by a constant or by a power of gamma.
 */
#include "optim/sched_types.h"
#include "kernels/dmath.h"

struct constant_args {
    double factor;
    size_t total_iters;
};

static const struct mt_key constant_keys[] = {
    { "factor", MT_KEY_REAL, offsetof(struct constant_args, factor),
      .def = "0.3333333333333333", .min = 0, .max = 1,
      .doc = "multiplies the learning rate before total_iters" },
    { "total_iters", MT_KEY_SIZE, offsetof(struct constant_args, total_iters),
      .def = "5", .doc = "from this step on the rate is the optimizer's own" },
    { .name = NULL },
};

/*
 * lr = factor base while t < total_iters, then base.
 *
 * torch removes the factor in the step to total_iters; with total_iters = 0
 * there is no such step, and the factor stays, unless a SequentialLR enters the
 * schedule, for which torch uses the closed form.
 */
static struct mt_scheduled constant_at(const struct mt_scheduler *s, uint64_t t,
                                       struct mt_scheduled base)
{
    const struct constant_args *a = s->args;
    bool for_ever = a->total_iters == 0 && !s->restarted;

    if (t < a->total_iters || for_ever)
        return mt_sched_lr(base.lr * a->factor);
    return mt_sched_lr(base.lr);
}

const struct mt_scheduler_type mt_sched_constant = {
    .name = "ConstantLR",
    .doc = "a smaller constant rate for the first total_iters steps",
    .keys = constant_keys,
    .args_size = sizeof(struct constant_args),
    .at = constant_at,
};

struct step_args {
    size_t step_size;
    double gamma;
};

static const struct mt_key step_keys[] = {
    { "step_size", MT_KEY_SIZE, offsetof(struct step_args, step_size),
      .flags = MT_KEY_REQUIRED, .min = 1, .doc = "steps between two decays" },
    { "gamma", MT_KEY_REAL, offsetof(struct step_args, gamma), .def = "0.1",
      .flags = MT_KEY_MIN,
      .doc = "multiplies the learning rate at each decay" },
    { .name = NULL },
};

/* lr = base gamma^floor(t / step_size) */
static struct mt_scheduled step_at(const struct mt_scheduler *s, uint64_t t,
                                   struct mt_scheduled base)
{
    const struct step_args *a = s->args;

    return mt_sched_lr(base.lr * mt_dpowi(a->gamma, t / a->step_size));
}

const struct mt_scheduler_type mt_sched_step = {
    .name = "StepLR",
    .doc = "multiplies the rate by gamma every step_size steps",
    .keys = step_keys,
    .args_size = sizeof(struct step_args),
    .at = step_at,
};

struct multi_step_args {
    struct mt_reals milestones;
    double gamma;
};

static const struct mt_key multi_step_keys[] = {
    { "milestones", MT_KEY_REALS, offsetof(struct multi_step_args, milestones),
      .flags = MT_KEY_REQUIRED | MT_KEY_MIN,
      .doc = "steps at which the rate decays; one named twice decays twice" },
    { "gamma", MT_KEY_REAL, offsetof(struct multi_step_args, gamma),
      .def = "0.1", .flags = MT_KEY_MIN,
      .doc = "multiplies the learning rate at each milestone" },
    { .name = NULL },
};

static mt_status multi_step_prepare(struct mt_scheduler *s,
                                    const struct mt_json *doc,
                                    const struct mt_item *object, struct mt_err *err)
{
    const struct multi_step_args *a = s->args;

    return mt_sched_check_steps(doc, object, "milestones", &a->milestones, err);
}

/* lr = base gamma^(milestones <= t) */
static struct mt_scheduled multi_step_at(const struct mt_scheduler *s,
                                         uint64_t t, struct mt_scheduled base)
{
    const struct multi_step_args *a = s->args;
    size_t n = mt_sched_passed(&a->milestones, t);

    return mt_sched_lr(base.lr * mt_dpowi(a->gamma, n));
}

const struct mt_scheduler_type mt_sched_multi_step = {
    .name = "MultiStepLR",
    .doc = "multiplies the rate by gamma at each milestone",
    .keys = multi_step_keys,
    .args_size = sizeof(struct multi_step_args),
    .prepare = multi_step_prepare,
    .at = multi_step_at,
};

struct exponential_args {
    double gamma;
};

static const struct mt_key exponential_keys[] = {
    { "gamma", MT_KEY_REAL, offsetof(struct exponential_args, gamma),
      .flags = MT_KEY_REQUIRED | MT_KEY_MIN,
      .doc = "multiplies the learning rate at each step" },
    { .name = NULL },
};

/* lr = base gamma^t */
static struct mt_scheduled exponential_at(const struct mt_scheduler *s,
                                          uint64_t t, struct mt_scheduled base)
{
    const struct exponential_args *a = s->args;

    return mt_sched_lr(base.lr * mt_dpowi(a->gamma, t));
}

const struct mt_scheduler_type mt_sched_exponential = {
    .name = "ExponentialLR",
    .doc = "multiplies the rate by gamma at every step",
    .keys = exponential_keys,
    .args_size = sizeof(struct exponential_args),
    .at = exponential_at,
};
