#include "train/reduce.h"

#include <assert.h>
#include <string.h>

#include "graph/spans.h"
#include "kernels/dispatch.h"

enum {
    PIECES = 64,          /* more than any run of parts can leave */
    CHUNK = 16 * MT_SPAN, /* floats sent at once, 1 MiB */
    MOST_AHEAD = 12,
};

/* The sum of parts [first, end); NULL if none of them counts. */
struct piece {
    size_t first, end;
    float *sum;
};

/* Pieces of neighbouring parts; siblings are joined. */
struct stack {
    struct piece of[PIECES];
    size_t n;
};

struct mt_reduce {
    const struct mt_store *store;
    struct mt_comm *comm;
    size_t shards;
    struct mt_range parts; /* of this process */
    struct stack own;
    float *block[PIECES]; /* [store->flat]; of[i].sum is block[i] or the
                             store's */
    size_t blocks;

    /* of several processes */
    struct stack *of;      /* [size]: what each process holds */
    size_t ahead;    /* chunks in memory: one being added, others arriving */
    size_t room;     /* floats of a chunk, at most */
    float *arrived;  /* [ahead][pieces of the others][room] */
    size_t arriving; /* pieces of the others */
    struct mt_message *out, *in;
};

/* --- who has what ----------------------------------------------------- */

struct mt_range mt_reduce_parts(size_t shards, size_t ranks, size_t rank)
{
    return mt_cut(shards, ranks, rank);
}

struct mt_range mt_reduce_slice(const struct mt_store *store, size_t ranks,
                                size_t rank)
{
    return mt_cut_units(store->flat, MT_SPAN, ranks, rank);
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

/* Joins the piece with its siblings on the stack, as far as possible; sums are
 * n floats. Where one of two is in `last`, their sum is too. */
static struct piece join(struct stack *s, struct piece p, size_t shards,
                         const float *last, size_t n, struct mt_team *team)
{
    while (s->n) {
        struct piece *left = &s->of[s->n - 1];

        if (!mt_tree_joins(shards, left->first, p.first, p.end))
            break;
        p.sum = p.sum == last && last ? joined(p.sum, left->sum, n, team)
                                      : joined(left->sum, p.sum, n, team);
        p.first = left->first;
        s->n--;
    }
    assert(s->n < PIECES);
    return p;
}

/* --- the parts of this process ---------------------------------------- */

void mt_reduce_begin(struct mt_reduce *r)
{
    r->own.n = 0;
}

/* Block i is the memory of piece i: after a join, swaps blocks so that this
 * holds again. */
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
    struct piece p = { part, part + 1, counts ? grads : NULL };

    p = join(&r->own, p, r->shards, grads, n, team);
    if (p.sum == grads && part + 1 < r->parts.end) {
        p.sum = r->block[r->own.n];
        copy(p.sum, grads, n, team);
    } else if (p.sum && p.sum != grads) {
        settle(r, p.sum);
    }
    r->own.of[r->own.n++] = p;
}

/* The pieces that a process holds in the end, without sums. */
static size_t list(size_t shards, struct mt_range parts, const bool *counts,
                   struct stack *s)
{
    static float any;
    size_t most = 0;

    s->n = 0;
    for (size_t i = parts.first; i < parts.end; i++) {
        struct piece p = { i, i + 1, !counts || counts[i] ? &any : NULL };

        p = join(s, p, shards, &any, 0, NULL);
        s->of[s->n++] = p;
        if (i + 1 < parts.end && s->n > most)
            most = s->n;
    }
    return most;
}

/* --- between processes ------------------------------------------------ */

/* Chunk k of a slice. */
static struct mt_range chunk_of(struct mt_range slice, size_t k)
{
    size_t first = slice.first + k * CHUNK;

    first = first < slice.end ? first : slice.end;
    return (struct mt_range){ first, slice.end - first < CHUNK
                                         ? slice.end
                                         : first + CHUNK };
}

static struct mt_range slice_of(const struct mt_reduce *r, size_t rank)
{
    return mt_reduce_slice(r->store, r->comm->size, rank);
}

/* Where chunk k of piece i of the others arrives. */
static float *arrived(const struct mt_reduce *r, size_t k, size_t i)
{
    return r->arrived + (k % r->ahead * r->arriving + i) * r->room;
}

/* Sends all others chunk k of their slices, and starts to receive that of its
 * own. */
static mt_status start_chunk(struct mt_reduce *r, size_t k, void **transfer,
                             struct mt_err *err)
{
    size_t me = r->comm->rank, n_out = 0, n_in = 0;
    struct mt_range own = chunk_of(slice_of(r, me), k);

    for (size_t rank = 0; rank < r->comm->size; rank++) {
        struct mt_range theirs = chunk_of(slice_of(r, rank), k);
        struct stack *held = &r->of[rank];

        for (size_t i = 0; rank != me && i < r->own.n; i++) {
            const struct piece *p = &r->own.of[i];

            if (p->sum && theirs.first < theirs.end)
                r->out[n_out++] =
                    (struct mt_message){ rank, p->sum + theirs.first,
                                         (theirs.end - theirs.first) *
                                             sizeof(float) };
        }
        for (size_t i = 0; rank != me && i < held->n; i++) {
            struct piece *p = &held->of[i];

            if (!p->sum || own.first == own.end)
                continue;
            r->in[n_in] =
                (struct mt_message){ rank, arrived(r, k, n_in),
                                     (own.end - own.first) * sizeof(float) };
            n_in++;
        }
    }
    return mt_comm_start(r->comm, r->out, n_out, r->in, n_in, transfer, err);
}

/* Adds chunk k, which has arrived, and leaves the sum in the store. */
static void add_chunk(struct mt_reduce *r, size_t k, struct mt_team *team)
{
    size_t me = r->comm->rank, n_in = 0;
    struct mt_range own = chunk_of(slice_of(r, me), k);
    size_t n = own.end - own.first;
    float *out = r->store->grads + own.first;
    struct stack sums = { .n = 0 };

    for (size_t rank = 0; n && rank < r->comm->size; rank++) {
        const struct stack *held = rank == me ? &r->own : &r->of[rank];

        for (size_t i = 0; i < held->n; i++) {
            struct piece p = held->of[i];

            if (p.sum && rank == me)
                p.sum += own.first;
            else if (p.sum)
                p.sum = arrived(r, k, n_in++);
            p = join(&sums, p, r->shards, NULL, n, team);
            sums.of[sums.n++] = p;
        }
    }
    if (n && sums.of[0].sum != out)
        copy(out, sums.of[0].sum, n, team);
}

static mt_status complete(struct mt_reduce *r, struct mt_team *team,
                          struct mt_err *err)
{
    struct mt_range largest = slice_of(r, r->comm->size - 1);
    size_t chunks = 0;
    void *transfer[MOST_AHEAD];
    mt_status status = MT_OK;

    for (size_t rank = 0; rank < r->comm->size; rank++) {
        struct mt_range slice = slice_of(r, rank);

        if (slice.end - slice.first > largest.end - largest.first)
            largest = slice;
    }
    chunks = (largest.end - largest.first + CHUNK - 1) / CHUNK;
    for (size_t k = 0; k + 1 < chunks + r->ahead && status == MT_OK; k++) {
        if (k < chunks)
            status = start_chunk(r, k, &transfer[k % r->ahead], err);
        if (k + 1 < r->ahead || status != MT_OK)
            continue;
        size_t done = k + 1 - r->ahead;

        status = mt_comm_wait(r->comm, transfer[done % r->ahead], err);
        if (status == MT_OK)
            add_chunk(r, done, team);
    }
    return status;
}

mt_status mt_reduce_finish(struct mt_reduce *r, struct mt_team *team,
                           const bool *counts, struct mt_err *err)
{
    const struct piece *all = r->own.of;

    if (mt_comm_size(r->comm) > 1) {
        for (size_t rank = 0; rank < r->comm->size; rank++)
            list(r->shards, mt_reduce_parts(r->shards, r->comm->size, rank),
                 counts, &r->of[rank]);
        return complete(r, team, err);
    }
    assert(r->own.n == 1 && all->sum);
    if (all->sum != r->store->grads)
        copy(r->store->grads, all->sum, r->store->flat, team);
    return MT_OK;
}

/* --- memory ----------------------------------------------------------- */

/* The pieces that all other processes hold; *blocks: the most pieces that this
 * one holds at a time. */
static size_t count_pieces(size_t shards, size_t ranks, size_t rank,
                           size_t *blocks)
{
    struct stack s;
    size_t pieces = 0;

    for (size_t i = 0; i < ranks; i++) {
        size_t most = list(shards, mt_reduce_parts(shards, ranks, i), NULL, &s);

        if (i == rank)
            *blocks = most;
        else
            pieces += s.n;
    }
    return pieces;
}

/* How many chunks of so many pieces are in memory. Before its data, MPI asks
 * for a large message and waits for the answer, which comes after all that is
 * on its way in that direction: with few chunks, lines would be idle. */
static size_t ahead_of(size_t pieces)
{
    size_t ahead = MOST_AHEAD / (pieces ? pieces : 1);

    return ahead < 2 ? 2 : ahead;
}

static size_t room_of(struct mt_range slice)
{
    size_t n = slice.end - slice.first;

    return n < CHUNK ? n : CHUNK;
}

static mt_status take_exchange(struct mt_reduce *r, struct mt_arena *arena,
                               struct mt_err *err)
{
    size_t size = r->comm->size;

    r->ahead = ahead_of(r->arriving);
    r->room = room_of(slice_of(r, r->comm->rank));
    r->of = mt_arena_calloc(arena, size, sizeof *r->of);
    r->in = mt_arena_calloc(arena, r->arriving, sizeof *r->in);
    r->out = mt_arena_calloc(arena, size * PIECES, sizeof *r->out);
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
    r->parts = mt_reduce_parts(r->shards, ranks, rank);
    r->arriving = count_pieces(r->shards, ranks, rank, &r->blocks);
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
    struct mt_range slice = mt_reduce_slice(store, ranks, rank);
    size_t blocks, pieces = count_pieces(shards, ranks, rank, &blocks);

    return (blocks * store->flat + ahead_of(pieces) * pieces * room_of(slice)) *
           sizeof(float);
}

size_t mt_reduce_sent(const struct mt_store *store, size_t shards, size_t ranks,
                      size_t rank)
{
    struct mt_range slice = mt_reduce_slice(store, ranks, rank);
    struct stack own;

    list(shards, mt_reduce_parts(shards, ranks, rank), NULL, &own);
    return own.n * (store->flat - (slice.end - slice.first)) * sizeof(float);
}
