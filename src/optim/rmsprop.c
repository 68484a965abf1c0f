/* torch.optim.RMSprop */
#include "optim/optim_internal.h"

struct rmsprop_args {
    double lr, alpha, eps, weight_decay, momentum;
    bool centered, maximize;
};

static const struct mt_key rmsprop_keys[] = {
    MT_OPTIM_LR(rmsprop_args, "0.01"),
    { "alpha", MT_KEY_REAL, offsetof(struct rmsprop_args, alpha),
      .def = "0.99", .min = 0, .max = 1,
      .doc = "decay rate of the running mean of squares" },
    MT_OPTIM_EPS(rmsprop_args, "1e-8"),
    MT_OPTIM_DECAY(rmsprop_args, "0", "L2 penalty"),
    { "momentum", MT_KEY_REAL, offsetof(struct rmsprop_args, momentum),
      .def = "0", .flags = MT_KEY_MIN, .doc = "momentum factor" },
    { "centered", MT_KEY_BOOL, offsetof(struct rmsprop_args, centered),
      .def = "false",
      .doc = "divide by an estimate of the variance, not of the square" },
    MT_OPTIM_MAXIMIZE(rmsprop_args),
    { NULL },
};

enum { SQUARE_AVG, MOMENTUM_BUFFER, GRAD_AVG };

static const char *const rmsprop_slots[] = { "square_avg", "momentum_buffer",
                                             "grad_avg", NULL };

static bool rmsprop_has_slot(const void *args, bool cycled, size_t slot)
{
    const struct rmsprop_args *a = args;

    if (slot == MOMENTUM_BUFFER)
        return cycled || a->momentum > 0;
    return slot == SQUARE_AVG || a->centered;
}

static struct mt_scheduled rmsprop_base(const void *args)
{
    const struct rmsprop_args *a = args;

    return (struct mt_scheduled){ a->lr, a->momentum };
}

static void rmsprop_prepare(const void *args, const struct mt_optim_step *step,
                            void *out)
{
    const struct rmsprop_args *a = args;

    *(struct mt_rmsprop_step *)out = (struct mt_rmsprop_step){
        .lr = (float)step->lr,
        .alpha = (float)a->alpha,
        .one_minus_alpha = (float)(1 - a->alpha),
        .eps = (float)a->eps,
        .l2 = (float)a->weight_decay,
        .momentum = (float)mt_optim_momentum(step, a->momentum),
        .sign = a->maximize ? -1 : 1,
    };
}

static bool rmsprop_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->rmsprop(u->p, u->g, u->slot[SQUARE_AVG],
                                 u->slot[GRAD_AVG], u->slot[MOMENTUM_BUFFER],
                                 u->n, prepared);
}

const struct mt_optimizer_type mt_optimizer_rmsprop = {
    .name = "RMSprop",
    .doc = "gradients divided by a running root of their mean square (Hinton)",
    .keys = rmsprop_keys,
    .args_size = sizeof(struct rmsprop_args),
    .step_size = sizeof(struct mt_rmsprop_step),
    .slots = rmsprop_slots,
    .has_slot = rmsprop_has_slot,
    .base = rmsprop_base,
    .prepare = rmsprop_prepare,
    .update = rmsprop_update,
};
