#include "train/audit.h"

#include <string.h>

enum { LANES = 8 };

static uint64_t rotate(uint64_t x)
{
    return x << 27 | x >> 37;
}

/* A 64-bit hash of a tensor's bits, to see whether it moved. Each step is a
 * bijection of a lane, so one changed word changes the hash. It has only
 * rotations and additions, on independent lanes, to run at memory speed: it is
 * computed at the end of every epoch. */
static uint64_t hash_tensor(const struct mt_tensor *t)
{
    static const uint64_t k = 0xff51afd7ed558ccdu;
    const unsigned char *p = t->data;
    size_t n = t->count * mt_dtype_size(t->dtype);
    uint64_t h[LANES] = { n, 1, 2, 3 }, word[LANES], sum = 0;

    for (; n >= sizeof word; n -= sizeof word, p += sizeof word) {
        memcpy(word, p, sizeof word);
        for (int i = 0; i < LANES; i++)
            h[i] = rotate(h[i]) + word[i];
    }
    for (; n; n--, p++)
        h[0] = rotate(h[0]) + *p;
    for (int i = 0; i < LANES; i++) {
        sum = (sum ^ h[i]) * k;
        sum ^= sum >> 32;
    }
    return sum;
}

mt_status mt_audit_before(const struct mt_store *store, struct mt_audit *audit,
                          struct mt_err *err)
{
    *audit = (struct mt_audit){ 0 };
    audit->before = mt_arena_calloc(&audit->arena, store->n + 1,
                                    sizeof *audit->before);
    audit->unmoved = mt_arena_calloc(&audit->arena, store->n + 1,
                                     sizeof *audit->unmoved);
    if (!audit->before || !audit->unmoved) {
        mt_audit_free(audit);
        return mt_fail_memory(err);
    }
    for (size_t i = 0; i < store->n; i++)
        audit->before[i] = hash_tensor(store->tensors[i]);
    return MT_OK;
}

static struct mt_unmoved explain(const struct mt_tensor *t, size_t index,
                                 const struct mt_optimizer *o,
                                 const struct mt_scheduled *now)
{
    if (!t->requires_grad)
        return (struct mt_unmoved){ t->name, MT_FROZEN, true, index };
    if (!mt_optimizer_owns(o, t))
        return (struct mt_unmoved){ t->name, MT_NOT_IN_OPTIMIZER, true, index };

    size_t group = o->group_of[index];

    if (now[group].lr == 0)
        return (struct mt_unmoved){ t->name, MT_LR_IS_0,
                                    mt_optimizer_base(o, group).lr == 0,
                                    index };
    if (!t->has_grad || mt_optimizer_saw_zeros(o, index))
        return (struct mt_unmoved){ t->name, MT_ZERO_GRADIENT, !t->has_grad,
                                    index };
    return (struct mt_unmoved){ t->name, MT_ROUNDS_TO_NOTHING, false, index };
}

void mt_audit_after(const struct mt_store *store,
                    const struct mt_optimizer *optimizer,
                    const struct mt_scheduled *now, struct mt_audit *audit)
{
    audit->trainable = audit->moved = audit->n_unmoved = 0;
    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];
        uint64_t hash = hash_tensor(t);
        bool moved = hash != audit->before[i];

        audit->before[i] = hash;
        if (t->buffer)
            continue;
        audit->trainable += t->requires_grad;
        audit->moved += t->requires_grad && moved;
        if (!moved)
            audit->unmoved[audit->n_unmoved++] = explain(t, i, optimizer, now);
    }
}

void mt_audit_free(struct mt_audit *audit)
{
    mt_arena_free(&audit->arena);
    *audit = (struct mt_audit){ 0 };
}

/* "0 of 4 trainable tensors moved: fc1.weight: lr is 0; ..." */
static mt_status fail(const struct mt_audit *audit, struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    for (size_t i = 0; i < audit->n_unmoved && i < 8; i++)
        mt_strbuf_printf(&text, "%s%s: %s", i ? "; " : "",
                         audit->unmoved[i].name,
                         mt_reason_text(audit->unmoved[i].reason));
    if (audit->n_unmoved > 8)
        mt_strbuf_printf(&text, "; and %zu more", audit->n_unmoved - 8);
    mt_fail(err, MT_NO_EFFECT, "training has no effect: the step moved 0 of "
            "%zu trainable tensors (%s)", audit->trainable,
            text.text ? text.text : "none");
    mt_strbuf_free(&text);
    return MT_NO_EFFECT;
}

mt_status mt_audit_check(const struct mt_audit *audit, bool strict,
                         struct mt_err *err)
{
    bool structural = true;

    if (audit->moved)
        return MT_OK;
    for (size_t i = 0; i < audit->n_unmoved; i++)
        structural &= audit->unmoved[i].structural;
    return strict || structural ? fail(audit, err) : MT_OK;
}
