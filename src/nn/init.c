#include "nn/init.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/philox.h"
#include "base/size.h"
#include "nn/draw.h"
#include "kernels/dmath.h"

struct mt_init_target {
    const char *name;
    const struct mt_shape *shape;
    uint64_t seed;
    struct mt_philox_key key; /* the tensor's own stream */
    struct mt_team *team;     /* that draws it; or NULL */
    size_t n;                 /* elements, at least 1 */
    float *out;
};

/* Fails with "tensor fc1.bias of shape [10]: " and what is wrong. */
static mt_status fail_target(const struct mt_init_target *t, mt_status status,
                             struct mt_err *err, const char *fmt, ...)
    MT_PRINTF(4, 5);

static mt_status fail_target(const struct mt_init_target *t, mt_status status,
                             struct mt_err *err, const char *fmt, ...)
{
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return mt_fail(err, status, "tensor %s of shape %s: %s", t->name,
                   mt_shape_text(t->shape).text, what);
}

bool mt_init_fans(const struct mt_shape *shape, size_t *fan_in, size_t *fan_out)
{
    size_t field = 1;

    if (shape->rank < 2)
        return false;
    for (int i = 2; i < shape->rank; i++)
        field *= shape->dim[i];
    *fan_in = shape->dim[1] * field;
    *fan_out = shape->dim[0] * field;
    return true;
}

static mt_status fill_value(const struct mt_init_target *t, double value)
{
    for (size_t i = 0; i < t->n; i++)
        t->out[i] = (float)value;
    return MT_OK;
}

static mt_status fill_zeros(const struct mt_init *init,
                            const struct mt_init_target *t, struct mt_err *err)
{
    (void)init;
    (void)err;
    return fill_value(t, 0);
}

static mt_status fill_ones(const struct mt_init *init,
                           const struct mt_init_target *t, struct mt_err *err)
{
    (void)init;
    (void)err;
    return fill_value(t, 1);
}

static mt_status fill_constant(const struct mt_init *init,
                               const struct mt_init_target *t,
                               struct mt_err *err)
{
    (void)err;
    return fill_value(t, init->val);
}

static mt_status fill_uniform(const struct mt_init *init,
                              const struct mt_init_target *t,
                              struct mt_err *err)
{
    (void)err;
    mt_draw_uniform(t->team, t->key, init->a, init->b, t->n, t->out);
    return MT_OK;
}

static mt_status fill_normal(const struct mt_init *init,
                             const struct mt_init_target *t, struct mt_err *err)
{
    (void)err;
    mt_draw_normal(t->team, t->key, init->mean, init->std, t->n, t->out);
    return MT_OK;
}

static mt_status fill_truncated(const struct mt_init *init,
                                const struct mt_init_target *t,
                                struct mt_err *err)
{
    (void)err;
    mt_draw_truncated(t->team, t->key, init->mean, init->std, init->a, init->b,
                      t->n, t->out);
    return MT_OK;
}

static const char *problem_bounds(const struct mt_init *init)
{
    return init->a <= init->b ? NULL : "a must not be greater than b";
}

static const char *problem_std(const struct mt_init *init)
{
    return init->std >= 0 ? NULL : "std must be at least 0";
}

static const char *problem_truncated(const struct mt_init *init)
{
    if (!(init->std > 0))
        return "std must be greater than 0";
    return problem_bounds(init);
}

/* std = gain sqrt(2 / (fan_in + fan_out)) */
static double xavier_std(const struct mt_init *init,
                         const struct mt_init_target *t)
{
    size_t in = 0, out = 0;

    mt_init_fans(t->shape, &in, &out);
    return init->gain * mt_dsqrt(2 / ((double)in + (double)out));
}

/* Uniform with this standard deviation, around 0. */
static mt_status fill_uniform_std(const struct mt_init_target *t, double std)
{
    double bound = mt_dsqrt(3) * std;

    mt_draw_uniform(t->team, t->key, -bound, bound, t->n, t->out);
    return MT_OK;
}

static mt_status fill_xavier_uniform(const struct mt_init *init,
                                     const struct mt_init_target *t,
                                     struct mt_err *err)
{
    (void)err;
    return fill_uniform_std(t, xavier_std(init, t));
}

static mt_status fill_xavier_normal(const struct mt_init *init,
                                    const struct mt_init_target *t,
                                    struct mt_err *err)
{
    (void)err;
    mt_draw_normal(t->team, t->key, 0, xavier_std(init, t), t->n, t->out);
    return MT_OK;
}

static const char *problem_gain(const struct mt_init *init)
{
    return init->gain >= 0 ? NULL : "gain must be at least 0";
}

static const char *const modes[] = {
    [MT_FAN_IN] = "fan_in",
    [MT_FAN_OUT] = "fan_out",
    NULL,
};

static const char *const nonlinearities[] = {
    [MT_GAIN_LEAKY_RELU] = "leaky_relu",
    [MT_GAIN_RELU] = "relu",
    [MT_GAIN_TANH] = "tanh",
    [MT_GAIN_SELU] = "selu",
    [MT_GAIN_LINEAR] = "linear",
    "sigmoid",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    NULL,
};

/* torch.nn.init.calculate_gain */
static double nonlinearity_gain(int nonlinearity, double slope)
{
    switch (nonlinearity) {
    case MT_GAIN_LEAKY_RELU:
        return mt_dsqrt(2 / (1 + slope * slope));
    case MT_GAIN_RELU:
        return mt_dsqrt(2);
    case MT_GAIN_TANH:
        return 5.0 / 3;
    case MT_GAIN_SELU:
        return 0.75;
    default:
        return 1;
    }
}

/* std = gain / sqrt(fan) */
static double kaiming_std(const struct mt_init *init,
                          const struct mt_init_target *t)
{
    size_t in = 0, out = 0;

    mt_init_fans(t->shape, &in, &out);
    return nonlinearity_gain(init->nonlinearity, init->a) /
           mt_dsqrt((double)(init->mode == MT_FAN_OUT ? out : in));
}

static mt_status fill_kaiming_uniform(const struct mt_init *init,
                                      const struct mt_init_target *t,
                                      struct mt_err *err)
{
    (void)err;
    return fill_uniform_std(t, kaiming_std(init, t));
}

static mt_status fill_kaiming_normal(const struct mt_init *init,
                                     const struct mt_init_target *t,
                                     struct mt_err *err)
{
    (void)err;
    mt_draw_normal(t->team, t->key, 0, kaiming_std(init, t), t->n, t->out);
    return MT_OK;
}

static mt_status fill_eye(const struct mt_init *init,
                          const struct mt_init_target *t, struct mt_err *err)
{
    size_t rows = t->shape->dim[0], cols = t->shape->dim[1];

    (void)init;
    (void)err;
    fill_value(t, 0);
    for (size_t i = 0; i < rows && i < cols; i++)
        t->out[i * cols + i] = 1;
    return MT_OK;
}

/* out[g * per_group + d, d, centre] = 1 */
static mt_status fill_dirac(const struct mt_init *init,
                            const struct mt_init_target *t, struct mt_err *err)
{
    const size_t *dim = t->shape->dim;
    size_t groups = init->groups, field = 1, centre = 0;

    if (dim[0] % groups)
        return fail_target(t, MT_MISMATCH, err,
                           "dirac_ needs dimension 0 to be divisible by "
                           "groups, got groups %zu",
                           groups);
    for (int i = 2; i < t->shape->rank; i++) {
        field *= dim[i];
        centre = centre * dim[i] + dim[i] / 2;
    }
    fill_value(t, 0);
    for (size_t row = 0; row < dim[0]; row++) {
        size_t d = row % (dim[0] / groups);

        if (d < dim[1])
            t->out[(row * dim[1] + d) * field + centre] = 1;
    }
    return MT_OK;
}

static const char *problem_groups(const struct mt_init *init)
{
    return init->groups ? NULL : "groups must be at least 1";
}

/* Eight sums in a fixed order: fast, and the same bits from any compiler. */
static double dot(const double *x, const double *y, size_t n)
{
    double s[8] = { 0 };
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t l = 0; l < 8; l++)
            s[l] += x[i + l] * y[i + l];
    for (; i < n; i++)
        s[i % 8] += x[i] * y[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* Subtracts q (q . v) from v for each of the count orthonormal rows q, one
 * after the other. */
static void project_out(const double *q, size_t count, double *v, size_t n)
{
    for (size_t i = 0; i < count; i++, q += n) {
        double d = dot(q, v, n);

        for (size_t j = 0; j < n; j++)
            v[j] -= d * q[j];
    }
}

/*
 * Makes the k rows of q, n each, orthonormal: modified Gram-Schmidt, repeated
 * if a row lost most of its length (Kahan: twice is enough). This is the QR
 * decomposition in which R has a positive diagonal, so random normal rows give
 * the uniform distribution (Mezzadri, 2007), as do torch's with their signs
 * changed.
 */
static void orthonormalise(double *q, size_t k, size_t n)
{
    for (size_t i = 0; i < k; i++) {
        double *v = q + i * n;
        double before = dot(v, v, n);

        project_out(q, i, v, n);
        if (dot(v, v, n) < 0.25 * before)
            project_out(q, i, v, n);

        double length = mt_dsqrt(dot(v, v, n));

        for (size_t j = 0; j < n && length > 0; j++)
            v[j] /= length;
    }
}

static mt_status fill_orthogonal(const struct mt_init *init,
                                 const struct mt_init_target *t,
                                 struct mt_err *err)
{
    size_t rows = t->shape->dim[0], cols = t->n / rows, bytes;
    bool tall = rows > cols; /* then the columns become orthonormal */
    double *drawn, *q;

    if (!mt_size_mul(t->n, 2 * sizeof *q, &bytes))
        return mt_fail_memory(err);
    drawn = malloc(bytes);
    if (!drawn)
        return mt_fail_memory(err);
    q = tall ? drawn + t->n : drawn;
    mt_draw_normal_f64(t->team, t->key, t->n, drawn);
    for (size_t i = 0; tall && i < t->n; i++)
        q[i % cols * rows + i / cols] = drawn[i];
    orthonormalise(q, tall ? cols : rows, tall ? rows : cols);
    for (size_t i = 0; i < t->n; i++) {
        size_t from = tall ? i % cols * rows + i / cols : i;

        t->out[i] = (float)(init->gain * q[from]);
    }
    free(drawn);
    return MT_OK;
}

static mt_status fill_sparse(const struct mt_init *init,
                             const struct mt_init_target *t, struct mt_err *err)
{
    size_t rows = t->shape->dim[0], cols = t->shape->dim[1];

    if (rows > UINT32_MAX || cols > UINT32_MAX)
        return fail_target(t, MT_MISMATCH, err,
                           "sparse_ takes at most %lu rows and columns",
                           (unsigned long)UINT32_MAX);

    struct mt_philox_key key = mt_philox_key(t->seed, "init sparse", t->name);
    double part = init->sparsity * (double)rows;
    size_t zeros = (size_t)part;
    uint32_t *order = malloc(rows * sizeof *order);

    if (!order)
        return mt_fail_memory(err);
    zeros += (double)zeros < part; /* rounds up */
    mt_draw_normal(t->team, t->key, 0, init->std, t->n, t->out);
    for (size_t col = 0; col < cols; col++) {
        mt_philox_permutation(key, (uint32_t)col, (uint32_t)rows, order);
        for (size_t i = 0; i < zeros && i < rows; i++)
            t->out[order[i] * cols + col] = 0;
    }
    free(order);
    return MT_OK;
}

static const char *problem_sparse(const struct mt_init *init)
{
    if (!(init->sparsity >= 0 && init->sparsity <= 1))
        return "sparsity must be from 0 to 1";
    return problem_std(init);
}

#define MEMBER(name) offsetof(struct mt_init, name)
#define ANY_FLOAT    .min = -FLT_MAX, .max = FLT_MAX

static const struct mt_key no_keys[] = { { .name = NULL } };

static const struct mt_key uniform_keys[] = {
    { "a", MT_KEY_REAL, MEMBER(a), .def = "0.0", ANY_FLOAT,
      .doc = "the lower bound" },
    { "b", MT_KEY_REAL, MEMBER(b), .def = "1.0", ANY_FLOAT,
      .doc = "the upper bound" },
    { .name = NULL },
};

static const struct mt_key normal_keys[] = {
    { "mean", MT_KEY_REAL, MEMBER(mean), .def = "0.0", ANY_FLOAT,
      .doc = "the mean of the distribution" },
    { "std", MT_KEY_REAL, MEMBER(std), .def = "1.0", .min = 0, .max = FLT_MAX,
      .doc = "the standard deviation" },
    { .name = NULL },
};

static const struct mt_key truncated_keys[] = {
    { "mean", MT_KEY_REAL, MEMBER(mean), .def = "0.0", ANY_FLOAT,
      .doc = "the mean of the normal distribution" },
    { "std", MT_KEY_REAL, MEMBER(std), .def = "1.0", .flags = MT_KEY_OPEN_MIN,
      .min = 0, .max = FLT_MAX,
      .doc = "the standard deviation of the normal distribution" },
    { "a", MT_KEY_REAL, MEMBER(a), .def = "-2.0", ANY_FLOAT,
      .doc = "the smallest value" },
    { "b", MT_KEY_REAL, MEMBER(b), .def = "2.0", ANY_FLOAT,
      .doc = "the largest value" },
    { .name = NULL },
};

static const struct mt_key constant_keys[] = {
    { "val", MT_KEY_REAL, MEMBER(val), .flags = MT_KEY_REQUIRED, ANY_FLOAT,
      .doc = "the value of every element" },
    { .name = NULL },
};

static const struct mt_key dirac_keys[] = {
    { "groups", MT_KEY_SIZE, MEMBER(groups), .def = "1", .min = 1,
      .doc = "the groups of the convolution" },
    { .name = NULL },
};

static const struct mt_key gain_keys[] = {
    { "gain", MT_KEY_REAL, MEMBER(gain), .def = "1.0", .min = 0, .max = FLT_MAX,
      .doc = "scales the values" },
    { .name = NULL },
};

static const struct mt_key any_gain_keys[] = {
    { "gain", MT_KEY_REAL, MEMBER(gain), .def = "1.0", ANY_FLOAT,
      .doc = "scales the values" },
    { .name = NULL },
};

static const struct mt_key kaiming_keys[] = {
    { "a", MT_KEY_REAL, MEMBER(a), .def = "0.0", ANY_FLOAT,
      .doc = "the negative slope, where nonlinearity is leaky_relu" },
    { "mode", MT_KEY_ENUM, MEMBER(mode), .def = "\"fan_in\"", .choices = modes,
      .doc = "keep the variance forward (fan_in) or backward (fan_out)" },
    { "nonlinearity", MT_KEY_ENUM, MEMBER(nonlinearity),
      .def = "\"leaky_relu\"", .choices = nonlinearities,
      .doc = "the activation that follows, which decides the gain" },
    { .name = NULL },
};

static const struct mt_key sparse_keys[] = {
    { "sparsity", MT_KEY_REAL, MEMBER(sparsity), .flags = MT_KEY_REQUIRED,
      .min = 0, .max = 1, .doc = "the part of each column that is zero" },
    { "std", MT_KEY_REAL, MEMBER(std), .def = "0.01", .min = 0, .max = FLT_MAX,
      .doc = "the standard deviation of the others" },
    { .name = NULL },
};

#define TYPE(NAME, DOC, KEYS, MIN_RANK, MAX_RANK, PROBLEM, FILL) \
    { .name = NAME, .doc = DOC, .keys = KEYS, .min_rank = MIN_RANK, \
      .max_rank = MAX_RANK, .problem = PROBLEM, .fill = FILL }

static const struct mt_init_type types[] = {
    TYPE("uniform_", "uniform in [a, b)",
         uniform_keys, 0, MT_MAX_RANK, problem_bounds, fill_uniform),
    TYPE("normal_", "normal with a mean and a standard deviation",
         normal_keys, 0, MT_MAX_RANK, problem_std, fill_normal),
    TYPE("trunc_normal_", "normal, drawn again until in [a, b]",
         truncated_keys, 0, MT_MAX_RANK, problem_truncated, fill_truncated),
    TYPE("constant_", "one value",
         constant_keys, 0, MT_MAX_RANK, NULL, fill_constant),
    TYPE("ones_", "all 1",
         no_keys, 0, MT_MAX_RANK, NULL, fill_ones),
    TYPE("zeros_", "all 0",
         no_keys, 0, MT_MAX_RANK, NULL, fill_zeros),
    TYPE("eye_", "the identity matrix",
         no_keys, 2, 2, NULL, fill_eye),
    TYPE("dirac_", "convolutions that pass their channels on",
         dirac_keys, 3, 5, problem_groups, fill_dirac),
    TYPE("xavier_uniform_", "uniform, of variance 2 gain^2 / (fan_in + fan_out)",
         gain_keys, 2, MT_MAX_RANK, problem_gain, fill_xavier_uniform),
    TYPE("xavier_normal_", "normal, of variance 2 gain^2 / (fan_in + fan_out)",
         gain_keys, 2, MT_MAX_RANK, problem_gain, fill_xavier_normal),
    TYPE("kaiming_uniform_", "uniform, of variance gain^2 / fan",
         kaiming_keys, 2, MT_MAX_RANK, NULL, fill_kaiming_uniform),
    TYPE("kaiming_normal_", "normal, of variance gain^2 / fan",
         kaiming_keys, 2, MT_MAX_RANK, NULL, fill_kaiming_normal),
    TYPE("orthogonal_", "a random orthogonal matrix times gain",
         any_gain_keys, 2, MT_MAX_RANK, NULL, fill_orthogonal),
    TYPE("sparse_", "normal, with a part of each column zero",
         sparse_keys, 2, 2, problem_sparse, fill_sparse),
};

enum { N_TYPES = sizeof types / sizeof *types };

static const struct mt_type *type_at(size_t i)
{
    return i < N_TYPES ? &types[i].type : NULL;
}

static const struct mt_key common_keys[] = {
    { "params", MT_KEY_STRINGS, MEMBER(params), .flags = MT_KEY_REQUIRED,
      .doc = "glob, or a list of globs, of tensor names" },
    { .name = NULL },
};

const struct mt_kind mt_init_kind = {
    .name = "init",
    .what = "initialisation",
    .at = type_at,
    .common = common_keys,
};

static const struct mt_init_type *find_type(const char *name)
{
    return (const struct mt_init_type *)mt_kind_find(&mt_init_kind, name);
}

mt_status mt_init_read(const struct mt_json *doc, const struct mt_item *rule,
                       struct mt_arena *arena, struct mt_init *out,
                       struct mt_err *err)
{
    const struct mt_init_type *type;
    const struct mt_type *head;
    mt_status status = mt_kind_type(&mt_init_kind, doc, rule, &head, err);

    if (status != MT_OK)
        return status;
    memset(out, 0, sizeof *out);
    status = mt_kind_fill(&mt_init_kind, head, doc, rule, out, out, arena, err);
    if (status != MT_OK)
        return status;
    type = (const struct mt_init_type *)head;
    out->type = type->name;
    if (!out->params.n)
        return mt_json_fail(doc, mt_json_get(rule, "params"), err,
                            "expected at least one glob");

    const char *problem = type->problem ? type->problem(out) : NULL;

    if (problem)
        return mt_json_fail(doc, rule, err, "%s: %s", type->name, problem);
    return MT_OK;
}

static mt_status check_rank(const struct mt_init_type *type,
                            const struct mt_init_target *t, struct mt_err *err)
{
    int rank = t->shape->rank, min = type->min_rank, max = type->max_rank;

    if (rank >= min && rank <= max)
        return MT_OK;
    if (min == max)
        return fail_target(t, MT_MISMATCH, err,
                           "%s needs %d dimensions, got %d", type->name, min,
                           rank);
    if (max == MT_MAX_RANK)
        return fail_target(t, MT_MISMATCH, err,
                           "%s needs at least %d dimensions, got %d",
                           type->name, min, rank);
    return fail_target(t, MT_MISMATCH, err,
                       "%s needs %d to %d dimensions, got %d", type->name, min,
                       max, rank);
}

mt_status mt_init_check(const struct mt_init *init,
                        const struct mt_shape *shape, const char *tensor_name,
                        struct mt_err *err)
{
    const struct mt_init_type *type = find_type(init->type);
    struct mt_init_target t = { .name = tensor_name, .shape = shape };

    if (!type)
        return fail_target(&t, MT_INVALID, err, "unknown initialisation \"%s\"",
                           init->type);
    return check_rank(type, &t, err);
}

mt_status mt_init_fill(const struct mt_init *init, const struct mt_shape *shape,
                       uint64_t seed, const char *tensor_name,
                       struct mt_team *team, float *out, struct mt_err *err)
{
    const struct mt_init_type *type = find_type(init->type);
    struct mt_init_target t = { .name = tensor_name,
                                .shape = shape,
                                .seed = seed,
                                .team = team,
                                .out = out };

    if (!type)
        return fail_target(&t, MT_INVALID, err, "unknown initialisation \"%s\"",
                           init->type);

    mt_status status = check_rank(type, &t, err);

    if (status != MT_OK)
        return status;

    const char *problem = type->problem ? type->problem(init) : NULL;

    if (problem)
        return fail_target(&t, MT_INVALID, err, "%s: %s", type->name, problem);
    if (!mt_shape_count(shape, &t.n))
        return fail_target(&t, MT_INVALID, err, "too many elements");
    if (t.n == 0)
        return MT_OK;
    t.key = mt_philox_key(seed, "init", tensor_name);
    status = type->fill(init, &t, err);
    if (init->zero_row && init->zero_row <= shape->dim[0]) {
        size_t row = t.n / shape->dim[0];

        memset(out + (init->zero_row - 1) * row, 0, row * sizeof *out);
    }
    return status;
}
