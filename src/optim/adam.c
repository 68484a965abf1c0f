/* torch.optim.Adam and torch.optim.AdamW: the same but for weight decay. */
#include "optim/optimizer.h"
#include "kernels/dmath.h"
#include "kernels/dispatch.h"

struct adam_args {
    double lr, eps, weight_decay;
    struct mt_reals betas;
    bool amsgrad, maximize;
};

#define KEYS(DECAY, DECAY_DOC)                                                 \
    { "lr", MT_KEY_REAL, offsetof(struct adam_args, lr),                       \
      .def = "0.001", .flags = MT_KEY_MIN, .doc = "learning rate" },           \
    { "betas", MT_KEY_REALS, offsetof(struct adam_args, betas),                \
      .def = "[0.9, 0.999]", .min = 0, .max = 1, .flags = MT_KEY_OPEN_MAX,     \
      .doc = "decay rates of the running means of gradient and square" },      \
    { "eps", MT_KEY_REAL, offsetof(struct adam_args, eps),                     \
      .def = "1e-8", .flags = MT_KEY_MIN,                                      \
      .doc = "added to the denominator" },                                     \
    { "weight_decay", MT_KEY_REAL, offsetof(struct adam_args, weight_decay),   \
      .def = DECAY, .flags = MT_KEY_MIN, .doc = DECAY_DOC },                   \
    { "amsgrad", MT_KEY_BOOL, offsetof(struct adam_args, amsgrad),             \
      .def = "false", .doc = "the AMSGrad variant" },                          \
    { "maximize", MT_KEY_BOOL, offsetof(struct adam_args, maximize),           \
      .def = "false",                                                          \
      .doc = "maximize the loss instead of minimizing it" },                   \
    { NULL }

static const struct mt_key adam_keys[] = { KEYS("0", "L2 penalty") };
static const struct mt_key adamw_keys[] = {
    KEYS("0.01", "decoupled weight decay")
};

static mt_status adam_check(const void *args, const struct mt_json *doc,
                            const struct mt_item *object, struct mt_err *err)
{
    const struct adam_args *a = args;

    if (a->betas.n != 2)
        return mt_json_fail(doc, mt_json_get(object, "betas"), err,
                            "expected two numbers, got %zu", a->betas.n);
    return MT_OK;
}

enum { EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ };

static bool adam_has_slot(const void *args, size_t slot)
{
    return slot != MAX_EXP_AVG_SQ || ((const struct adam_args *)args)->amsgrad;
}

static struct mt_scheduled adam_base(const void *args)
{
    const struct adam_args *a = args;

    return (struct mt_scheduled){ a->lr, a->betas.v[0] };
}

static void prepare(const struct adam_args *a, struct mt_scheduled now,
                    uint64_t step, struct mt_adam_step *out)
{
    double beta1 = now.momentum == now.momentum ? now.momentum
                                                : a->betas.v[0];
    double beta2 = a->betas.v[1];
    double bc1 = 1 - mt_dpowi(beta1, step + 1);
    double bc2 = 1 - mt_dpowi(beta2, step + 1);

    *out = (struct mt_adam_step){
        .beta1 = (float)beta1,
        .beta2 = (float)beta2,
        .eps = (float)a->eps,
        .one_minus_beta1 = (float)(1 - beta1),
        .one_minus_beta2 = (float)(1 - beta2),
        .step_size = (float)(now.lr / bc1),
        .inv_bc2_sqrt = (float)(1 / mt_dsqrt(bc2)),
        .decay = 1,
        .sign = a->maximize ? -1 : 1,
        .amsgrad = a->amsgrad,
    };
}

static void adam_prepare(const void *args, struct mt_scheduled now,
                         uint64_t step, void *out)
{
    const struct adam_args *a = args;
    struct mt_adam_step *s = out;

    prepare(a, now, step, s);
    s->l2 = (float)a->weight_decay;
}

static void adamw_prepare(const void *args, struct mt_scheduled now,
                          uint64_t step, void *out)
{
    const struct adam_args *a = args;
    struct mt_adam_step *s = out;

    prepare(a, now, step, s);
    s->decay = (float)(1 - now.lr * a->weight_decay);
}

static bool adam_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->adam(u->p, u->g, u->slot[EXP_AVG], u->slot[EXP_AVG_SQ],
                       u->slot[MAX_EXP_AVG_SQ], u->n, prepared);
}

static const char *const adam_slots[] = { "exp_avg", "exp_avg_sq",
                                          "max_exp_avg_sq", NULL };

extern const struct mt_optimizer_type mt_optimizer_adam, mt_optimizer_adamw;

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
