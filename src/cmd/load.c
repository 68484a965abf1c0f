/* mtrain load MODEL STATE -o OUT.mtc */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "train/transfer.h"

enum { MAX_MAPS = 64 };

struct maps {
    struct mt_rename list[MAX_MAPS];
    char text[MAX_MAPS][1024];
    size_t n;
};

static bool read_maps(const struct mt_call *call, struct maps *maps)
{
    for (const char *const *m = mt_option_all(call, "map"); *m; m++) {
        char *equals;

        if (maps->n == MAX_MAPS || strlen(*m) >= sizeof *maps->text) {
            mt_report_usage(call, "--map %s: too many or too long", *m);
            return false;
        }
        snprintf(maps->text[maps->n], sizeof *maps->text, "%s", *m);
        equals = strchr(maps->text[maps->n], '=');
        if (!equals || equals == maps->text[maps->n] || !equals[1]) {
            mt_report_usage(call, "--map %s: expected OLD=NEW", *m);
            return false;
        }
        *equals = '\0';
        maps->list[maps->n] = (struct mt_rename){ maps->text[maps->n],
                                                  equals + 1 };
        maps->n++;
    }
    return true;
}

static void print_plan(const struct mt_call *call,
                       const struct mt_transfer *plan, bool optimizer)
{
    if (call->quiet || call->json)
        return;
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_transfer_pair *p = &plan->pairs[i];
        const char *from = strchr(p->from->name, '/') + 1;

        if (call->verbose || mt_option(call, "dry-run"))
            printf("  %s%s%s %s%s%s\n", p->key,
                   strcmp(from, p->key) ? " <- " : "",
                   strcmp(from, p->key) ? from : "",
                   mt_shape_text(&p->to->shape).text,
                   !optimizer ? ""
                   : p->optimizer == MT_MOVED ? "  optimizer: moved"
                                              : "  optimizer: reset, ",
                   optimizer && p->optimizer == MT_RESET ? p->reason : "");
    }
}

static void print_done(const struct mt_call *call,
                       const struct mt_transfer *plan, const char *out)
{
    size_t moved = 0;

    for (size_t i = 0; i < plan->n; i++)
        moved += plan->pairs[i].optimizer == MT_MOVED;
    if (call->json) {
        printf("{\"event\":\"load\",\"path\":");
        mt_print_json_string(out);
        printf(",\"tensors\":%zu,"
               "\"missing\":%zu,\"unexpected\":%zu,\"optimizer\":%zu,"
               "\"progress\":%s}\n", plan->n, plan->missing,
               plan->unexpected, moved, plan->progress ? "true" : "false");
        return;
    }
    if (call->quiet)
        return;
    printf("%s: %zu tensors loaded", out, plan->n);
    if (plan->missing || plan->unexpected)
        printf(", %zu missing and %zu unexpected passed over", plan->missing,
               plan->unexpected);
    if (mt_option(call, "with-optimizer"))
        printf(", optimizer state of %zu moved%s", moved,
               plan->progress ? ", position too" : ", position is step 0");
    printf("\n");
}

static mt_status load(const struct mt_call *call, const char *out,
                      const struct mt_transfer_options *options,
                      const struct mt_bundle *target,
                      const struct mt_bundle *source, struct mt_err *err)
{
    struct mt_transfer plan;
    struct mt_bundle result;
    mt_status status;

    if (!mt_bundle_find(target, "spec/json"))
        return mt_fail(err, MT_INVALID,
                       "%s: is neither a spec nor a checkpoint",
                       call->args[0]);
    if (mt_transfer_plan(target, source, options, &plan, err) != MT_OK)
        return mt_context(err, "%s", call->args[1]);
    print_plan(call, &plan, options->optimizer);
    status = mt_transfer_apply(&plan, target, source, &result, err);
    if (status == MT_OK && !mt_option(call, "dry-run"))
        status = mt_bundle_write(&result, out, call->team, NULL, err);
    if (status == MT_OK)
        print_done(call, &plan, mt_option(call, "dry-run") ? "dry run" : out);
    mt_bundle_free(&result);
    mt_transfer_free(&plan);
    return status;
}

static int load_run(struct mt_call *call)
{
    const char *out = mt_option(call, "output");
    const char *data_dir = mt_option(call, "data-dir");
    struct maps maps = { .n = 0 };
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle target = MT_BUNDLE_INIT, source = MT_BUNDLE_INIT;
    struct mt_lock *lock = NULL;
    mt_status status;

    if (!out && !mt_option(call, "dry-run"))
        return mt_report_usage(call, "needs -o OUT.mtc");
    if (!read_maps(call, &maps))
        return MT_EXIT_TROUBLE;

    struct mt_transfer_options options = {
        .map = maps.list, .n_map = maps.n,
        .strip_prefix = mt_option(call, "strip-prefix"),
        .only = mt_option(call, "only"),
        .partial = mt_option(call, "partial") != NULL,
        .optimizer = mt_option(call, "with-optimizer") != NULL,
    };

    status = out ? mt_replace_claim(out, call->force, &lock, &err) : MT_OK;
    if (status == MT_OK)
        status = mt_open_state(call->args[0], data_dir, call->team, &target,
                               &err);
    if (status == MT_OK)
        status = mt_open_state(call->args[1], data_dir, call->team, &source,
                               &err);
    if (status == MT_OK)
        status = load(call, out, &options, &target, &source, &err);
    mt_bundle_free(&source);
    mt_bundle_free(&target);
    mt_lock_release(lock);
    return status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
}

static const struct mt_option load_options[] = {
    { "output", 'o', "FILE", "the checkpoint to write" },
    { "partial", 0, NULL, "tolerate missing and unexpected names" },
    { "only", 0, "GLOB", "only tensors of the model whose names match" },
    { "map", 0, "OLD=NEW", "rename; globs: each * of NEW is what OLD's took" },
    { "strip-prefix", 0, "P", "take P away from the state's names" },
    { "with-optimizer", 0, NULL, "move each tensor's moments and step along" },
    { "dry-run", 0, NULL, "only tell what would be done" },
    { "data-dir", 0, "DIR", "where relative data paths of a SPEC start" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_load;

const struct mt_command mt_cmd_load = {
    .name = "load",
    .operands = "MODEL STATE -o OUT.mtc",
    .summary = "put a state dict into a model (load_state_dict())",
    .options = load_options,
    .min_args = 2,
    .max_args = 2,
    .details =
        "MODEL is a spec or a checkpoint; STATE a checkpoint or a state file. "
        "Strict: names\nthat are missing or unexpected and shapes that differ "
        "are listed, and nothing is\nwritten. With --with-optimizer and "
        "nothing left out, training goes on from OUT as if\nit had never "
        "stopped.",
    .run = load_run,
};
