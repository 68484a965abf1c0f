#include "train/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"
#include "train/compare.h"
#include "train/ema.h"
#include "train/state.h"
#include "train/statename.h"
#include "train/transfer_match.h"
#include "train/transfer_move.h"

/* --- planning ----------------------------------------------------------- */

/* Do both give the model's tensor the same values? */
static mt_status same_values(const struct mt_match_item *a,
                             const struct mt_match_item *b,
                             struct mt_team *team, bool *same,
                             struct mt_err *err)
{
    static const struct mt_tolerance exact;
    struct mt_bundle both = MT_BUNDLE_INIT;
    struct mt_transfer_as as = { .dtype = a->to->dtype, .shape = a->to->shape };
    mt_status status;

    as.transposed = a->transposed;
    status = mt_transfer_add_as(a->from, &as, "a", team, &both, err);
    as.transposed = b->transposed;
    if (status == MT_OK)
        status = mt_transfer_add_as(b->from, &as, "b", team, &both, err);
    if (status == MT_OK && both.failed)
        status = mt_fail_memory(err);
    if (status == MT_OK) {
        struct mt_compare_pair pair = { .a = &both.arrays[0],
                                        .b = &both.arrays[1] };

        status = mt_compare_pairs(&pair, 1, &exact, team, err);
        *same = pair.result.n_differ == 0;
    }
    mt_bundle_free(&both);
    return status;
}

/* A tied tensor may be there under several names, if their values agree. */
static mt_status check_twin(const struct mt_match_item *item,
                            const struct mt_match_item *other,
                            struct mt_team *team, struct mt_err *err)
{
    if (item->fits && other->fits) {
        bool same = false;
        mt_status status = same_values(item, other, team, &same, err);

        if (status != MT_OK || same)
            return status;
    }
    return mt_fail(err, MT_MISMATCH,
                   "\"%s\" and \"%s\" are tied in the model, but differ in "
                   "the state (%s and %s): leave it out with --except %s",
                   item->key, other->key, mt_name_key(item->from->name),
                   mt_name_key(other->from->name), item->key);
}

static mt_status check_ties(const struct mt_bundle *target,
                            const struct mt_match *m, struct mt_team *team,
                            struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; i < m->n && status == MT_OK; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (item->twin)
            status = check_twin(item, mt_match_into(m, target, item->to), team,
                                err);
    }
    return status;
}

static bool is_good(const struct mt_match *m,
                    const struct mt_transfer_options *o)
{
    return !m->shapes && m->fitting &&
           (o->partial || (!m->missing && !m->unexpected));
}

static mt_status make_pairs(const struct mt_bundle *target,
                            const struct mt_match *m,
                            const struct mt_transfer_options *o,
                            struct mt_transfer *out, struct mt_err *err)
{
    out->pairs = mt_arena_calloc(&out->arena, m->n + 1, sizeof *out->pairs);
    out->pair_of =
        mt_arena_calloc(&out->arena, target->n + 1, sizeof *out->pair_of);
    out->recounted =
        mt_arena_calloc(&out->arena, target->n + 1, sizeof *out->recounted);
    if (!out->pairs || !out->pair_of || !out->recounted)
        return mt_fail_memory(err);
    for (size_t i = 0; i < target->n; i++) {
        out->recounted[i] = mt_match_is_recounted(m, target, o, i);
        out->n_recounted += out->recounted[i];
    }
    for (size_t i = 0; i < m->n; i++) {
        const struct mt_match_item *item = &m->items[i];

        if (!item->fits || item->twin)
            continue;
        out->pairs[out->n++] = (struct mt_transfer_pair){
            .from = item->from,
            .to = item->to,
            .key = mt_name_key(item->to->name),
            .transposed = item->transposed,
            .reset = MT_NOT_ASKED_FOR,
        };
        out->pair_of[mt_array_number(target, item->to)] = out->n;
    }
    out->missing = m->missing;
    out->unexpected = m->unexpected;
    return MT_OK;
}

static mt_status advise_and_fail(const struct mt_bundle *target,
                                 const struct mt_item *ties,
                                 const struct mt_bundle *source,
                                 const struct mt_transfer_options *o,
                                 const struct mt_match *m,
                                 struct mt_transfer_advice *advice,
                                 struct mt_err *err)
{
    mt_status status =
        mt_transfer_advise(target, ties, source, o, m, advice, err);

    return status == MT_OK ? mt_transfer_fail(target, o, m, advice, err)
                           : status;
}

static mt_status plan(const struct mt_bundle *target, const struct mt_item *ties,
                      const struct mt_bundle *source,
                      const struct mt_transfer_options *o, struct mt_team *team,
                      struct mt_transfer *out,
                      struct mt_transfer_advice *advice, struct mt_err *err)
{
    struct mt_match match;
    mt_status status =
        mt_match_make(target, ties, source, o, &out->arena, &match, err);

    if (status != MT_OK)
        return status;
    if (match.clash)
        return mt_fail(err, MT_MISMATCH,
                       "two tensors of the state become \"%s\"", match.clash);
    status = check_ties(target, &match, team, err);
    if (status == MT_OK && !is_good(&match, o))
        status = advise_and_fail(target, ties, source, o, &match, advice, err);
    if (status == MT_OK)
        status = mt_match_check_transpose(&match, o, err);
    if (status == MT_OK)
        status = make_pairs(target, &match, o, out, err);
    if (status == MT_OK && o->optimizer)
        status =
            mt_transfer_optimizer(target, source, &match, o, team, out, advice,
                                  err);
    return status;
}

mt_status mt_transfer_plan(const struct mt_bundle *target,
                           const struct mt_bundle *source,
                           const struct mt_transfer_options *options,
                           struct mt_team *team, struct mt_transfer *out,
                           struct mt_transfer_advice *advice,
                           struct mt_err *err)
{
    struct mt_transfer_advice own = { 0 };
    struct mt_json *doc = NULL;
    mt_status status = mt_state_spec(target, "spec", &doc, err);

    *out = (struct mt_transfer){ 0 };
    if (advice)
        *advice = own;
    if (status == MT_OK)
        status = plan(target, mt_ties_of(doc), source, options, team, out,
                      advice ? advice : &own, err);
    if (status != MT_OK)
        mt_transfer_free(out);
    mt_transfer_advice_free(&own);
    if (doc)
        mt_json_free(doc);
    return status;
}

void mt_transfer_free(struct mt_transfer *t)
{
    mt_arena_free(&t->arena);
    *t = (struct mt_transfer){ 0 };
}

/* --- the position --------------------------------------------------------- */

mt_status mt_transfer_leave_position(struct mt_transfer *plan,
                                     const char *reason, struct mt_err *err)
{
    plan->progress = false;
    plan->left = mt_arena_strdup(&plan->arena, reason);
    return plan->left ? MT_OK : mt_fail_memory(err);
}

mt_status mt_transfer_check_position(struct mt_transfer *plan,
                                     const struct mt_bundle *source,
                                     struct mt_session *s, struct mt_err *err)
{
    struct mt_bundle position = MT_BUNDLE_INIT;
    struct mt_err why = MT_ERR_INIT;
    const struct mt_array *spec = mt_bundle_find(source, MT_NAME_SPEC);
    mt_status status;

    if (!plan->progress)
        return MT_OK;
    mt_state_add_position(source, &position);
    if (spec)
        mt_bundle_add_array(&position, MT_NAME_SPEC, spec);
    status = position.failed ? MT_NO_MEMORY
                             : mt_state_restore_position(s, &position, &why);
    if (status == MT_NO_MEMORY) {
        mt_fail_memory(err); /* says nothing about the position */
    } else if (status != MT_OK) {
        plan->unfit = true;
        status = mt_transfer_leave_position(plan, why.text, err);
    }
    mt_bundle_free(&position);
    return status;
}

/* --- the result --------------------------------------------------------- */

static mt_status add_moved(const struct mt_transfer_pair *p,
                           struct mt_team *team, struct mt_bundle *out,
                           struct mt_err *err)
{
    struct mt_transfer_as as = { p->to->dtype, p->to->shape, p->transposed };

    return mt_transfer_add_as(p->from, &as, p->to->name, team, out, err);
}

static void add_section(const struct mt_bundle *from,
                        enum mt_state_section section, struct mt_bundle *out)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];

        if (mt_name_is(a->name, section))
            mt_bundle_add_array(out, a->name, a);
    }
}

mt_status mt_transfer_apply(const struct mt_transfer *t,
                            const struct mt_bundle *target,
                            const struct mt_bundle *source,
                            struct mt_team *team, struct mt_bundle *out,
                            struct mt_err *err)
{
    mt_status status = MT_OK;

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    add_section(target, MT_SPEC, out);
    for (size_t i = 0; i < target->n && status == MT_OK; i++) {
        const struct mt_array *to = &target->arrays[i];

        if (t->pair_of[i])
            status = add_moved(&t->pairs[t->pair_of[i] - 1], team, out, err);
        else if (t->recounted[i])
            mt_bundle_i64(out, to->name, 0);
        else if (mt_name_is(to->name, MT_MODEL))
            mt_bundle_add_array(out, to->name, to);
    }
    if (status == MT_OK)
        status = mt_transfer_add_state(t, target, source, team, out, err);
    if (status == MT_OK)
        status = mt_ema_transfer(t, target, source, team, out, err);
    if (status != MT_OK)
        return status;
    if (t->progress)
        mt_state_add_position(source, out);
    else
        mt_state_add_start(out);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}
