/*
 * Linear and polynomial schedules.
 */
#include "optim/sched_types.h"
#include "kernels/dmath.h"

struct linear_args {
    double start_factor, end_factor;
    size_t total_iters;
};

static const struct mt_key linear_keys[] = {
    /* torch accepts a start of 0 and then divides by it. */
    { "start_factor", MT_KEY_REAL, offsetof(struct linear_args, start_factor),
      .def = "0.3333333333333333", .flags = MT_KEY_OPEN_MIN, .min = 0, .max = 1,
      .doc = "multiplies the learning rate at the start" },
    { "end_factor", MT_KEY_REAL, offsetof(struct linear_args, end_factor),
      .def = "1.0", .min = 0, .max = 1,
      .doc = "multiplies the learning rate from total_iters on" },
    { "total_iters", MT_KEY_SIZE, offsetof(struct linear_args, total_iters),
      .def = "5", .doc = "steps from start_factor to end_factor" },
    { .name = NULL },
};

/* lr = base (start + (end - start) min(t, total) / total); as in torch, the
 * rate never changes if total_iters is 0. */
static struct mt_scheduled linear_at(const struct mt_scheduler *s, uint64_t t,
                                     struct mt_scheduled base)
{
    const struct linear_args *a = s->args;
    double change = a->end_factor - a->start_factor;

    if (a->total_iters == 0)
        return mt_sched_lr(base.lr * a->start_factor);
    if (t >= a->total_iters)
        return mt_sched_lr(base.lr * a->end_factor);
    return mt_sched_lr(base.lr * (a->start_factor +
                                  change * (double)t / (double)a->total_iters));
}

const struct mt_scheduler_type mt_sched_linear = {
    .name = "LinearLR",
    .doc = "a straight line between two factors: a warm-up, or a decay",
    .keys = linear_keys,
    .args_size = sizeof(struct linear_args),
    .at = linear_at,
};

struct polynomial_args {
    size_t total_iters;
    double power;
};

static const struct mt_key polynomial_keys[] = {
    { "total_iters", MT_KEY_SIZE, offsetof(struct polynomial_args, total_iters),
      .def = "5", .doc = "steps until the learning rate is 0" },
    { "power", MT_KEY_REAL, offsetof(struct polynomial_args, power),
      .def = "1.0", .flags = MT_KEY_MIN, .doc = "the power of the polynomial" },
    { .name = NULL },
};

/* lr = base (1 - min(t, total) / total)^power; it never changes if total_iters
 * is 0. */
static struct mt_scheduled polynomial_at(const struct mt_scheduler *s,
                                         uint64_t t, struct mt_scheduled base)
{
    const struct polynomial_args *a = s->args;

    if (a->total_iters == 0)
        return mt_sched_lr(base.lr);

    uint64_t left = t < a->total_iters ? a->total_iters - t : 0;
    double part = (double)left / (double)a->total_iters;

    return mt_sched_lr(base.lr * mt_dpow(part, a->power));
}

static struct mt_sched_end polynomial_end(const struct mt_scheduler *s)
{
    const struct polynomial_args *a = s->args;

    return (struct mt_sched_end){ a->total_iters, 0, "total_iters", -1, false };
}

const struct mt_scheduler_type mt_sched_polynomial = {
    .name = "PolynomialLR",
    .doc = "falls to 0 along a power of a straight line",
    .keys = polynomial_keys,
    .args_size = sizeof(struct polynomial_args),
    .at = polynomial_at,
    .end = polynomial_end,
};
