#include "train/refit.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "spec/diff.h"
#include "train/session_internal.h"
#include "train/slotlist.h"
#include "train/state_take.h"
#include "train/statename.h"

bool mt_spec_freezes(const struct mt_json *doc, const char *tensor)
{
    const struct mt_item *model = mt_json_get(mt_json_root(doc), "model");
    const struct mt_item *globs = model ? mt_json_get(model, "freeze") : NULL;

    if (globs && mt_is_string(globs))
        return fnmatch(globs->text, tensor, 0) == 0;
    for (const struct mt_item *glob = globs ? globs->child : NULL; glob;
         glob = glob->next) {
        if (mt_is_string(glob) && fnmatch(glob->text, tensor, 0) == 0)
            return true;
    }
    return false;
}

/* --- what has changed --------------------------------------------------- */

struct changes {
    bool any, optimizer;
};

static bool starts(const char *path, const char *start)
{
    return strncmp(path, start, strlen(start)) == 0;
}

static void note_change(void *ctx, const char *path, const char *was,
                        const char *is)
{
    struct changes *c = ctx;

    (void)was;
    (void)is;
    c->optimizer |= starts(path, "optimizer") || starts(path, "scheduler");
    c->any |= c->optimizer || starts(path, "model.freeze");
}

static struct changes find_changes(const struct mt_session *s,
                                   const struct mt_json *saved)
{
    struct changes c = { false, false };

    mt_spec_diff(mt_json_root(saved), mt_json_root(s->doc), note_change, &c);
    return c;
}

bool mt_refit_needed(const struct mt_session *s, const struct mt_json *saved)
{
    return find_changes(s, saved).any;
}

/* --- one tensor --------------------------------------------------------- */

struct refitting {
    struct mt_session *s;
    const struct mt_bundle *from;
    const struct mt_json *saved;
    struct mt_slot_list states;
    bool same_type, other_options;
    size_t *taken;
    struct mt_err *err;
};

static mt_status add(const struct refitting *f, const char *tensor, bool fresh,
                     enum mt_reason reason, struct mt_strbuf *slots)
{
    struct mt_refit *r = &f->s->refit;
    const char *text =
        slots->failed || !slots->text
            ? NULL
            : mt_arena_strdup(&f->s->arena, slots->text);

    mt_strbuf_free(slots);
    if (!text)
        return mt_fail_memory(f->err);
    r->list[r->n++] = (struct mt_refitted){ tensor, text, fresh, reason };
    return MT_OK;
}

static void add_slot(struct mt_strbuf *slots, const char *slot, size_t n)
{
    mt_strbuf_printf(slots, "%s%.*s", slots->len ? ", " : "", (int)n, slot);
}

enum which { LACKED, HAD, ALL };

/* Counts a tensor's slots that the state has, that it lacks, or all; appends
 * their names. */
static size_t count_slots(const struct refitting *f, size_t tensor,
                          enum which which, struct mt_strbuf *names)
{
    const struct mt_optimizer *o = f->s->optimizer;
    const char *key = o->store->tensors[tensor]->name;
    size_t n = 0;

    for (size_t i = 0; i < o->n_slots; i++) {
        const char *slot = o->type->slots[i];

        bool had =
            mt_bundle_find(f->from, mt_name_slot(slot, key).text) != NULL;

        if (!mt_optimizer_slot(o, i, tensor) ||
            (which != ALL && had != (which == HAD)))
            continue;
        n++;
        if (names)
            add_slot(names, slot, strlen(slot));
    }
    return n;
}

static bool keeps(const struct mt_optimizer *o, size_t tensor, const char *name)
{
    for (size_t i = 0; i < o->n_slots; i++) {
        if (mt_name_is_slot(name, o->type->slots[i]))
            return mt_optimizer_slot(o, i, tensor) != NULL;
    }
    return mt_name_is_slot(name, MT_SLOT_STEP);
}

/* Drops state that the optimizer has no slot for; all: all state. */
static mt_status drop(const struct refitting *f, size_t tensor, bool all,
                      enum mt_reason reason)
{
    const struct mt_optimizer *o = f->s->optimizer;
    const char *key = o->store->tensors[tensor]->name;
    struct mt_strbuf slots = MT_STRBUF_INIT;
    size_t n;
    const struct mt_array **list = mt_slot_list_of(&f->states, key, &n);

    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *slot = mt_name_slot_of(list[i]->name, &length);

        if (!all && keeps(o, tensor, list[i]->name))
            continue;
        add_slot(&slots, slot, length);
        ++*f->taken;
    }
    return slots.len ? add(f, key, false, reason, &slots) : MT_OK;
}

static mt_status begin_fresh(const struct refitting *f, size_t tensor,
                             enum which which, enum mt_reason reason)
{
    struct mt_strbuf slots = MT_STRBUF_INIT;

    if (!count_slots(f, tensor, which, &slots))
        return MT_OK;
    return add(f, f->s->optimizer->store->tensors[tensor]->name, true, reason,
               &slots);
}

/* Takes the step and the slots that both have. */
static mt_status take_slots(const struct refitting *f, size_t tensor)
{
    struct mt_optimizer *o = f->s->optimizer;
    const char *key = o->store->tensors[tensor]->name;
    mt_status status = mt_state_take_step(f->from, key, &o->step_of[tensor],
                                          f->taken, f->err);

    for (size_t i = 0; i < o->n_slots && status == MT_OK; i++) {
        float *slot = mt_optimizer_slot(o, i, tensor);
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, tensor);
        struct mt_name name = mt_name_slot(o->type->slots[i], key);

        if (slot && mt_bundle_find(f->from, name.text))
            status = mt_state_take(f->from, name.text, MT_F32, &shape, slot,
                                   f->taken, f->err);
    }
    return status;
}

/* For a trained tensor that has state. */
static mt_status refit_state(const struct refitting *f, size_t tensor)
{
    const char *key = f->s->optimizer->store->tensors[tensor]->name;
    bool step =
        mt_bundle_find(f->from, mt_name_slot(MT_SLOT_STEP, key).text) != NULL;
    size_t missing = count_slots(f, tensor, LACKED, NULL);
    mt_status status;

    bool keep = step && count_slots(f, tensor, HAD, NULL) &&
                (!missing || f->same_type);

    status = keep ? take_slots(f, tensor) : MT_OK;
    if (status == MT_OK)
        status = drop(f, tensor, !keep, MT_OPTIMIZER_CHANGED);
    return status == MT_OK ? begin_fresh(f, tensor, keep ? LACKED : ALL,
                                         MT_OPTIMIZER_CHANGED)
                           : status;
}

static mt_status refit_tensor(const struct refitting *f, size_t tensor)
{
    const struct mt_optimizer *o = f->s->optimizer;
    const struct mt_tensor *t = o->store->tensors[tensor];
    bool was_frozen = mt_spec_freezes(f->saved, t->name);
    size_t n;

    mt_slot_list_of(&f->states, t->name, &n);
    if (!mt_optimizer_has_slots(o, tensor))
        return drop(f, tensor, true,
                    t->requires_grad ? MT_KEEPS_NONE : MT_FROZEN);
    if (n)
        return refit_state(f, tensor);
    if (was_frozen || (f->other_options && f->states.n == 0))
        return begin_fresh(f, tensor, ALL,
                           was_frozen ? MT_WAS_FROZEN : MT_OPTIMIZER_CHANGED);
    return MT_OK; /* it took no step yet */
}

/* --- all tensors -------------------------------------------------------- */

static bool same_type(const struct mt_session *s, const struct mt_json *saved)
{
    const struct mt_item *was =
        mt_json_get(mt_json_get(mt_json_root(saved), "optimizer"), "type");

    return was && mt_is_string(was) &&
           strcmp(was->text, s->optimizer->type->name) == 0;
}

static void count_trainable(const struct refitting *f)
{
    const struct mt_store *store = &f->s->model->store;
    struct mt_refit *r = &f->s->refit;

    r->trainable = r->was_trainable = 0;
    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if (t->buffer)
            continue;
        r->trainable += t->requires_grad;
        r->was_trainable += !mt_spec_freezes(f->saved, t->name);
    }
}

mt_status mt_refit_optimizer(struct mt_session *s, const struct mt_bundle *from,
                             const struct mt_json *saved, size_t *taken,
                             struct mt_err *err)
{
    struct refitting f = {
        .s = s,
        .from = from,
        .saved = saved,
        .same_type = same_type(s, saved),
        .other_options = find_changes(s, saved).optimizer,
        .taken = taken,
        .err = err,
    };
    size_t n = s->model->store.n;
    mt_status status = MT_OK;

    /* each tensor has at most two entries */
    s->refit.list = mt_arena_calloc(&s->arena, 2 * n + 1, sizeof *s->refit.list);
    if (!s->refit.list || !mt_slot_list_make(from, &f.states))
        return mt_fail_memory(err);
    s->refit.n = 0;
    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = refit_tensor(&f, i);
    count_trainable(&f);
    mt_slot_list_free(&f.states);
    return status;
}
