/*
 * The 1cycle policy of "Super-Convergence: Very Fast Training of Neural
 * Networks Using Large Learning Rates" (Smith and Topin, 2019): the rate rises
 * to max_lr and then falls far below its start, and the momentum does the
 * opposite. It replaces the optimizer's own lr and momentum (beta1).
 */
#include <string.h>

#include "base/size.h"
#include "optim/sched_types.h"
#include "kernels/dmath.h"

struct one_cycle_args {
    double max_lr;
    size_t total_steps, epochs, steps_per_epoch;
    double pct_start;
    int anneal_strategy;
    bool cycle_momentum;
    double base_momentum, max_momentum;
    double div_factor, final_div_factor;
    bool three_phase;
};

enum { BY_COSINE, LINEAR };

static const char *const strategies[] = { "cos", "linear", NULL };

#define ARG(member) offsetof(struct one_cycle_args, member)

static const struct mt_key one_cycle_keys[] = {
    { "max_lr", MT_KEY_REAL, ARG(max_lr), .flags = MT_KEY_REQUIRED | MT_KEY_MIN,
      .doc = "the learning rate at the peak, for all groups" },
    { "total_steps", MT_KEY_SIZE, ARG(total_steps), .flags = MT_KEY_NULL,
      .min = 1, .doc = "steps of the whole cycle" },
    { "epochs", MT_KEY_SIZE, ARG(epochs), .flags = MT_KEY_NULL, .min = 1,
      .doc = "with steps_per_epoch, in place of total_steps" },
    { "steps_per_epoch", MT_KEY_SIZE, ARG(steps_per_epoch),
      .flags = MT_KEY_NULL, .min = 1,
      .doc = "with epochs, in place of total_steps" },
    { "pct_start", MT_KEY_REAL, ARG(pct_start), .def = "0.3", .min = 0,
      .max = 1, .doc = "the part of the cycle in which the rate rises" },
    { "anneal_strategy", MT_KEY_ENUM, ARG(anneal_strategy), .def = "\"cos\"",
      .choices = strategies, .doc = "the shape of rise and fall" },
    { "cycle_momentum", MT_KEY_BOOL, ARG(cycle_momentum), .def = "true",
      .doc = "move the momentum (beta1 of Adam) against the rate" },
    { "base_momentum", MT_KEY_REAL, ARG(base_momentum), .def = "0.85",
      .flags = MT_KEY_OPEN_MAX, .min = 0, .max = 1,
      .doc = "the momentum at the peak of the rate" },
    { "max_momentum", MT_KEY_REAL, ARG(max_momentum), .def = "0.95",
      .flags = MT_KEY_OPEN_MAX, .min = 0, .max = 1,
      .doc = "the momentum at both ends" },
    { "div_factor", MT_KEY_REAL, ARG(div_factor), .def = "25.0",
      .flags = MT_KEY_OPEN_MIN,
      .doc = "the rate starts at max_lr / div_factor" },
    { "final_div_factor", MT_KEY_REAL, ARG(final_div_factor), .def = "10000.0",
      .flags = MT_KEY_OPEN_MIN,
      .doc = "the rate ends at its start / final_div_factor" },
    { "three_phase", MT_KEY_BOOL, ARG(three_phase), .def = "false",
      .doc = "fall as slowly as the rise first, then to the end" },
    { .name = NULL },
};

static mt_status count_steps(struct one_cycle_args *a,
                             const struct mt_json *doc, const struct mt_item *object,
                             struct mt_err *err)
{
    const size_t absent = MT_SIZE_ABSENT;

    if (a->total_steps != absent)
        return MT_OK;
    if (a->epochs == absent || a->steps_per_epoch == absent)
        return mt_json_fail(doc, object, err,
                            "OneCycleLR needs total_steps, or both epochs and "
                            "steps_per_epoch");
    if (!mt_size_mul(a->epochs, a->steps_per_epoch, &a->total_steps))
        return mt_json_fail(doc, object, err,
                            "epochs * steps_per_epoch is too large: %zu * %zu",
                            a->epochs, a->steps_per_epoch);
    return MT_OK;
}

static mt_status one_cycle_prepare(struct mt_scheduler *s,
                                   const struct mt_json *doc,
                                   const struct mt_item *object, struct mt_err *err)
{
    struct one_cycle_args *a = s->args;
    mt_status status = count_steps(a, doc, object, err);

    if (status != MT_OK)
        return status;
    /* The rise would have no length: torch divides by zero. */
    if (a->pct_start * (double)a->total_steps == 1)
        return mt_json_fail(doc, object, err,
                            "a rise of one step has no slope: pct_start * "
                            "total_steps must not be 1 (pct_start %g, "
                            "total_steps %zu)",
                            a->pct_start, a->total_steps);
    return MT_OK;
}

/* One phase ends at step `end`; lr and momentum go from .from to .to. */
struct phase {
    double end;
    struct mt_scheduled from, to;
};

static int make_phases(const struct one_cycle_args *a, struct phase out[3])
{
    double n = (double)a->total_steps, start = a->max_lr / a->div_factor;
    struct mt_scheduled low = { start, a->max_momentum };
    struct mt_scheduled peak = { a->max_lr, a->base_momentum };
    struct mt_scheduled end = { start / a->final_div_factor, a->max_momentum };

    out[0] = (struct phase){ a->pct_start * n - 1, low, peak };
    if (!a->three_phase) {
        out[1] = (struct phase){ n - 1, peak, end };
        return 2;
    }
    out[1] = (struct phase){ 2 * a->pct_start * n - 2, peak, low };
    out[2] = (struct phase){ n - 1, low, end };
    return 3;
}

static double anneal(const struct one_cycle_args *a, double from, double to,
                     double part)
{
    if (a->anneal_strategy == LINEAR)
        return (to - from) * part + from;
    return to + (from - to) / 2 * (mt_dcospi(part) + 1);
}

/*
 * torch also has a value for t = total_steps, one step beyond the end, and
 * raises an error after that; here the value at the end of the cycle, t =
 * total_steps - 1, stays from then on.
 */
static struct mt_scheduled one_cycle_at(const struct mt_scheduler *s,
                                        uint64_t t, struct mt_scheduled base)
{
    const struct one_cycle_args *a = s->args;
    struct phase phases[3];
    int n = make_phases(a, phases), i = 0;
    double now = (double)(t > a->total_steps ? a->total_steps - 1 : t);
    double start = 0;

    (void)base;
    for (; i < n - 1 && now > phases[i].end; i++)
        start = phases[i].end;

    const struct phase *p = &phases[i];
    double length = p->end - start;
    double part = length != 0 ? (now - start) / length : 1;
    struct mt_scheduled out =
        mt_sched_lr(anneal(a, p->from.lr, p->to.lr, part));

    if (a->cycle_momentum)
        out.momentum = anneal(a, p->from.momentum, p->to.momentum, part);
    return out;
}

static struct mt_sched_end one_cycle_end(const struct mt_scheduler *s)
{
    const struct one_cycle_args *a = s->args;

    return (struct mt_sched_end){ a->total_steps, 0, "total_steps", -1, true };
}

const struct mt_scheduler_type mt_sched_one_cycle = {
    .name = "OneCycleLR",
    .doc = "up to max_lr and far down again, the momentum against it",
    .keys = one_cycle_keys,
    .args_size = sizeof(struct one_cycle_args),
    .prepare = one_cycle_prepare,
    .no_stage = "cannot be part of a SequentialLR: "
                "it replaces the learning rate and momentum of the "
                "optimizer, and brings its own warm-up",
    .at = one_cycle_at,
    .end = one_cycle_end,
};
