/* mtrain load MODEL STATE -o OUT.mtc */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/report.h"
#include "cmd/shellwords.h"
#include "cmd/specs.h"
#include "cmd/warn.h"
#include "spec/tree.h"
#include "train/statename.h"
#include "train/transfer.h"
#include "train/weightnorm.h"

static bool given(const struct mt_call *call, const char *name)
{
    return mt_option(call, name) != NULL;
}

static struct mt_open_request model_request(const struct mt_call *call)
{
    return (struct mt_open_request){
        .path = call->args[0],
        .data_dir = mt_option(call, "data-dir"),
        .team = call->team,
    };
}

/* --- --map OLD=NEW ------------------------------------------------------ */

struct maps {
    struct mt_rename *list; /* (n) */
    size_t n;
    struct mt_arena arena;
};

static mt_status read_map(const char *text, struct maps *maps,
                          struct mt_err *err)
{
    const char *equals = strchr(text, '=');
    struct mt_rename *r = &maps->list[maps->n++];

    if (!equals || equals == text || !equals[1])
        return mt_fail(err, MT_INVALID, "--map %s: expected OLD=NEW", text);
    r->from = mt_arena_strndup(&maps->arena, text, (size_t)(equals - text));
    r->to = equals + 1;
    if (!r->from)
        return mt_fail_memory(err);
    return mt_rename_check(r, err) == MT_OK ? MT_OK
                                            : mt_context(err, "--map %s", text);
}

static mt_status read_maps(const struct mt_call *call, struct maps *maps,
                           struct mt_err *err)
{
    const char *const *texts = mt_option_all(call, "map");
    size_t n = 0;
    mt_status status = MT_OK;

    while (texts[n])
        n++;
    maps->list = mt_arena_calloc(&maps->arena, n + 1, sizeof *maps->list);
    if (!maps->list)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = read_map(texts[i], maps, err);
    return status;
}

/* --- the command that would work ---------------------------------------- */

static void add_advice(const struct mt_call *call,
                       const struct mt_transfer_advice *a,
                       struct mt_strbuf *out)
{
    if (a->strip_prefix)
        mt_shell_option(out, "strip-prefix", a->strip_prefix);
    for (size_t i = 0; i < a->n_map; i++) {
        mt_strbuf_puts(out, " --map ");
        struct mt_strbuf map = MT_STRBUF_INIT;

        mt_strbuf_printf(&map, "%s=%s", a->map[i].from, a->map[i].to);
        mt_shell_word(out, map.text ? map.text : "");
        mt_strbuf_free(&map);
    }
    for (size_t i = 0; i < a->n_except; i++)
        mt_shell_option(out, "except", a->except[i]);
    for (size_t i = 0; i < a->n_transpose; i++)
        mt_shell_option(out, "transpose", a->transpose[i]);
    if (a->partial && !given(call, "partial"))
        mt_strbuf_puts(out, " --partial");
}

/* Does the advice replace the option by another one? */
static bool is_replaced(const struct mt_transfer_advice *a, const char *name)
{
    return (a->strip_prefix && strcmp(name, "strip-prefix") == 0) ||
           (a->no_optimizer && strcmp(name, "with-optimizer") == 0);
}

/* Says first how much the command would load. */
static void print_loss(const struct mt_call *call,
                       const struct mt_transfer_advice *a)
{
    if (a->loads >= a->tensors)
        fprintf(stderr, "this command would load it:\n");
    else
        fprintf(stderr,
                "this command would load %zu of the model's %zu tensors and "
                "leave %zu %s:\n",
                a->loads, a->tensors, a->tensors - a->loads,
                mt_is_spec(call->args[0]) ? "fresh" : "as they are");
}

/* One line of its own, to be copied into a shell. */
static void print_command(const struct mt_call *call,
                          const struct mt_transfer_advice *advice)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    if (!advice->works)
        return;
    mt_strbuf_puts(&out, "mtrain load");
    mt_shell_operands(&out, call);
    for (const struct mt_option *o = call->command->options; o->name; o++) {
        if (!is_replaced(advice, o->name))
            mt_shell_given(&out, call, o);
    }
    mt_shell_common(&out, call);
    add_advice(call, advice, &out);
    if (!out.failed) {
        print_loss(call, advice);
        fprintf(stderr, "  %s\n", out.text);
    }
    mt_strbuf_free(&out);
}

/* --- reporting ---------------------------------------------------------- */

static const char *source_key(const struct mt_transfer_pair *p)
{
    return mt_name_key(p->from->name);
}

static size_t count_moved(const struct mt_transfer *plan)
{
    size_t moved = 0;

    for (size_t i = 0; i < plan->n; i++)
        moved += !plan->pairs[i].reset;
    return moved;
}

/* Widths of the columns: those of the longest name and shape, up to a limit. */
struct columns {
    int key, shape;
};

static void widen(int *width, size_t n)
{
    if (n <= 40 && (int)n > *width)
        *width = (int)n;
}

static struct columns measure(const struct mt_bundle *target)
{
    struct columns c = { 0, 0 };

    for (size_t i = 0; i < target->n; i++) {
        const struct mt_array *a = &target->arrays[i];

        if (!mt_name_is(a->name, MT_MODEL))
            continue;
        widen(&c.key, strlen(mt_name_key(a->name)));
        widen(&c.shape, strlen(mt_shape_text(&a->shape).text));
    }
    return c;
}

/* The reason and its detail. */
struct reason {
    char text[512];
};

static struct reason reason_of(const struct mt_transfer_pair *p)
{
    struct reason r;

    snprintf(r.text, sizeof r.text, "%s%s%s", mt_reason_text(p->reset),
             p->detail ? " " : "", p->detail ? p->detail : "");
    return r;
}

static void print_pair(const struct mt_transfer_pair *p, bool optimizer)
{
    const char *from = source_key(p);
    bool renamed = strcmp(from, p->key) != 0;

    printf("loaded%s%s", renamed ? " from " : "", renamed ? from : "");
    if (p->transposed)
        printf(", transposed");
    if (p->from->dtype != p->to->dtype)
        printf(" (%s)", mt_array_type(p->from));
    if (optimizer && !p->reset)
        printf(", optimizer moved");
    else if (optimizer)
        printf(", optimizer reset: %s", reason_of(p).text);
}

/* What happens to each tensor of the model, and to state that is dropped. */
static void print_table(const struct mt_call *call,
                        const struct mt_transfer *plan,
                        const struct mt_bundle *target)
{
    bool optimizer = given(call, "with-optimizer");
    struct columns c = measure(target);

    if (call->quiet || call->json ||
        !(call->verbose || given(call, "dry-run") || optimizer))
        return;
    for (size_t i = 0; i < target->n; i++) {
        const struct mt_array *to = &target->arrays[i];

        if (!mt_name_is(to->name, MT_MODEL))
            continue;
        printf("  %-*s  %-*s  ", c.key, mt_name_key(to->name), c.shape,
               mt_shape_text(&to->shape).text);
        if (plan->pair_of[i])
            print_pair(&plan->pairs[plan->pair_of[i] - 1], optimizer);
        else if (plan->recounted[i])
            printf("set to 0: the state has none");
        else
            printf("kept%s%s", optimizer ? ", optimizer reset: " : "",
                   optimizer ? mt_reason_text(MT_NOT_LOADED) : "");
        printf("\n");
    }
    for (size_t i = 0; i < plan->n_dropped; i++)
        printf("  %-*s  %-*s  optimizer dropped: %s\n", c.key,
               plan->dropped[i].key, c.shape, "",
               mt_reason_text(plan->dropped[i].reason));
}

static void print_json_list(const struct mt_transfer *plan, bool optimizer)
{
    printf(",\"pairs\":[");
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_transfer_pair *p = &plan->pairs[i];

        printf("%s{\"key\":", i ? "," : "");
        mt_print_json_string(p->key);
        printf(",\"from\":");
        mt_print_json_string(source_key(p));
        if (optimizer) {
            printf(",\"optimizer\":\"%s\",\"reason\":",
                   p->reset ? "reset" : "moved");
            mt_print_json_string(reason_of(p).text);
        }
        printf("}");
    }
    printf("],\"dropped\":[");
    for (size_t i = 0; i < plan->n_dropped; i++) {
        printf("%s{\"key\":", i ? "," : "");
        mt_print_json_string(plan->dropped[i].key);
        printf(",\"reason\":");
        mt_print_json_string(mt_reason_text(plan->dropped[i].reason));
        printf("}");
    }
    printf("]");
}

static void print_json(const struct mt_call *call,
                       const struct mt_transfer *plan, const char *out,
                       size_t lost)
{
    printf("{\"event\":\"load\",\"path\":");
    mt_print_json_string(out);
    printf(",\"tensors\":%zu,\"missing\":%zu,\"unexpected\":%zu,\"lost\":%zu,"
           "\"optimizer\":%zu,\"progress\":%s",
           plan->n, plan->missing, plan->unexpected, lost, count_moved(plan),
           plan->progress ? "true" : "false");
    if (plan->n_recounted)
        printf(",\"recounted\":%zu", plan->n_recounted);
    if (plan->left) {
        printf(",\"progress_left\":");
        mt_print_json_string(plan->left);
    }
    print_json_list(plan, given(call, "with-optimizer"));
    printf("}\n");
}

/* s is NULL unless the position moves. */
static void print_position(const struct mt_transfer *plan,
                           const struct mt_session *s)
{
    if (!plan->progress)
        printf(", position is step 0");
    else
        printf(", position too");
    if (plan->left && !plan->unfit) /* else it was a warning */
        printf(" (left: %s)", plan->left);
    if (plan->progress && mt_session_at(s).step > mt_session_total_steps(s))
        printf(": step %llu, beyond the model's total of %llu (resume needs "
               "--steps or --epochs)",
               (unsigned long long)mt_session_at(s).step,
               (unsigned long long)mt_session_total_steps(s));
}

static void print_done(const struct mt_call *call,
                       const struct mt_transfer *plan,
                       const struct mt_session *s, const char *out, size_t lost)
{
    if (call->json)
        print_json(call, plan, out, lost);
    if (call->json || call->quiet)
        return;
    printf("%s: %s loaded", out, mt_count(plan->n, "tensor").text);
    if (plan->missing || plan->unexpected)
        printf(", %zu missing and %zu unexpected ignored", plan->missing,
               plan->unexpected);
    if (plan->n_recounted)
        printf(", num_batches_tracked of %s set to 0 (the state has none)",
               mt_count(plan->n_recounted, "layer").text);
    if (lost)
        printf(", %s of the state lost to damage",
               mt_count(lost, "array").text);
    if (given(call, "with-optimizer")) {
        printf(", optimizer state of %zu moved", count_moved(plan));
        print_position(plan, s);
    }
    printf("\n");
}

struct losses {
    const struct mt_call *call;
    mt_status status; /* not MT_OK with --strict */
    struct mt_err *err;
};

static void note(void *ctx, bool damage, const char *what)
{
    struct losses *l = ctx;

    if (!damage) {
        mt_report(l->call, "%s", what);
        return;
    }
    if (l->status != MT_OK)
        mt_report_error(l->err); /* the previous one */
    l->status = mt_warn(l->call, NULL, "damage", l->err, "%s", what);
}

/* --- the position ------------------------------------------------------- */

/* A position that a resume would refuse is left, with a warning. */
static mt_status check_position(const struct mt_call *call,
                                struct mt_opened *target,
                                const struct mt_bundle *source,
                                struct mt_transfer *plan, struct mt_err *err)
{
    struct mt_open_request request = model_request(call);
    struct mt_err why = MT_ERR_INIT;
    mt_status status;

    if (!plan->progress)
        return MT_OK;
    status = mt_open_session(&request, target, &why);
    if (status == MT_OK) {
        status = mt_transfer_check_position(plan, source, target->session, err);
    } else if (status == MT_NO_MEMORY) {
        return mt_fail_memory(err); /* not a fault of the position */
    } else {
        plan->unfit = true;
        status = mt_transfer_leave_position(plan, why.text, err);
    }
    if (status == MT_OK && plan->unfit)
        status =
            mt_warn(call, NULL, "state", err,
                    "%s: the position is not loaded, training starts at step "
                    "0: %s",
                    call->args[1], plan->left);
    return status;
}

/* --- loading ------------------------------------------------------------ */

static mt_status load(const struct mt_call *call, const char *out,
                      const struct mt_transfer_options *options,
                      struct mt_opened *target, const struct mt_bundle *source,
                      struct mt_transfer_advice *advice, struct mt_err *err)
{
    bool dry = given(call, "dry-run");
    struct mt_transfer plan;
    struct mt_bundle result = MT_BUNDLE_INIT;
    mt_status status;

    if (!mt_bundle_find(&target->bundle, MT_NAME_SPEC))
        return mt_fail(err, MT_INVALID,
                       "%s: is neither a spec nor a checkpoint", call->args[0]);
    if (mt_transfer_plan(&target->bundle, source, options, call->team, &plan,
                         advice, err) != MT_OK)
        return mt_context(err, "%s", call->args[1]);
    status = check_position(call, target, source, &plan, err);
    if (status == MT_OK)
        status =
            mt_transfer_apply(&plan, &target->bundle, source, call->team,
                              &result, err);
    if (status == MT_OK && !dry)
        status = mt_bundle_write(&result, out, call->team, NULL, err);
    if (status == MT_OK) {
        print_table(call, &plan, &target->bundle);
        print_done(call, &plan, target->session, dry ? "dry run" : out,
                   source->lost);
    }
    mt_bundle_free(&result);
    mt_transfer_free(&plan);
    return status;
}

static mt_status open_source(const struct mt_call *call, struct mt_bundle *out,
                             struct mt_err *err)
{
    struct mt_err lost = MT_ERR_INIT;
    struct losses l = { call, MT_OK, &lost };
    struct mt_state_options options = mt_state_options(call);
    mt_status status;

    options.salvage = given(call, "salvage");
    options.note = note;
    options.ctx = &l;
    status = mt_open_state(call->args[1], mt_option(call, "data-dir"), &options,
                           call->team, out, err);

    if (status == MT_DAMAGED && options.salvage)
        return mt_context(err, "nothing can be salvaged: the names of the "
                               "tensors are lost");
    if (status == MT_OK && l.status != MT_OK)
        *err = lost;
    return status == MT_OK ? l.status : status;
}

/* Loads a state whose weights may have to be computed first. */
static mt_status fold_and_load(const struct mt_call *call, const char *out,
                               const struct mt_transfer_options *options,
                               struct mt_opened *target,
                               const struct mt_bundle *source,
                               struct mt_transfer_advice *advice,
                               struct mt_err *err)
{
    struct mt_bundle folded;
    size_t n;
    mt_status status =
        mt_weight_norm_fold(source, call->team, &folded, &n, err);

    if (status != MT_OK)
        return status;
    if (n)
        mt_report(call, "%s: weight norm: %s computed as g v / |v|",
                  call->args[1], mt_count(n, "weight").text);
    status = load(call, out, options, target, n ? &folded : source, advice, err);
    mt_bundle_free(&folded);
    return status;
}

static mt_status open_and_load(const struct mt_call *call, const char *out,
                               const struct mt_transfer_options *options,
                               struct mt_transfer_advice *advice,
                               struct mt_err *err)
{
    struct mt_open_request request = model_request(call);
    struct mt_opened target = { .bundle = MT_BUNDLE_INIT };
    struct mt_bundle source = MT_BUNDLE_INIT;
    struct mt_lock *lock = NULL;
    mt_status status = out && !given(call, "dry-run")
                           ? mt_replace_claim(out, call->force, &lock, err)
                           : MT_OK;

    if (status == MT_OK)
        status = mt_open_model(&request, &target, err);
    if (status == MT_OK)
        status = open_source(call, &source, err);
    if (status == MT_OK)
        status = fold_and_load(call, out, options, &target, &source, advice,
                               err);
    mt_bundle_free(&source);
    mt_opened_close(&target);
    mt_lock_release(lock);
    return status;
}

static int load_run(struct mt_call *call)
{
    const char *out = mt_option(call, "output");
    struct maps maps = { .arena = MT_ARENA_INIT };
    struct mt_transfer_advice advice = { 0 };
    struct mt_err err = MT_ERR_INIT;
    int code;

    if (!out && !given(call, "dry-run"))
        return mt_report_usage(call, "needs -o OUT.mtc");
    if (given(call, "no-position") && !given(call, "with-optimizer"))
        return mt_report_usage(call, "--no-position is for --with-optimizer: "
                                     "without it no position is loaded");
    mt_status status = read_maps(call, &maps, &err);

    if (status == MT_INVALID) {
        mt_arena_free(&maps.arena);
        return mt_report_usage(call, "%s", err.text);
    }
    struct mt_transfer_options options = {
        .map = maps.list,
        .n_map = maps.n,
        .strip_prefix = mt_option(call, "strip-prefix"),
        .only = mt_option_all(call, "only"),
        .except = mt_option_all(call, "except"),
        .transpose = mt_option_all(call, "transpose"),
        .partial = given(call, "partial") || given(call, "salvage"),
        .optimizer = given(call, "with-optimizer"),
        .no_position = given(call, "no-position"),
    };

    if (status == MT_OK)
        status = open_and_load(call, out, &options, &advice, &err);
    code = status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
    if (status == MT_MISMATCH)
        print_command(call, &advice);
    mt_transfer_advice_free(&advice);
    mt_arena_free(&maps.arena);
    return code;
}

static const struct mt_option load_options[] = {
    { "output", 'o', "FILE", "the checkpoint to write" },
    { "partial", 0, NULL, "tolerate missing and unexpected names" },
    { "only", 0, "GLOB", "only tensors of the model whose names match" },
    { "except", 0, "GLOB", "all tensors of the model but those" },
    { "map", 0, "OLD=NEW",
      "rename; globs: each * of NEW, or \\1, is what OLD's "
      "took" },
    { "transpose", 0, "GLOB",
      "swap the last two dimensions of tensors of the model whose names "
      "match" },
    { "strip-prefix", 0, "P", "remove the prefix P from the state's names" },
    { "with-optimizer", 0, NULL, "load each tensor's moments and step, too" },
    { "no-position", 0, NULL,
      "with --with-optimizer: the moments, but start at step 0" },
    { "salvage", 0, NULL,
      "load what is undamaged in a damaged STATE (--partial)" },
    MT_STATE_OPTIONS,
    { "dry-run", 0, NULL, "only report what would be done" },
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
        "are listed, with a command\nthat would work, and nothing is written. "
        "--map, --only and --except may be given\nseveral times. With "
        "--with-optimizer and nothing left out, training continues from\nOUT as "
        "if it had never stopped.",
    .examples =
        "mtrain load digits.json digits.mtc -o b.mtc\n"
        "mtrain load digits.json digits.mtc -o c.mtc --partial --only 'fc1.*'",
    .run = load_run,
};
