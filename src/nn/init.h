/*
 * Initial values of tensors, with the names, arguments, defaults and
 * distributions of torch.nn.init.
 *
 * Every tensor has its own random stream, keyed by the seed and the tensor's
 * name: adding, removing or reordering layers changes no other tensor.
 *
 * The spec's rules are read by mt_init_read. A layer's default is written as a
 * struct with the members that its type uses:
 *
 *     struct mt_init init = { .type = "kaiming_uniform_", .a = sqrt5 };
 *     mt_init_fill(&init, &shape, seed, "fc1.weight", team, weights, err);
 */
#ifndef MT_NN_INIT_H
#define MT_NN_INIT_H

#include "base/dtype.h"
#include "base/team.h"
#include "spec/kind.h"

enum mt_init_mode { MT_FAN_IN, MT_FAN_OUT };

/* The activation that follows. Others of torch.nn.init.calculate_gain have the
 * gain 1, as linear. */
enum mt_init_nonlinearity {
    MT_GAIN_LEAKY_RELU,
    MT_GAIN_RELU,
    MT_GAIN_TANH,
    MT_GAIN_SELU,
    MT_GAIN_LINEAR,
};

/* Members that the type does not use are ignored. */
struct mt_init {
    const char *type;         /* "xavier_uniform_" */
    struct mt_strings params; /* globs of a rule of the spec */
    double a, b;              /* uniform_, trunc_normal_: the bounds;
                                 kaiming_*: a is the slope of leaky_relu */
    double mean, std;         /* normal_, trunc_normal_; std: also sparse_ */
    double val;               /* constant_ */
    double gain;              /* xavier_*, orthogonal_ */
    double sparsity;          /* sparse_: the part of each column that is 0 */
    size_t groups;            /* dirac_ */
    int mode;                 /* kaiming_*: enum mt_init_mode */
    int nonlinearity;         /* kaiming_*: enum mt_init_nonlinearity */
    size_t zero_row;          /* 1 + a row that is zero whatever the type
                                 (Embedding's padding_idx); 0: none */
};

struct mt_init_target; /* a tensor that is being filled */

struct mt_init_type {
    MT_TYPE_HEAD; /* keys: of struct mt_init, in addition to type and params */
    int min_rank, max_rank;

    /* What is wrong with the arguments together, or NULL; may be NULL. */
    const char *(*problem)(const struct mt_init *init);
    mt_status (*fill)(const struct mt_init *init,
                      const struct mt_init_target *target, struct mt_err *err);
};

extern const struct mt_kind mt_init_kind;

/* Reads one rule of "init". */
mt_status mt_init_read(const struct mt_json *doc, const struct mt_item *rule,
                       struct mt_arena *arena, struct mt_init *out,
                       struct mt_err *err);

/* Fills out, of mt_shape_elements(shape) floats; team may be NULL. MT_MISMATCH:
 * the type does not support this shape. MT_INVALID: the arguments are not
 * consistent. */
mt_status mt_init_fill(const struct mt_init *init, const struct mt_shape *shape,
                       uint64_t seed, const char *tensor_name,
                       struct mt_team *team, float *out, struct mt_err *err);

/* Fails like mt_init_fill if the type does not support the shape; fills
 * nothing. */
mt_status mt_init_check(const struct mt_init *init,
                        const struct mt_shape *shape, const char *tensor_name,
                        struct mt_err *err);

/* As in torch: dimension 1 (fan_in) or 0 (fan_out) times the product of
 * dimensions 2 and up. False for fewer than 2 dimensions. */
bool mt_init_fans(const struct mt_shape *shape, size_t *fan_in,
                  size_t *fan_out);

#endif
