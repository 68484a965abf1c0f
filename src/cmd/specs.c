#include "cmd/specs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "ckpt/statefile.h"
#include "cmd/report.h"
#include "cmd/warn.h"
#include "train/datastate.h"
#include "train/ema.h"
#include "train/fit.h"
#include "train/grammar.h"
#include "train/state.h"
#include "train/traps.h"

bool mt_is_spec(const char *path)
{
    return mt_ends_with(path, ".json");
}

static bool is_state(const char *path)
{
    static const char *const endings[] = {
        ".safetensors", ".npz", ".npy", ".pt", ".pth", ".bin", ".ckpt"
    };

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (mt_ends_with(path, endings[i]))
            return true;
    }
    return false;
}

mt_status mt_hint_not_checkpoint(const char *path, struct mt_err *err)
{
    if (err->status != MT_INVALID)
        return err->status;
    if (mt_is_spec(path))
        return mt_hint(err, "it is a spec, of which 'mtrain train %s' makes a "
                            "checkpoint", path);
    if (is_state(path) && access(path, F_OK) == 0)
        return mt_hint(err, "a state file becomes one with 'mtrain load SPEC "
                            "%s -o OUT.mtc'", path);
    return err->status;
}

/* Fails for a file that was given as a spec but is not one. */
static mt_status hint_not_spec(const char *path, struct mt_err *err)
{
    struct mt_err ignored = MT_ERR_INIT;
    struct mt_ckpt *ckpt;

    if (access(path, F_OK) != 0)
        return mt_hint(err, "'mtrain init' lists specs to start from");
    if (mt_ends_with(path, ".csv") || mt_ends_with(path, ".tsv"))
        return mt_hint(err, "for a table, 'mtrain init csv --data %s' writes a "
                            "spec", path);
    if (mt_is_spec(path) || mt_ckpt_open(path, &ckpt, &ignored) != MT_OK)
        return err->status;
    mt_ckpt_close(ckpt);
    return mt_fail(err, MT_INVALID, "%s: is a checkpoint, expected a spec; to "
                   "go on with it: mtrain resume %s; its spec: mtrain show "
                   "--spec %s", path, path, path);
}

/* --- sessions ----------------------------------------------------------- */

void mt_opened_close(struct mt_opened *o)
{
    mt_session_close(o->session);
    if (o->doc)
        mt_json_free(o->doc);
    if (o->before)
        mt_json_free(o->before);
    mt_bundle_free(&o->bundle);
    *o = (struct mt_opened){ .bundle = MT_BUNDLE_INIT };
}

struct mt_samples_text mt_samples_text(const struct mt_session *s)
{
    size_t train = mt_session_samples(s, MT_SPLIT_TRAIN);
    size_t val = mt_session_samples(s, MT_SPLIT_VAL);
    size_t test = mt_session_samples(s, MT_SPLIT_TEST);
    struct mt_samples_text out;

    if (test)
        snprintf(out.text, sizeof out.text,
                 "%zu training, %zu validation and %zu test", train, val, test);
    else
        snprintf(out.text, sizeof out.text, "%zu training and %zu validation",
                 train, val);
    return out;
}

/* The same tree; places in messages are those of its canonical text. */
static mt_status copy_spec(const char *path, const struct mt_json *doc,
                           struct mt_json **out, struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    mt_status status;

    mt_json_print(mt_json_root(doc), &text);
    status = text.failed ? mt_fail_memory(err)
                         : mt_json_parse(path, text.text, text.len, out, err);
    mt_strbuf_free(&text);
    return status;
}

static mt_status override(const struct mt_open_request *r,
                          struct mt_opened *out, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (r->n_overrides)
        status = copy_spec(r->path, out->doc, &out->before, err);
    if (status == MT_OK)
        status = mt_json_override(out->doc, mt_spec_exclusive, r->overrides,
                                  r->n_overrides, err);
    return status;
}

static bool same_value(const struct mt_item *a, const struct mt_item *b)
{
    struct mt_strbuf x = MT_STRBUF_INIT, y = MT_STRBUF_INIT;
    bool same;

    if (!a || !b)
        return a == b;
    mt_json_print_compact(a, &x);
    mt_json_print_compact(b, &y);
    same = x.failed || y.failed || strcmp(x.text, y.text) == 0;
    mt_strbuf_free(&x);
    mt_strbuf_free(&y);
    return same;
}

/* Values are normalised as the checkpoint says, with its statistics: another
 * rule in the spec would be saved, but not applied. */
static mt_status check_fitted(const struct mt_opened *o, struct mt_err *err)
{
    static const char *const keys[] = { "normalize", "scale", "mean", "std" };
    const struct mt_item *now = mt_json_get(mt_json_root(o->doc), "data");
    const struct mt_item *then =
        o->before ? mt_json_get(mt_json_root(o->before), "data") : now;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct mt_item *was = mt_json_get(then, keys[i]);

        if (!same_value(was, mt_json_get(now, keys[i])))
            return mt_fail(err, MT_INVALID,
                           "data.%s: the model was trained %s%s; a new training "
                           "can change it", keys[i],
                           was ? "with " : "without it",
                           was ? mt_json_text(was).text : "");
    }
    return MT_OK;
}

/* The data files must be those of the run. */
static mt_status restore_all(const struct mt_open_request *r,
                             const struct mt_opened *o, struct mt_err *err)
{
    if (mt_data_state_check(&o->bundle, mt_session_data(o->session),
                            r->overrides, r->n_overrides, err) != MT_OK ||
        mt_state_restore(o->session, &o->bundle, err) != MT_OK)
        return mt_context(err, "%s", r->path);
    return MT_OK;
}

static mt_status restore_model(const struct mt_open_request *r,
                               const struct mt_opened *o, struct mt_err *err)
{
    struct mt_store *store = &mt_session_model(o->session)->store;
    bool any = true;

    if (mt_state_restore_model(store, &o->bundle, err) != MT_OK ||
        (r->mean && mt_ema_put(store, &o->bundle, &any, err) != MT_OK))
        return mt_context(err, "%s", r->path);
    return any ? MT_OK : mt_fail(err, MT_INVALID, MT_NO_MEAN, r->path);
}

static mt_status build(const struct mt_open_request *r, struct mt_opened *out,
                       struct mt_err *err)
{
    struct mt_session_request request = {
        .data_dir = r->data_dir,
        .team = r->team,
        .comm = r->comm,
        .from = &out->bundle,
        .purpose = r->purpose,
        .split = r->split,
        .memory = r->memory,
        .norms = r->norms,
    };
    mt_status status;

    if ((status = mt_state_spec(&out->bundle, r->path, &out->doc, err)) !=
            MT_OK ||
        (status = override(r, out, err)) != MT_OK ||
        (status = check_fitted(out, err)) != MT_OK)
        return status;
    request.doc = out->doc;
    if ((status = mt_session_open(&request, &out->session, err)) != MT_OK)
        return status;
    return r->purpose == MT_DATA_EVAL ? restore_model(r, out, err)
                                      : restore_all(r, out, err);
}

mt_status mt_open_checkpoint(const struct mt_open_request *r,
                             struct mt_opened *out, struct mt_err *err)
{
    mt_status status;

    *out = (struct mt_opened){ .bundle = MT_BUNDLE_INIT };
    if (mt_bundle_open(r->path, r->team, &out->bundle, err) != MT_OK)
        return mt_hint_not_checkpoint(r->path, err);
    status = build(r, out, err);
    if (status == MT_OK)
        status = mt_bundle_detach(&out->bundle, err);
    if (status != MT_OK)
        mt_opened_close(out);
    return status;
}

mt_status mt_open_spec(const struct mt_open_request *r, struct mt_opened *out,
                       struct mt_err *err)
{
    struct mt_session_request request = { .data_dir = r->data_dir,
                                          .team = r->team,
                                          .comm = r->comm,
                                          .ranks = r->ranks,
                                          .purpose = r->purpose,
                                          .memory = r->memory,
                                          .norms = r->norms };
    mt_status status;

    *out = (struct mt_opened){ .bundle = MT_BUNDLE_INIT };
    if (r->purpose == MT_DATA_CHECK)
        request.memory = MT_MEMORY_NONE;
    if (mt_json_read_file(r->path, &out->doc, err) != MT_OK)
        return hint_not_spec(r->path, err);
    status = override(r, out, err);
    request.doc = out->doc;
    if (status == MT_OK)
        status = mt_session_open(&request, &out->session, err);
    if (status == MT_OK && r->purpose != MT_DATA_CHECK &&
        r->memory != MT_MEMORY_NONE && !r->undrawn)
        status = mt_session_init(out->session, err);
    if (status != MT_OK)
        mt_opened_close(out);
    return status;
}

mt_status mt_opened_warn(const struct mt_call *call,
                         const struct mt_opened *opened, struct mt_events *e,
                         struct mt_err *err)
{
    const struct mt_session *s = opened->session;
    struct mt_warnings list = MT_WARNINGS_INIT;
    mt_status status;

    if (mt_session_data(s)->warning)
        mt_warnings_add(&list, "data", "%s", mt_session_data(s)->warning);
    if (mt_session_fit(s)->fits != MT_FITS)
        mt_warnings_add(&list, "memory", "%s", mt_session_fit(s)->text);
    mt_traps_find(s, opened->before, &list);
    status = mt_warn_all(call, e, &list, err);
    mt_warnings_free(&list);
    return status;
}

mt_status mt_open_model(const struct mt_open_request *r, struct mt_opened *out,
                        struct mt_err *err)
{
    mt_status status;

    struct mt_open_request values = *r;

    *out = (struct mt_opened){ .bundle = MT_BUNDLE_INIT };
    if (!mt_is_spec(r->path))
        return mt_bundle_open_state(r->path, NULL, r->team, &out->bundle, err);
    values.memory = MT_MEMORY_VALUES;
    status = mt_open_spec(&values, out, err);
    if (status == MT_OK)
        status = mt_state_save(out->session, &out->bundle, err);
    if (status != MT_OK)
        mt_opened_close(out);
    return status;
}

mt_status mt_open_session(const struct mt_open_request *r, struct mt_opened *o,
                          struct mt_err *err)
{
    struct mt_session_request request = {
        .data_dir = r->data_dir,
        .team = r->team,
        .comm = r->comm,
        .from = &o->bundle,
        .purpose = r->purpose,
        .memory = MT_MEMORY_NONE,
    };

    if (o->session)
        return MT_OK;
    mt_status status = mt_state_spec(&o->bundle, r->path, &o->doc, err);

    if (status != MT_OK)
        return status;
    request.doc = o->doc;
    return mt_session_open(&request, &o->session, err);
}

static void close_opened(void *opened)
{
    mt_opened_close(opened);
    free(opened);
}

/* The bundle's arrays are the session's, which it owns. */
static mt_status fresh_state(const struct mt_open_request *r,
                             struct mt_bundle *out, struct mt_err *err)
{
    struct mt_opened *opened = calloc(1, sizeof *opened);
    mt_status status;

    if (!opened)
        return mt_fail_memory(err);
    if ((status = mt_open_spec(r, opened, err)) != MT_OK) {
        free(opened);
        return status;
    }
    status = mt_state_save(opened->session, out, err);
    out->owner = opened;
    out->free_owner = close_opened;
    if (status != MT_OK)
        mt_bundle_free(out);
    return status;
}

static void note_state(void *call, bool damage, const char *what)
{
    (void)damage; /* only `load --salvage` accepts it */
    mt_report(call, "%s", what);
}

struct mt_state_options mt_state_options(const struct mt_call *call)
{
    return (struct mt_state_options){
        .entry = mt_option(call, "entry"),
        .skip_objects = mt_option(call, "skip-objects") != NULL,
        .note = note_state,
        .ctx = (void *)(uintptr_t)call,
    };
}

static mt_status open_state(const char *path, const char *data_dir,
                            const struct mt_state_options *options,
                            struct mt_team *team, enum mt_memory memory,
                            struct mt_bundle *out, struct mt_err *err)
{
    struct mt_open_request request = {
        .path = path, .data_dir = data_dir, .memory = memory, .team = team
    };

    if (mt_is_spec(path))
        return fresh_state(&request, out, err);
    return mt_bundle_open_state(path, options, team, out, err);
}

mt_status mt_open_state(const char *path, const char *data_dir,
                        const struct mt_state_options *options,
                        struct mt_team *team, struct mt_bundle *out,
                        struct mt_err *err)
{
    return open_state(path, data_dir, options, team, MT_MEMORY_VALUES, out,
                      err);
}

mt_status mt_list_state(const char *path, const char *data_dir,
                        const struct mt_state_options *options,
                        struct mt_team *team, struct mt_bundle *out,
                        struct mt_err *err)
{
    return open_state(path, data_dir, options, team, MT_MEMORY_NONE, out, err);
}
