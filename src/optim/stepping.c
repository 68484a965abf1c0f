/* Optimizer steps: in passes over flat memory, or piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "optim/optim_internal.h"

enum {
    SPAN = 16384, /* floats of a task */
    PAD = 16,
};

/* --- segments ------------------------------------------------------------ */

/* Is the tensor stepped as its gradient is taken? */
static bool is_taken(const struct mt_optimizer *o, size_t t)
{
    return o->taken && o->taken[t];
}

/* Does tensor t continue the segment? */
static bool continues(const struct mt_optimizer *o, const struct mt_segment *s,
                      size_t t)
{
    const float *product = mt_optim_product(o, t);

    return s && s->group == o->group_of[t] && s->step == o->step_of[t] &&
           s->taken == is_taken(o, t) && (!product || s->product == *product);
}

/* Tensors lie in the flat block in order, each padded; neighbours with the same
 * group, step count and product become one segment. */
static void make_segments(struct mt_optimizer *o)
{
    struct mt_segment *last = NULL;

    o->n_segments = 0;
    for (size_t t = 0; t < o->store->n; t++) {
        const struct mt_tensor *tensor = o->store->tensors[t];
        size_t n = mt_size_align(tensor->count, PAD);
        const float *product = mt_optim_product(o, t);

        if (!tensor->requires_grad)
            continue;
        if (!tensor->has_grad) {
            last = NULL;
            continue;
        }
        if (continues(o, last, t)) {
            last->n += n;
        } else {
            last = &o->segments[o->n_segments++];
            *last = (struct mt_segment){ .offset = tensor->offset,
                                         .n = n,
                                         .group = o->group_of[t],
                                         .step = o->step_of[t],
                                         .first = t,
                                         .product = product ? *product : 1,
                                         .taken = is_taken(o, t) };
        }
        last->end = t + 1;
        o->segment_of[t] = (size_t)(last - o->segments);
    }
    o->segmented = true;
}

/* Prepares the next step of a segment. */
static void prepare(const struct mt_optimizer *o, struct mt_segment *s,
                    const struct mt_scheduled *now)
{
    const void *args = o->groups[s->group].args;
    struct mt_optim_step step = { now->lr, now->momentum, s->step + 1, 1 };

    s->next = s->product;
    if (o->type->factor) /* in single precision, as in torch */
        s->next *= (float)o->type->factor(args, &step);
    step.product = (double)s->next;
    o->type->prepare(args, &step, s->prepared);
}

/* The segment's floats [at, at + n) of the block, and their gradient. */
static bool update(const struct mt_optimizer *o, const struct mt_segment *s,
                   size_t at, size_t n, const float *g)
{
    struct mt_update u = { .p = o->store->values + at, .g = g, .n = n };

    for (size_t i = 0; i < o->n_slots; i++) {
        if (mt_optim_has_slot(o, s->group, i) &&
            !mt_optimizer_is_product(o->type, i))
            u.slot[i] = o->slot[i] + at;
    }
    return o->type->update(&u, s->prepared);
}

/* --- passes -------------------------------------------------------------- */

struct pass {
    const struct mt_optimizer *o;
    const struct mt_segment *segment;
    size_t first, end; /* in floats of the block */
    atomic_bool non_finite;
};

static void pass_task(void *ctx, size_t task, size_t worker)
{
    struct pass *pass = ctx;
    size_t at = pass->first + task * SPAN;

    (void)worker;
    if (!update(pass->o, pass->segment, at, mt_size_min(SPAN, pass->end - at),
                pass->o->store->grads + at))
        atomic_store(&pass->non_finite, true);
}

void mt_optimizer_own(struct mt_optimizer *o, const struct mt_range *ranges,
                      size_t n)
{
    o->own = ranges;
    o->n_own = n;
}

/* The optimizer's own ranges of the segment. */
static bool run_pass(const struct mt_optimizer *o, const struct mt_segment *s,
                     struct mt_team *team)
{
    const struct mt_range all = { 0, SIZE_MAX };
    const struct mt_range *own = o->n_own ? o->own : &all;
    struct pass pass = { .o = o, .segment = s };

    for (size_t i = 0; i == 0 || i < o->n_own; i++) {
        pass.first = mt_size_max(s->offset, own[i].first);
        pass.end = mt_size_min(s->offset + s->n, own[i].end);
        if (pass.first < pass.end)
            mt_team_run(team, mt_size_ceil_div(pass.end - pass.first, SPAN),
                        pass_task, &pass);
    }
    return !atomic_load(&pass.non_finite);
}

/* --- steps ---------------------------------------------------------------- */

static bool is_seen(atomic_bool *what)
{
    return atomic_load_explicit(what, memory_order_relaxed);
}

static void forget(struct mt_optimizer *o, const struct mt_segment *s)
{
    for (size_t t = s->first; t < s->end; t++) {
        atomic_init(&o->seen[t].other_than_0, false);
        atomic_init(&o->seen[t].non_finite, false);
    }
}

static bool saw_finite(const struct mt_optimizer *o, const struct mt_segment *s)
{
    bool finite = true;

    for (size_t t = s->first; t < s->end; t++)
        finite &= !is_seen(&o->seen[t].non_finite);
    return finite;
}

static void begin(struct mt_optimizer *o, const struct mt_scheduled *now,
                  bool taking)
{
    if (!o->segmented)
        make_segments(o);
    o->taking = taking;
    for (size_t i = 0; i < o->n_segments; i++) {
        struct mt_segment *s = &o->segments[i];

        prepare(o, s, &now[s->group]);
        if (taking && s->taken)
            forget(o, s);
    }
}

static bool end(struct mt_optimizer *o, struct mt_team *team)
{
    bool finite = true;

    for (size_t i = 0; i < o->n_segments; i++) {
        struct mt_segment *s = &o->segments[i];

        finite &=
            o->taking && s->taken ? saw_finite(o, s) : run_pass(o, s, team);
        s->product = s->next;
        s->step++;
    }
    return finite;
}

bool mt_optimizer_step(struct mt_optimizer *o, const struct mt_scheduled *now,
                       struct mt_team *team)
{
    begin(o, now, false);
    return end(o, team);
}

void mt_optimizer_take_from(struct mt_optimizer *o, const bool *taken)
{
    o->taken = taken;
    o->segmented = false;
}

void mt_optimizer_begin(struct mt_optimizer *o, const struct mt_scheduled *now)
{
    begin(o, now, true);
}

static bool all_zero(const float *g, size_t n)
{
    size_t i = 0;

    if (n && g[0] == 0 && memcmp(g, g + 1, (n - 1) * sizeof *g) == 0)
        return true; /* the C library compares whole vectors */
    while (i < n && g[i] == 0)
        i++;
    return i == n;
}

void mt_optimizer_take(struct mt_optimizer *o, const struct mt_tensor *tensor,
                       size_t at, const float *g, size_t n)
{
    size_t t = tensor->number;
    struct mt_seen *seen = &o->seen[t];

    if (!update(o, &o->segments[o->segment_of[t]], tensor->offset + at, n, g))
        atomic_store(&seen->non_finite, true);
    if (!is_seen(&seen->other_than_0) && !all_zero(g, n))
        atomic_store(&seen->other_than_0, true);
}

bool mt_optimizer_end(struct mt_optimizer *o, struct mt_team *team)
{
    return end(o, team);
}

/* --- the last step's gradients -------------------------------------------- */

static bool was_taken(const struct mt_optimizer *o, size_t t)
{
    return o->taking && is_taken(o, t);
}

bool mt_optimizer_saw_finite(const struct mt_optimizer *o, size_t t)
{
    const struct mt_tensor *tensor = o->store->tensors[t];

    return was_taken(o, t)
               ? !is_seen(&o->seen[t].non_finite)
               : mt_kernels()->all_finite(tensor->grad, tensor->count);
}

bool mt_optimizer_saw_zeros(const struct mt_optimizer *o, size_t t)
{
    const struct mt_tensor *tensor = o->store->tensors[t];

    return was_taken(o, t) ? !is_seen(&o->seen[t].other_than_0)
                           : all_zero(tensor->grad, tensor->count);
}
