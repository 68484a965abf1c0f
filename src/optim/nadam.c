/* torch.optim.NAdam */
#include "optim/optim_internal.h"

struct nadam_args {
    double lr, eps, weight_decay, momentum_decay;
    struct mt_reals betas;
    bool decoupled_weight_decay, maximize;
};

static const struct mt_key nadam_keys[] = {
    MT_OPTIM_LR(nadam_args, "0.002"),
    MT_OPTIM_BETAS(nadam_args),
    MT_OPTIM_EPS(nadam_args, "1e-8"),
    MT_OPTIM_DECAY(nadam_args, "0", "L2 penalty"),
    { "momentum_decay", MT_KEY_REAL,
      offsetof(struct nadam_args, momentum_decay), .def = "0.004",
      .flags = MT_KEY_MIN, .doc = "how fast the momentum approaches beta1" },
    MT_OPTIM_DECOUPLED(nadam_args),
    MT_OPTIM_MAXIMIZE(nadam_args),
    { NULL },
};

enum { EXP_AVG, EXP_AVG_SQ, MU_PRODUCT };

static const char *const nadam_slots[] = { "exp_avg", "exp_avg_sq",
                                           "mu_product", NULL };

static float nadam_start(const void *args, size_t slot)
{
    (void)args;
    return slot == MU_PRODUCT;
}

static mt_status nadam_check(const void *args, const struct mt_json *doc,
                             const struct mt_item *object, struct mt_err *err)
{
    return mt_optim_check_betas(&((const struct nadam_args *)args)->betas, doc,
                                object, err);
}

static struct mt_scheduled nadam_base(const void *args)
{
    const struct nadam_args *a = args;

    return (struct mt_scheduled){ a->lr, a->betas.v[0] };
}

/* mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), with the beta1 of this
 * step */
static double mu_at(const struct nadam_args *a,
                    const struct mt_optim_step *step, uint64_t t)
{
    return mt_optim_momentum(step, a->betas.v[0]) *
           (1 - 0.5 * mt_dpow(0.96, (double)t * a->momentum_decay));
}

static double nadam_factor(const void *args, const struct mt_optim_step *step)
{
    return mu_at(args, step, step->t);
}

static void nadam_prepare(const void *args, const struct mt_optim_step *step,
                          void *out)
{
    const struct nadam_args *a = args;
    double beta1 = mt_optim_momentum(step, a->betas.v[0]);
    double beta2 = a->betas.v[1];
    double mu = mu_at(a, step, step->t), next = mu_at(a, step, step->t + 1);
    double bc2 = mt_optim_correction(beta2, step->t);
    bool decoupled = a->decoupled_weight_decay;

    *(struct mt_nadam_step *)out = (struct mt_nadam_step){
        .beta1 = (float)beta1,
        .one_minus_beta1 = (float)(1 - beta1),
        .beta2 = (float)beta2,
        .one_minus_beta2 = (float)(1 - beta2),
        .eps = (float)a->eps,
        .inv_bc2_sqrt = (float)(1 / mt_dsqrt(bc2)),
        .grad_size = (float)(step->lr * (1 - mu) / (1 - step->product)),
        .mean_size = (float)(step->lr * next / (1 - step->product * next)),
        .l2 = decoupled ? 0 : (float)a->weight_decay,
        .decay = decoupled ? (float)(1 - step->lr * a->weight_decay) : 1,
        .sign = a->maximize ? -1 : 1,
    };
}

static bool nadam_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->nadam(u->p, u->g, u->slot[EXP_AVG],
                               u->slot[EXP_AVG_SQ], u->n, prepared);
}

const struct mt_optimizer_type mt_optimizer_nadam = {
    .name = "NAdam",
    .doc = "Adam with Nesterov momentum (Dozat)",
    .keys = nadam_keys,
    .args_size = sizeof(struct nadam_args),
    .step_size = sizeof(struct mt_nadam_step),
    .slots = nadam_slots,
    .check = nadam_check,
    .start = nadam_start,
    .base = nadam_base,
    .factor = nadam_factor,
    .prepare = nadam_prepare,
    .update = nadam_update,
};
