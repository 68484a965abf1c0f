#include "optim/scheduler.h"

#include <assert.h>
#include <string.h>

#include "base/nearest.h"
#include "optim/sched_types.h"

const struct mt_scheduler_type *const mt_scheduler_types[] = {
    &mt_sched_constant,   &mt_sched_linear,        &mt_sched_step,
    &mt_sched_multi_step, &mt_sched_exponential,   &mt_sched_polynomial,
    &mt_sched_cosine,     &mt_sched_warm_restarts, &mt_sched_one_cycle,
    &mt_sched_plateau,    &mt_sched_sequential,    NULL,
};

enum { N_TYPES = sizeof mt_scheduler_types / sizeof *mt_scheduler_types - 1 };

/* No "scheduler" in the spec: the rate stays what the optimizer says. */
static struct mt_scheduled unchanged_at(const struct mt_scheduler *s,
                                        uint64_t t, struct mt_scheduled base)
{
    (void)s;
    (void)t;
    return mt_sched_lr(base.lr);
}

static const struct mt_scheduler_type no_schedule = {
    .name = "constant",
    .doc = "the learning rate of the optimizer, unchanged",
    .at = unchanged_at,
};

struct common {
    const char *type, *interval, *monitor;
};

static const char *const intervals[] = { "epoch", "step", NULL };

const struct mt_key mt_scheduler_keys[] = {
    { "type", MT_KEY_STRING, offsetof(struct common, type),
      .flags = MT_KEY_REQUIRED, .doc = "the kind of schedule" },
    { .name = NULL },
};

const struct mt_key mt_scheduler_interval_keys[] = {
    { "interval", MT_KEY_STRING, offsetof(struct common, interval),
      .def = "\"epoch\"", .choices = intervals,
      .doc = "when the schedule moves on: after each epoch or each step" },
    { .name = NULL },
};

const struct mt_key mt_scheduler_monitor_keys[] = {
    { "monitor", MT_KEY_STRING, offsetof(struct common, monitor),
      .def = "\"val_loss\"",
      .doc = "the value to watch, such as val_loss or val_accuracy" },
    { .name = NULL },
};

static mt_status unknown_type(const struct mt_json *doc, const struct mt_item *item,
                              struct mt_err *err)
{
    const char *names[N_TYPES];
    char known[512] = "";

    for (size_t i = 0; i < N_TYPES; i++) {
        names[i] = mt_scheduler_types[i]->name;
        strncat(known, i ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, names[i], sizeof known - strlen(known) - 1);
    }

    const char *near = mt_nearest(item->text, names, N_TYPES);

    if (near)
        return mt_json_fail(doc, item, err,
                            "unknown scheduler %s; did you mean \"%s\"?",
                            mt_json_text(item).text, near);
    return mt_json_fail(doc, item, err,
                        "unknown scheduler %s; expected one of %s",
                        mt_json_text(item).text, known);
}

static mt_status find_type(const struct mt_json *doc, const struct mt_item *object,
                           const struct mt_scheduler_type **out,
                           struct mt_err *err)
{
    if (!mt_is_object(object))
        return mt_json_fail(doc, object, err,
                            "expected an object with a \"type\", got %s",
                            mt_json_text(object).text);

    const struct mt_item *item = mt_json_get(object, "type");

    if (!item)
        return mt_json_fail(doc, object, err, "missing key \"type\"");
    if (!mt_is_string(item))
        return mt_json_fail(doc, item, err,
                            "expected the name of a scheduler, got %s",
                            mt_json_text(item).text);
    for (size_t i = 0; i < N_TYPES; i++) {
        if (!strcmp(mt_scheduler_types[i]->name, item->text)) {
            *out = mt_scheduler_types[i];
            return MT_OK;
        }
    }
    return unknown_type(doc, item, err);
}

static struct mt_scheduler *allocate(const struct mt_scheduler_type *type,
                                     struct mt_arena *arena)
{
    struct mt_scheduler *s = mt_arena_alloc(arena, sizeof *s);

    if (!s)
        return NULL;
    s->type = type;
    s->arena = arena;
    if (type->args_size) {
        s->args = mt_arena_alloc(arena, type->args_size);
        if (!s->args)
            return NULL;
    }
    if (type->state_count) {
        s->state = mt_arena_calloc(arena, type->state_count, sizeof *s->state);
        if (!s->state)
            return NULL;
    }
    return s;
}

/* Reads an object of a known type; the tables are the type's own first. */
static mt_status read_keys(const struct mt_json *doc, const struct mt_item *object,
                           struct mt_scheduler *s,
                           const struct mt_key *const *tables, size_t n_tables,
                           struct common *common, struct mt_err *err)
{
    mt_status status = mt_keys_check(doc, object, tables, n_tables, err);

    for (size_t i = 0; i < n_tables && status == MT_OK; i++)
        status = mt_keys_read(doc, object, tables[i],
                              i == 0 ? s->args : (void *)common, s->arena, err);
    if (status == MT_OK && s->type->prepare)
        status = s->type->prepare(s, doc, object, err);
    return status;
}

mt_status mt_scheduler_new(const struct mt_json *doc, const struct mt_item *object,
                           struct mt_arena *arena, struct mt_scheduler **out,
                           struct mt_err *err)
{
    const struct mt_scheduler_type *type = &no_schedule;
    bool absent = !object || mt_is_null(object);
    struct common common = { NULL, NULL, NULL };

    if (!absent) {
        mt_status status = find_type(doc, object, &type, err);

        if (status != MT_OK)
            return status;
    }

    struct mt_scheduler *s = allocate(type, arena);

    if (!s)
        return mt_fail_memory(err);
    if (!absent) {
        const struct mt_key *tables[] = { type->keys, mt_scheduler_keys,
                                          mt_scheduler_interval_keys,
                                          mt_scheduler_monitor_keys };
        mt_status status = read_keys(doc, object, s, tables,
                                     type->observe ? 4 : 3, &common, err);

        if (status != MT_OK)
            return status;
        s->per_step = !strcmp(common.interval, "step");
        s->monitor = common.monitor;
    }
    *out = s;
    return MT_OK;
}

/* Types that torch cannot or that nobody should chain, and why. */
static const struct {
    const struct mt_scheduler_type *type;
    const char *why;
} not_stages[] = {
    { &mt_sched_plateau, "it follows a watched value, not the step" },
    { &mt_sched_one_cycle, "it replaces the learning rate and momentum of the "
                           "optimizer, and brings its own warm-up" },
    { &mt_sched_sequential, "put its schedulers and milestones into this one" },
};

static const char *why_no_stage(const struct mt_scheduler_type *type)
{
    for (size_t i = 0; i < sizeof not_stages / sizeof *not_stages; i++) {
        if (type == not_stages[i].type)
            return not_stages[i].why;
    }
    return NULL;
}

bool mt_scheduler_is_stage(const struct mt_scheduler_type *type)
{
    return !why_no_stage(type);
}

mt_status mt_sched_read_stage(const struct mt_json *doc, const struct mt_item *object,
                              struct mt_arena *arena, struct mt_scheduler **out,
                              struct mt_err *err)
{
    const struct mt_scheduler_type *type;
    mt_status status = find_type(doc, object, &type, err);

    if (status != MT_OK)
        return status;
    if (why_no_stage(type))
        return mt_json_fail(doc, mt_json_get(object, "type"), err,
                            "%s cannot be part of a SequentialLR: %s",
                            type->name, why_no_stage(type));

    const struct mt_item *interval = mt_json_get(object, "interval");

    if (interval)
        return mt_json_fail(doc, interval, err,
                            "belongs to the SequentialLR as a whole, not to "
                            "one of its schedulers");

    struct mt_scheduler *s = allocate(type, arena);
    const struct mt_key *tables[] = { type->keys, mt_scheduler_keys };
    struct common common;

    if (!s)
        return mt_fail_memory(err);
    status = read_keys(doc, object, s, tables, 2, &common, err);
    if (status == MT_OK)
        *out = s;
    return status;
}

struct mt_scheduled mt_scheduler_at(const struct mt_scheduler *s, uint64_t t,
                                    struct mt_scheduled base)
{
    return s->type->at(s, t, base);
}

void mt_scheduler_observe(struct mt_scheduler *s, double value)
{
    if (s->type->observe)
        s->type->observe(s, value);
}

const struct mt_item *mt_sched_member(const struct mt_item *object, const char *key, size_t i)
{
    const struct mt_item *list = mt_json_get(object, key);

    if (!mt_is_list(list))
        return list;

    const struct mt_item *item = list->child;

    while (i-- && item)
        item = item->next;
    assert(item);
    return item;
}

mt_status mt_sched_check_steps(const struct mt_json *doc, const struct mt_item *object,
                               const char *key, const struct mt_reals *steps,
                               struct mt_err *err)
{
    for (size_t i = 0; i < steps->n; i++) {
        double v = steps->v[i];

        if (!(v >= 0 && v <= 0x1p53 && (double)(uint64_t)v == v)) {
            const struct mt_item *item = mt_sched_member(object, key, i);

            return mt_json_fail(doc, item, err,
                                "expected a whole number, got %s",
                                mt_json_text(item).text);
        }
    }
    return MT_OK;
}

size_t mt_sched_passed(const struct mt_reals *steps, uint64_t t)
{
    size_t n = 0;

    for (size_t i = 0; i < steps->n; i++)
        n += (uint64_t)steps->v[i] <= t;
    return n;
}
