/* torch.optim.SGD */
#include "optim/optim_internal.h"

struct sgd_args {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
};

static const struct mt_key sgd_keys[] = {
    { "lr", MT_KEY_REAL, offsetof(struct sgd_args, lr),
      .flags = MT_KEY_REQUIRED | MT_KEY_MIN, .doc = "learning rate" },
    { "momentum", MT_KEY_REAL, offsetof(struct sgd_args, momentum),
      .def = "0", .flags = MT_KEY_MIN, .doc = "momentum factor" },
    { "dampening", MT_KEY_REAL, offsetof(struct sgd_args, dampening),
      .def = "0", .doc = "dampening of the momentum" },
    MT_OPTIM_DECAY(sgd_args, "0", "L2 penalty"),
    { "nesterov", MT_KEY_BOOL, offsetof(struct sgd_args, nesterov),
      .def = "false",
      .doc = "Nesterov momentum; needs a momentum and no dampening" },
    MT_OPTIM_MAXIMIZE(sgd_args),
    { NULL },
};

static mt_status sgd_check(const void *args, const struct mt_json *doc,
                           const struct mt_item *object, struct mt_err *err)
{
    const struct sgd_args *a = args;
    const struct mt_item *at = mt_json_get(object, "nesterov");

    if (a->nesterov && (a->momentum <= 0 || a->dampening != 0))
        return mt_json_fail(doc, at ? at : object, err,
                            "Nesterov momentum needs a momentum above 0 and a "
                            "dampening of 0, got %g and %g",
                            a->momentum, a->dampening);
    return MT_OK;
}

static bool sgd_has_slot(const void *args, bool cycled, size_t slot)
{
    (void)slot;
    return cycled || ((const struct sgd_args *)args)->momentum != 0;
}

static struct mt_scheduled sgd_base(const void *args)
{
    const struct sgd_args *a = args;

    return (struct mt_scheduled){ a->lr, a->momentum };
}

static void sgd_prepare(const void *args, const struct mt_optim_step *step,
                        void *out)
{
    const struct sgd_args *a = args;

    *(struct mt_sgd_step *)out = (struct mt_sgd_step){
        .lr = (float)step->lr,
        .momentum = (float)mt_optim_momentum(step, a->momentum),
        .one_minus_dampening = (float)(1 - a->dampening),
        .weight_decay = (float)a->weight_decay,
        .sign = a->maximize ? -1 : 1,
        .nesterov = a->nesterov,
        .first = step->t == 1,
    };
}

static bool sgd_update(const struct mt_update *u, const void *prepared)
{
    return mt_kernels()->sgd(u->p, u->g, u->slot[0], u->n, prepared);
}

static const char *const sgd_slots[] = { "momentum_buffer", NULL };

const struct mt_optimizer_type mt_optimizer_sgd = {
    .name = "SGD",
    .doc = "stochastic gradient descent, optionally with momentum",
    .keys = sgd_keys,
    .args_size = sizeof(struct sgd_args),
    .step_size = sizeof(struct mt_sgd_step),
    .slots = sgd_slots,
    .stepless = true,
    .check = sgd_check,
    .has_slot = sgd_has_slot,
    .base = sgd_base,
    .prepare = sgd_prepare,
    .update = sgd_update,
};
