/*
 * Initial values of tensors, with the names, arguments, defaults and
 * distributions of torch.nn.init.
 *
 * Every tensor has its own random stream, keyed by the seed and the tensor's
 * name: adding, removing or reordering layers changes no other tensor.
 *
 * The spec's rules come through mt_init_read. A layer's own default is written
 * out, naming the members that its type takes:
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

/* The activation that follows. Those of torch.nn.init.calculate_gain that are
 * not named here have the gain 1, as linear. */
enum mt_init_nonlinearity {
    MT_GAIN_LEAKY_RELU,
    MT_GAIN_RELU,
    MT_GAIN_TANH,
    MT_GAIN_SELU,
    MT_GAIN_LINEAR,
};

/* Members that the type does not take are ignored. */
struct mt_init {
    const char *type;         /* "xavier_uniform_" */
    struct mt_strings params; /* globs of a rule of the spec */
    double a, b;              /* uniform_, trunc_normal_: the bounds;
                                 kaiming_*: a is the slope of leaky_relu */
    double mean, std;         /* normal_, trunc_normal_; std: sparse_ too */
    double val;               /* constant_ */
    double gain;              /* xavier_*, orthogonal_ */
    double sparsity;          /* sparse_: the part of each column that is 0 */
    size_t groups;            /* dirac_ */
    int mode;                 /* kaiming_*: enum mt_init_mode */
    int nonlinearity;         /* kaiming_*: enum mt_init_nonlinearity */
    size_t zero_row;          /* this row + 1 is zero whatever the type; 0:
                                 none (Embedding's padding_idx) */
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
 * the type cannot take this shape. MT_INVALID: the arguments do not go
 * together. */
mt_status mt_init_fill(const struct mt_init *init, const struct mt_shape *shape,
                       uint64_t seed, const char *tensor_name,
                       struct mt_team *team, float *out, struct mt_err *err);

/* What mt_init_fill would refuse of the shape, without filling anything. */
mt_status mt_init_check(const struct mt_init *init,
                        const struct mt_shape *shape, const char *tensor_name,
                        struct mt_err *err);

/* As torch counts them: dimension 1 (fan_in) or 0 (fan_out) times the product
 * of those after. False for fewer than 2 dimensions. */
bool mt_init_fans(const struct mt_shape *shape, size_t *fan_in,
                  size_t *fan_out);

#endif
