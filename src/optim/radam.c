/* torch.optim.RAdam */
#include "optim/optim_internal.h"

struct radam_args {
    double lr, eps, weight_decay;
    struct mt_reals betas;
    bool decoupled_weight_decay, maximize;
};

static const struct mt_key radam_keys[] = {
    MT_OPTIM_LR(radam_args, "0.001"),
    MT_OPTIM_BETAS(radam_args),
    MT_OPTIM_EPS(radam_args, "1e-8"),
    MT_OPTIM_DECAY(radam_args, "0", "L2 penalty"),
    MT_OPTIM_DECOUPLED(radam_args),
    MT_OPTIM_MAXIMIZE(radam_args),
    { NULL },
};

enum { EXP_AVG, EXP_AVG_SQ };

static const char *const radam_slots[] = { "exp_avg", "exp_avg_sq", NULL };

static mt_status radam_check(const void *args, const struct mt_json *doc,
                             const struct mt_item *object, struct mt_err *err)
{
    return mt_optim_check_betas(&((const struct radam_args *)args)->betas, doc,
                                object, err);
}

static struct mt_scheduled radam_base(const void *args)
{
    const struct radam_args *a = args;

    return (struct mt_scheduled){ a->lr, a->betas.v[0] };
}

/* The rectification of the variance at step t; 0: it is not tractable yet
 * (rho_t <= 5), and the step uses only the mean.
 *     rho_inf = 2 / (1 - beta2) - 1
 *     rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
 *     r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf
 *                / ((rho_inf - 4) (rho_inf - 2) rho_t)) */
static double rectification(double beta2, uint64_t t)
{
    double rho_inf = 2 / (1 - beta2) - 1;
    double rho = rho_inf - 2 * (double)t * mt_dpowi(beta2, t) /
                               mt_optim_correction(beta2, t);

    if (rho <= 5)
        return 0;
    return mt_dsqrt((rho - 4) * (rho - 2) * rho_inf /
                    ((rho_inf - 4) * (rho_inf - 2) * rho));
}

static void radam_prepare(const void *args, const struct mt_optim_step *step,
                          void *out)
{
    const struct radam_args *a = args;
    double beta1 = mt_optim_momentum(step, a->betas.v[0]);
    double beta2 = a->betas.v[1];
    double size = step->lr / mt_optim_correction(beta1, step->t);
    double r = rectification(beta2, step->t);
    double bc2 = mt_optim_correction(beta2, step->t);
    bool decoupled = a->decoupled_weight_decay;

    *(struct mt_radam_step *)out = (struct mt_radam_step){
        .beta1 = (float)beta1,
        .one_minus_beta1 = (float)(1 - beta1),
        .beta2 = (float)beta2,
        .one_minus_beta2 = (float)(1 - beta2),
        .eps = (float)a->eps,
        .step_size = (float)(r > 0 ? size * r * mt_dsqrt(bc2) : size),
        .rectified = r > 0,
        .l2 = decoupled ? 0 : (float)a->weight_decay,
        .decay = decoupled ? (float)(1 - step->lr * a->weight_decay) : 1,
        .sign = a->maximize ? -1 : 1,
    };
}

static bool radam_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->radam(u->p, u->g, u->slot[EXP_AVG],
                               u->slot[EXP_AVG_SQ], u->n, prepared);
}

const struct mt_optimizer_type mt_optimizer_radam = {
    .name = "RAdam",
    .doc = "Adam with a rectified variance (Liu and others)",
    .keys = radam_keys,
    .args_size = sizeof(struct radam_args),
    .step_size = sizeof(struct mt_radam_step),
    .slots = radam_slots,
    .check = radam_check,
    .base = radam_base,
    .prepare = radam_prepare,
    .update = radam_update,
};
