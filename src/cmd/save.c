/* mtrain save SRC -o FILE */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "train/state.h"

static bool is_mtc(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && strcmp(path + n - 4, ".mtc") == 0;
}

static const char *key_of(const struct mt_array *a)
{
    return strchr(a->name, '/') + 1;
}

/* The tensor that an optimizer array "slot.tensor" belongs to. */
static const char *tensor_of(const struct mt_array *a)
{
    const char *dot = strchr(key_of(a), '.');

    return dot ? dot + 1 : key_of(a);
}

/* The arrays of a bare state dict, under its names. */
static void select_state(const struct mt_bundle *from, bool weights_only,
                         const char *only, struct mt_bundle *out)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];
        struct mt_shape shape = a->shape;
        char name[2048];

        if (shape.rank == 0) /* readers of state dicts may know no scalars, */
            shape = mt_shape_of(1, (size_t)1); /* torch takes both */
        if (mt_in_section(a->name, "model")) {
            if (only && fnmatch(only, key_of(a), 0) != 0)
                continue;
            mt_bundle_add(out, key_of(a), a->dtype, &shape, a->data);
        } else if (mt_in_section(a->name, "optimizer") && !weights_only) {
            if (only && fnmatch(only, tensor_of(a), 0) != 0)
                continue;
            snprintf(name, sizeof name, "optimizer.%s", key_of(a));
            mt_bundle_add(out, name, a->dtype, &a->shape, a->data);
        } else if (mt_in_section(a->name, "progress") && !weights_only &&
                   !only) {
            mt_bundle_add(out, a->name, a->dtype, &a->shape, a->data);
        }
    }
}

static mt_status write_state(const struct mt_call *call,
                             const struct mt_bundle *source, const char *out,
                             size_t *n, struct mt_err *err)
{
    const char *only = mt_option(call, "only");
    struct mt_bundle state;
    mt_status status;

    select_state(source, mt_option(call, "weights-only") != NULL, only, &state);
    *n = state.n;
    if (state.failed)
        status = mt_fail_memory(err);
    else if (state.n == 0)
        status = mt_fail(err, MT_MISMATCH, "%s: no tensor matches \"%s\"; "
                         "'mtrain show -v %s' lists them", call->args[0],
                         only ? only : "*", call->args[0]);
    else
        status = mt_statefile_write(out, state.arrays, state.n, NULL, err);
    mt_bundle_free(&state);
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
                       "dicts (.safetensors)", out);
    if (!mt_bundle_find(source, "spec/json"))
        return mt_fail(err, MT_INVALID,
                       "%s: has no spec, so it cannot become a checkpoint; "
                       "'mtrain load SPEC %s -o %s' puts it into a model",
                       call->args[0], call->args[0], out);
    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];

        if (!bare || mt_in_section(a->name, "spec") ||
            mt_in_section(a->name, "model"))
            mt_bundle_add(&kept, a->name, a->dtype, &a->shape, a->data);
    }
    if (bare)
        mt_state_add_start(&kept);
    *n = kept.n;
    status = mt_bundle_write(&kept, out, call->team, NULL, err);
    mt_bundle_free(&kept);
    return status;
}

static int save_run(struct mt_call *call)
{
    const char *out = mt_option(call, "output");
    struct mt_err err = MT_ERR_INIT;
    struct mt_lock *lock = NULL;
    struct mt_bundle source;
    size_t n = 0;

    if (!out)
        return mt_report_usage(call, "needs -o FILE");
    if ((!is_mtc(out) && mt_statefile_can_write(out, &err) != MT_OK) ||
        mt_replace_claim(out, call->force, &lock, &err) != MT_OK ||
        mt_open_state(call->args[0], mt_option(call, "data-dir"), call->team,
                      &source, &err) != MT_OK) {
        mt_lock_release(lock);
        return mt_report_error(&err);
    }
    mt_status status = is_mtc(out) ? write_mtc(call, &source, out, &n, &err)
                                   : write_state(call, &source, out, &n, &err);

    mt_bundle_free(&source);
    mt_lock_release(lock);
    if (status != MT_OK)
        return mt_report_error(&err);
    if (call->json) {
        printf("{\"event\":\"save\",\"path\":");
        mt_print_json_string(out);
        printf(",\"arrays\":%zu}\n", n);
    } else if (!call->quiet)
        printf("%s: %zu arrays\n", out, n);
    return MT_EXIT_DONE;
}

static const struct mt_option save_options[] = {
    { "output", 'o', "FILE", "where to; the ending decides: .mtc, "
                             ".safetensors" },
    { "only", 0, "GLOB", "only tensors whose names match" },
    { "weights-only", 0, NULL, "leave the optimizer's state out" },
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
        "In state files\noptimizer state is named optimizer.SLOT.TENSOR, and "
        "where training stands is kept\nas metadata.",
    .examples =
        "mtrain save digits.mtc -o digits.safetensors\n"
        "mtrain save digits.mtc -o fc1.safetensors --only 'fc1.*' --weights-only",
    .run = save_run,
};
