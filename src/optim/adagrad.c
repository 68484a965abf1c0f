/* torch.optim.Adagrad */
#include <math.h>

#include "optim/optim_internal.h"

struct adagrad_args {
    double lr, lr_decay, weight_decay, initial_accumulator_value, eps;
    bool maximize;
};

static const struct mt_key adagrad_keys[] = {
    MT_OPTIM_LR(adagrad_args, "0.01"),
    { "lr_decay", MT_KEY_REAL, offsetof(struct adagrad_args, lr_decay),
      .def = "0", .flags = MT_KEY_MIN,
      .doc = "the rate at step t is lr / (1 + (t - 1) lr_decay)" },
    MT_OPTIM_DECAY(adagrad_args, "0", "L2 penalty"),
    { "initial_accumulator_value", MT_KEY_REAL,
      offsetof(struct adagrad_args, initial_accumulator_value), .def = "0",
      .flags = MT_KEY_MIN, .doc = "what the sum of squares starts with" },
    MT_OPTIM_EPS(adagrad_args, "1e-10"),
    MT_OPTIM_MAXIMIZE(adagrad_args),
    { NULL },
};

static const char *const adagrad_slots[] = { "sum", NULL };

static float adagrad_start(const void *args, size_t slot)
{
    (void)slot;
    return (float)((const struct adagrad_args *)args)
        ->initial_accumulator_value;
}

static struct mt_scheduled adagrad_base(const void *args)
{
    return (struct mt_scheduled){ ((const struct adagrad_args *)args)->lr,
                                  (double)NAN };
}

static void adagrad_prepare(const void *args, const struct mt_optim_step *step,
                            void *out)
{
    const struct adagrad_args *a = args;

    *(struct mt_adagrad_step *)out = (struct mt_adagrad_step){
        .lr = (float)(step->lr / (1 + (double)(step->t - 1) * a->lr_decay)),
        .eps = (float)a->eps,
        .l2 = (float)a->weight_decay,
        .sign = a->maximize ? -1 : 1,
    };
}

static bool adagrad_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->adagrad(u->p, u->g, u->slot[0], u->n, prepared);
}

const struct mt_optimizer_type mt_optimizer_adagrad = {
    .name = "Adagrad",
    .doc = "gradients divided by the root of the sum of their squares (Duchi "
           "and others)",
    .keys = adagrad_keys,
    .args_size = sizeof(struct adagrad_args),
    .step_size = sizeof(struct mt_adagrad_step),
    .slots = adagrad_slots,
    .start = adagrad_start,
    .base = adagrad_base,
    .prepare = adagrad_prepare,
    .update = adagrad_update,
};
