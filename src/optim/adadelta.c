/* torch.optim.Adadelta */
#include <math.h>

#include "optim/optim_internal.h"

struct adadelta_args {
    double lr, rho, eps, weight_decay;
    bool maximize;
};

static const struct mt_key adadelta_keys[] = {
    MT_OPTIM_LR(adadelta_args, "1.0"),
    { "rho", MT_KEY_REAL, offsetof(struct adadelta_args, rho), .def = "0.9",
      .min = 0, .max = 1, .doc = "decay rate of the running means of squares" },
    MT_OPTIM_EPS(adadelta_args, "1e-6"),
    MT_OPTIM_DECAY(adadelta_args, "0", "L2 penalty"),
    MT_OPTIM_MAXIMIZE(adadelta_args),
    { NULL },
};

enum { SQUARE_AVG, ACC_DELTA };

static const char *const adadelta_slots[] = { "square_avg", "acc_delta", NULL };

static struct mt_scheduled adadelta_base(const void *args)
{
    return (struct mt_scheduled){ ((const struct adadelta_args *)args)->lr,
                                  (double)NAN };
}

static void adadelta_prepare(const void *args,
                             const struct mt_optim_step *step, void *out)
{
    const struct adadelta_args *a = args;

    *(struct mt_adadelta_step *)out = (struct mt_adadelta_step){
        .lr = (float)step->lr,
        .rho = (float)a->rho,
        .one_minus_rho = (float)(1 - a->rho),
        .eps = (float)a->eps,
        .l2 = (float)a->weight_decay,
        .sign = a->maximize ? -1 : 1,
    };
}

static bool adadelta_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->adadelta(u->p, u->g, u->slot[SQUARE_AVG],
                                  u->slot[ACC_DELTA], u->n, prepared);
}

const struct mt_optimizer_type mt_optimizer_adadelta = {
    .name = "Adadelta",
    .doc = "steps in proportion to earlier steps (Zeiler)",
    .keys = adadelta_keys,
    .args_size = sizeof(struct adadelta_args),
    .step_size = sizeof(struct mt_adadelta_step),
    .slots = adadelta_slots,
    .base = adadelta_base,
    .prepare = adadelta_prepare,
    .update = adadelta_update,
};
