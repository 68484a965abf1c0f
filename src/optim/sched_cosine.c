/*
 * Cosine schedules, of "SGDR: Stochastic Gradient Descent with Warm Restarts"
 * (Loshchilov and Hutter, 2017).
 */
#include "base/size.h"
#include "optim/sched_types.h"
#include "kernels/dmath.h"

/* min + (base - min) (1 + cos(pi part)) / 2 */
static struct mt_scheduled anneal(double base, double min, double part)
{
    return mt_sched_lr(min + (base - min) * (1 + mt_dcospi(part)) / 2);
}

struct cosine_args {
    size_t t_max;
    double eta_min;
};

static const struct mt_key cosine_keys[] = {
    { "T_max", MT_KEY_SIZE, offsetof(struct cosine_args, t_max),
      .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "steps of half a cosine: from the base rate to eta_min" },
    { "eta_min", MT_KEY_REAL, offsetof(struct cosine_args, eta_min), .def = "0",
      .flags = MT_KEY_MIN, .doc = "the lowest learning rate" },
    { .name = NULL },
};

/* The cosine continues after T_max: back up to the base rate at 2 T_max, as by
 * torch's recursion. */
static struct mt_scheduled cosine_at(const struct mt_scheduler *s, uint64_t t,
                                     struct mt_scheduled base)
{
    const struct cosine_args *a = s->args;
    uint64_t whole = t / a->t_max, rest = t % a->t_max;
    double part = (double)(whole % 2) + (double)rest / (double)a->t_max;

    return anneal(base.lr, a->eta_min, part);
}

static struct mt_sched_end cosine_end(const struct mt_scheduler *s)
{
    const struct cosine_args *a = s->args;

    return (struct mt_sched_end){ a->t_max, 0, "T_max", -1, false };
}

const struct mt_scheduler_type mt_sched_cosine = {
    .name = "CosineAnnealingLR",
    .doc = "falls to eta_min along half a cosine of T_max steps",
    .keys = cosine_keys,
    .args_size = sizeof(struct cosine_args),
    .at = cosine_at,
    .end = cosine_end,
};

struct restarts_args {
    size_t t_0, t_mult;
    double eta_min;
};

static const struct mt_key restarts_keys[] = {
    { "T_0", MT_KEY_SIZE, offsetof(struct restarts_args, t_0),
      .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "steps until the first restart" },
    { "T_mult", MT_KEY_SIZE, offsetof(struct restarts_args, t_mult), .def = "1",
      .min = 1,
      .doc = "each cycle is this many times as long as the one before" },
    { "eta_min", MT_KEY_REAL, offsetof(struct restarts_args, eta_min),
      .def = "0", .flags = MT_KEY_MIN, .doc = "the lowest learning rate" },
    { .name = NULL },
};

static struct mt_scheduled restarts_at(const struct mt_scheduler *s, uint64_t t,
                                       struct mt_scheduled base)
{
    const struct restarts_args *a = s->args;
    size_t length = a->t_0;

    if (a->t_mult == 1)
        t %= length;
    while (t >= length) {
        t -= length;
        if (!mt_size_mul(length, a->t_mult, &length))
            length = SIZE_MAX;
    }
    return anneal(base.lr, a->eta_min, (double)t / (double)length);
}

const struct mt_scheduler_type mt_sched_warm_restarts = {
    .name = "CosineAnnealingWarmRestarts",
    .doc = "half cosines, each starting again from the base rate",
    .keys = restarts_keys,
    .args_size = sizeof(struct restarts_args),
    .at = restarts_at,
};
