#include "optim/scheduler.h"

#include <assert.h>
#include <string.h>

#include "optim/sched_types.h"

static const struct mt_scheduler_type *const types[] = {
    &mt_sched_constant,   &mt_sched_linear,        &mt_sched_step,
    &mt_sched_multi_step, &mt_sched_exponential,   &mt_sched_polynomial,
    &mt_sched_cosine,     &mt_sched_warm_restarts, &mt_sched_one_cycle,
    &mt_sched_plateau,    &mt_sched_sequential,    NULL,
};

/* Without "scheduler" in the spec, the rate stays the optimizer's. */
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
    int interval;
    const char *monitor;
};

enum { BY_EPOCH, BY_STEP };

static const char *const intervals[] = { "epoch", "step", NULL };

static const struct mt_key interval_keys[] = {
    { "interval", MT_KEY_ENUM, offsetof(struct common, interval),
      .def = "\"epoch\"", .choices = intervals,
      .doc = "when the schedule moves on: after each epoch or each step" },
    { .name = NULL },
};

static const struct mt_key monitor_keys[] = {
    { "monitor", MT_KEY_STRING, offsetof(struct common, monitor),
      .def = "\"val_loss\"",
      .doc = "the value to watch, such as val_loss or val_accuracy" },
    { .name = NULL },
};

static const struct mt_type *type_at(size_t i)
{
    return types[i] ? &types[i]->type : NULL;
}

static const struct mt_key *extra_keys(const struct mt_type *type)
{
    return ((const struct mt_scheduler_type *)type)->observe ? monitor_keys
                                                             : NULL;
}

static const char *why_no_stage(const struct mt_type *type)
{
    return ((const struct mt_scheduler_type *)type)->no_stage;
}

const struct mt_kind mt_scheduler_kind = {
    .name = "scheduler",
    .what = "scheduler",
    .at = type_at,
    .common = interval_keys,
    .extra = extra_keys,
};

const struct mt_kind mt_stage_kind = {
    .name = "stage",
    .what = "scheduler",
    .at = type_at,
    .refuse = why_no_stage,
};

static struct mt_scheduler *allocate(const struct mt_scheduler_type *type,
                                     struct mt_arena *arena)
{
    struct mt_scheduler *s = mt_arena_alloc(arena, sizeof *s);

    if (!s)
        return NULL;
    s->type = type;
    s->arena = arena;
    s->state = mt_arena_calloc(arena, type->state_count + 1, sizeof *s->state);
    return s->state ? s : NULL;
}

static mt_status read(const struct mt_kind *kind, const struct mt_json *doc,
                      const struct mt_item *object, struct common *common,
                      struct mt_arena *arena, struct mt_scheduler **out,
                      struct mt_err *err)
{
    const struct mt_type *type;
    void *args;
    mt_status status =
        mt_kind_read(kind, doc, object, common, arena, &type, &args, err);

    if (status != MT_OK)
        return status;
    struct mt_scheduler *s =
        allocate((const struct mt_scheduler_type *)type, arena);

    if (!s)
        return mt_fail_memory(err);
    s->args = args;
    if (s->type->prepare)
        status = s->type->prepare(s, doc, object, err);
    if (status == MT_OK)
        *out = s;
    return status;
}

mt_status mt_scheduler_new(const struct mt_json *doc,
                           const struct mt_item *object, struct mt_arena *arena,
                           struct mt_scheduler **out, struct mt_err *err)
{
    struct common common = { BY_EPOCH, NULL };
    mt_status status;

    if (!object || mt_is_null(object)) {
        *out = allocate(&no_schedule, arena);
        return *out ? MT_OK : mt_fail_memory(err);
    }
    status = read(&mt_scheduler_kind, doc, object, &common, arena, out, err);
    if (status != MT_OK)
        return status;
    (*out)->per_step = common.interval == BY_STEP;
    (*out)->monitor = common.monitor;
    return MT_OK;
}

mt_status mt_sched_read_stage(const struct mt_json *doc,
                              const struct mt_item *object,
                              struct mt_arena *arena, struct mt_scheduler **out,
                              struct mt_err *err)
{
    const struct mt_item *interval = mt_json_get(object, "interval");

    if (interval)
        return mt_json_fail(doc, interval, err,
                            "belongs to the SequentialLR as a whole, not to "
                            "one of its schedulers");
    return read(&mt_stage_kind, doc, object, NULL, arena, out, err);
}

struct mt_scheduled mt_scheduler_at(const struct mt_scheduler *s, uint64_t t,
                                    struct mt_scheduled base)
{
    return s->type->at(s, t, base);
}

struct mt_sched_end mt_scheduler_end(const struct mt_scheduler *s)
{
    return s->type->end ? s->type->end(s)
                        : (struct mt_sched_end){ .stage = -1 };
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
