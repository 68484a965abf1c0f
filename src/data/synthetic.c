/*
 * type synthetic: data made from the seed, for trials without files;
 * synthesis.h describes them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "data/convert.h"
#include "data/format.h"
#include "data/reader.h"
#include "data/synthesis.h"

struct synthetic_args {
    int task;
    size_t samples;
    struct mt_sizes input;
    size_t output, classes, vocab, seq_len;
    double noise;
};

#define AT(member) offsetof(struct synthetic_args, member)

static const char *const tasks[] = {
    [MT_REGRESSION] = "regression",
    [MT_CLASSIFICATION] = "classification",
    [MT_TOKENS] = "tokens",
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
    struct mt_synthesis made;
    struct mt_shape shape; /* of an input */
};

/* A typo must not take all memory. */
#define MAX_BYTES ((size_t)1 << 32)

/* ---- memory ---- */

/* Bytes of samples * width elements of 4. */
static mt_status count(const struct synthetic *s, size_t samples, size_t width,
                       size_t *bytes, struct mt_err *err)
{
    if (mt_size_mul(samples, width, bytes) && mt_size_mul(*bytes, 4, bytes) &&
        *bytes <= MAX_BYTES)
        return MT_OK;
    return mt_json_fail(s->request->doc, s->request->spec, err,
                        "%zu samples of %zu values would take more than 4 GiB; "
                        "expected fewer",
                        samples, width);
}

/* The memory of x, y and, while they are made, of the table. */
struct room {
    size_t x, y, table; /* bytes */
};

static mt_status measure(const struct synthetic *s, struct room *room,
                         struct mt_err *err)
{
    const struct mt_synthesis *made = &s->made;
    size_t n = s->args.samples, rows, width;
    mt_status status = count(s, n, made->elements, &room->x, err);

    if (status == MT_OK)
        status = count(s, n, made->outputs, &room->y, err);
    mt_synthesis_table(made, &rows, &width);
    if (status == MT_OK)
        status = count(s, rows, width, &room->table, err);
    return status;
}

static void *take(struct mt_dataset *data, size_t bytes, struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(data);

    if (own)
        own->memory = malloc(bytes + 1);
    if (!own || !own->memory)
        mt_fail_memory(err);
    return own ? own->memory : NULL;
}

/* ---- all samples ---- */

static mt_status make_all(struct synthetic *s, const struct room *room,
                          struct mt_err *err)
{
    struct mt_part *part = &s->data->train;
    struct mt_synthesis *made = &s->made;
    char *x = take(s->data, room->x, err);
    char *y = x ? take(s->data, room->y, err) : NULL;
    float *scratch = calloc(mt_synthesis_scratch(made), sizeof *scratch);
    mt_status status = MT_OK;

    made->table = malloc(room->table);
    if (!y || !scratch || !made->table)
        status = mt_fail_memory(err);
    else
        mt_synthesis_draw(made);
    for (size_t i = 0; i < s->args.samples && status == MT_OK; i++)
        mt_synthesis_make(made, i, x + 4 * i * made->elements,
                          y + 4 * i * made->outputs, scratch);
    free(made->table);
    made->table = NULL;
    free(scratch);
    part->x.data = x;
    part->y.data = made->task == MT_TOKENS ? x + 4 : y;
    return status;
}

/* ---- MT_DATA_CHECK ---- */

/* Makes only the samples that are gathered, usually none. */
struct look {
    struct mt_reader reader;
    struct mt_synthesis made;
    bool y;
};

static mt_status gather(const struct mt_reader *reader,
                        const struct mt_samples *samples,
                        const struct mt_normalization *norm, enum mt_dtype to,
                        void *out, struct mt_err *err)
{
    const struct look *look = (const struct look *)reader;
    const struct mt_synthesis *made = &look->made;
    bool tokens = made->task == MT_TOKENS;
    size_t elements = made->elements, outputs = made->outputs;
    size_t n = tokens ? elements - 1 : look->y ? outputs : elements;
    bool floats = made->task == MT_REGRESSION ||
                  (made->task == MT_CLASSIFICATION && !look->y);
    enum mt_dtype from = floats ? MT_F32 : MT_I32;
    float *x =
        calloc(elements + outputs + mt_synthesis_scratch(made), sizeof *x);
    float *y = x + elements, *at = tokens ? x + look->y : look->y ? y : x;

    if (!x)
        return mt_fail_memory(err);
    for (size_t i = 0; i < samples->n; i++) {
        char *to_at = (char *)out + i * n * mt_dtype_size(to);

        mt_synthesis_make(made, mt_sample_number(samples, i), x,
                          look->y ? y : NULL, y + outputs);
        if (to == MT_F32)
            mt_normalize(norm, n, 0, from, (const char *)at, n, (float *)to_at);
        else
            mt_convert(from, (const char *)at, n, to, to_at);
    }
    free(x);
    return MT_OK;
}

static mt_status look_at(struct synthetic *s, bool y, struct mt_column *column,
                         struct mt_err *err)
{
    struct look *look = mt_arena_alloc(&s->data->arena, sizeof *look);
    size_t classes =
        s->made.task == MT_TOKENS ? s->made.vocab : s->made.classes;

    if (!look)
        return mt_fail_memory(err);
    look->made = s->made;
    look->y = y;
    look->reader.gather = gather;
    look->reader.look = true;
    look->reader.max = column->dtype == MT_I32 ? (long long)classes - 1 : -1;
    column->reader = &look->reader;
    return MT_OK;
}

/* ---- columns ---- */

static struct mt_column column_of(enum mt_dtype dtype, size_t width,
                                  struct mt_shape shape)
{
    return (struct mt_column){ .dtype = dtype,
                               .stride = 4 * width,
                               .shape = shape };
}

static void set_columns(struct synthetic *s)
{
    struct mt_part *part = &s->data->train;
    struct mt_fitted *fitted = &s->data->fitted;
    size_t classes = 0;

    part->samples = s->args.samples;
    part->source = part->y_source = "synthetic data";
    part->x = column_of(MT_F32, s->made.elements, s->shape);
    part->y =
        column_of(MT_F32, s->made.outputs, mt_shape_of(1, s->made.outputs));
    if (s->made.task == MT_CLASSIFICATION) {
        part->y = column_of(MT_I32, 1, mt_shape_of(0));
        classes = s->made.classes;
    } else if (s->made.task == MT_TOKENS) {
        part->x = part->y = column_of(MT_I32, s->made.elements,
                                      mt_shape_of(1, s->made.elements - 1));
        fitted->vocab = classes = s->made.vocab;
    }
    if (s->request->classification && classes)
        fitted->classes = classes;
}

/* ---- keys ---- */

/* Refuses keys that do not apply to the task. */
static mt_status check_task_keys(const struct synthetic *s, struct mt_err *err)
{
    static const struct {
        const char *key;
        int task;
    } only[] = { { "output", MT_REGRESSION },
                 { "classes", MT_CLASSIFICATION },
                 { "vocab", MT_TOKENS },
                 { "seq_len", MT_TOKENS } };
    const struct mt_data_request *request = s->request;
    bool tokens = s->args.task == MT_TOKENS;
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
    if (!mt_shape_count(&s->shape, &s->made.elements))
        return mt_json_fail(request->doc, mt_json_get(request->spec, "input"),
                            err, "the shape is too large");
    if (s->args.task == MT_TOKENS && s->args.noise > 1)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "noise"),
                            err,
                            "expected a probability, 0 to 1, for task "
                            "\"tokens\", got %g",
                            s->args.noise);
    if (s->args.task == MT_REGRESSION && request->classification)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "task"),
                            err,
                            "\"regression\" makes targets that are real "
                            "numbers; expected \"classification\" or "
                            "\"tokens\", because the loss takes classes");
    return MT_OK;
}

static void set_made(struct synthetic *s)
{
    const struct synthetic_args *a = &s->args;
    struct mt_synthesis *made = &s->made;

    made->task = (enum mt_task)a->task;
    made->noise = a->noise;
    made->outputs = made->task == MT_REGRESSION ? a->output : 1;
    made->classes = a->classes;
    made->vocab = a->vocab;
    if (made->task == MT_TOKENS) {
        made->elements = a->seq_len + 1;
        made->outputs = 0;
    }
    mt_synthesis_start(made, s->request->seed);
}

static mt_status synthetic_open(const struct mt_data_request *request,
                                const struct mt_data_keys *keys,
                                struct mt_dataset *data, struct mt_err *err)
{
    struct synthetic s = { .request = request, .data = data,
                           .args = *(const struct synthetic_args *)keys->args };
    struct mt_part *part = &data->train;
    struct room room = { 0 };
    mt_status status = read_args(&s, err);

    if (status != MT_OK)
        return status;
    set_made(&s);
    status = measure(&s, &room, err);
    if (status != MT_OK)
        return status;
    set_columns(&s);
    mt_data_takes(data, room.x + room.y, room.table);
    if (request->purpose != MT_DATA_CHECK)
        return make_all(&s, &room, err);
    status = look_at(&s, false, &part->x, err);
    return status == MT_OK ? look_at(&s, true, &part->y, err) : status;
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
