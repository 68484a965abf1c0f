/* Shared by the families of losses: their rows for the table in losses.c, and
 * common options and messages. Internal to nn/. */
#ifndef MT_NN_LOSS_INTERNAL_H
#define MT_NN_LOSS_INTERNAL_H

#include "nn/loss.h"

/* Every loss by name: a row in the table of losses.c. */
#define MT_LOSSES(X)                                                           \
    X(mse)                                                                     \
    X(l1) X(smooth_l1) X(huber) X(cross_entropy) X(nll) X(bce) X(bce_logits)   \
        X(kl_div)

#define X(name) extern const struct mt_loss_type mt_loss_##name;
MT_LOSSES(X)
#undef X

/* The options of all losses; a type's keys set those that it has. */
struct mt_loss_args {
    int reduction; /* enum mt_reduction */
    struct mt_reals weight, pos_weight;
    double parameter; /* beta, delta */
    double label_smoothing;
    int64_t ignore_index, dim;
    bool log_target;
};

#define MT_LOSS_ARG(member) offsetof(struct mt_loss_args, member)

enum mt_reduction { MT_MEAN, MT_SUM, MT_BATCHMEAN };

extern const char *const mt_loss_reductions[]; /* mean, sum */

#define MT_LOSS_REDUCTION                                                      \
    {                                                                          \
        "reduction", MT_KEY_ENUM, MT_LOSS_ARG(reduction),                      \
            .def = "\"mean\"", .choices = mt_loss_reductions,                  \
            .doc = "mean or sum over the batch"                                \
    }

bool mt_loss_is_mean(const struct mt_loss *loss);

/* The target's leaf: the batch, then the shape of a sample's target. */
struct mt_value *mt_loss_target(struct mt_record *r, enum mt_dtype dtype,
                                size_t batch, const struct mt_shape *target);

/* Fails with: the shapes of y and of the data's target do not match. */
mt_status mt_loss_fail_shapes(struct mt_record *r, const struct mt_loss *loss,
                              const struct mt_value *y,
                              const struct mt_shape *target, const char *needs,
                              struct mt_err *err);

/* Fails unless y and the target have as many numbers. */
mt_status mt_loss_check_pairs(struct mt_record *r, const struct mt_loss *loss,
                              const struct mt_value *y,
                              const struct mt_shape *target,
                              struct mt_err *err);

/* The numbers under `key` as n floats in the graph's memory; if `spread`, a
 * single number is repeated n times. *out is NULL if there are none. `of`
 * names, for messages, what there are n of. */
mt_status mt_loss_weights(struct mt_record *r, const struct mt_loss *loss,
                          const char *key, const struct mt_reals *weights,
                          size_t n, const char *of, bool spread,
                          const float **out, struct mt_err *err);

#endif
