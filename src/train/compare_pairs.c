/*
 * Many pairs of arrays, compared by a team. Blocks of any pairs that follow
 * each other make up a window: each worker reads and compares blocks of it, and
 * what came out is added up in order.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "ckpt/blockstream.h"
#include "train/compare.h"

enum { MAX_WINDOW = 64 };

/* A pair whose blocks are being compared. Its streams are open from its first
 * block in a window to its last. */
struct work {
    struct mt_compare_pair *pair;
    struct mt_block_stream *a, *b;
    atomic_bool unequal; /* stored bytes differ somewhere */
};

/* One block of a pair. */
struct slot {
    struct work *work;
    size_t block;
    unsigned char *bytes[2]; /* (room) of a and b */
    struct mt_compared result;
    mt_status status;
    struct mt_err err;
};

struct comparing {
    const struct mt_tolerance *tolerance;
    struct mt_team *team;
    struct mt_block_rooms *rooms;
    struct work *works; /* (n), in order */
    size_t n;
    size_t next, next_block; /* to be put into a window */
    struct slot *slots;      /* (window) */
    size_t window, n_slots, room;
    struct mt_err *err;
};

static mt_status open_work(struct work *w, struct mt_err *err)
{
    mt_status status = mt_block_stream_open(w->pair->a, &w->a, err);

    return status == MT_OK ? mt_block_stream_open(w->pair->b, &w->b, err)
                           : status;
}

static void close_work(struct work *w)
{
    mt_block_stream_close(w->a);
    mt_block_stream_close(w->b);
    w->a = w->b = NULL;
}

/* Puts the next blocks into the window. */
static mt_status fill_window(struct comparing *c)
{
    c->n_slots = 0;
    while (c->n_slots < c->window && c->next < c->n) {
        struct work *w = &c->works[c->next];
        mt_status status = w->a ? MT_OK : open_work(w, c->err);

        if (status != MT_OK)
            return status;
        if (c->next_block == mt_block_stream_blocks(w->a)) {
            c->next++;
            c->next_block = 0;
            continue;
        }
        struct slot *s = &c->slots[c->n_slots++];

        s->work = w;
        s->block = c->next_block++;
        s->status = MT_OK;
    }
    return MT_OK;
}

/* Closes pairs from `from` on that no later window needs. */
static size_t close_done(struct comparing *c, size_t from)
{
    for (; from < c->next; from++)
        close_work(&c->works[from]);
    return from;
}

/* The first failure, in the order of the blocks. */
static mt_status window_status(const struct comparing *c)
{
    for (size_t i = 0; i < c->n_slots; i++) {
        if (c->slots[i].status != MT_OK) {
            *c->err = c->slots[i].err;
            return c->slots[i].status;
        }
    }
    return MT_OK;
}

/* Windows from the first to the last block of all works. */
static mt_status each_window(struct comparing *c,
                             void (*run)(struct comparing *c))
{
    size_t closed = 0;
    mt_status status;

    c->next = c->next_block = 0;
    do {
        status = fill_window(c);
        if (status == MT_OK) {
            run(c);
            status = window_status(c);
        }
        closed = close_done(c, closed);
    } while (status == MT_OK && c->n_slots);
    while (closed < c->n)
        close_work(&c->works[closed++]);
    return status;
}

/* --- stored bytes ------------------------------------------------------- */

static void compare_stored(void *ctx, size_t task, size_t worker)
{
    struct comparing *c = ctx;
    struct slot *s = &c->slots[task];
    struct work *w = s->work;
    bool same = false;

    if (atomic_load_explicit(&w->unequal, memory_order_relaxed))
        return;
    if (mt_block_streams_alike(w->a, w->b))
        s->status = mt_block_streams_same(w->a, w->b, s->block, c->rooms,
                                          worker, &same, &s->err);
    if (!same)
        atomic_store_explicit(&w->unequal, true, memory_order_relaxed);
}

static void run_stored(struct comparing *c)
{
    mt_team_run(c->team, c->n_slots, compare_stored, c);
}

/* --- elements ----------------------------------------------------------- */

static mt_status read_side(struct slot *s, int side,
                           struct mt_block_rooms *rooms, size_t worker)
{
    struct mt_block_stream *stream = side ? s->work->b : s->work->a;

    return mt_block_stream_read(stream, s->block, rooms, worker, s->bytes[side],
                                &s->err);
}

/* What can only be read in order: each side is one task. If both fail, the
 * error of the first side is reported. */
struct side_errors {
    struct comparing *c;
    mt_status status[2];
    struct mt_err err[2];
    size_t slot[2];
};

static void read_serial(void *ctx, size_t side, size_t worker)
{
    struct side_errors *e = ctx;
    struct comparing *c = e->c;

    for (size_t i = 0; i < c->n_slots && e->status[side] == MT_OK; i++) {
        struct slot *s = &c->slots[i];
        struct mt_block_stream *stream = side ? s->work->b : s->work->a;

        if (!mt_block_stream_is_serial(stream))
            continue;
        e->slot[side] = i;
        e->status[side] = mt_block_stream_read(
            stream, s->block, c->rooms, worker, s->bytes[side], &e->err[side]);
    }
}

static void compare_slot(struct slot *s, const struct mt_tolerance *tolerance)
{
    struct mt_array a = *s->work->pair->a, b = *s->work->pair->b;
    size_t n = mt_block_stream_elements(s->work->a, s->block);

    a.data = s->bytes[0];
    b.data = s->bytes[1];
    if (a.dtype == b.dtype)
        mt_compare_block(a.dtype, a.data, b.data, n, tolerance, &s->result);
    else
        mt_compare_mixed(&a, &b, n, tolerance, &s->result);
}

static void compare_elements(void *ctx, size_t task, size_t worker)
{
    struct comparing *c = ctx;
    struct slot *s = &c->slots[task];
    struct work *w = s->work;

    if (s->status == MT_OK && !mt_block_stream_is_serial(w->a))
        s->status = read_side(s, 0, c->rooms, worker);
    if (s->status == MT_OK && !mt_block_stream_is_serial(w->b))
        s->status = read_side(s, 1, c->rooms, worker);
    if (s->status == MT_OK)
        compare_slot(s, c->tolerance);
}

static void run_elements(struct comparing *c)
{
    struct side_errors e = { .c = c };

    mt_team_run(c->team, 2, read_serial, &e);
    for (int side = 2; side-- > 0;) {
        struct slot *s = &c->slots[e.slot[side]];

        if (e.status[side] == MT_OK)
            continue;
        s->status = e.status[side];
        s->err = e.err[side];
        if (c->n_slots > e.slot[side] + 1)
            c->n_slots = e.slot[side] + 1; /* what follows was not read */
    }
    mt_team_run(c->team, c->n_slots, compare_elements, c);
    for (size_t i = 0; i < c->n_slots; i++) {
        if (c->slots[i].status == MT_OK)
            mt_compare_add(&c->slots[i].work->pair->result,
                           &c->slots[i].result);
    }
}

/* --- all pairs ---------------------------------------------------------- */

static size_t largest_block(const struct mt_compare_pair *pairs, size_t n)
{
    size_t most = 1;

    for (size_t i = 0; i < n; i++) {
        size_t count = mt_shape_elements(&pairs[i].a->shape);
        size_t size = mt_dtype_size(pairs[i].a->dtype);
        size_t other = mt_dtype_size(pairs[i].b->dtype);
        size_t bytes = (count < MT_BLOCK ? count : MT_BLOCK) *
                       (size > other ? size : other);

        most = bytes > most ? bytes : most;
    }
    return most;
}

static mt_status begin(struct comparing *c, struct mt_compare_pair *pairs,
                       size_t n)
{
    size_t workers = mt_team_size(c->team);

    c->window = 2 * workers < MAX_WINDOW ? 2 * workers : MAX_WINDOW;
    c->room = largest_block(pairs, n);
    c->rooms = mt_block_rooms_new(workers);
    c->works = calloc(n + 1, sizeof *c->works);
    c->slots = calloc(c->window, sizeof *c->slots);
    if (!c->rooms || !c->works || !c->slots)
        return mt_fail_memory(c->err);
    for (size_t i = 0; i < n; i++)
        c->works[i].pair = &pairs[i];
    c->n = n;
    return MT_OK;
}

static mt_status make_room(struct comparing *c)
{
    for (size_t i = 0; i < 2 * c->window; i++) {
        unsigned char **bytes = &c->slots[i / 2].bytes[i % 2];

        *bytes = malloc(c->room);
        if (!*bytes)
            return mt_fail_memory(c->err);
    }
    return MT_OK;
}

static void end(struct comparing *c)
{
    for (size_t i = 0; c->slots && i < 2 * c->window; i++)
        free(c->slots[i / 2].bytes[i % 2]);
    free(c->slots);
    free(c->works);
    mt_block_rooms_free(c->rooms);
}

/* Pairs that are equal are done; the others move up. */
static void keep_unequal(struct comparing *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n; i++) {
        struct mt_compare_pair *pair = c->works[i].pair;

        if (!atomic_load(&c->works[i].unequal)) {
            pair->result.n = mt_shape_elements(&pair->a->shape);
            continue;
        }
        c->works[kept++].pair = pair;
    }
    c->n = kept;
}

mt_status mt_compare_pairs(struct mt_compare_pair *pairs, size_t n,
                           const struct mt_tolerance *tolerance,
                           struct mt_team *team, struct mt_err *err)
{
    struct comparing c = { .tolerance = tolerance, .team = team, .err = err };
    mt_status status = begin(&c, pairs, n);

    for (size_t i = 0; i < n; i++)
        pairs[i].result = (struct mt_compared){ 0 };
    if (status == MT_OK)
        status = each_window(&c, run_stored);
    if (status == MT_OK) {
        keep_unequal(&c);
        status = c.n ? make_room(&c) : MT_OK;
    }
    if (status == MT_OK && c.n)
        status = each_window(&c, run_elements);
    end(&c);
    return status;
}
