#include "train/taking.h"

#include <math.h>

#include "base/size.h"

bool mt_taking_suits(const struct mt_session *s)
{
    const struct mt_settings *t = &s->settings;

    return s->batches && !s->norms && s->ranks == 1 && t->shards == 1 &&
           t->accumulate == 1 && isnan(t->clip_grad_norm) &&
           isnan(t->clip_grad_value);
}

static bool all_hand_over(const struct mt_programs *p,
                          const struct mt_tensor *tensor)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!mt_graph_hands_over(p->of[i].graph, tensor))
            return false;
    }
    return p->n > 0;
}

mt_status mt_taking_plan(struct mt_session *s, struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    bool *taken = mt_arena_calloc(&s->arena, store->n + 1, sizeof *taken);

    if (!taken)
        return mt_fail_memory(err);
    for (size_t i = 0; i < store->n; i++) {
        taken[i] = all_hand_over(&s->train, store->tensors[i]);
        if (taken[i])
            s->taken = taken;
    }
    return MT_OK;
}

size_t mt_taking_bytes(const struct mt_session *s)
{
    const struct mt_store *store = &s->model->store;
    size_t floats = 0;

    for (size_t i = 0; s->taken && i < store->n; i++)
        floats += s->taken[i] ? store->tensors[i]->count : 0;
    return floats * sizeof(float);
}

static void take(void *ctx, const struct mt_tensor *tensor, size_t at,
                 const float *g, size_t n)
{
    const struct mt_taking *t = ctx;

    if (isfinite(*t->loss))
        mt_optimizer_take(t->optimizer, tensor, at, g, n);
}

_Static_assert(1 + (int)MT_OPTIM_MAX_SLOTS <= (int)MT_TAKE_READS,
               "the parameter and its slots");

static void reads(void *ctx, const struct mt_tensor *tensor,
                  const float *out[MT_TAKE_READS])
{
    const struct mt_taking *t = ctx;
    const struct mt_optimizer *o = t->optimizer;
    size_t k = 0;

    out[k++] = tensor->data;
    for (size_t i = 0; i < o->n_slots; i++) {
        const float *slot = mt_optimizer_slot(o, i, tensor->number);

        if (slot && !mt_optimizer_is_product(o->type, i))
            out[k++] = slot;
    }
}

void mt_taking_begin(struct mt_taking *taking, const struct mt_session *s,
                     const struct mt_program *p, struct mt_turn *turn)
{
    taking->optimizer = s->optimizer;
    taking->loss = p->loss->data;
    taking->taker = (struct mt_taker){ take, reads, taking };
    turn->taker = &taking->taker;
}
