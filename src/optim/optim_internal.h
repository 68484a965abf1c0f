/*
 * Shared by the files of optimizers: keys that several of them have, and
 * helpers of their prepare functions. Internal to optim/.
 */
#ifndef MT_OPTIM_OPTIM_INTERNAL_H
#define MT_OPTIM_OPTIM_INTERNAL_H

#include "kernels/dispatch.h"
#include "kernels/dmath.h"
#include "optim/optimizer.h"

/* The table of optimizer.c: a name for each row, mt_optimizer_NAME. */
#define MT_OPTIMIZERS(X)                                                          \
    X(sgd) X(adam) X(adamw) X(rmsprop) X(adagrad) X(nadam) X(radam) X(adamax)  \
    X(adadelta)

#define X(name) extern const struct mt_optimizer_type mt_optimizer_##name;
MT_OPTIMIZERS(X)
#undef X

/* Rows of key tables; the struct T of settings has a member of the same
 * name. */
#define MT_OPTIM_LR(T, DEFAULT)                                                \
    { "lr", MT_KEY_REAL, offsetof(struct T, lr), .def = DEFAULT,               \
      .flags = MT_KEY_MIN, .doc = "learning rate" }
#define MT_OPTIM_BETAS(T)                                                      \
    { "betas", MT_KEY_REALS, offsetof(struct T, betas),                        \
      .def = "[0.9, 0.999]", .min = 0, .max = 1, .flags = MT_KEY_OPEN_MAX,     \
      .doc = "decay rates of the running means of gradient and square" }
#define MT_OPTIM_EPS(T, DEFAULT)                                               \
    { "eps", MT_KEY_REAL, offsetof(struct T, eps), .def = DEFAULT,             \
      .flags = MT_KEY_MIN, .doc = "added to the denominator" }
#define MT_OPTIM_DECAY(T, DEFAULT, DOC)                                        \
    { "weight_decay", MT_KEY_REAL, offsetof(struct T, weight_decay),           \
      .def = DEFAULT, .flags = MT_KEY_MIN, .doc = DOC }
#define MT_OPTIM_DECOUPLED(T)                                                  \
    { "decoupled_weight_decay", MT_KEY_BOOL,                                   \
      offsetof(struct T, decoupled_weight_decay), .def = "false",              \
      .doc = "decay the weights as AdamW does, not through the gradient" }
#define MT_OPTIM_MAXIMIZE(T)                                                   \
    { "maximize", MT_KEY_BOOL, offsetof(struct T, maximize), .def = "false",   \
      .doc = "maximize the loss instead of minimizing it" }

/* Does slot i exist for the tensors of this group? */
bool mt_optim_has_slot(const struct mt_optimizer *o, size_t group, size_t i);

/* The product of tensor t, or NULL if the type has none. */
float *mt_optim_product(const struct mt_optimizer *o, size_t t);

/* Fails unless there are two betas. */
mt_status mt_optim_check_betas(const struct mt_reals *betas,
                               const struct mt_json *doc,
                               const struct mt_item *object,
                               struct mt_err *err);

/* The momentum of this step: the schedule's, else that of the settings. */
static inline double mt_optim_momentum(const struct mt_optim_step *step,
                                       double own)
{
    return step->momentum == step->momentum ? step->momentum : own;
}

/* 1 - beta^t */
static inline double mt_optim_correction(double beta, uint64_t t)
{
    return 1 - mt_dpowi(beta, t);
}

#endif
