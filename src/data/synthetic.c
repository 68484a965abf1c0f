/*
 * type synthetic: data made from the seed, for trials without files. Each task
 * can be learned, up to its noise.
 *
 *     regression       x uniform with variance 1; t = W x / sqrt(elements)
 *                      y = t + (t^2 - 1) / 4 + noise u
 *     classification   y uniform among the classes; x = centre[y] + noise u
 *     tokens           a walk: from each token to the first of its two
 *                      successors (3/4) or the second (1/4), or, with the
 *                      probability `noise`, to any token
 *
 * W, the centres and the noise u are uniform with variance 1 too. Everything
 * is a fixed sequence of float32 operations on Philox words, so the same on
 * every machine.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "base/size.h"
#include "data/format.h"

struct synthetic_args {
    int task;
    size_t samples;
    struct mt_sizes input;
    size_t output, classes, vocab, seq_len;
    double noise;
};

#define AT(member) offsetof(struct synthetic_args, member)

enum task { REGRESSION, CLASSIFICATION, TOKENS };

static const char *const tasks[] = {
    [REGRESSION] = "regression",
    [CLASSIFICATION] = "classification",
    [TOKENS] = "tokens",
    NULL,
};

static const struct mt_key synthetic_keys[] = {
    { "task", MT_KEY_ENUM, AT(task), .flags = MT_KEY_REQUIRED, .choices = tasks,
      .doc = "regression, classification or tokens" },
    { "samples", MT_KEY_SIZE, AT(samples), .def = "1000", .min = 1,
      .max = 4294967295.0, .doc = "how many samples to make" },
    { "input", MT_KEY_SIZES, AT(input), .def = "10", .min = 1,
      .doc = "shape of an input sample (not for tokens)" },
    { "output", MT_KEY_SIZE, AT(output), .def = "1", .min = 1,
      .doc = "targets of a sample (regression)" },
    { "classes", MT_KEY_SIZE, AT(classes), .def = "10", .min = 2,
      .max = 1 << 24, .doc = "number of classes (classification)" },
    { "vocab", MT_KEY_SIZE, AT(vocab), .def = "64", .min = 2, .max = 1 << 24,
      .doc = "number of different tokens (tokens)" },
    { "seq_len", MT_KEY_SIZE, AT(seq_len), .def = "32", .min = 1,
      .max = 1 << 24, .doc = "tokens of a sample (tokens)" },
    { "noise", MT_KEY_REAL, AT(noise), .def = "0.1", .max = 1e6,
      .doc = "standard deviation of what is added to the targets "
             "(regression) or inputs (classification), or the probability of a "
             "random token (tokens)" },
    { NULL },
};

struct synthetic {
    const struct mt_data_request *request;
    struct mt_dataset *data;
    struct synthetic_args args;
    struct mt_shape shape; /* of an input */
    size_t elements;       /* of an input */
    float noise;
};

/* A typing error must not take all memory. */
#define MAX_BYTES ((size_t)1 << 32)

/* ---- random numbers ---- */

static struct mt_philox_key stream(const struct synthetic *s, const char *name)
{
    return mt_philox_key(s->request->seed, "synthetic", name);
}

/* 0 ... n-1 */
static uint32_t below(uint32_t word, size_t n)
{
    return (uint32_t)((uint64_t)word * n >> 32);
}

/* n numbers of mean 0 and variance 1: uniform in -sqrt(3) ... sqrt(3). Made in
 * blocks of four, the last one cut. */
static void fill(struct mt_philox_key key, uint64_t n, float *out)
{
    const float width = 1.7320508f * 0x1p-31f;
    uint32_t words[4];

    for (uint64_t i = 0; i < n; i += 4) {
        mt_philox_block(key, 0, i / 4, words);
        for (uint64_t j = 0; j < 4 && i + j < n; j++)
            out[i + j] = (float)(int32_t)words[j] * width;
    }
}

/* ---- memory ---- */

/* samples * width elements of 4 bytes, owned by the data set; or NULL and the
 * message. */
static void *take(struct synthetic *s, size_t samples, size_t width,
                  struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(s->data);
    size_t bytes;

    if (!own) {
        mt_fail_memory(err);
        return NULL;
    }
    if (!mt_size_mul(samples, width, &bytes) ||
        !mt_size_mul(bytes, 4, &bytes) || bytes > MAX_BYTES) {
        mt_json_fail(s->request->doc, s->request->spec, err,
                     "%zu samples of %zu values would take more than 4 GiB; "
                     "expected fewer",
                     samples, width);
        return NULL;
    }
    own->memory = malloc(bytes);
    if (!own->memory)
        mt_fail_memory(err);
    return own->memory;
}

/* ---- tasks ---- */

static struct mt_column column(const void *data, enum mt_dtype dtype,
                               struct mt_shape shape)
{
    return (struct mt_column){ data, dtype,
                               mt_shape_elements(&shape) * mt_dtype_size(dtype),
                               shape };
}

/* y[o] for one x; w is [elements][outputs]. */
static void regress(const struct synthetic *s, const float *restrict x,
                    const float *restrict w, float root,
                    const float *restrict u, float *restrict y)
{
    size_t n = s->args.output;

    memset(y, 0, n * sizeof *y);
    for (size_t e = 0; e < s->elements; e++)
        for (size_t o = 0; o < n; o++)
            y[o] += x[e] * w[e * n + o];
    for (size_t o = 0; o < n; o++) {
        float t = y[o] / root;

        y[o] = t + (t * t - 1) * 0.25f + s->noise * u[o];
    }
}

static mt_status make_regression(struct synthetic *s, struct mt_err *err)
{
    size_t n = s->args.samples, outputs = s->args.output;
    float *x = take(s, n, s->elements, err);
    float *y = x ? take(s, n, outputs, err) : NULL;
    float *w = y ? take(s, s->elements, outputs, err) : NULL;
    float *u = w ? take(s, n, outputs, err) : NULL;
    float root = (float)sqrt((double)s->elements);

    if (!u)
        return err->status;
    fill(stream(s, "x"), n * s->elements, x);
    fill(stream(s, "weight"), s->elements * outputs, w);
    fill(stream(s, "noise"), n * outputs, u);
    for (size_t i = 0; i < n; i++)
        regress(s, x + i * s->elements, w, root, u + i * outputs,
                y + i * outputs);
    s->data->train.x = column(x, MT_F32, s->shape);
    s->data->train.y = column(y, MT_F32, mt_shape_of(1, outputs));
    return MT_OK;
}

static mt_status make_classification(struct synthetic *s, struct mt_err *err)
{
    size_t n = s->args.samples, each = s->elements;
    float *x = take(s, n, each, err);
    int32_t *y = x ? take(s, n, 1, err) : NULL;
    float *centres = y ? take(s, s->args.classes, each, err) : NULL;
    struct mt_philox_key labels = stream(s, "label");

    if (!centres)
        return err->status;
    fill(stream(s, "noise"), n * each, x);
    fill(stream(s, "centre"), s->args.classes * each, centres);
    for (size_t i = 0; i < n; i++) {
        uint32_t label = below(mt_philox_word(labels, 0, i), s->args.classes);
        const float *restrict centre = centres + label * each;
        float *restrict sample = x + i * each;

        for (size_t e = 0; e < each; e++)
            sample[e] = centre[e] + s->noise * sample[e];
        y[i] = (int32_t)label;
    }
    s->data->train.x = column(x, MT_F32, s->shape);
    s->data->train.y = column(y, MT_I32, mt_shape_of(0));
    if (s->request->classification)
        s->data->fitted.classes = s->args.classes;
    return MT_OK;
}

/* The token after `token`: the words decide. */
static int32_t next_token(const struct synthetic *s, const int32_t *successors,
                          int32_t token, const uint32_t words[2])
{
    uint64_t random = (uint64_t)(s->args.noise * 0x1p32);

    if (words[0] < random)
        return (int32_t)below(words[1], s->args.vocab);
    return successors[2 * token + (words[1] >> 30 == 3)];
}

static mt_status make_tokens(struct synthetic *s, struct mt_err *err)
{
    size_t n = s->args.samples, len = s->args.seq_len, vocab = s->args.vocab;
    int32_t *walk = take(s, n, len + 1, err);
    int32_t *successors = walk ? take(s, vocab, 2, err) : NULL;
    struct mt_philox_key steps = stream(s, "step");
    struct mt_philox_key table = stream(s, "successor");
    struct mt_shape shape = mt_shape_of(1, len);

    if (!successors)
        return err->status;
    for (size_t i = 0; i < 2 * vocab; i++)
        successors[i] = (int32_t)below(mt_philox_word(table, 0, i), vocab);
    for (size_t i = 0; i < n; i++) {
        int32_t *at = walk + i * (len + 1);
        uint64_t block = (uint64_t)i * (len + 1);
        uint32_t words[4];

        mt_philox_block(steps, 0, block, words);
        at[0] = (int32_t)below(words[0], vocab);
        for (size_t t = 1; t <= len; t++) {
            mt_philox_block(steps, 0, block + t, words);
            at[t] = next_token(s, successors, at[t - 1], words);
        }
    }
    s->data->train.x = column(walk, MT_I32, shape);
    s->data->train.x.stride = (len + 1) * sizeof *walk;
    s->data->train.y = s->data->train.x;
    s->data->train.y.data = walk + 1;
    s->data->fitted.vocab = vocab;
    if (s->request->classification)
        s->data->fitted.classes = vocab;
    return MT_OK;
}

/* ---- keys ---- */

/* Keys that only one of the tasks has a use for. */
static mt_status check_task_keys(const struct synthetic *s, struct mt_err *err)
{
    static const struct {
        const char *key;
        int task;
    } only[] = { { "output", REGRESSION },
                 { "classes", CLASSIFICATION },
                 { "vocab", TOKENS },
                 { "seq_len", TOKENS } };
    const struct mt_data_request *request = s->request;
    bool tokens = s->args.task == TOKENS;
    static const char *const floats[] = { "input", "scale", "mean", "std" };
    static const char *const files[] = { "train", "val" };
    mt_status status = MT_OK;

    for (size_t i = 0; i < 2 && status == MT_OK; i++)
        status = mt_data_refuse(request, files[i],
                                "type \"synthetic\" reads no files; expected "
                                "\"samples\" and \"val_split\"",
                                err);
    for (size_t i = 0; i < 4 && status == MT_OK && tokens; i++)
        status =
            mt_data_refuse(request, floats[i], "not for task \"tokens\"", err);
    for (size_t i = 0; i < 4 && status == MT_OK; i++) {
        char why[64];

        snprintf(why, sizeof why, "only for task \"%s\"", tasks[only[i].task]);
        if (only[i].task != s->args.task)
            status = mt_data_refuse(request, only[i].key, why, err);
    }
    return status;
}

static mt_status read_args(struct synthetic *s, struct mt_err *err)
{
    const struct mt_data_request *request = s->request;
    mt_status status = check_task_keys(s, err);

    if (status != MT_OK)
        return status;
    s->shape.rank = (int)s->args.input.n;
    memcpy(s->shape.dim, s->args.input.v,
           s->args.input.n * sizeof *s->shape.dim);
    s->noise = (float)s->args.noise;
    if (!mt_shape_count(&s->shape, &s->elements))
        return mt_json_fail(request->doc, mt_json_get(request->spec, "input"),
                            err, "the shape is too large");
    if (s->args.task == TOKENS && s->args.noise > 1)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "noise"),
                            err,
                            "expected a probability, 0 to 1, for task "
                            "\"tokens\", got %g",
                            s->args.noise);
    if (s->args.task == REGRESSION && request->classification)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "task"),
                            err,
                            "\"regression\" makes targets that are real "
                            "numbers; expected \"classification\" or "
                            "\"tokens\", because the loss takes classes");
    return MT_OK;
}

static mt_status synthetic_open(const struct mt_data_request *request,
                                const struct mt_data_keys *keys,
                                struct mt_dataset *data, struct mt_err *err)
{
    static mt_status (*const make[])(struct synthetic *, struct mt_err *) = {
        [REGRESSION] = make_regression,
        [CLASSIFICATION] = make_classification,
        [TOKENS] = make_tokens,
    };
    struct synthetic s = { .request = request, .data = data,
                           .args = *(const struct synthetic_args *)keys->args };
    mt_status status = read_args(&s, err);

    if (status != MT_OK)
        return status;
    status = make[s.args.task](&s, err);
    data->train.samples = s.args.samples;
    data->train.source = data->train.y_source = "synthetic data";
    return status;
}

extern const struct mt_format mt_format_synthetic;

const struct mt_format mt_format_synthetic = {
    .name = "synthetic",
    .doc = "made from the seed, for trials without files",
    .keys = synthetic_keys,
    .args_size = sizeof(struct synthetic_args),
    .flags = MT_FORMAT_TOKENS,
    .open = synthetic_open,
};
