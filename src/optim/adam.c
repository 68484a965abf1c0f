/* torch.optim.Adam and torch.optim.AdamW: the same except for weight decay. */
#include "optim/optim_internal.h"

struct adam_args {
    double lr, eps, weight_decay;
    struct mt_reals betas;
    bool amsgrad, maximize;
};

#define KEYS(DECAY, DECAY_DOC)                                                 \
    MT_OPTIM_LR(adam_args, "0.001"), MT_OPTIM_BETAS(adam_args),                \
    MT_OPTIM_EPS(adam_args, "1e-8"),                                           \
    MT_OPTIM_DECAY(adam_args, DECAY, DECAY_DOC),                               \
    { "amsgrad", MT_KEY_BOOL, offsetof(struct adam_args, amsgrad),             \
      .def = "false", .doc = "the AMSGrad variant" },                          \
    MT_OPTIM_MAXIMIZE(adam_args), { NULL }

static const struct mt_key adam_keys[] = { KEYS("0", "L2 penalty") };
static const struct mt_key adamw_keys[] = {
    KEYS("0.01", "decoupled weight decay")
};

static mt_status adam_check(const void *args, const struct mt_json *doc,
                            const struct mt_item *object, struct mt_err *err)
{
    return mt_optim_check_betas(&((const struct adam_args *)args)->betas, doc,
                                object, err);
}

enum { EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ };

static bool adam_has_slot(const void *args, bool cycled, size_t slot)
{
    (void)cycled;
    return slot != MAX_EXP_AVG_SQ || ((const struct adam_args *)args)->amsgrad;
}

static struct mt_scheduled adam_base(const void *args)
{
    const struct adam_args *a = args;

    return (struct mt_scheduled){ a->lr, a->betas.v[0] };
}

static void prepare(const struct adam_args *a,
                    const struct mt_optim_step *step, struct mt_adam_step *out)
{
    double beta1 = mt_optim_momentum(step, a->betas.v[0]);
    double beta2 = a->betas.v[1];
    double bc1 = mt_optim_correction(beta1, step->t);
    double bc2 = mt_optim_correction(beta2, step->t);

    *out = (struct mt_adam_step){
        .beta1 = (float)beta1,
        .beta2 = (float)beta2,
        .eps = (float)a->eps,
        .one_minus_beta1 = (float)(1 - beta1),
        .one_minus_beta2 = (float)(1 - beta2),
        .step_size = (float)(step->lr / bc1),
        .inv_bc2_sqrt = (float)(1 / mt_dsqrt(bc2)),
        .decay = 1,
        .sign = a->maximize ? -1 : 1,
        .amsgrad = a->amsgrad,
    };
}

static void adam_prepare(const void *args,
                          const struct mt_optim_step *step, void *out)
{
    const struct adam_args *a = args;
    struct mt_adam_step *s = out;

    prepare(a, step, s);
    s->l2 = (float)a->weight_decay;
}

static void adamw_prepare(const void *args,
                          const struct mt_optim_step *step, void *out)
{
    const struct adam_args *a = args;
    struct mt_adam_step *s = out;

    prepare(a, step, s);
    s->decay = (float)(1 - step->lr * a->weight_decay);
}

static bool adam_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->adam(u->p, u->g, u->slot[EXP_AVG], u->slot[EXP_AVG_SQ],
                       u->slot[MAX_EXP_AVG_SQ], u->n, prepared);
}

static const char *const adam_slots[] = { "exp_avg", "exp_avg_sq",
                                          "max_exp_avg_sq", NULL };

const struct mt_optimizer_type mt_optimizer_adam = {
    .name = "Adam",
    .doc = "Adam (Kingma and Ba), optionally AMSGrad",
    .keys = adam_keys,
    .args_size = sizeof(struct adam_args),
    .step_size = sizeof(struct mt_adam_step),
    .slots = adam_slots,
    .check = adam_check,
    .has_slot = adam_has_slot,
    .base = adam_base,
    .prepare = adam_prepare,
    .update = adam_update,
};

const struct mt_optimizer_type mt_optimizer_adamw = {
    .name = "AdamW",
    .doc = "Adam with decoupled weight decay (Loshchilov and Hutter)",
    .keys = adamw_keys,
    .args_size = sizeof(struct adam_args),
    .step_size = sizeof(struct mt_adam_step),
    .slots = adam_slots,
    .check = adam_check,
    .has_slot = adam_has_slot,
    .base = adam_base,
    .prepare = adamw_prepare,
    .update = adam_update,
};
