/* mtrain average STATE... -o OUT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "train/average.h"
#include "train/statename.h"
#include "train/ties.h"

/* Reads "2,1,0.5": as many as there are states, in weights. */
static mt_status read_weights(const char *text, size_t n, double *weights,
                              struct mt_err *err)
{
    const char *p = text;
    double sum = 0;
    size_t i = 0;

    for (bool more = true; more; i++) {
        char *end;
        double weight = strtod(p, &end);

        if (end == p || (*end && *end != ',') || !isfinite(weight) ||
            weight < 0)
            return mt_fail(err, MT_INVALID,
                           "--weights %s: expected numbers of at least 0 with "
                           "commas between, as 2,1,1",
                           text);
        if (i < n)
            weights[i] = weight;
        sum += weight;
        more = *end == ',';
        p = end + 1;
    }
    if (i != n)
        return mt_fail(err, MT_INVALID,
                       "--weights %s: %zu weights for %zu states; expected one "
                       "for each",
                       text, i, n);
    if (!(sum > 0) || !isfinite(sum))
        return mt_fail(err, MT_INVALID,
                       "--weights %s: their sum must be finite and greater "
                       "than 0",
                       text);
    return MT_OK;
}

/* The model alone, under the names of a state file. */
static void make_bare(const struct mt_bundle *from, struct mt_bundle *out)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];

        if (mt_name_is(a->name, MT_MODEL))
            mt_bundle_add_array(out, mt_name_to_file(a->name).text, a);
    }
}

static mt_status write_mean(const struct mt_call *call,
                            const struct mt_bundle *mean, const char *out,
                            struct mt_err *err)
{
    struct mt_bundle bare;
    mt_status status;

    if (mt_ends_with(out, ".mtc") && !mt_bundle_find(mean, MT_NAME_SPEC))
        return mt_fail(err, MT_INVALID,
                       "%s: has no spec, so the mean cannot become a "
                       "checkpoint; name a checkpoint first, or write a "
                       "state file (.safetensors, .npz)",
                       call->args[0]);
    if (mt_ends_with(out, ".mtc"))
        return mt_bundle_write(mean, out, call->team, NULL, err);
    make_bare(mean, &bare);
    status = bare.failed ? mt_fail_memory(err)
                         : mt_statefile_write(out, bare.arrays, bare.n,
                                              call->team, NULL, err);
    mt_bundle_free(&bare);
    return status;
}

static mt_status average(const struct mt_call *call, const char *out,
                         struct mt_average_state *states, double *weights,
                         size_t *averaged, struct mt_err *err)
{
    const char *list = mt_option(call, "weights");
    struct mt_average_request request = {
        .states = states,
        .n = call->n_args,
        .weights = list ? weights : NULL,
        .only = mt_option(call, "only"),
    };
    struct mt_state_options options = mt_state_options(call);
    struct mt_bundle mean;
    mt_status status =
        list ? read_weights(list, call->n_args, weights, err) : MT_OK;

    for (size_t i = 0; i < call->n_args && status == MT_OK; i++) {
        states[i].path = call->args[i];
        status = mt_open_state(call->args[i], mt_option(call, "data-dir"),
                               &options, call->team, &states[i].bundle, err);
        /* a state file stores a tied tensor under each of its names, a
         * checkpoint under one */
        if (status == MT_OK && (i > 0 || !mt_ends_with(out, ".mtc")))
            status = mt_ties_add_own(&states[i].bundle, err);
    }
    if (status != MT_OK)
        return status;
    status = mt_average(&request, &mean, averaged, err);
    if (status == MT_OK)
        status = write_mean(call, &mean, out, err);
    mt_bundle_free(&mean);
    return status;
}

static void print_done(const struct mt_call *call, const char *out,
                       size_t averaged)
{
    if (call->json) {
        printf("{\"event\":\"average\",\"path\":");
        mt_print_json_string(out);
        printf(",\"states\":%zu,\"tensors\":%zu}\n", call->n_args, averaged);
    } else if (!call->quiet) {
        printf("%s: the mean of %s in %s%s\n", out,
               mt_count(call->n_args, "state").text,
               mt_count(averaged, "tensor").text,
               mt_ends_with(out, ".mtc") ? "; its optimizer is fresh, at step 0"
                                         : "");
    }
}

static int average_run(struct mt_call *call)
{
    const char *out = mt_option(call, "output");
    struct mt_err err = MT_ERR_INIT;
    struct mt_lock *lock = NULL;
    size_t averaged = 0;

    if (!out)
        return mt_report_usage(call, "needs -o OUT");
    struct mt_average_state *states = calloc(call->n_args, sizeof *states);
    double *weights = calloc(call->n_args, sizeof *weights);
    mt_status status = states && weights ? MT_OK : mt_fail_memory(&err);

    if (status == MT_OK)
        status = mt_replace_claim(out, call->force, &lock, &err);
    if (status == MT_OK && !mt_ends_with(out, ".mtc") &&
        mt_statefile_can_write(out, &err) != MT_OK)
        status = mt_hint(&err, "or .mtc for a checkpoint");
    if (status == MT_OK)
        status = average(call, out, states, weights, &averaged, &err);
    for (size_t i = 0; states && i < call->n_args; i++)
        mt_bundle_free(&states[i].bundle);
    free(states);
    free(weights);
    mt_lock_release(lock);
    if (status != MT_OK)
        return mt_report_error(&err);
    print_done(call, out, averaged);
    return MT_EXIT_DONE;
}

static const struct mt_option average_options[] = {
    { "output", 'o', "OUT", "where to; the ending decides: .mtc, .safetensors, "
                            ".npz" },
    { "weights", 0, "W,...", "one weight for each state, divided by their sum" },
    { "only", 0, "GLOB", "only tensors whose names match; the others are the "
                         "first one's" },
    MT_STATE_OPTIONS,
    { "data-dir", 0, "DIR", "where relative data paths of a SPEC start" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_average;

const struct mt_command mt_cmd_average = {
    .name = "average",
    .operands = "STATE... -o OUT",
    .summary = "the mean of several states",
    .options = average_options,
    .min_args = 1,
    .max_args = (size_t)-1,
    .details =
        "Each weight is the mean of the states' weights, summed in double in "
        "the order given.\nInteger buffers are those of the first state. A "
        "checkpoint that is written has the\nfirst one's spec and a fresh "
        "optimizer.",
    .examples =
        "mtrain average digits.mtc digits.json -o mean.mtc --weights 3,1\n"
        "mtrain average digits.mtc digits.json -o mean.npz --only 'fc1.*'",
    .run = average_run,
};
