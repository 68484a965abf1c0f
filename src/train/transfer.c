#include "train/transfer.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "optim/optimizer.h"
#include "train/state.h"

/* What does not fit, gathered so that it can be told at once. */
struct problems {
    struct mt_strbuf text;
    size_t missing, unexpected, shapes;
};

enum { MAX_TOLD = 12 };

static const char *key_of(const struct mt_array *a)
{
    return strchr(a->name, '/') + 1;
}

static bool is_model(const struct mt_array *a)
{
    return mt_in_section(a->name, "model");
}

/* The target's name for a tensor of the source; NULL if it stays out. */
static const char *target_name(const struct mt_array *a,
                               const struct mt_transfer_options *o,
                               struct mt_arena *arena)
{
    const char *key = key_of(a);
    size_t n = o->strip_prefix ? strlen(o->strip_prefix) : 0;

    if (n && strncmp(key, o->strip_prefix, n) == 0)
        key += n;
    for (size_t i = 0; i < o->n_map; i++) {
        const char *renamed = mt_rename_apply(&o->map[i], key, arena);

        if (renamed)
            return renamed;
    }
    return key;
}

static bool selected(const char *key, const struct mt_transfer_options *o)
{
    return !o->only || fnmatch(o->only, key, 0) == 0;
}

static const struct mt_array *find_model(const struct mt_bundle *b,
                                         const char *key)
{
    for (size_t i = 0; i < b->n; i++) {
        if (is_model(&b->arrays[i]) && strcmp(key_of(&b->arrays[i]), key) == 0)
            return &b->arrays[i];
    }
    return NULL;
}

/* --- messages ----------------------------------------------------------- */

static void tell(struct problems *p, size_t *count, const char *line)
{
    if ((*count)++ < MAX_TOLD)
        mt_strbuf_printf(&p->text, "\n  %s", line);
}

/* The target's key of the same shape whose name is nearest. */
static const char *suggest(const struct mt_bundle *target,
                           const struct mt_array *a, const char *key)
{
    const char *names[256];
    size_t n = 0;

    for (size_t i = 0; i < target->n && n < 256; i++) {
        const struct mt_array *t = &target->arrays[i];

        if (is_model(t) && mt_shape_equal(&t->shape, &a->shape))
            names[n++] = key_of(t);
    }
    return mt_nearest(key, names, n);
}

static void tell_unexpected(struct problems *p, const struct mt_bundle *target,
                            const struct mt_array *a, const char *key)
{
    const char *near = suggest(target, a, key);
    char line[2560];

    snprintf(line, sizeof line, "unexpected: %s %s%s%s%s", key,
             mt_shape_text(&a->shape).text, near ? " (nearest: " : "",
             near ? near : "", near ? ")" : "");
    tell(p, &p->unexpected, line);
}

static void tell_shape(struct problems *p, const struct mt_array *from,
                       const struct mt_array *to, const char *key)
{
    char line[2560];

    snprintf(line, sizeof line, "shape: %s is %s in the state, %s in the model",
             key, mt_shape_text(&from->shape).text,
             mt_shape_text(&to->shape).text);
    tell(p, &p->shapes, line);
}

static void tell_missing(struct problems *p, const struct mt_array *to)
{
    char line[2560];

    snprintf(line, sizeof line, "missing: %s %s", key_of(to),
             mt_shape_text(&to->shape).text);
    tell(p, &p->missing, line);
}

/* Is there a prefix "x." that all model names of the source have, and that
 * makes one of them a name of the target? */
static const char *common_prefix(const struct mt_bundle *target,
                                 const struct mt_bundle *source,
                                 struct mt_arena *arena)
{
    const char *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];

        if (!is_model(a))
            continue;
        if (!first) {
            first = key_of(a);
            n = strcspn(first, ".");
            if (!first[n++])
                return NULL;
        } else if (strncmp(first, key_of(a), n) != 0) {
            return NULL;
        }
    }
    if (!first || !find_model(target, first + n) || find_model(target, first))
        return NULL;
    return mt_arena_strndup(arena, first, n);
}

static mt_status fail(const struct problems *p, const char *prefix,
                      struct mt_err *err)
{
    struct mt_strbuf help = MT_STRBUF_INIT;
    size_t told = p->missing + p->unexpected + p->shapes;

    if (prefix)
        mt_strbuf_printf(&help, "\nall names start with \"%s\": add "
                         "--strip-prefix %s", prefix, prefix);
    else if (!p->shapes)
        mt_strbuf_puts(&help, "\nto load what fits and leave the rest, add "
                       "--partial; to rename, --map OLD=NEW");
    mt_fail(err, MT_MISMATCH,
            "the state does not fit the model: %zu missing, %zu unexpected, "
            "%zu of another shape (%zu in all)%s%s", p->missing, p->unexpected,
            p->shapes, told, p->text.text ? p->text.text : "",
            help.text ? help.text : "");
    mt_strbuf_free(&help);
    return MT_MISMATCH;
}

/* --- planning ----------------------------------------------------------- */

static bool is_float(const struct mt_array *a)
{
    return a->dtype == MT_F32 || a->dtype == MT_F64 || a->dtype == MT_F16 ||
           a->dtype == MT_BF16;
}

/* A one-element vector may fill a scalar: some writers know no scalars. */
static bool fits(const struct mt_array *from, const struct mt_array *to)
{
    bool one = to->shape.rank == 0 && from->shape.rank == 1 &&
               from->shape.dim[0] == 1;

    return (one || mt_shape_equal(&from->shape, &to->shape)) &&
           (from->dtype == to->dtype || (to->dtype == MT_F32 &&
                                         is_float(from)));
}

static bool is_paired(const struct mt_transfer *t, const struct mt_array *to)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->pairs[i].to == to)
            return true;
    }
    return false;
}

/* A tied tensor may come under both names, if they agree. */
static mt_status check_tied(const struct mt_bundle *source,
                            const struct mt_array *a, const char *key,
                            const char *tied,
                            const struct mt_transfer_options *o,
                            struct mt_transfer *out, struct mt_err *err)
{
    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *b = &source->arrays[i];

        if (!is_model(b) || strcmp(target_name(b, o, &out->arena), tied) != 0)
            continue;
        if (a->dtype == b->dtype && mt_shape_equal(&a->shape, &b->shape) &&
            memcmp(a->data, b->data, mt_array_bytes(a)) == 0)
            return MT_OK;
        break;
    }
    return mt_fail(err, MT_MISMATCH,
                   "\"%s\" is tied to \"%s\" in the model, but the state's "
                   "two tensors do not agree", key, tied);
}

/* The target's ties, {"tied name": "name"}, or NULL. */
static const cJSON *find_ties(const struct mt_json *doc)
{
    const cJSON *model = mt_json_get(mt_json_root(doc), "model");

    return model ? mt_json_get(model, "tie") : NULL;
}

static mt_status pair(const struct mt_bundle *target, const cJSON *ties,
                      const struct mt_bundle *source, const struct mt_array *a,
                      const struct mt_transfer_options *o,
                      struct mt_transfer *out, struct problems *p,
                      struct mt_err *err)
{
    const char *key = target_name(a, o, &out->arena);
    const struct mt_array *to = find_model(target, key);
    const cJSON *tied = ties && !to ? mt_json_get(ties, key) : NULL;

    if (!selected(key, o))
        return MT_OK;
    if (tied && cJSON_IsString(tied))
        return check_tied(source, a, key, tied->valuestring, o, out, err);
    if (!to) {
        tell_unexpected(p, target, a, key);
        return MT_OK;
    }
    if (is_paired(out, to))
        return mt_fail(err, MT_MISMATCH,
                       "two tensors of the state become \"%s\"", key);
    if (!fits(a, to))
        tell_shape(p, a, to, key);
    else
        out->pairs[out->n++] = (struct mt_transfer_pair){ .from = a, .to = to,
                                                          .key = key };
    return MT_OK;
}

/* Does some tensor of the source have this name, whatever its shape? */
static bool is_named(const struct mt_bundle *source,
                     const struct mt_array *to,
                     const struct mt_transfer_options *o,
                     struct mt_arena *arena)
{
    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];

        if (is_model(a) && strcmp(target_name(a, o, arena), key_of(to)) == 0)
            return true;
    }
    return false;
}

static size_t count_model(const struct mt_bundle *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += is_model(&b->arrays[i]);
    return n;
}

/* Does `b` hold the optimizer's step of this tensor? */
static const struct mt_array *find_step(const struct mt_bundle *b,
                                        const char *key)
{
    char name[2048];

    snprintf(name, sizeof name, "optimizer/step.%s", key);
    return mt_bundle_find(b, name);
}

/* Is name the optimizer state "SLOT.key" of this tensor? */
static bool is_state_of(const char *name, const char *key)
{
    const char *dot;

    if (!mt_in_section(name, "optimizer"))
        return false;
    dot = strchr(name, '.');
    return dot && strcmp(dot + 1, key) == 0;
}

/* The target's optimizer, bound to its tensors' names and shapes only: it
 * knows which slots each tensor has. */
struct receiver {
    struct mt_json *doc;
    struct mt_store store;
    struct mt_optimizer *optimizer;
};

static void close_receiver(struct receiver *r)
{
    mt_optimizer_free(r->optimizer);
    mt_store_free(&r->store);
    if (r->doc)
        mt_json_free(r->doc);
}

static mt_status open_receiver(const struct mt_bundle *target,
                               struct receiver *r, struct mt_err *err)
{
    *r = (struct receiver){ .store = MT_STORE_INIT };
    if (mt_state_spec(target, "spec", &r->doc, err) != MT_OK)
        return err->status;
    for (size_t i = 0; i < target->n; i++) {
        const struct mt_array *a = &target->arrays[i];

        if (is_model(a) && !mt_store_add(&r->store, key_of(a), a->dtype,
                                         &a->shape, a->dtype != MT_F32))
            return mt_fail_memory(err);
    }
    const cJSON *root = mt_json_root(r->doc);
    struct mt_scheduler *scheduler;

    if (mt_optimizer_new(r->doc, mt_json_get(root, "optimizer"), &r->store,
                         &r->optimizer, err) != MT_OK ||
        mt_scheduler_new(r->doc, mt_json_get(root, "scheduler"),
                         &r->store.arena, &scheduler, err) != MT_OK)
        return err->status;
    return mt_optimizer_follow(r->optimizer, scheduler, err);
}

static size_t tensor_index(const struct receiver *r, const char *key)
{
    size_t i = 0;

    while (strcmp(r->store.tensors[i]->name, key) != 0)
        i++;
    return i;
}

/* Are the source's slots of this tensor just those that the target's
 * optimizer keeps for it? */
static bool slots_fit(const struct receiver *r, const struct mt_bundle *source,
                      const struct mt_transfer_pair *p)
{
    const struct mt_optimizer *o = r->optimizer;
    size_t tensor = tensor_index(r, p->key), there = 0, found = 0;

    for (size_t i = 0; i < source->n; i++)
        there += is_state_of(source->arrays[i].name, key_of(p->from));
    for (size_t i = 0; i < o->n_slots; i++) {
        char name[2048];
        const struct mt_array *a;

        if (!mt_optimizer_slot(o, i, tensor))
            continue;
        snprintf(name, sizeof name, "optimizer/%s.%s", o->type->slots[i],
                 key_of(p->from));
        a = mt_bundle_find(source, name);
        if (!a || a->dtype != MT_F32 ||
            !mt_shape_equal(&a->shape, &p->to->shape))
            return false;
        found++;
    }
    return found > 0 && found + 1 == there; /* and the step */
}

/* Moments move by the source's name. Where nothing is left out, the position
 * moves along, so that training goes on as if it had never stopped. */
static mt_status plan_optimizer(const struct mt_bundle *target,
                                const struct mt_bundle *source,
                                const struct mt_transfer_options *o,
                                struct mt_transfer *t, struct mt_err *err)
{
    struct receiver r;
    size_t refused = 0;

    for (size_t i = 0; i < t->n; i++) {
        t->pairs[i].optimizer = MT_RESET;
        t->pairs[i].reason = "not asked for";
    }
    if (!o->optimizer)
        return MT_OK;
    mt_status status = open_receiver(target, &r, err);

    for (size_t i = 0; i < t->n && status == MT_OK; i++) {
        struct mt_transfer_pair *p = &t->pairs[i];

        p->reason = "the state has none for it";
        if (!find_step(source, key_of(p->from)))
            continue;
        p->reason = "it is of another optimizer";
        if (slots_fit(&r, source, p))
            p->optimizer = MT_MOVED;
        else
            refused++;
    }
    t->progress = !t->missing && !t->unexpected && !refused && !o->only &&
                  mt_bundle_find(source, "progress/step") != NULL;
    if (status == MT_OK && refused && !o->partial)
        status = mt_fail(err, MT_MISMATCH,
                         "the optimizer state of %zu tensors is not that of "
                         "the model's optimizer, %s: load without "
                         "--with-optimizer, or with --partial to move what "
                         "fits", refused, r.optimizer->type->name);
    close_receiver(&r);
    return status;
}

mt_status mt_transfer_plan(const struct mt_bundle *target,
                           const struct mt_bundle *source,
                           const struct mt_transfer_options *o,
                           struct mt_transfer *out, struct mt_err *err)
{
    struct problems p = { MT_STRBUF_INIT, 0, 0, 0 };
    struct mt_json *doc = NULL;
    mt_status status;

    *out = (struct mt_transfer){ 0 };
    out->pairs = mt_arena_calloc(&out->arena, count_model(source) + 1,
                                 sizeof *out->pairs);
    if (!out->pairs)
        return mt_fail_memory(err);
    status = mt_state_spec(target, "spec", &doc, err);
    for (size_t i = 0; i < source->n && status == MT_OK; i++) {
        if (is_model(&source->arrays[i]))
            status = pair(target, find_ties(doc), source, &source->arrays[i], o, out, &p, err);
    }
    for (size_t i = 0; i < target->n && status == MT_OK; i++) {
        const struct mt_array *to = &target->arrays[i];

        if (is_model(to) && selected(key_of(to), o) && !is_paired(out, to) &&
            !is_named(source, to, o, &out->arena))
            tell_missing(&p, to);
    }
    out->missing = p.missing;
    out->unexpected = p.unexpected;
    if (status == MT_OK &&
        (p.shapes || (!o->partial && (p.missing || p.unexpected))))
        status = fail(&p, common_prefix(target, source, &out->arena), err);
    if (status == MT_OK && out->n == 0)
        status = mt_fail(err, MT_MISMATCH,
                         "no tensor of the state matches one of the model: "
                         "nothing to load%s", p.text.text ? p.text.text : "");
    mt_strbuf_free(&p.text);
    if (doc)
        mt_json_free(doc);
    if (status == MT_OK)
        status = plan_optimizer(target, source, o, out, err);
    if (status != MT_OK)
        mt_transfer_free(out);
    return status;
}

void mt_transfer_free(struct mt_transfer *t)
{
    mt_arena_free(&t->arena);
    *t = (struct mt_transfer){ 0 };
}

/* --- applying ----------------------------------------------------------- */

static void add_moved(const struct mt_transfer_pair *p, struct mt_bundle *out)
{
    const void *data = p->from->data;

    if (p->from->dtype != p->to->dtype) {
        float *converted = mt_arena_calloc(&out->arena,
                                           mt_shape_elements(&p->to->shape) + 1,
                                           sizeof *converted);

        if (!converted) {
            out->failed = true;
            return;
        }
        for (size_t i = 0; i < mt_shape_elements(&p->to->shape); i++)
            converted[i] = (float)mt_array_value(p->from, i);
        data = converted;
    }
    mt_bundle_add(out, p->to->name, p->to->dtype, &p->to->shape, data);
}

static const struct mt_transfer_pair *pair_of(const struct mt_transfer *plan,
                                              const struct mt_array *to)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->pairs[i].to == to)
            return &plan->pairs[i];
    }
    return NULL;
}

static void add_state(const struct mt_transfer_pair *p,
                      const struct mt_bundle *source, struct mt_bundle *out)
{
    const char *old = key_of(p->from);

    for (size_t i = 0; i < source->n; i++) {
        const struct mt_array *a = &source->arrays[i];
        char name[2048];

        if (!is_state_of(a->name, old))
            continue;
        snprintf(name, sizeof name, "%.*s.%s",
                 (int)(strchr(a->name, '.') - a->name), a->name, p->key);
        mt_bundle_add(out, name, a->dtype, &a->shape, a->data);
    }
}

static void add_section(const struct mt_bundle *from, const char *section,
                        struct mt_bundle *out)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];

        if (mt_in_section(a->name, section))
            mt_bundle_add(out, a->name, a->dtype, &a->shape, a->data);
    }
}

mt_status mt_transfer_apply(const struct mt_transfer *plan,
                            const struct mt_bundle *target,
                            const struct mt_bundle *source,
                            struct mt_bundle *out, struct mt_err *err)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    add_section(target, "spec", out);
    for (size_t i = 0; i < target->n; i++) {
        const struct mt_array *to = &target->arrays[i];
        const struct mt_transfer_pair *p = pair_of(plan, to);

        if (p)
            add_moved(p, out);
        else if (is_model(to))
            mt_bundle_add(out, to->name, to->dtype, &to->shape, to->data);
    }
    for (size_t i = 0; i < target->n; i++) {
        const struct mt_transfer_pair *p = pair_of(plan, &target->arrays[i]);

        if (p && p->optimizer == MT_MOVED)
            add_state(p, source, out);
    }
    if (plan->progress)
        add_section(source, "progress", out);
    else
        mt_state_add_start(out);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}
