/*
 * Losses, with the options and defaults of torch.nn: one row each in losses.c,
 * one file per family. To add one: its row (struct mt_loss_type mt_loss_NAME)
 * in its family's file, and NAME in the list of loss_internal.h.
 */
#ifndef MT_NN_LOSS_H
#define MT_NN_LOSS_H

#include "nn/layer.h"

struct mt_loss;

/* What a loss expects the model's outputs to be. */
enum mt_wants {
    MT_WANTS_ANY,
    MT_WANTS_SCORES, /* of classes; it applies softmax itself */
    MT_WANTS_LOG_PROBABILITIES,
    MT_WANTS_LOGITS, /* it applies the sigmoid itself */
    MT_WANTS_PROBABILITIES,
};

struct mt_loss_type {
    MT_TYPE_HEAD;
    enum mt_wants wants;
    bool classification; /* targets are classes: int32 */
    bool probabilities;  /* targets are within 0 ... 1 */
    float threshold;     /* if targets are probabilities: the output that means
                            probability 1/2 */

    /* Records the loss of *y against a target leaf that it makes: *t, with the
     * batch dimension and then `target`. A loss of classes sets *y to the value
     * that metrics read: with the classes in the last dimension. */
    mt_status (*record)(struct mt_record *r, const struct mt_loss *loss,
                        struct mt_value **y, const struct mt_shape *target,
                        struct mt_value **t, struct mt_value **out,
                        struct mt_err *err);
};

struct mt_loss {
    const struct mt_loss_type *type;
    const struct mt_item *object;
    void *args;
};

extern const struct mt_kind mt_loss_kind;

/* Reads the spec's "loss" object. */
mt_status mt_loss_read(const struct mt_json *doc, const struct mt_item *object,
                       struct mt_arena *arena, struct mt_loss *out,
                       struct mt_err *err);

/* For a loss of classes: the dimension of the classes in an output of that
 * rank, counting the batch as 0; 0: "dim" is out of range. */
int mt_loss_class_dim(const struct mt_loss *loss, int rank);

/* The number of classes of outputs with this sample shape; 0 for losses that
 * are not of classes. */
size_t mt_loss_classes(const struct mt_loss *loss,
                       const struct mt_shape *output);

/* The weight of a batch of `samples` in the mean loss of a whole set, such that
 * the result is torch's for the set at once: for losses of classes, the sum of
 * its `rows` targets' class weights (0 if ignored), scaled so that it is
 * `samples` if all are 1; for other losses `samples`. */
double mt_loss_weight(const struct mt_loss *loss, const int32_t *targets,
                      size_t rows, size_t samples);
bool mt_loss_is_sum(const struct mt_loss *loss);

/* Have its classes different weights? */
bool mt_loss_weighs_classes(const struct mt_loss *loss);

/* May targets from min to max not count, because they are ignored or their
 * class has weight 0? */
bool mt_loss_may_skip(const struct mt_loss *loss, long long min, long long max);

/* Does it ask for "weight": "balanced"? Then it has no weights until
 * mt_loss_balance gets the number of training samples of each class: class c
 * has the weight sum of counts / (classes * counts[c]). */
bool mt_loss_is_balanced(const struct mt_loss *loss);
mt_status mt_loss_balance(struct mt_loss *loss, const uint64_t *counts,
                          size_t classes, struct mt_arena *arena,
                          struct mt_err *err);

/* Must targets be within 0 ... 1? */
bool mt_loss_of_probabilities(const struct mt_loss *loss);

/* The probability that an output of such a loss represents: sigmoid(y) of
 * BCEWithLogitsLoss, y of BCELoss; the same bits everywhere. */
double mt_loss_probability(const struct mt_loss *loss, float y);

/* The class that is ignored, or NULL. */
const int64_t *mt_loss_ignored(const struct mt_loss *loss);

#endif
