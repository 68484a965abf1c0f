/* What becomes of the optimizer's state when tensors are moved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"
#include "optim/optimizer.h"
#include "train/compare.h"
#include "train/numbered.h"
#include "train/refit.h"
#include "train/slotlist.h"
#include "train/state.h"
#include "train/transfer_match.h"
#include "train/transfer_move.h"

/* --- the target's optimizer --------------------------------------------- */

/* The target's optimizer, bound to its tensors' names and shapes only: it
 * knows which slots each tensor has. */
struct receiver {
    struct mt_json *doc;
    struct mt_store store;
    struct mt_optimizer *optimizer;
    size_t *tensor; /* (arrays of the target) the number in the store */
};

static void close_receiver(struct receiver *r)
{
    mt_optimizer_free(r->optimizer);
    mt_store_free(&r->store);
    free(r->tensor);
    if (r->doc)
        mt_json_free(r->doc);
}

static mt_status add_tensors(const struct mt_bundle *target, struct receiver *r,
                             struct mt_err *err)
{
    r->tensor = calloc(target->n + 1, sizeof *r->tensor);
    if (!r->tensor)
        return mt_fail_memory(err);
    for (size_t i = 0; i < target->n; i++) {
        const struct mt_array *a = &target->arrays[i];
        struct mt_tensor *t;

        if (!mt_name_is(a->name, MT_MODEL))
            continue;
        r->tensor[i] = r->store.n;
        t = mt_store_add(&r->store, mt_name_key(a->name), a->dtype, &a->shape,
                         a->dtype != MT_F32);
        if (!t)
            return mt_fail_memory(err);
        t->requires_grad &= !mt_spec_freezes(r->doc, t->name);
    }
    return MT_OK;
}

static mt_status open_receiver(const struct mt_bundle *target,
                               struct receiver *r, struct mt_err *err)
{
    mt_status status;

    *r = (struct receiver){ .store = MT_STORE_INIT };
    if ((status = mt_state_spec(target, "spec", &r->doc, err)) != MT_OK ||
        (status = add_tensors(target, r, err)) != MT_OK)
        return status;
    const struct mt_item *root = mt_json_root(r->doc);
    struct mt_scheduler *scheduler;

    if ((status = mt_optimizer_new(r->doc, mt_json_get(root, "optimizer"),
                                   &r->store, &r->optimizer, err)) != MT_OK ||
        (status = mt_scheduler_new(r->doc, mt_json_get(root, "scheduler"),
                                   &r->store.arena, &scheduler, err)) != MT_OK)
        return status;
    return mt_optimizer_follow(r->optimizer, scheduler, err);
}

/* --- deciding ----------------------------------------------------------- */

struct deciding {
    const struct mt_bundle *source;
    const struct mt_match *match;
    struct mt_team *team;
    struct receiver receiver;
    struct mt_slot_list states;
    const char *const *numbers; /* (tensors of the receiver) under which the
                                   source has their state; NULL: by names */
    struct mt_arena *arena;
};

/* Some programs write no scalars: one element is enough for one. */
static bool has_shape(const struct mt_array *a, bool transposed,
                      const struct mt_shape *shape)
{
    struct mt_shape there = a->shape;

    if (shape->rank == 0)
        return mt_shape_elements(&there) == 1;
    if (transposed && there.rank >= 2)
        there = mt_shape_transposed(&there);
    return mt_shape_equal(&there, shape);
}

/* MT_NO_REASON if the source has exactly the slots that the target's optimizer
 * keeps for the tensor; else what is wrong with them. */
static enum mt_reason slots_fault(const struct deciding *d,
                                  struct mt_transfer_pair *p, size_t tensor,
                                  size_t there /* without the step */)
{
    const struct mt_optimizer *o = d->receiver.optimizer;
    size_t found = 0;

    for (size_t i = 0; i < o->n_slots; i++) {
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, tensor);
        const struct mt_array *a;

        if (!mt_optimizer_slot(o, i, tensor))
            continue;
        a = mt_bundle_find(d->source,
                           mt_name_slot(o->type->slots[i], p->state).text);
        p->detail = o->type->slots[i];
        if (!a)
            return MT_NO_SLOT;
        if (!mt_match_converts(a->dtype, MT_F32) ||
            !has_shape(a, p->transposed, &shape)) {
            p->detail = mt_arena_printf(d->arena, "%s is %s %s", p->detail,
                                        mt_dtype_name(a->dtype),
                                        mt_shape_text(&a->shape).text);
            return MT_SLOT_DIFFERS;
        }
        found++;
    }
    p->detail = NULL;
    if (!found)
        return MT_KEEPS_NONE;
    return found == there ? MT_NO_REASON : MT_OTHER_OPTIMIZER;
}

/* The step for state that has none. Optimizers for which torch stores no step
 * only distinguish the first one from later ones. */
static int64_t step_of_run(const struct mt_bundle *source)
{
    const struct mt_array *a = mt_bundle_find(source, MT_NAME_STEP);
    int64_t step;

    return a && mt_array_whole(a, &step) && step >= 1 && step <= UINT32_MAX
               ? step
               : 1;
}

/* One whole number of any type: torch writes float32, older versions int64. */
static mt_status read_step(const struct deciding *d,
                           const struct mt_array *step,
                           struct mt_transfer_pair *p, struct mt_err *err)
{
    struct mt_array a = *step;
    double room[4] = { 0 }; /* enough for any type */
    bool whole = false;

    if (mt_shape_elements(&a.shape) == 1) {
        mt_status status = mt_block_stream_read_all(&a, d->team, room, err);

        if (status != MT_OK)
            return status;
        a.data = room;
        whole = mt_array_whole(&a, &p->step);
    }
    if (whole && p->step >= 1 && p->step <= UINT32_MAX)
        return MT_OK;
    p->reset = MT_BAD_STEP;
    p->detail = whole ? mt_arena_printf(d->arena, "%lld", (long long)p->step)
                : a.data
                    ? mt_arena_printf(d->arena, "%g", mt_array_value(&a, 0))
                    : mt_arena_printf(d->arena, "%s %s", mt_dtype_name(a.dtype),
                                      mt_shape_text(&a.shape).text);
    return p->detail ? MT_OK : mt_fail_memory(err);
}

/* State of a tied tensor under two names must agree, as its values must. */
static mt_status check_twin_state(const struct deciding *d, const char *one,
                                  const char *other, struct mt_err *err)
{
    static const struct mt_tolerance exact;
    size_t n;
    const struct mt_array **list = mt_slot_list_of(&d->states, other, &n);

    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *slot = mt_name_slot_of(list[i]->name, &length);
        char name[MT_NAME_SIZE];
        struct mt_compare_pair pair = { .a = list[i] };

        snprintf(name, sizeof name, "%.*s", (int)length, slot);
        pair.b = mt_bundle_find(d->source, mt_name_slot(name, one).text);
        if (pair.b && mt_shape_equal(&pair.a->shape, &pair.b->shape)) {
            mt_status status = mt_compare_pairs(&pair, 1, &exact, d->team, err);

            if (status != MT_OK)
                return status;
        }
        if (!pair.b || !pair.result.n || pair.result.n_differ)
            return mt_fail(err, MT_MISMATCH,
                           "\"%s\" and \"%s\" are tied in the model, but their "
                           "optimizer state differs (%s)",
                           one, other, name);
    }
    return MT_OK;
}

/* Takes the state under this name, too, if there is any. */
static mt_status try_state(const struct deciding *d, const char *key,
                           struct mt_transfer_pair *p, struct mt_err *err)
{
    size_t n;

    mt_slot_list_of(&d->states, key, &n);
    if (!n)
        return MT_OK;
    if (p->state)
        return check_twin_state(d, p->state, key, err);
    p->state = key;
    return MT_OK;
}

/* Finds the state of a pair: under the name of its tensor, under another name
 * of it if it is tied, or under the stored name if the source lacks the tensor
 * of that name. */
static mt_status find_state(const struct deciding *d,
                            const struct mt_bundle *target,
                            struct mt_transfer_pair *p, struct mt_err *err)
{
    const struct mt_match *m = d->match;
    size_t tensor = d->receiver.tensor[mt_array_number(target, p->to)];
    mt_status status;

    if (d->numbers)
        return d->numbers[tensor] ? try_state(d, d->numbers[tensor], p, err)
                                  : MT_OK;
    status = try_state(d, mt_name_key(p->from->name), p, err);

    for (size_t i = 0; i < m->n && m->twins && status == MT_OK; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (item->twin && item->to == p->to)
            status = try_state(d, mt_name_key(item->from->name), p, err);
    }
    if (status == MT_OK && mt_match_into(m, target, p->to)->tied &&
        !mt_find_model(d->source, p->key))
        status = try_state(d, p->key, p, err);
    return status;
}

/* Sets the reason why the state of a pair cannot be transferred, or none. */
static mt_status decide(const struct deciding *d,
                        const struct mt_bundle *target,
                        struct mt_transfer_pair *p, struct mt_err *err)
{
    size_t tensor = d->receiver.tensor[mt_array_number(target, p->to)];
    const struct mt_array *step = NULL;
    mt_status status = find_state(d, target, p, err);
    size_t there = 0;

    if (p->state) {
        mt_slot_list_of(&d->states, p->state, &there);
        step = mt_bundle_find(d->source,
                              mt_name_slot(MT_SLOT_STEP, p->state).text);
    }
    p->reset = MT_NO_REASON;
    p->step = step_of_run(d->source);
    if (!there)
        p->reset = MT_NO_STATE;
    else if (!d->receiver.store.tensors[tensor]->requires_grad)
        p->reset = MT_FROZEN_IN_MODEL;
    else if (!step && !d->receiver.optimizer->type->stepless)
        p->reset = MT_NO_STEP;
    else if (step && status == MT_OK)
        status = read_step(d, step, p, err);
    if (status != MT_OK || p->reset)
        return status;
    p->reset = slots_fault(d, p, tensor, there - (step != NULL));
    return p->reset == MT_SLOT_DIFFERS && !p->detail ? mt_fail_memory(err)
                                                     : MT_OK;
}

/* Is the state under that name the state of a pair? */
static bool is_taken(const struct mt_transfer *t, const char *tensor)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->pairs[i].state && strcmp(t->pairs[i].state, tensor) == 0)
            return true;
    }
    return false;
}

/* Lists the state of tensors that are not loaded. */
static mt_status list_dropped(const struct deciding *d,
                              const struct mt_match *match,
                              struct mt_transfer *t, struct mt_err *err)
{
    const struct mt_match_item **item_of =
        mt_arena_calloc(&t->arena, d->source->n + 1, sizeof *item_of);

    t->dropped =
        mt_arena_calloc(&t->arena, d->states.n + 1, sizeof *t->dropped);
    if (!t->dropped || !item_of)
        return mt_fail_memory(err);
    for (size_t i = 0; i < match->n; i++)
        item_of[mt_array_number(d->source, match->items[i].from)] =
            &match->items[i];
    for (size_t i = 0; i < d->states.n;) {
        const char *tensor = mt_slot_tensor(d->states.list[i]);
        const struct mt_array *from = mt_find_model(d->source, tensor);
        const struct mt_match_item *item =
            from ? item_of[mt_array_number(d->source, from)] : NULL;
        size_t n;

        mt_slot_list_of(&d->states, tensor, &n);
        i += n ? n : 1;
        if ((item && item->fits) ||
            (!from && (match->ties || d->numbers) && is_taken(t, tensor)))
            continue;
        t->dropped[t->n_dropped++] =
            (struct mt_transfer_dropped){ tensor, !from  ? MT_NO_TENSOR
                                                  : item ? MT_NOT_IN_MODEL
                                                         : MT_LEFT_OUT };
    }
    return MT_OK;
}

/* Is there state that the target's optimizer cannot take? */
static bool is_refused(const struct mt_transfer_pair *p)
{
    return p->reset && p->reset != MT_NO_STATE &&
           p->reset != MT_FROZEN_IN_MODEL;
}

static mt_status fail_refused(const struct mt_transfer *t, size_t refused,
                              const char *type,
                              struct mt_transfer_advice *advice,
                              struct mt_err *err)
{
    const struct mt_transfer_pair *first = NULL;
    size_t moved = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct mt_transfer_pair *p = &t->pairs[i];

        moved += !p->reset;
        if (!first && is_refused(p))
            first = p;
    }
    advice->works = true;
    advice->partial = moved > 0;
    advice->no_optimizer = moved == 0;
    return mt_fail(err, MT_MISMATCH,
                   "the optimizer state of %s does not fit the "
                   "model's optimizer, %s (%s: %s%s%s): load without "
                   "--with-optimizer%s",
                   mt_count(refused, "tensor").text, type, first->key,
                   mt_reason_text(first->reset), first->detail ? " " : "",
                   first->detail ? first->detail : "",
                   moved ? ", or with --partial to move what fits" : "");
}

/* Why the position is not transferred, though it could be; NULL: it is. */
static const char *why_left(const struct deciding *d,
                            const struct mt_transfer_options *o,
                            const struct mt_transfer *t, size_t refused,
                            size_t frozen)
{
    bool selected = (o->only && *o->only) || (o->except && *o->except);

    return o->no_position ? "--no-position"
           : selected || t->missing || t->unexpected || d->source->lost
               ? "not all of the state is loaded"
           : refused      ? "some optimizer state does not fit"
           : frozen       ? "some tensors are frozen in the model"
           : t->n_dropped ? "some optimizer state is dropped"
                          : NULL;
}

/* Moments are found by the source's names. If nothing is left out, the position
 * is transferred, too, so that training continues as if it had never
 * stopped. */
static mt_status decide_all(struct deciding *d, const struct mt_bundle *target,
                            const struct mt_match *match,
                            const struct mt_transfer_options *o,
                            struct mt_transfer *t,
                            struct mt_transfer_advice *advice,
                            struct mt_err *err)
{
    size_t refused = 0, frozen = 0;
    mt_status status;

    for (size_t i = 0; i < t->n; i++) {
        struct mt_transfer_pair *p = &t->pairs[i];

        status = decide(d, target, p, err);
        if (status != MT_OK)
            return status;
        refused += is_refused(p);
        frozen += p->reset == MT_FROZEN_IN_MODEL;
    }
    status = list_dropped(d, match, t, err);
    if (status != MT_OK)
        return status;
    t->optimizer = d->receiver.optimizer->type;
    if (mt_bundle_find(d->source, MT_NAME_STEP)) {
        t->left = why_left(d, o, t, refused, frozen);
        t->progress = !t->left;
    }
    return refused && !o->partial
               ? fail_refused(t, refused, t->optimizer->name, advice, err)
               : MT_OK;
}

mt_status mt_transfer_optimizer(const struct mt_bundle *target,
                                const struct mt_bundle *source,
                                const struct mt_match *match,
                                const struct mt_transfer_options *options,
                                struct mt_team *team, struct mt_transfer *plan,
                                struct mt_transfer_advice *advice,
                                struct mt_err *err)
{
    struct deciding d = {
        .source = source, .match = match, .team = team, .arena = &plan->arena
    };
    mt_status status = open_receiver(target, &d.receiver, err);

    if (status == MT_OK && !mt_slot_list_make(source, &d.states))
        status = mt_fail_memory(err);
    if (status == MT_OK)
        status = mt_numbered_find(source, d.receiver.doc, d.receiver.optimizer,
                                  &plan->arena, &d.numbers, err);
    if (status == MT_MISMATCH)
        advice->works = advice->no_optimizer = true;
    if (status == MT_OK)
        status = decide_all(&d, target, match, options, plan, advice, err);
    mt_slot_list_free(&d.states);
    close_receiver(&d.receiver);
    return status;
}

/* --- the result --------------------------------------------------------- */

static mt_status add_slot(const struct mt_transfer_pair *p, const char *slot,
                          bool scalar, const struct mt_slot_list *states,
                          struct mt_team *team, struct mt_bundle *out,
                          struct mt_err *err)
{
    struct mt_transfer_as as = { .dtype = MT_F32,
                                 .transposed = p->transposed && !scalar };
    mt_status status = MT_OK;
    size_t n;
    const struct mt_array **list = mt_slot_list_of(states, p->state, &n);

    if (!scalar)
        as.shape = p->to->shape;
    for (size_t i = 0; i < n && status == MT_OK; i++) {
        if (mt_name_is_slot(list[i]->name, slot))
            status = mt_transfer_add_as(
                list[i], &as, mt_name_slot(slot, p->key).text, team, out, err);
    }
    return status;
}

mt_status mt_transfer_add_state(const struct mt_transfer *plan,
                                const struct mt_bundle *target,
                                const struct mt_bundle *source,
                                struct mt_team *team, struct mt_bundle *out,
                                struct mt_err *err)
{
    const struct mt_optimizer_type *o = plan->optimizer;
    struct mt_slot_list states;
    mt_status status = MT_OK;

    if (!o)
        return MT_OK;
    if (!mt_slot_list_make(source, &states))
        return mt_fail_memory(err);
    for (size_t i = 0; i < target->n && status == MT_OK; i++) {
        const struct mt_transfer_pair *p =
            plan->pair_of[i] ? &plan->pairs[plan->pair_of[i] - 1] : NULL;

        if (!p || p->reset)
            continue;
        mt_bundle_i64(out, mt_name_slot(MT_SLOT_STEP, p->key).text, p->step);
        for (size_t k = 0; o->slots[k] && status == MT_OK; k++)
            status = add_slot(p, o->slots[k], mt_optimizer_is_product(o, k),
                              &states, team, out, err);
    }
    mt_slot_list_free(&states);
    return status;
}
