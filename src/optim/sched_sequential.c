/*
 * Schedules one after the other, each counting from 0 at its milestone.
 */
#include "optim/sched_types.h"

struct sequential_args {
    const struct mt_item *schedulers;
    struct mt_reals milestones;
    struct mt_scheduler **stages; /* milestones.n + 1 of them */
};

static const struct mt_key sequential_keys[] = {
    { "schedulers", MT_KEY_JSON, offsetof(struct sequential_args, schedulers),
      .flags = MT_KEY_REQUIRED,
      .doc = "list of schedulers, each without an interval",
      .schema = "\"type\":\"array\",\"minItems\":1,"
                "\"items\":{\"$ref\":\"#/$defs/stage\"}" },
    { "milestones", MT_KEY_REALS, offsetof(struct sequential_args, milestones),
      .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "steps at which the second, third, ... scheduler takes over" },
    { .name = NULL },
};

static mt_status check_milestones(const struct sequential_args *a,
                                  const struct mt_json *doc,
                                  const struct mt_item *object, size_t n_stages,
                                  struct mt_err *err)
{
    const struct mt_reals *m = &a->milestones;

    if (m->n != n_stages - 1)
        return mt_json_fail(doc, mt_json_get(object, "milestones"), err,
                            "expected one less than schedulers: %zu, got %zu",
                            n_stages - 1, m->n);

    mt_status status = mt_sched_check_steps(doc, object, "milestones", m, err);

    if (status != MT_OK)
        return status;
    for (size_t i = 1; i < m->n; i++) {
        if (m->v[i] < m->v[i - 1])
            return mt_json_fail(doc, mt_sched_member(object, "milestones", i),
                                err,
                                "must be ascending, but %.17g comes after "
                                "%.17g",
                                m->v[i], m->v[i - 1]);
    }
    return MT_OK;
}

static mt_status sequential_prepare(struct mt_scheduler *s,
                                    const struct mt_json *doc,
                                    const struct mt_item *object, struct mt_err *err)
{
    struct sequential_args *a = s->args;
    const struct mt_item *item;
    size_t n = 0;

    if (!mt_is_list(a->schedulers) || !a->schedulers->child)
        return mt_json_fail(doc, a->schedulers, err,
                            "expected a list of at least one scheduler, "
                            "got %s",
                            mt_json_text(a->schedulers).text);
    for (item = a->schedulers->child; item; item = item->next)
        n++;

    mt_status status = check_milestones(a, doc, object, n, err);

    if (status != MT_OK)
        return status;
    a->stages = mt_arena_calloc(s->arena, n, sizeof *a->stages);
    if (!a->stages)
        return mt_fail_memory(err);
    n = 0;
    for (item = a->schedulers->child; item; item = item->next, n++) {
        status = mt_sched_read_stage(doc, item, s->arena, &a->stages[n], err);
        if (status != MT_OK)
            return status;
        a->stages[n]->restarted = n > 0;
    }
    return MT_OK;
}

/* At a milestone the next schedule begins with its own step 0, from the base
 * rate, whatever the last one had reached. */
static struct mt_scheduled sequential_at(const struct mt_scheduler *s,
                                         uint64_t t, struct mt_scheduled base)
{
    const struct sequential_args *a = s->args;
    size_t stage = mt_sched_passed(&a->milestones, t);

    if (stage > 0)
        t -= (uint64_t)a->milestones.v[stage - 1];
    return mt_scheduler_at(a->stages[stage], t, base);
}

/* The end of the last stage. */
static struct mt_sched_end sequential_end(const struct mt_scheduler *s)
{
    const struct sequential_args *a = s->args;
    size_t last = a->milestones.n;
    struct mt_sched_end end = mt_scheduler_end(a->stages[last]);

    if (!end.after)
        return end;
    end.start = last ? (uint64_t)a->milestones.v[last - 1] : 0;
    end.after += end.start;
    end.stage = (int)last;
    return end;
}

const struct mt_scheduler_type mt_sched_sequential = {
    .name = "SequentialLR",
    .doc = "several schedulers, one after the other",
    .keys = sequential_keys,
    .args_size = sizeof(struct sequential_args),
    .prepare = sequential_prepare,
    .no_stage = "cannot be part of a SequentialLR: "
                "put its schedulers and milestones into this one",
    .at = sequential_at,
    .end = sequential_end,
};
