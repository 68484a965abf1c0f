/*
 * ReduceLROnPlateau: lowers the rate when a watched value stops improving.
 *
 * The only schedule with state, which is the same for all groups: the number of
 * reductions. Each group's rate is computed by repeating the reductions from
 * its own base rate, so that min_lr and eps act on each group as in torch.
 */
#include <string.h>

#include "optim/sched_types.h"

struct plateau_args {
    int mode, threshold_mode;
    double factor, threshold, min_lr, eps;
    size_t patience, cooldown;
};

enum { SMALLEST, LARGEST };
enum { RELATIVE, ABSOLUTE };

static const char *const modes[] = { "min", "max", NULL };
static const char *const threshold_modes[] = { "rel", "abs", NULL };

#define ARG(member) offsetof(struct plateau_args, member)

static const struct mt_key plateau_keys[] = {
    { "mode", MT_KEY_ENUM, ARG(mode), .def = "\"min\"", .choices = modes,
      .doc = "whether the watched value should fall or rise" },
    { "factor", MT_KEY_REAL, ARG(factor), .def = "0.1",
      .flags = MT_KEY_OPEN_MAX, .min = 0, .max = 1,
      .doc = "multiplies the learning rate at a plateau" },
    { "patience", MT_KEY_SIZE, ARG(patience), .def = "10",
      .doc = "values without improvement that are put up with" },
    { "threshold", MT_KEY_REAL, ARG(threshold), .def = "0.0001",
      .flags = MT_KEY_MIN, .doc = "what counts as an improvement" },
    { "threshold_mode", MT_KEY_ENUM, ARG(threshold_mode), .def = "\"rel\"",
      .choices = threshold_modes,
      .doc = "threshold as a part of the best value, or as a difference" },
    { "cooldown", MT_KEY_SIZE, ARG(cooldown), .def = "0",
      .doc = "values to ignore after a reduction" },
    { "min_lr", MT_KEY_REAL, ARG(min_lr), .def = "0", .flags = MT_KEY_MIN,
      .doc = "the lowest learning rate, for all groups" },
    { "eps", MT_KEY_REAL, ARG(eps), .def = "1e-8", .flags = MT_KEY_MIN,
      .doc = "a reduction by no more than this is left out" },
    { .name = NULL },
};

enum { BEST, BAD, COOLDOWN, REDUCTIONS, N_STATE };

static const char *const state_names[N_STATE] = { "best", "num_bad_epochs",
                                                  "cooldown_counter",
                                                  "num_reductions" };

/* No real run has so many; a forged state must not make at() loop for long. */
enum { MAX_REDUCTIONS = 100000 };

static mt_status plateau_prepare(struct mt_scheduler *s,
                                 const struct mt_json *doc, const struct mt_item *object,
                                 struct mt_err *err)
{
    const struct plateau_args *a = s->args;

    (void)doc;
    (void)object;
    (void)err;
    s->state[BEST] = a->mode == LARGEST ? -INFINITY : INFINITY;
    return MT_OK;
}

static bool is_better(const struct plateau_args *a, double value, double best)
{
    bool relative = a->threshold_mode == RELATIVE;

    if (a->mode == SMALLEST)
        return value <
               (relative ? best * (1 - a->threshold) : best - a->threshold);
    return value > (relative ? best * (a->threshold + 1) : best + a->threshold);
}

/* A NaN is never an improvement. */
static void plateau_observe(struct mt_scheduler *s, double value)
{
    const struct plateau_args *a = s->args;
    double *state = s->state;

    if (is_better(a, value, state[BEST])) {
        state[BEST] = value;
        state[BAD] = 0;
    } else {
        state[BAD]++;
    }
    if (state[COOLDOWN] > 0) {
        state[COOLDOWN]--;
        state[BAD] = 0;
    }
    if (state[BAD] > (double)a->patience) {
        if (state[REDUCTIONS] < MAX_REDUCTIONS)
            state[REDUCTIONS]++;
        state[COOLDOWN] = (double)a->cooldown;
        state[BAD] = 0;
    }
}

static struct mt_scheduled plateau_at(const struct mt_scheduler *s, uint64_t t,
                                      struct mt_scheduled base)
{
    const struct plateau_args *a = s->args;
    double lr = base.lr;

    (void)t;
    for (int i = 0; i < MAX_REDUCTIONS && i < s->state[REDUCTIONS]; i++) {
        double next = lr * a->factor;

        if (next < a->min_lr)
            next = a->min_lr;
        if (!(lr - next > a->eps))
            break; /* as at all later ones */
        lr = next;
    }
    return mt_sched_lr(lr);
}

const struct mt_scheduler_type mt_sched_plateau = {
    .name = "ReduceLROnPlateau",
    .doc = "lowers the rate when a watched value stops improving",
    .keys = plateau_keys,
    .args_size = sizeof(struct plateau_args),
    .state_count = N_STATE,
    .state_names = state_names,
    .prepare = plateau_prepare,
    .no_stage = "cannot be part of a SequentialLR: "
                "it follows a watched value, not the step",
    .at = plateau_at,
    .observe = plateau_observe,
};
