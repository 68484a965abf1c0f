#include "train/monitor.h"
#include "train/state.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/dispatch.h"
#include "train/datastate.h"
#include "train/ema.h"
#include "train/history.h"
#include "train/kept.h"
#include "train/ranks.h"
#include "train/state_take.h"
#include "train/statename.h"
#include "train/totals.h"

/* --- saving ------------------------------------------------------------- */

void mt_state_add_spec(const struct mt_json *doc, struct mt_bundle *out)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_json_print(mt_json_root(doc), &text);
    if (text.failed)
        out->failed = true;
    else
        mt_bundle_text(out, MT_NAME_SPEC, text.text);
    mt_strbuf_free(&text);
}

mt_status mt_state_replace_spec(const struct mt_json *doc,
                                struct mt_bundle *bundle, struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_array *spec = NULL;
    char *copy = NULL;

    for (size_t i = 0; i < bundle->n; i++) {
        if (strcmp(bundle->arrays[i].name, MT_NAME_SPEC) == 0)
            spec = &bundle->arrays[i];
    }
    mt_json_print(mt_json_root(doc), &text);
    if (!text.failed)
        copy = mt_arena_strndup(&bundle->arena, text.text, text.len);
    if (spec && copy) {
        spec->data = copy;
        spec->shape = mt_shape_of(1, text.len);
    }
    mt_strbuf_free(&text);
    if (!copy)
        return mt_fail_memory(err);
    return spec ? MT_OK : mt_fail(err, MT_INVALID, "there is no spec/json");
}

/* of: save the session's kept state; NULL: its present one. Also below. */
static void save_model(const struct mt_store *store, const struct mt_kept *of,
                       struct mt_bundle *out)
{
    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        mt_bundle_add(out, mt_name_in(MT_MODEL, t->name).text, t->dtype,
                      &t->shape, mt_kept_of(of, t->data));
    }
}

static void save_slots(const struct mt_optimizer *o, size_t tensor,
                       const struct mt_kept *of, struct mt_bundle *out)
{
    const struct mt_tensor *t = o->store->tensors[tensor];
    const uint64_t *step = mt_kept_of(of, &o->step_of[tensor]);

    if (!*step || !mt_optimizer_has_slots(o, tensor))
        return;
    mt_bundle_i64(out, mt_name_slot(MT_SLOT_STEP, t->name).text,
                  (int64_t)*step);
    for (size_t i = 0; i < o->n_slots; i++) {
        const float *slot = mt_optimizer_slot(o, i, tensor);
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, tensor);

        if (slot)
            mt_bundle_add(out, mt_name_slot(o->type->slots[i], t->name).text,
                          MT_F32, &shape, mt_kept_of(of, slot));
    }
}

void mt_state_add_start(struct mt_bundle *out)
{
    mt_bundle_i64(out, MT_NAME_STEP, 0);
    mt_bundle_i64(out, MT_NAME_EPOCH, 0);
    mt_bundle_i64(out, MT_NAME_BATCH, 0);
}

void mt_state_add_position(const struct mt_bundle *from, struct mt_bundle *out)
{
    static const char *const counts[] = { MT_NAME_STEP, MT_NAME_EPOCH,
                                          MT_NAME_BATCH };

    for (size_t i = 0; i < from->n; i++) {
        const struct mt_array *a = &from->arrays[i];
        int64_t value;
        bool whole = false;

        if (!mt_name_is(a->name, MT_PROGRESS))
            continue;
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            whole |= strcmp(a->name, counts[k]) == 0 &&
                     mt_array_whole(a, &value);
        if (whole)
            mt_bundle_i64(out, a->name, value);
        else
            mt_bundle_add_array(out, a->name, a);
    }
}

/* The position of training, without the history. */
static void save_position(const struct mt_session *s, const struct mt_kept *of,
                          struct mt_bundle *out)
{
    const struct mt_scheduler_type *type = s->scheduler->type;
    const struct mt_position *at = mt_kept_of(of, &s->at);
    const double *state = mt_kept_of(of, s->scheduler->state);

    mt_bundle_i64(out, MT_NAME_STEP, (int64_t)at->step);
    mt_bundle_i64(out, MT_NAME_EPOCH, (int64_t)at->epoch);
    mt_bundle_i64(out, MT_NAME_BATCH, (int64_t)at->batch);
    if (at->batch)
        mt_bundle_list(out, MT_NAME_TOTALS, MT_F64, s->epoch_totals,
                       mt_totals_count(s));
    for (size_t i = 0; at->step && i < type->state_count; i++)
        mt_bundle_f64(out, mt_name_scheduler(type->state_names[i]).text,
                      state[i]);
    mt_monitors_save(s, of, out);
}

static void save_tensors(const struct mt_session *s, const struct mt_kept *of,
                         struct mt_bundle *out)
{
    save_model(&s->model->store, of, out);
    for (size_t i = 0; i < s->model->store.n; i++)
        save_slots(s->optimizer, i, of, out);
    if (s->ema)
        mt_ema_save(s->ema, of, out);
}

/* Small arrays are copied into the bundle, others refer to the session's
 * memory. */
static void save_kept(const struct mt_session *s, struct mt_bundle *out)
{
    struct mt_bundle kept = MT_BUNDLE_INIT;

    if (!s->kept.there || mt_kept_is_present(s))
        return;
    save_tensors(s, &s->kept, &kept);
    save_position(s, &s->kept, &kept);
    for (size_t i = 0; i < kept.n; i++) {
        const struct mt_array *a = &kept.arrays[i];
        struct mt_name name = mt_name_kept(a->name);

        if (a->shape.rank == 0 || mt_name_is(a->name, MT_PROGRESS))
            mt_bundle_add_copy(out, name.text, a->dtype, &a->shape, a->data);
        else
            mt_bundle_add(out, name.text, a->dtype, &a->shape, a->data);
    }
    out->failed |= kept.failed;
    mt_bundle_free(&kept);
}

mt_status mt_state_save(struct mt_session *s, struct mt_bundle *out,
                        struct mt_err *err)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    mt_optimizer_sync(s->optimizer);
    mt_state_add_spec(s->doc, out);
    mt_data_state_save(s->data, out);
    save_tensors(s, NULL, out);
    save_position(s, NULL, out);
    mt_history_save(s, out);
    save_kept(s, out);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}

mt_status mt_session_save(struct mt_session *s, const char *path,
                          struct mt_ckpt_info *info, struct mt_err *err)
{
    struct mt_bundle bundle;
    const struct mt_store *store = &s->model->store;
    mt_status status;

    if (!mt_kernels()->all_finite(store->values, store->flat))
        return mt_fail(err, MT_NON_FINITE,
                       "%s: not saved: a parameter is not finite after step "
                       "%llu", path, (unsigned long long)s->at.step);
    if ((status = mt_ranks_collect(s, err)) != MT_OK)
        return status;
    if (mt_comm_rank(s->comm) == 0) {
        status = mt_state_save(s, &bundle, err);
        if (status == MT_OK)
            status = mt_bundle_write(&bundle, path, s->team, info, err);
        mt_bundle_free(&bundle);
        mt_ranks_release(s);
    }
    return mt_ranks_outcome(s, status, info, err);
}

/* --- restoring ---------------------------------------------------------- */

mt_status mt_state_spec(const struct mt_bundle *from, const char *source,
                        struct mt_json **out, struct mt_err *err)
{
    const struct mt_array *a = mt_bundle_find(from, MT_NAME_SPEC);

    if (!a || a->dtype != MT_U8)
        return mt_fail(err, MT_INVALID, "%s: has no spec", source);
    return mt_json_parse(source, a->data, mt_array_bytes(a), out, err);
}

static mt_status restore_slots(struct mt_optimizer *o, size_t tensor,
                               const struct mt_bundle *from, size_t *taken,
                               struct mt_err *err)
{
    const char *key = o->store->tensors[tensor]->name;
    mt_status status;

    if (!mt_bundle_find(from, mt_name_slot(MT_SLOT_STEP, key).text) ||
        !mt_optimizer_has_slots(o, tensor))
        return MT_OK;
    status = mt_state_take_step(from, key, &o->step_of[tensor], taken, err);
    for (size_t i = 0; i < o->n_slots && status == MT_OK; i++) {
        float *slot = mt_optimizer_slot(o, i, tensor);
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, tensor);
        struct mt_name name = mt_name_slot(o->type->slots[i], key);

        if (slot)
            status = mt_state_take(from, name.text, MT_F32, &shape, slot,
                                   taken, err);
    }
    return status;
}

/* As strict as for the model, unless the spec was changed since. */
static mt_status restore_optimizer(struct mt_session *s,
                                   const struct mt_bundle *from, size_t *taken,
                                   struct mt_err *err)
{
    struct mt_json *saved = NULL;
    mt_status status = MT_OK;

    if (mt_bundle_find(from, MT_NAME_SPEC))
        status = mt_state_spec(from, MT_NAME_SPEC, &saved, err);
    if (status == MT_OK && saved && mt_refit_needed(s, saved)) {
        status = mt_refit_optimizer(s, from, saved, taken, err);
    } else {
        for (size_t i = 0; i < s->model->store.n && status == MT_OK; i++)
            status = restore_slots(s->optimizer, i, from, taken, err);
    }
    mt_json_free(saved);
    return status;
}

static mt_status restore_tensors(struct mt_session *s,
                                 const struct mt_bundle *from,
                                 struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    size_t taken = 0, there = 0;
    mt_status status = MT_OK;

    for (size_t i = 0; i < store->n && status == MT_OK; i++) {
        const struct mt_tensor *t = store->tensors[i];

        status = mt_state_take(from, mt_name_in(MT_MODEL, t->name).text,
                               t->dtype, &t->shape, t->data, &taken, err);
    }
    if (status == MT_OK)
        status = restore_optimizer(s, from, &taken, err);
    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < from->n; i++)
        there += mt_name_is(from->arrays[i].name, MT_MODEL) ||
                 mt_name_is(from->arrays[i].name, MT_OPTIMIZER);
    if (taken != there)
        return mt_fail(err, MT_MISMATCH,
                       "it has %s that the spec's model and optimizer do not "
                       "have",
                       mt_count(there - taken, "tensor").text);
    mt_optimizer_restart(s->optimizer);
    return s->ema ? mt_ema_restore(s->ema, from, err) : MT_OK;
}

mt_status mt_state_restore_model(struct mt_store *store,
                                 const struct mt_bundle *from,
                                 struct mt_err *err)
{
    size_t taken = 0, there = 0;
    mt_status status;

    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if ((status = mt_state_take(from, mt_name_in(MT_MODEL, t->name).text, t->dtype,
                           &t->shape, t->data, &taken, err)) != MT_OK)
            return status;
    }
    for (size_t i = 0; i < from->n; i++)
        there += mt_name_is(from->arrays[i].name, MT_MODEL);
    if (taken != there)
        return mt_fail(err, MT_MISMATCH,
                       "it has %s that the spec's model does not have",
                       mt_count(there - taken, "tensor").text);
    return MT_OK;
}

static bool same_names(const struct mt_item *list,
                       const struct mt_strings *names)
{
    const struct mt_item *item = mt_is_string(list) ? list
                                 : list             ? list->child
                                                    : NULL;
    size_t i = 0;

    for (; item && i < names->n; i++, item = item->next) {
        if (!mt_is_string(item) || strcmp(item->text, names->v[i]) != 0)
            return false;
    }
    return !item && i == names->n;
}

/* Has the history, if there is one, the session's metrics as columns? */
static bool same_columns(const struct mt_session *s,
                         const struct mt_bundle *from)
{
    size_t there = 0, found = 0;

    for (size_t i = 0; i < from->n; i++) {
        const char *column = mt_name_column(from->arrays[i].name), *metric;

        if (column && strcmp(mt_column_part(column, &metric), "train") == 0)
            there += mt_metric_find(metric) != NULL;
    }
    for (size_t i = 0; i < s->n_metrics; i++)
        found += mt_bundle_find(
                     from, mt_name_history("train", s->metrics[i]->name).text)
                 != NULL;
    return s->at.epoch == 0 || (found == there && found == s->n_metrics) ||
           !mt_bundle_find(from, mt_name_history(NULL, "epoch").text);
}

/* The sums of an unfinished epoch belong to the metrics that it began with. */
static mt_status check_metrics(const struct mt_session *s,
                               const struct mt_bundle *from,
                               struct mt_err *err)
{
    struct mt_json *doc = NULL;
    bool same;

    if (!mt_bundle_find(from, MT_NAME_SPEC)) {
        same = same_columns(s, from);
    } else {
        mt_status status = mt_state_spec(from, MT_NAME_SPEC, &doc, err);

        if (status != MT_OK)
            return status;
        same = same_names(mt_json_get(mt_json_get(mt_json_root(doc), "train"),
                                      "metrics"),
                          &s->settings.metrics);
        mt_json_free(doc);
    }
    return same ? MT_OK
                : mt_fail(err, MT_MISMATCH,
                          "train.metrics cannot change in the middle of an "
                          "epoch");
}

static mt_status restore_totals(struct mt_session *s,
                                const struct mt_bundle *from,
                                struct mt_err *err)
{
    struct mt_shape shape = mt_shape_of(1, mt_totals_count(s));
    const struct mt_array *a = mt_bundle_find(from, MT_NAME_TOTALS);
    size_t taken = 0;

    if (s->at.batch == 0 || s->batches == 0) /* 0: only evaluated */
        return MT_OK;
    if (!a)
        return mt_fail(err, MT_MISMATCH,
                       MT_NAME_TOTALS " is missing, and it is in the middle "
                       "of an epoch: batch %llu of %zu",
                       (unsigned long long)s->at.batch, s->batches);
    mt_status status = check_metrics(s, from, err);

    if (status != MT_OK)
        return status;
    if (!mt_shape_equal(&a->shape, &shape))
        return mt_fail(err, MT_MISMATCH,
                       MT_NAME_TOTALS " has %zu sums, expected %zu: "
                       "train.metrics cannot change in the middle of an epoch",
                       mt_shape_elements(&a->shape), shape.dim[0]);
    return mt_state_take(from, MT_NAME_TOTALS, MT_F64, &shape, s->epoch_totals, &taken,
                err);
}

static mt_status restore_scheduler(struct mt_session *s,
                                   const struct mt_bundle *from,
                                   struct mt_err *err)
{
    const struct mt_scheduler_type *type = s->scheduler->type;
    struct mt_shape scalar = { .rank = 0 };
    size_t taken = 0;
    mt_status status;

    for (size_t i = 0; i < type->state_count; i++) {
        struct mt_name name = mt_name_scheduler(type->state_names[i]);

        if (mt_bundle_find(from, name.text) &&
            (status = mt_state_take(from, name.text, MT_F64, &scalar,
                           &s->scheduler->state[i], &taken, err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

/* A count of the position, which must be below `end`. */
static mt_status read_count(const struct mt_bundle *from, const char *name,
                            uint64_t end, uint64_t *out, struct mt_err *err)
{
    struct mt_shape scalar = { .rank = 0 };
    size_t taken = 0;
    int64_t value;
    mt_status status = mt_state_take(from, name, MT_I64, &scalar, &value, &taken, err);

    if (status != MT_OK)
        return status;
    if (value < 0 || (uint64_t)value >= end)
        return mt_fail(err, MT_INVALID,
                       "%s is %lld: out of range, expected 0 to %llu", name,
                       (long long)value, (unsigned long long)end - 1);
    *out = (uint64_t)value;
    return MT_OK;
}

mt_status mt_state_restore_position(struct mt_session *s,
                                    const struct mt_bundle *from,
                                    struct mt_err *err)
{
    const uint64_t most = (uint64_t)UINT32_MAX + 1;
    uint64_t batches = s->batches ? s->batches : UINT64_MAX;

    mt_status status;

    if ((status = read_count(from, MT_NAME_STEP, most, &s->at.step, err)) !=
            MT_OK ||
        (status = read_count(from, MT_NAME_EPOCH, most, &s->at.epoch, err)) !=
            MT_OK ||
        (status = read_count(from, MT_NAME_BATCH, batches, &s->at.batch,
                             err)) != MT_OK ||
        (status = restore_totals(s, from, err)) != MT_OK ||
        (status = restore_scheduler(s, from, err)) != MT_OK ||
        (status = mt_history_restore(s, from, err)) != MT_OK)
        return status;
    return mt_monitors_restore(s, from, err);
}

/* The arrays of the kept state, under their own names. */
static mt_status select_kept(const struct mt_bundle *from,
                             struct mt_bundle *out, struct mt_err *err)
{
    for (size_t i = 0; i < from->n; i++) {
        const char *name = mt_name_kept_of(from->arrays[i].name);

        if (name)
            mt_bundle_add_array(out, name, &from->arrays[i]);
    }
    out->team = from->team;
    return out->failed ? mt_fail_memory(err) : MT_OK;
}

static mt_status restore_state(struct mt_session *s,
                               const struct mt_bundle *from,
                               struct mt_err *err)
{
    mt_status status = restore_tensors(s, from, err);

    return status == MT_OK ? mt_state_restore_position(s, from, err) : status;
}

/* Did the file or the machine fail (rather than the state not fit)? */
static bool is_trouble(mt_status status)
{
    return status != MT_OK && status != MT_MISMATCH && status != MT_INVALID;
}

/* Restores the session's kept state. One that does not fit (tensors were
 * renamed since) is ignored. */
static mt_status restore_kept(struct mt_session *s,
                              const struct mt_bundle *from, bool *there,
                              struct mt_err *err)
{
    struct mt_bundle kept = MT_BUNDLE_INIT;
    struct mt_err why = MT_ERR_INIT;
    mt_status status = select_kept(from, &kept, err), fits = MT_MISMATCH;

    if (status == MT_OK && kept.n)
        fits = restore_state(s, &kept, &why);
    *there = fits == MT_OK;
    if (*there) {
        mt_kept_take(s);
    } else if (is_trouble(fits)) {
        *err = why;
        status = fits;
    }
    mt_bundle_free(&kept);
    return status;
}

/* The epoch of the kept state: as the checkpoint says, or, if it was written
 * without restore_best, the best of its history. */
static uint64_t kept_epoch(const struct mt_session *s,
                           const struct mt_bundle *from)
{
    int64_t epoch =
        mt_bundle_get_i64(from, MT_NAME_STOPPING "best_epoch", 0);

    return epoch > 0 ? (uint64_t)epoch : mt_session_best(s).epoch;
}

mt_status mt_state_restore(struct mt_session *s, const struct mt_bundle *from,
                           struct mt_err *err)
{
    bool keep = s->kept.watch.monitor.name, there = false;
    mt_status status = mt_kept_prepare(s, err);

    if (status == MT_OK && keep)
        status = restore_kept(s, from, &there, err);
    if (status == MT_OK)
        status = restore_state(s, from, err);
    if (status != MT_OK || !keep)
        return status;
    if (s->at.epoch && s->at.batch == 0 &&
        kept_epoch(s, from) == s->at.epoch) {
        mt_kept_take(s);
        there = true;
    }
    mt_kept_found(s, there ? s->kept.epoch : 0);
    return MT_OK;
}
