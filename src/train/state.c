#include "train/monitor.h"
#include "train/state.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/dispatch.h"
#include "train/datastate.h"
#include "train/history.h"
#include "train/statename.h"

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

static void save_model(const struct mt_store *store, struct mt_bundle *out)
{
    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        mt_bundle_add(out, mt_name_in(MT_MODEL, t->name).text, t->dtype,
                      &t->shape, t->data);
    }
}

static void save_slots(const struct mt_optimizer *o, size_t tensor,
                       struct mt_bundle *out)
{
    const struct mt_tensor *t = o->store->tensors[tensor];

    if (!o->step_of[tensor] || !mt_optimizer_has_slots(o, tensor))
        return;
    mt_bundle_i64(out, mt_name_slot(MT_SLOT_STEP, t->name).text,
                  (int64_t)o->step_of[tensor]);
    for (size_t i = 0; i < o->n_slots; i++) {
        const float *slot = mt_optimizer_slot(o, i, tensor);
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, tensor);

        if (slot)
            mt_bundle_add(out, mt_name_slot(o->type->slots[i], t->name).text,
                          MT_F32, &shape, slot);
    }
}

void mt_state_add_start(struct mt_bundle *out)
{
    mt_bundle_i64(out, MT_NAME_STEP, 0);
    mt_bundle_i64(out, MT_NAME_EPOCH, 0);
    mt_bundle_i64(out, MT_NAME_BATCH, 0);
}

static void save_progress(const struct mt_session *s, struct mt_bundle *out)
{
    const struct mt_scheduler_type *type = s->scheduler->type;

    mt_bundle_i64(out, MT_NAME_STEP, (int64_t)s->at.step);
    mt_bundle_i64(out, MT_NAME_EPOCH, (int64_t)s->at.epoch);
    mt_bundle_i64(out, MT_NAME_BATCH, (int64_t)s->at.batch);
    if (s->at.batch)
        mt_bundle_list(out, MT_NAME_TOTALS, MT_F64, s->epoch_totals,
                       mt_totals_count(s));
    for (size_t i = 0; s->at.step && i < type->state_count; i++)
        mt_bundle_f64(out, mt_name_scheduler(type->state_names[i]).text,
                      s->scheduler->state[i]);
    mt_monitors_save(s, out);
    mt_history_save(s, out);
}

mt_status mt_state_save(struct mt_session *s, struct mt_bundle *out,
                        struct mt_err *err)
{
    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    mt_optimizer_sync(s->optimizer);
    mt_state_add_spec(s->doc, out);
    mt_data_state_save(s->data, out);
    save_model(&s->model->store, out);
    for (size_t i = 0; i < s->model->store.n; i++)
        save_slots(s->optimizer, i, out);
    save_progress(s, out);
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
    status = mt_state_save(s, &bundle, err);
    if (status == MT_OK)
        status = mt_bundle_write(&bundle, path, s->team, info, err);
    mt_bundle_free(&bundle);
    return status;
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

static mt_status fail_shape(const struct mt_array *a,
                            const struct mt_shape *shape, const char *dtype,
                            struct mt_err *err)
{
    return mt_fail(err, MT_MISMATCH, "%s is %s %s, but the spec makes it %s %s",
                   a->name, mt_dtype_name(a->dtype),
                   mt_shape_text(&a->shape).text, dtype,
                   mt_shape_text(shape).text);
}

/* Copies the named array to `to`, if there is one of that type and shape. */
static mt_status take(const struct mt_bundle *from, const char *name,
                      enum mt_dtype dtype, const struct mt_shape *shape,
                      void *to, size_t *taken, struct mt_err *err)
{
    const struct mt_array *a = mt_bundle_find(from, name);

    if (!a)
        return mt_fail(err, MT_MISMATCH, "%s is missing", name);
    if (a->dtype != dtype || !mt_shape_equal(&a->shape, shape))
        return fail_shape(a, shape, mt_dtype_name(dtype), err);
    memcpy(to, a->data, mt_array_bytes(a));
    ++*taken;
    return MT_OK;
}

static mt_status restore_slots(struct mt_optimizer *o, size_t tensor,
                               const struct mt_bundle *from, size_t *taken,
                               struct mt_err *err)
{
    const struct mt_tensor *t = o->store->tensors[tensor];
    struct mt_shape scalar = { .rank = 0 };
    struct mt_name name = mt_name_slot(MT_SLOT_STEP, t->name);
    int64_t step;
    mt_status status;

    if (!mt_bundle_find(from, name.text) || !mt_optimizer_has_slots(o, tensor))
        return MT_OK;
    if ((status = take(from, name.text, MT_I64, &scalar, &step, taken, err)) !=
        MT_OK)
        return status;
    if (step < 1 || step > UINT32_MAX)
        return mt_fail(err, MT_INVALID, "%s is %lld: out of range", name.text,
                       (long long)step);
    o->step_of[tensor] = (uint64_t)step;
    for (size_t i = 0; i < o->n_slots; i++) {
        float *slot = mt_optimizer_slot(o, i, tensor);
        struct mt_shape shape = mt_optimizer_slot_shape(o, i, tensor);

        name = mt_name_slot(o->type->slots[i], t->name);
        if (slot && (status = take(from, name.text, MT_F32, &shape, slot, taken,
                                   err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status restore_tensors(struct mt_session *s,
                                 const struct mt_bundle *from,
                                 struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    size_t taken = 0, there = 0;
    mt_status status;

    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if ((status = take(from, mt_name_in(MT_MODEL, t->name).text, t->dtype,
                           &t->shape, t->data, &taken, err)) != MT_OK ||
            (status = restore_slots(s->optimizer, i, from, &taken, err)) !=
                MT_OK)
            return status;
    }
    for (size_t i = 0; i < from->n; i++)
        there += mt_name_is(from->arrays[i].name, MT_MODEL) ||
                 mt_name_is(from->arrays[i].name, MT_OPTIMIZER);
    if (taken != there)
        return mt_fail(err, MT_MISMATCH,
                       "it has %zu tensors that the spec's model and optimizer "
                       "do not have", there - taken);
    mt_optimizer_restart(s->optimizer);
    return MT_OK;
}

mt_status mt_state_restore_model(struct mt_store *store,
                                 const struct mt_bundle *from,
                                 struct mt_err *err)
{
    size_t taken = 0, there = 0;
    mt_status status;

    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if ((status = take(from, mt_name_in(MT_MODEL, t->name).text, t->dtype,
                           &t->shape, t->data, &taken, err)) != MT_OK)
            return status;
    }
    for (size_t i = 0; i < from->n; i++)
        there += mt_name_is(from->arrays[i].name, MT_MODEL);
    if (taken != there)
        return mt_fail(err, MT_MISMATCH,
                       "it has %zu tensors that the spec's model does not have",
                       there - taken);
    return MT_OK;
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
    if (a && !mt_shape_equal(&a->shape, &shape))
        return mt_fail(err, MT_MISMATCH,
                       "train.metrics cannot change in the middle of an epoch");
    return take(from, MT_NAME_TOTALS, MT_F64, &shape, s->epoch_totals, &taken,
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
            (status = take(from, name.text, MT_F64, &scalar,
                           &s->scheduler->state[i], &taken, err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status restore_position(struct mt_session *s,
                                  const struct mt_bundle *from,
                                  struct mt_err *err)
{
    mt_status status;

    int64_t step = mt_bundle_get_i64(from, MT_NAME_STEP, -1);
    int64_t epoch = mt_bundle_get_i64(from, MT_NAME_EPOCH, -1);
    int64_t batch = mt_bundle_get_i64(from, MT_NAME_BATCH, -1);

    if (step < 0 || step > UINT32_MAX || epoch < 0 || epoch > UINT32_MAX ||
        batch < 0 || (s->batches && (uint64_t)batch >= s->batches))
        return mt_fail(err, MT_INVALID,
                       "its position (step %lld, epoch %lld, batch %lld of "
                       "%zu) is out of range", (long long)step,
                       (long long)epoch, (long long)batch, s->batches);
    s->at = (struct mt_position){ .step = (uint64_t)step,
                                  .epoch = (uint64_t)epoch,
                                  .batch = (uint64_t)batch };
    if ((status = restore_totals(s, from, err)) != MT_OK ||
        (status = restore_scheduler(s, from, err)) != MT_OK ||
        (status = mt_history_restore(s, from, err)) != MT_OK)
        return status;
    return mt_monitors_restore(s, from, err);
}

mt_status mt_state_restore(struct mt_session *s, const struct mt_bundle *from,
                           struct mt_err *err)
{
    mt_status status;

    if ((status = restore_tensors(s, from, err)) != MT_OK)
        return status;
    return restore_position(s, from, err);
}
