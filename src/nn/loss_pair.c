/* Losses over pairs of an output and a target, number by number: MSELoss,
 * L1Loss, SmoothL1Loss, HuberLoss, KLDivLoss. */
#include <string.h>

#include "nn/loss_internal.h"

static const struct mt_key plain_keys[] = { MT_LOSS_REDUCTION, { NULL } };

static const struct mt_key smooth_l1_keys[] = {
    { "beta", MT_KEY_REAL, MT_LOSS_ARG(parameter), .def = "1",
      .flags = MT_KEY_MIN,
      .doc = "differences from here on count linearly; 0: all" },
    MT_LOSS_REDUCTION,
    { NULL },
};

static const struct mt_key huber_keys[] = {
    { "delta", MT_KEY_REAL, MT_LOSS_ARG(parameter), .def = "1",
      .flags = MT_KEY_OPEN_MIN, .doc = "differences beyond it count linearly" },
    MT_LOSS_REDUCTION,
    { NULL },
};

static mt_status record(struct mt_record *r, const struct mt_loss *loss,
                        const char *kernel, double divisor, struct mt_value *y,
                        const struct mt_shape *target, struct mt_value **t,
                        struct mt_value **out, struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    float p[3] = { (float)args->parameter };
    mt_status status;

    if ((status = mt_loss_check_pairs(r, loss, y, target, err)) != MT_OK)
        return status;
    *t = mt_loss_target(r, MT_F32, y->shape.dim[0], target);
    *out = mt_pair_loss_over(r->graph, y, *t, mt_pair_loss_find(kernel),
                             divisor, p);
    return MT_OK;
}

static double mean_divisor(const struct mt_loss *loss, const struct mt_value *y)
{
    return mt_loss_is_mean(loss) ? (double)mt_shape_elements(&y->shape) : 1;
}

/* Defines the loss TYPE over the kernel of that name. */
#define PAIR_LOSS(KERNEL, TYPE, KEYS, DOC)                                     \
    static mt_status KERNEL##_record(                                          \
        struct mt_record *r, const struct mt_loss *loss, struct mt_value **y,  \
        const struct mt_shape *target, struct mt_value **t,                    \
        struct mt_value **out, struct mt_err *err)                             \
    {                                                                          \
        return record(r, loss, #KERNEL, mean_divisor(loss, *y), *y, target, t, \
                      out, err);                                               \
    }                                                                          \
    const struct mt_loss_type mt_loss_##KERNEL = {                             \
        .name = TYPE,                                                          \
        .doc = DOC,                                                            \
        .keys = KEYS,                                                          \
        .args_size = sizeof(struct mt_loss_args),                              \
        .record = KERNEL##_record,                                             \
    };

PAIR_LOSS(mse, "MSELoss", plain_keys, "(x - t)^2")
PAIR_LOSS(l1, "L1Loss", plain_keys, "|x - t|")
PAIR_LOSS(smooth_l1, "SmoothL1Loss", smooth_l1_keys,
          "(x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2")
PAIR_LOSS(huber, "HuberLoss", huber_keys,
          "(x - t)^2 / 2 where |x - t| <= delta, else "
          "delta (|x - t| - delta / 2)")

/* --- KLDivLoss ---------------------------------------------------------- */

static const char *const kl_reductions[] = { "mean", "sum", "batchmean", NULL };

static const struct mt_key kl_div_keys[] = {
    { "reduction", MT_KEY_ENUM, MT_LOSS_ARG(reduction), .def = "\"mean\"",
      .choices = kl_reductions,
      .doc = "mean over all numbers, sum, or batchmean: the sum over the "
             "samples, which is the divergence itself" },
    { "log_target", MT_KEY_BOOL, MT_LOSS_ARG(log_target), .def = "false",
      .doc = "targets are logarithms of probabilities" },
    { NULL },
};

static mt_status kl_div_record(struct mt_record *r, const struct mt_loss *loss,
                               struct mt_value **y,
                               const struct mt_shape *target,
                               struct mt_value **t, struct mt_value **out,
                               struct mt_err *err)
{
    const struct mt_loss_args *args = loss->args;
    bool by_sample = args->reduction == MT_BATCHMEAN;
    double divisor =
        by_sample ? (double)(*y)->shape.dim[0] : mean_divisor(loss, *y);

    return record(r, loss, args->log_target ? "kl_div_log" : "kl_div", divisor,
                  *y, target, t, out, err);
}

const struct mt_loss_type mt_loss_kl_div = {
    .name = "KLDivLoss",
    .doc = "t (ln t - x), for log-probabilities x and probabilities t",
    .keys = kl_div_keys,
    .args_size = sizeof(struct mt_loss_args),
    .wants = MT_WANTS_LOG_PROBABILITIES,
    .record = kl_div_record,
};
