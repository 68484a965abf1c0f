#include "train/reduce.h"

#include <assert.h>
#include <string.h>

#include "base/size.h"
#include "graph/spans.h"
#include "kernels/dispatch.h"
#include "train/pieces.h"

enum {
    SUMS = 64, /* more than any run of parts can leave */
    MOST_AHEAD = 12,
};

/* The sum of parts [first, end); NULL if none of them counts. */
struct sum {
    size_t first, end;
    float *sum;
};

/* Sums of neighbouring parts; siblings are joined. */
struct stack {
    struct sum of[SUMS];
    size_t n;
};

struct mt_reduce {
    const struct mt_store *store;
    struct mt_comm *comm;
    size_t shards;
    struct mt_range parts; /* of this process */
    struct stack own;
    float
        *block[SUMS]; /* [store->flat]; of[i].sum is block[i] or the store's */
    size_t blocks;
    const float *left[SUMS]; /* what the last part's gradient is added to */
    size_t n_left;

    /* of several processes */
    struct stack *of; /* [size]: what each process holds */
    size_t ahead;     /* stripes in memory: one being added, others arriving */
    size_t room;      /* floats of a piece, at most */
    float *arrived;   /* [ahead][sums of the others][room] */
    size_t arriving;  /* sums of the others */
    struct mt_message *out, *in;
    void *transfer[MOST_AHEAD];
    size_t stripes;
    size_t ready, started, added; /* of them, from the end of the block */
};

/* --- who has what ----------------------------------------------------- */

struct mt_range mt_reduce_parts(size_t shards, size_t ranks, size_t rank)
{
    return mt_cut(shards, ranks, rank);
}

/* --- adding ----------------------------------------------------------- */

struct add_job {
    float *a;
    const float *b;
};

static void add_span(const void *ctx, size_t at, size_t n)
{
    const struct add_job *job = ctx;

    mt_kernels()->add(job->a + at, job->a + at, job->b + at, n);
}

static void copy_span(const void *ctx, size_t at, size_t n)
{
    const struct add_job *job = ctx;

    memcpy(job->a + at, job->b + at, n * sizeof *job->a);
}

static void copy(float *to, const float *from, size_t n, struct mt_team *team)
{
    struct add_job job = { to, from };

    mt_spans(team, n, copy_span, &job);
}

/* The sum of both, in a's memory; a + b = b + a in every bit. */
static float *joined(float *a, float *b, size_t n, struct mt_team *team)
{
    struct add_job job = { a, b };

    if (!a || !b)
        return a ? a : b;
    mt_spans(team, n, add_span, &job);
    return a;
}

/* Joins the sum with its siblings on the stack, as far as possible; sums are n
 * floats. Where one of two is in `last`, theirs is too. */
static struct sum join(struct stack *s, struct sum p, size_t shards,
                       const float *last, size_t n, struct mt_team *team)
{
    while (s->n) {
        struct sum *left = &s->of[s->n - 1];

        if (!mt_tree_joins(shards, left->first, p.first, p.end))
            break;
        p.sum = p.sum == last && last ? joined(p.sum, left->sum, n, team)
                                      : joined(left->sum, p.sum, n, team);
        p.first = left->first;
        s->n--;
    }
    assert(s->n < SUMS);
    return p;
}

/* --- the parts of this process ---------------------------------------- */

void mt_reduce_begin(struct mt_reduce *r)
{
    r->own.n = r->n_left = r->ready = r->started = r->added = 0;
}

/* Block i is the memory of sum i: after a join, swaps blocks so that this holds
 * again. */
static void settle(struct mt_reduce *r, const float *sum)
{
    size_t i = 0, to = r->own.n;

    while (i < r->blocks && r->block[i] != sum)
        i++;
    assert(i < r->blocks && to < r->blocks);
    float *was = r->block[to];

    r->block[to] = r->block[i];
    r->block[i] = was;
}

void mt_reduce_add(struct mt_reduce *r, struct mt_team *team, size_t part,
                   bool counts)
{
    size_t n = r->store->flat;
    float *grads = r->store->grads;
    struct sum p = { part, part + 1, counts ? grads : NULL };

    p = join(&r->own, p, r->shards, grads, n, team);
    if (p.sum == grads) {
        p.sum = r->block[r->own.n];
        copy(p.sum, grads, n, team);
    } else if (p.sum) {
        settle(r, p.sum);
    }
    r->own.of[r->own.n++] = p;
}

/* Joins the last part as join() does, but leaves its additions for later. */
static void join_last(struct mt_reduce *r)
{
    struct stack *s = &r->own;
    struct sum p = { r->parts.end - 1, r->parts.end, r->store->grads };

    while (s->n) {
        struct sum *left = &s->of[s->n - 1];

        if (!mt_tree_joins(r->shards, left->first, p.first, p.end))
            break;
        if (left->sum)
            r->left[r->n_left++] = left->sum;
        p.first = left->first;
        s->n--;
    }
    s->of[s->n++] = p;
}

/* Those additions, for some of the block. */
static void add_left(const struct mt_reduce *r, struct mt_range range,
                     struct mt_team *team)
{
    for (size_t i = 0; i < r->n_left; i++) {
        struct add_job job = { r->store->grads + range.first,
                               r->left[i] + range.first };

        mt_spans(team, range.end - range.first, add_span, &job);
    }
}

/* The sums that a process holds in the end, without their memory; returns how
 * many blocks it needs for them. */
static size_t list(size_t shards, struct mt_range parts, const bool *counts,
                   struct stack *s)
{
    static float any;
    size_t most = 0;

    s->n = 0;
    for (size_t i = parts.first; i < parts.end; i++) {
        struct sum p = { i, i + 1, !counts || counts[i] ? &any : NULL };

        p = join(s, p, shards, &any, 0, NULL);
        s->of[s->n++] = p;
        if (i + 1 < parts.end && s->n > most)
            most = s->n;
    }
    return most;
}

void mt_reduce_last(struct mt_reduce *r, struct mt_team *team,
                    const bool *counts)
{
    size_t part = r->parts.end - 1, size = mt_comm_size(r->comm);

    if (counts[part])
        join_last(r);
    else
        mt_reduce_add(r, team, part, false);
    for (size_t rank = 0; size > 1 && rank < size; rank++)
        list(r->shards, mt_reduce_parts(r->shards, size, rank), counts,
             &r->of[rank]);
}

/* --- between processes ------------------------------------------------ */

static struct mt_range piece_of(const struct mt_reduce *r, size_t rank,
                                size_t k)
{
    return mt_piece(r->store, r->comm->size, rank, k);
}

static size_t bytes_of(struct mt_range piece)
{
    return (piece.end - piece.first) * sizeof(float);
}

/* The stripe that is exchanged after `before` others. */
static size_t stripe_after(const struct mt_reduce *r, size_t before)
{
    return r->stripes - 1 - before;
}

/* Where the piece of stripe k of sum i of the others arrives. */
static float *arrived(const struct mt_reduce *r, size_t k, size_t i)
{
    return r->arrived + (k % r->ahead * r->arriving + i) * r->room;
}

/* Sends all others their pieces of stripe k, and starts to receive its own. */
static mt_status start_stripe(struct mt_reduce *r, size_t k,
                              struct mt_team *team, struct mt_err *err)
{
    size_t me = r->comm->rank, n_out = 0, n_in = 0;
    size_t own = bytes_of(piece_of(r, me, k));

    add_left(r, mt_stripe(r->store, r->comm->size, k), team);
    for (size_t rank = 0; rank < r->comm->size; rank++) {
        struct mt_range theirs = piece_of(r, rank, k);
        struct stack *held = &r->of[rank];

        for (size_t i = 0; rank != me && i < r->own.n; i++) {
            float *sum = r->own.of[i].sum;

            if (sum && bytes_of(theirs))
                r->out[n_out++] = (struct mt_message){ rank, sum + theirs.first,
                                                       bytes_of(theirs) };
        }
        for (size_t i = 0; rank != me && i < held->n; i++) {
            if (!held->of[i].sum || !own)
                continue;
            r->in[n_in] = (struct mt_message){ rank, arrived(r, k, n_in), own };
            n_in++;
        }
    }
    return mt_comm_start(r->comm, r->out, n_out, r->in, n_in,
                         &r->transfer[k % r->ahead], err);
}

/* Adds the own piece of stripe k, which has arrived, and leaves the sum in the
 * store. */
static void add_stripe(struct mt_reduce *r, size_t k, struct mt_team *team)
{
    size_t me = r->comm->rank, n_in = 0;
    struct mt_range own = piece_of(r, me, k);
    size_t n = own.end - own.first;
    float *out = r->store->grads + own.first;
    struct stack sums = { .n = 0 };

    for (size_t rank = 0; n && rank < r->comm->size; rank++) {
        const struct stack *held = rank == me ? &r->own : &r->of[rank];

        for (size_t i = 0; i < held->n; i++) {
            struct sum p = held->of[i];

            if (p.sum && rank == me)
                p.sum += own.first;
            else if (p.sum)
                p.sum = arrived(r, k, n_in++);
            p = join(&sums, p, r->shards, out, n, team);
            sums.of[sums.n++] = p;
        }
    }
    if (n && sums.of[0].sum != out)
        copy(out, sums.of[0].sum, n, team);
}

/* Starts what is complete, as far as there is memory for it. */
static mt_status start_ready(struct mt_reduce *r, struct mt_team *team,
                             struct mt_err *err)
{
    mt_status status = MT_OK;

    while (status == MT_OK && r->started < r->ready &&
           r->started - r->added < r->ahead)
        status = start_stripe(r, stripe_after(r, r->started++), team, err);
    return status;
}

static mt_status exchange(struct mt_reduce *r, struct mt_team *team, bool wait,
                          struct mt_err *err)
{
    mt_status status = start_ready(r, team, err);
    bool done = true;

    while (status == MT_OK && r->added < r->started) {
        size_t k = stripe_after(r, r->added);
        void *transfer = r->transfer[k % r->ahead];

        status = wait ? mt_comm_wait(r->comm, transfer, err)
                      : mt_comm_test(r->comm, transfer, &done, err);
        if (status != MT_OK || !done)
            break;
        add_stripe(r, k, team);
        r->added++;
        status = start_ready(r, team, err);
    }
    return status;
}

mt_status mt_reduce_advance(struct mt_reduce *r, struct mt_team *team,
                            size_t stripes, struct mt_err *err)
{
    r->ready = stripes;
    return exchange(r, team, false, err);
}

mt_status mt_reduce_finish(struct mt_reduce *r, struct mt_team *team,
                           struct mt_err *err)
{
    const struct sum *all = r->own.of;
    size_t n = r->store->flat;

    if (mt_comm_size(r->comm) > 1) {
        r->ready = r->stripes;
        return exchange(r, team, true, err);
    }
    assert(r->own.n == 1 && all->sum);
    add_left(r, (struct mt_range){ 0, n }, team);
    if (all->sum != r->store->grads)
        copy(r->store->grads, all->sum, n, team);
    return MT_OK;
}

void mt_reduce_abandon(struct mt_reduce *r)
{
    if (r->started > r->added)
        r->comm->failed = true;
}

/* --- memory ----------------------------------------------------------- */

/* The sums that all other processes hold; *blocks: those that this one needs.
 */
static size_t count_sums(size_t shards, size_t ranks, size_t rank,
                         size_t *blocks)
{
    struct stack s;
    size_t sums = 0;

    for (size_t i = 0; i < ranks; i++) {
        size_t most = list(shards, mt_reduce_parts(shards, ranks, i), NULL, &s);

        if (i == rank)
            *blocks = most;
        else
            sums += s.n;
    }
    return sums;
}

/* How many stripes with so many sums are in memory at most. Before its data,
 * MPI asks for a large message and waits for the answer, which comes after all
 * that is on its way in that direction: with few, lines would be idle. */
static size_t ahead_of(size_t sums)
{
    return mt_size_max(2, MOST_AHEAD / mt_size_max(sums, 1));
}

/* Between processes of one machine, more than two would leave the cache before
 * they are added. */
static size_t ahead_for(const struct mt_comm *comm, size_t sums)
{
    return comm->here == comm->size ? 2 : ahead_of(sums);
}

/* Floats of a piece, at most. */
static size_t room_of(const struct mt_store *store, size_t ranks, size_t rank)
{
    size_t room = 0;

    for (size_t k = 0; k < mt_stripes(store, ranks); k++) {
        struct mt_range piece = mt_piece(store, ranks, rank, k);

        room = mt_size_max(room, piece.end - piece.first);
    }
    return room;
}

static mt_status take_exchange(struct mt_reduce *r, struct mt_arena *arena,
                               struct mt_err *err)
{
    size_t size = r->comm->size;

    r->ahead = ahead_for(r->comm, r->arriving);
    r->room = room_of(r->store, size, r->comm->rank);
    r->of = mt_arena_calloc(arena, size, sizeof *r->of);
    r->in = mt_arena_calloc(arena, r->arriving, sizeof *r->in);
    r->out = mt_arena_calloc(arena, size * SUMS, sizeof *r->out);
    r->arrived = mt_arena_calloc(arena, r->ahead * r->arriving * r->room,
                                 sizeof *r->arrived);
    return r->of && r->in && r->out && r->arrived ? MT_OK : mt_fail_memory(err);
}

mt_status mt_reduce_new(const struct mt_reduce_request *request,
                        struct mt_reduce **out, struct mt_err *err)
{
    struct mt_reduce *r = mt_arena_calloc(request->arena, 1, sizeof *r);
    size_t ranks = mt_comm_size(request->comm);
    size_t rank = mt_comm_rank(request->comm);

    if (!r)
        return mt_fail_memory(err);
    r->store = request->store;
    r->comm = request->comm;
    r->shards = request->shards;
    r->stripes = mt_stripes(r->store, ranks);
    r->parts = mt_reduce_parts(r->shards, ranks, rank);
    r->arriving = count_sums(r->shards, ranks, rank, &r->blocks);
    for (size_t i = 0; i < r->blocks; i++) {
        r->block[i] =
            mt_arena_calloc(request->arena, r->store->flat, sizeof **r->block);
        if (!r->block[i])
            return mt_fail_memory(err);
    }
    *out = r;
    return ranks > 1 ? take_exchange(r, request->arena, err) : MT_OK;
}

/* --- sizes ------------------------------------------------------------ */

size_t mt_reduce_bytes(const struct mt_store *store, size_t shards,
                       size_t ranks, size_t rank)
{
    size_t blocks, sums = count_sums(shards, ranks, rank, &blocks);
    size_t room = room_of(store, ranks, rank);

    return (blocks * store->flat + ahead_of(sums) * sums * room) *
           sizeof(float);
}

size_t mt_reduce_sent(const struct mt_store *store, size_t shards, size_t ranks,
                      size_t rank)
{
    struct stack own;

    list(shards, mt_reduce_parts(shards, ranks, rank), NULL, &own);
    return own.n * (store->flat - mt_pieces_floats(store, ranks, rank)) *
           sizeof(float);
}
