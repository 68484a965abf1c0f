/* torch.optim.Adamax */
#include "optim/optim_internal.h"

struct adamax_args {
    double lr, eps, weight_decay;
    struct mt_reals betas;
    bool maximize;
};

static const struct mt_key adamax_keys[] = {
    MT_OPTIM_LR(adamax_args, "0.002"),
    MT_OPTIM_BETAS(adamax_args),
    MT_OPTIM_EPS(adamax_args, "1e-8"),
    MT_OPTIM_DECAY(adamax_args, "0", "L2 penalty"),
    MT_OPTIM_MAXIMIZE(adamax_args),
    { NULL },
};

enum { EXP_AVG, EXP_INF };

static const char *const adamax_slots[] = { "exp_avg", "exp_inf", NULL };

static mt_status adamax_check(const void *args, const struct mt_json *doc,
                              const struct mt_item *object, struct mt_err *err)
{
    return mt_optim_check_betas(&((const struct adamax_args *)args)->betas, doc,
                                object, err);
}

static struct mt_scheduled adamax_base(const void *args)
{
    const struct adamax_args *a = args;

    return (struct mt_scheduled){ a->lr, a->betas.v[0] };
}

static void adamax_prepare(const void *args, const struct mt_optim_step *step,
                           void *out)
{
    const struct adamax_args *a = args;
    double beta1 = mt_optim_momentum(step, a->betas.v[0]);

    *(struct mt_adamax_step *)out = (struct mt_adamax_step){
        .beta1 = (float)beta1,
        .one_minus_beta1 = (float)(1 - beta1),
        .beta2 = (float)a->betas.v[1],
        .eps = (float)a->eps,
        .step_size = (float)(step->lr / mt_optim_correction(beta1, step->t)),
        .l2 = (float)a->weight_decay,
        .sign = a->maximize ? -1 : 1,
    };
}

static bool adamax_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->adamax(u->p, u->g, u->slot[EXP_AVG], u->slot[EXP_INF],
                                u->n, prepared);
}

const struct mt_optimizer_type mt_optimizer_adamax = {
    .name = "Adamax",
    .doc = "Adam with the infinity norm (Kingma and Ba)",
    .keys = adamax_keys,
    .args_size = sizeof(struct adamax_args),
    .step_size = sizeof(struct mt_adamax_step),
    .slots = adamax_slots,
    .check = adamax_check,
    .base = adamax_base,
    .prepare = adamax_prepare,
    .update = adamax_update,
};
