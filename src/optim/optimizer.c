#include "optim/optim_internal.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/globs.h"
#include "base/size.h"

static const struct mt_optimizer_type *const types[] = {
#define X(name) &mt_optimizer_##name,
    MT_OPTIMIZERS(X)
#undef X
    NULL,
};

enum { PAD = 16 };

/* --- reading the spec --------------------------------------------------- */

struct optimizer_args {
    const struct mt_item *groups;
};

static const struct mt_key optimizer_keys[] = {
    { "groups", MT_KEY_JSON, offsetof(struct optimizer_args, groups),
      .doc = "list of {\"params\": GLOB, option: value, ...}: other options "
             "for the parameters that match; the first match wins",
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"object\"}" },
    { .name = NULL },
};

static const struct mt_key group_keys[] = {
    { "params", MT_KEY_STRINGS, offsetof(struct mt_group, params),
      .flags = MT_KEY_REQUIRED, .doc = "globs of parameter names" },
    { .name = NULL },
};

static const struct mt_type *type_at(size_t i)
{
    return types[i] ? &types[i]->type : NULL;
}

/* The groups of an optimizer have its own keys. */
static void add_schema(const struct mt_type *type, struct mt_strbuf *out)
{
    mt_strbuf_printf(out, ",\"allOf\":[{\"properties\":{\"groups\":{\"items\":"
                     "{\"$ref\":\"#/$defs/group.%s\"}}}}]",
                     type->name);
}

const struct mt_kind mt_optimizer_kind = {
    .name = "optimizer",
    .what = "optimizer",
    .at = type_at,
    .common = optimizer_keys,
    .schema = add_schema,
};

const struct mt_kind mt_group_kind = {
    .name = "group",
    .what = "group of parameters",
    .at = type_at,
    .common = group_keys,
    .untyped = true,
};

static mt_status check(const struct mt_optimizer *o, const void *args,
                       const struct mt_json *doc, const struct mt_item *object,
                       struct mt_err *err)
{
    return o->type->check ? o->type->check(args, doc, object, err) : MT_OK;
}

static mt_status read_group(struct mt_optimizer *o, const struct mt_json *doc,
                            const struct mt_item *object, const void *base,
                            struct mt_group *group, struct mt_err *err)
{
    mt_status status;

    group->args = mt_arena_alloc(&o->arena, o->type->args_size);
    if (!group->args)
        return mt_fail_memory(err);
    memcpy(group->args, base, o->type->args_size);
    status = mt_kind_override(&mt_group_kind, &o->type->type, doc, object,
                              group, group->args, &o->arena, err);
    return status == MT_OK ? check(o, group->args, doc, object, err) : status;
}

/* base: the optimizer's own options, those of the default group. */
static mt_status read_groups(struct mt_optimizer *o, const struct mt_json *doc,
                             const struct mt_item *list, void *base,
                             struct mt_err *err)
{
    const struct mt_item *item = list ? list->child : NULL;
    mt_status status = MT_OK;
    size_t n = mt_item_count(list);

    if (list && !mt_is_list(list))
        return mt_json_fail(doc, list, err, "expected a list, got %s",
                            mt_json_text(list).text);
    o->groups = mt_arena_calloc(&o->arena, n + 1, sizeof *o->groups);
    if (!o->groups)
        return mt_fail_memory(err);
    o->n_groups = n + 1;
    o->groups[n].args = base;
    for (size_t i = 0; i < n && status == MT_OK; i++, item = item->next)
        status = read_group(o, doc, item, base, &o->groups[i], err);
    return status;
}

mt_status mt_optim_check_betas(const struct mt_reals *betas,
                               const struct mt_json *doc,
                               const struct mt_item *object, struct mt_err *err)
{
    if (betas->n != 2)
        return mt_json_fail(doc, mt_json_get(object, "betas"), err,
                            "expected two numbers, got %zu", betas->n);
    return MT_OK;
}

/* --- binding ------------------------------------------------------------ */

/* Does the glob match a parameter? */
static bool is_found(const struct mt_store *store, const char *glob)
{
    const struct mt_tensor *t = mt_store_find(store, glob);

    if (mt_glob_is_plain(glob))
        return t && !t->buffer;
    for (size_t i = 0; i < store->n; i++) {
        if (!store->tensors[i]->buffer &&
            fnmatch(glob, store->tensors[i]->name, 0) == 0)
            return true;
    }
    return false;
}

static mt_status check_globs(const struct mt_optimizer *o,
                             const struct mt_json *doc, const struct mt_item *list,
                             struct mt_err *err)
{
    const struct mt_item *item = list ? list->child : NULL;

    for (size_t i = 0; i + 1 < o->n_groups; i++, item = item->next) {
        if (o->groups[i].params.n == 0)
            return mt_json_fail(doc, mt_json_get(item, "params"), err,
                                "expected at least one glob, got %s",
                                mt_json_text(mt_json_get(item, "params")).text);
        for (size_t k = 0; k < o->groups[i].params.n; k++) {
            const char *glob = o->groups[i].params.v[k];

            if (!is_found(o->store, glob))
                return mt_json_fail(doc, mt_json_get(item, "params"), err,
                                    "\"%s\" matches no parameter of the model",
                                    glob);
        }
    }
    return MT_OK;
}

bool mt_optim_has_slot(const struct mt_optimizer *o, size_t group, size_t i)
{
    return !o->type->has_slot ||
           o->type->has_slot(o->groups[group].args, o->cycled, i);
}

/* Does some group need slot i? */
static bool is_needed(const struct mt_optimizer *o, size_t i)
{
    bool needed = false;

    for (size_t g = 0; g < o->n_groups; g++)
        needed |= mt_optim_has_slot(o, g, i);
    return needed;
}

/* The size of slot i in floats. */
static size_t slot_floats(const struct mt_optimizer *o, size_t i)
{
    return mt_optimizer_is_product(o->type, i) ? o->store->n : o->store->flat;
}

size_t mt_optimizer_bytes(const struct mt_optimizer *o)
{
    size_t floats = 0;

    for (size_t i = 0; i < o->n_slots; i++)
        floats += is_needed(o, i) ? slot_floats(o, i) : 0;
    return floats * sizeof(float);
}

/* Allocates a slot's block, with its start value. */
static mt_status make_slot(struct mt_optimizer *o, size_t i, struct mt_err *err)
{
    o->slot[i] =
        mt_arena_calloc(&o->arena, slot_floats(o, i) + PAD, sizeof(float));
    if (!o->slot[i])
        return mt_fail_memory(err);
    for (size_t t = 0; o->type->start && t < o->store->n; t++) {
        float start = o->type->start(o->groups[o->group_of[t]].args, i);
        float *values = mt_optimizer_slot(o, i, t);
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, t);
        size_t n = values ? mt_shape_elements(&shape) : 0;

        for (size_t k = 0; k < n; k++)
            values[k] = start;
    }
    return MT_OK;
}

mt_status mt_optimizer_allocate(struct mt_optimizer *o, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (o->store->memory != MT_MEMORY_TRAINING)
        return MT_OK;
    for (size_t i = 0; i < o->n_slots && status == MT_OK; i++) {
        if (is_needed(o, i) && !o->slot[i])
            status = make_slot(o, i, err);
    }
    return status;
}

/* The first group that matches; else the default one, which is the last. */
static mt_status assign_groups(struct mt_optimizer *o, struct mt_err *err)
{
    struct mt_globs globs = MT_GLOBS_INIT;
    size_t last = o->n_groups - 1;
    bool added = true;

    for (size_t i = 0; i < last; i++) {
        for (size_t k = 0; k < o->groups[i].params.n && added; k++)
            added = mt_globs_add(&globs, o->groups[i].params.v[k], i);
    }
    for (size_t t = 0; t < o->store->n && added; t++) {
        size_t i = mt_globs_find(&globs, o->store->tensors[t]->name);

        o->group_of[t] = i < last ? i : last;
    }
    mt_globs_free(&globs);
    return added ? MT_OK : mt_fail_memory(err);
}

static mt_status bind(struct mt_optimizer *o, struct mt_err *err)
{
    size_t n = o->store->n;
    mt_status status;

    o->group_of = mt_arena_calloc(&o->arena, n + 1, sizeof *o->group_of);
    o->step_of = mt_arena_calloc(&o->arena, n + 1, sizeof *o->step_of);
    o->segments = mt_arena_calloc(&o->arena, n + 1, sizeof *o->segments);
    o->segment_of = mt_arena_calloc(&o->arena, n + 1, sizeof *o->segment_of);
    o->seen = mt_arena_calloc(&o->arena, n + 1, sizeof *o->seen);
    if (!o->group_of || !o->step_of || !o->segments || !o->segment_of ||
        !o->seen)
        return mt_fail_memory(err);
    if ((status = assign_groups(o, err)) != MT_OK)
        return status;
    while (o->type->slots[o->n_slots])
        o->n_slots++;
    assert(o->n_slots <= MT_OPTIM_MAX_SLOTS &&
           o->type->step_size <= MT_OPTIM_STEP_SIZE);
    return mt_optimizer_allocate(o, err);
}

static mt_status read_spec(struct mt_optimizer *o, const struct mt_json *doc,
                           const struct mt_item *object, struct mt_err *err)
{
    const struct mt_type *type;
    struct optimizer_args args;
    void *base;
    mt_status status = mt_kind_read(&mt_optimizer_kind, doc, object, &args,
                                    &o->arena, &type, &base, err);

    if (status != MT_OK)
        return status;
    o->type = (const struct mt_optimizer_type *)type;
    status = check(o, base, doc, object, err);
    if (status == MT_OK)
        status = read_groups(o, doc, args.groups, base, err);
    if (status == MT_OK)
        status = check_globs(o, doc, args.groups, err);
    return status == MT_OK ? bind(o, err) : status;
}

mt_status mt_optimizer_new(const struct mt_json *doc, const struct mt_item *object,
                           struct mt_store *store, struct mt_optimizer **out,
                           struct mt_err *err)
{
    struct mt_optimizer *o = calloc(1, sizeof *o);
    mt_status status;

    if (!o)
        return mt_fail_memory(err);
    o->store = store;
    if ((status = read_spec(o, doc, object, err)) != MT_OK) {
        mt_optimizer_free(o);
        return status;
    }
    *out = o;
    return MT_OK;
}

void mt_optimizer_free(struct mt_optimizer *o)
{
    if (!o)
        return;
    mt_arena_free(&o->arena);
    free(o);
}

mt_status mt_optimizer_follow(struct mt_optimizer *o,
                              const struct mt_scheduler *scheduler,
                              struct mt_err *err)
{
    struct mt_scheduled none = { 1, 0 };
    double momentum = mt_optimizer_base(o, 0).momentum;

    o->cycled = mt_scheduler_at(scheduler, 0, none).momentum > 0;
    if (!o->cycled)
        return MT_OK;
    if (momentum != momentum)
        return mt_fail(err, MT_INVALID,
                       "scheduler: %s would change the momentum, but %s has "
                       "none; set cycle_momentum to false",
                       scheduler->type->name, o->type->type.name);
    return mt_optimizer_allocate(o, err);
}

struct mt_scheduled mt_optimizer_base(const struct mt_optimizer *o,
                                      size_t group)
{
    return o->type->base(o->groups[group].args);
}

bool mt_optimizer_owns(const struct mt_optimizer *o,
                       const struct mt_tensor *tensor)
{
    for (size_t t = 0; t < o->store->n; t++) {
        if (o->store->tensors[t] == tensor)
            return true;
    }
    return false;
}

/* --- state -------------------------------------------------------------- */

void mt_optimizer_sync(struct mt_optimizer *o)
{
    if (!o->segmented) /* step_of is newer than the segments */
        return;
    for (size_t i = 0; i < o->n_segments; i++) {
        const struct mt_segment *s = &o->segments[i];

        for (size_t t = s->first; t < s->end; t++) {
            float *product = mt_optim_product(o, t);

            if (o->store->tensors[t]->requires_grad)
                o->step_of[t] = s->step;
            if (product)
                *product = s->product;
        }
    }
}

float *mt_optimizer_slot(const struct mt_optimizer *o, size_t slot,
                         size_t tensor)
{
    const struct mt_tensor *t = o->store->tensors[tensor];

    if (!t->requires_grad || slot >= o->n_slots || !o->slot[slot] ||
        !mt_optim_has_slot(o, o->group_of[tensor], slot))
        return NULL;
    return o->slot[slot] +
           (mt_optimizer_is_product(o->type, slot) ? tensor : t->offset);
}

float *mt_optim_product(const struct mt_optimizer *o, size_t t)
{
    return o->type->factor ? mt_optimizer_slot(o, o->n_slots - 1, t) : NULL;
}

bool mt_optimizer_is_product(const struct mt_optimizer_type *type, size_t slot)
{
    return type->factor && !type->slots[slot + 1];
}

struct mt_shape mt_optimizer_slot_shape(const struct mt_optimizer *o,
                                        size_t slot, size_t tensor)
{
    return mt_optimizer_is_product(o->type, slot)
               ? (struct mt_shape){ .rank = 0 }
               : o->store->tensors[tensor]->shape;
}

bool mt_optimizer_has_slots(const struct mt_optimizer *o, size_t tensor)
{
    for (size_t i = 0; i < o->n_slots; i++) {
        if (mt_optimizer_slot(o, i, tensor))
            return true;
    }
    return false;
}

void mt_optimizer_restart(struct mt_optimizer *o)
{
    o->segmented = false;
}
