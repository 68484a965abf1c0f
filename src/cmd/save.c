/* mtrain save SRC -o FILE */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "ckpt/blockmean.h"
#include "ckpt/blockstream.h"
#include "cmd/report.h"
#include "cmd/save_onnx.h"
#include "cmd/specs.h"
#include "cmd/warn.h"
#include "train/ema.h"
#include "train/state.h"
#include "train/statename.h"
#include "train/ties.h"

/* Weights; optimizer state unless only weights are wanted; and, without `only`,
 * the position of the training. */
static bool is_selected(const char *name, bool weights_only, const char *only)
{
    enum mt_state_section section = mt_name_section(name);
    const char *tensor = mt_name_tensor(name);

    if (section != MT_MODEL && weights_only)
        return false;
    return !only || (tensor && fnmatch(only, tensor, 0) == 0);
}

/* How arrays are written. */
struct conversion {
    bool numpy;          /* to a format without bfloat16 */
    bool shorten;        /* weights to `dtype` */
    enum mt_dtype dtype; /* float16 or bfloat16 */
    atomic_size_t overflowed;
};

/* Rounded to the type that was asked for. What a format lacks is written as
 * float32, which holds all of bfloat16. */
static void add_shortened(const struct mt_array *array, const char *name,
                          struct conversion *c, struct mt_bundle *out)
{
    struct {
        struct mt_array of;
        struct mt_mean mean;
        struct mt_source source;
    } *held = mt_arena_calloc(&out->arena, 1, sizeof *held);
    struct mt_array a = *array;

    if (!held) {
        out->failed = true;
        return;
    }
    held->of = *array;
    held->mean = (struct mt_mean){ .of = &held->of,
                                   .n = 1,
                                   .overflowed = &c->overflowed };
    held->source = mt_mean_source(&held->mean);
    a.dtype = c->dtype;
    if (c->dtype == MT_BF16 && c->numpy) {
        held->mean.brain = true;
        a.dtype = MT_F32;
    }
    a.data = NULL;
    a.source = &held->source;
    mt_bundle_add_array(out, name, &a);
}

static void add_written(const struct mt_array *array, const char *name,
                        struct conversion *c, struct mt_bundle *out)
{
    struct mt_array a = *array;

    if (c->shorten && mt_name_is(array->name, MT_MODEL) &&
        !mt_name_is_buffer(array->name) && mt_dtype_is_float(a.dtype)) {
        add_shortened(array, name, c, out);
        return;
    }
    if (c->numpy && a.dtype == MT_BF16)
        a.dtype = MT_F32;
    mt_bundle_add_array(out, name, &a);
}

/* The spec, and the model with the mean of its parameters. */
static mt_status select_mean(const struct mt_bundle *from, const char *source,
                             struct mt_bundle *out, struct mt_err *err)
{
    bool any = false;

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];
        const struct mt_array *mean = mt_ema_find(from, a);

        any |= mean != NULL;
        if (mt_name_is(a->name, MT_MODEL) || mt_name_is(a->name, MT_SPEC))
            mt_bundle_add_array(out, a->name, mean ? mean : a);
    }
    if (out->failed)
        return mt_fail_memory(err);
    return any ? MT_OK : mt_fail(err, MT_INVALID, MT_NO_MEAN, source);
}

/* The arrays of a bare state dict, under its names. */
static void select_state(const struct mt_bundle *from, bool weights_only,
                         const char *only, struct conversion *c,
                         struct mt_bundle *out)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];
        struct mt_name name = mt_name_to_file(a->name);

        if (*name.text && is_selected(a->name, weights_only, only))
            add_written(a, name.text, c, out);
    }
}

static const char *const short_dtypes[] = { "float16", "bfloat16", NULL };

static mt_status read_conversion(const struct mt_call *call, const char *out,
                                 struct conversion *c, struct mt_err *err)
{
    const char *dtype = mt_option(call, "dtype");
    bool ema = mt_option(call, "ema") != NULL;

    *c = (struct conversion){ .numpy = mt_ends_with(out, ".npz") ||
                                       mt_ends_with(out, ".npy") };
    if (mt_is_onnx(out) && (dtype || mt_option(call, "only")))
        return mt_fail(err, MT_INVALID,
                       "%s: a network is written whole, in float32; --%s is "
                       "for bare state dicts (.safetensors, .npz)",
                       out, dtype ? "dtype" : "only");
    if (mt_ends_with(out, ".mtc") && (dtype || ema))
        return mt_fail(err, MT_INVALID,
                       "%s: a checkpoint keeps its weights as they are; --%s "
                       "writes bare state dicts (.safetensors, .npz)",
                       out, dtype ? "dtype" : "ema");
    c->shorten = dtype && mt_dtype_from_name(dtype, &c->dtype);
    return MT_OK;
}

static mt_status warn_range(const struct mt_call *call, const char *out,
                            const struct conversion *c, struct mt_err *err)
{
    size_t n = c->overflowed;

    if (!n)
        return MT_OK;
    return mt_warn(call, NULL, "state", err,
                   "%s: %zu value%s beyond the range of %s and become%s "
                   "infinite",
                   out, n, n == 1 ? " is" : "s are", mt_dtype_name(c->dtype),
                   n == 1 ? "s" : "");
}

static mt_status ignore(void *ctx, const void *elements, size_t n,
                        struct mt_err *err)
{
    (void)ctx;
    (void)elements;
    (void)n;
    (void)err;
    return MT_OK;
}

/* With --strict values are converted once before anything is written. */
static mt_status check_range(const struct mt_call *call,
                             const struct mt_bundle *state, const char *out,
                             const struct conversion *c, struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; c->shorten && i < state->n && status == MT_OK; i++)
        status = mt_block_stream_each(&state->arrays[i], call->team, ignore,
                                      NULL, err);
    return status == MT_OK ? warn_range(call, out, c, err) : status;
}

static mt_status write_state(const struct mt_call *call,
                             struct mt_bundle *source, const char *out,
                             struct conversion *c, size_t *n,
                             struct mt_err *err)
{
    const char *only = mt_option(call, "only");
    struct mt_bundle state;
    mt_status status = mt_ties_add_own(source, err);

    if (status != MT_OK)
        return status;
    select_state(source, mt_option(call, "weights-only") != NULL, only, c,
                 &state);
    *n = state.n;
    if (state.failed)
        status = mt_fail_memory(err);
    else if (state.n == 0)
        status = mt_fail(err, MT_MISMATCH,
                         "%s: no tensor matches \"%s\"; 'mtrain show -v %s' "
                         "lists them",
                         call->args[0], only ? only : "*", call->args[0]);
    else if (call->strict)
        status = check_range(call, &state, out, c, err);
    if (status == MT_OK)
        status = mt_statefile_write(out, state.arrays, state.n, call->team,
                                    NULL, err);
    if (status == MT_OK)
        status = warn_range(call, out, c, err);
    mt_bundle_free(&state);
    return status;
}

static mt_status write_mean(const struct mt_call *call,
                            const struct mt_bundle *source, const char *out,
                            struct conversion *c, size_t *n, struct mt_err *err)
{
    struct mt_bundle mean;
    mt_status status = select_mean(source, call->args[0], &mean, err);

    if (status == MT_OK)
        status = write_state(call, &mean, out, c, n, err);
    mt_bundle_free(&mean);
    return status;
}

/* A full checkpoint; without optimizer state it starts at step 0. */
static mt_status write_mtc(const struct mt_call *call,
                           const struct mt_bundle *source, const char *out,
                           size_t *n, struct mt_err *err)
{
    bool bare = mt_option(call, "weights-only") != NULL;
    struct mt_bundle kept = MT_BUNDLE_INIT;
    mt_status status;

    if (mt_option(call, "only"))
        return mt_fail(err, MT_INVALID,
                       "%s: a checkpoint is whole; --only writes bare state "
                       "dicts (.safetensors, .npz)",
                       out);
    if (!mt_bundle_find(source, MT_NAME_SPEC))
        return mt_fail(err, MT_INVALID,
                       "%s: has no spec, so it cannot become a checkpoint; "
                       "'mtrain load SPEC %s -o %s' puts it into a model",
                       call->args[0], call->args[0], out);
    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];

        if (!bare || mt_name_is(a->name, MT_SPEC) ||
            mt_name_is(a->name, MT_MODEL))
            mt_bundle_add_array(&kept, a->name, a);
    }
    if (bare)
        mt_state_add_start(&kept);
    *n = kept.n;
    status = mt_bundle_write(&kept, out, call->team, NULL, err);
    mt_bundle_free(&kept);
    return status;
}

static mt_status write(const struct mt_call *call, struct mt_bundle *source,
                       const char *out, struct conversion *c, size_t *n,
                       struct mt_err *err)
{
    if (mt_ends_with(out, ".mtc"))
        return write_mtc(call, source, out, n, err);
    if (mt_is_onnx(out))
        return mt_save_onnx(call, source, out, n, err);
    return mt_option(call, "ema") ? write_mean(call, source, out, c, n, err)
                                  : write_state(call, source, out, c, n, err);
}

static mt_status check_ending(const char *out, struct mt_err *err)
{
    if (mt_ends_with(out, ".mtc") || mt_is_onnx(out) ||
        mt_statefile_can_write(out, err) == MT_OK)
        return MT_OK;
    return mt_hint(err, "or .mtc for a checkpoint, .onnx for the network");
}

static int save_run(struct mt_call *call)
{
    const char *out = mt_option(call, "output");
    struct mt_err err = MT_ERR_INIT;
    struct mt_lock *lock = NULL;
    struct mt_bundle source;
    struct conversion conversion;
    struct mt_state_options options = mt_state_options(call);
    size_t n = 0;

    if (!out)
        return mt_report_usage(call, "needs -o FILE");
    if (read_conversion(call, out, &conversion, &err) != MT_OK ||
        mt_replace_claim(out, call->force, &lock, &err) != MT_OK ||
        check_ending(out, &err) != MT_OK ||
        mt_open_state(call->args[0], mt_option(call, "data-dir"), &options,
                      call->team, &source, &err) != MT_OK) {
        mt_lock_release(lock);
        return mt_report_error(&err);
    }
    mt_status status = write(call, &source, out, &conversion, &n, &err);

    mt_bundle_free(&source);
    mt_lock_release(lock);
    if (status != MT_OK)
        return mt_report_error(&err);
    if (call->json) {
        printf("{\"event\":\"save\",\"path\":");
        mt_print_json_string(out);
        printf(",\"arrays\":%zu}\n", n);
    } else if (!call->quiet)
        printf("%s: %s\n", out, mt_count(n, "array").text);
    return MT_EXIT_DONE;
}

static const struct mt_option save_options[] = {
    { "output", 'o', "FILE",
      "where to; the ending decides: .mtc, "
      ".safetensors, .npz, .onnx" },
    { "only", 0, "GLOB", "only tensors whose names match" },
    MT_STATE_OPTIONS,
    { "weights-only", 0, NULL, "leave the optimizer's state out" },
    { "ema", 0, NULL, "write the exponential mean of the parameters" },
    { "dtype", 0, "TYPE", "write weights as float16 or bfloat16",
      short_dtypes },
    { "data-dir", 0, "DIR", "where relative data paths of a SPEC start" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_save;

const struct mt_command mt_cmd_save = {
    .name = "save",
    .operands = "SRC -o FILE",
    .summary = "write a state dict (state_dict())",
    .options = save_options,
    .min_args = 1,
    .max_args = 1,
    .details =
        "SRC is a checkpoint, a state file, or a spec (freshly initialised). "
        "In state files\noptimizer state is named optimizer.SLOT.TENSOR; "
        "the position of training is kept, too. An\n.npy holds one tensor.",
    .examples =
        "mtrain save digits.mtc -o digits.safetensors\n"
        "mtrain save digits.mtc -o fc1.npz --only 'fc1.*' --weights-only",
    .run = save_run,
};
