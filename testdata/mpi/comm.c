/*
 * Tests of the module for MPI, as ranks that scripts/run-mpi starts.
 *
 *     mpirun -n 3 build/mpi-comm              the cases; N passed, N failed
 *     mpirun -n 3 build/mpi-comm abort 1      rank 1 ends the job, code 3
 *     mpirun -n 3 build/mpi-comm exchange     ranks talk until they are ended
 *     mpirun -n 3 build/mpi-comm compute 1    rank 1 computes, others wait
 *     mpirun -n 3 build/mpi-comm leave 1 S    rank 1 closes S seconds before
 *     mpirun -n 3 build/mpi-comm late         rank 2 sends what rank 1, for
 *                                             which all has failed, asked for
 *     mpirun -n 3 build/mpi-comm who          rank 0 says what it knows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/comm.h"
#include "comm/module.h"

static struct mt_err err;
static char wrong[8192];

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            snprintf(wrong, sizeof wrong, "line %d: %s; %s", __LINE__, #what,  \
                     err.text);                                                \
            return wrong;                                                      \
        }                                                                      \
    } while (0)

/* What rank `from` has for `to` (or for all) at place i of message m. */
static unsigned char byte_of(size_t from, size_t to, size_t m, size_t i)
{
    size_t x = from * 1000003 + to * 7919 + m * 104729 + i * 31 + (i >> 8);

    return (unsigned char)(x ^ x >> 11 ^ x >> 23);
}

static void fill(unsigned char *p, size_t n, size_t from, size_t to, size_t m)
{
    for (size_t i = 0; i < n; i++)
        p[i] = byte_of(from, to, m, i);
}

static int same(const unsigned char *p, size_t n, size_t from, size_t to,
                size_t m)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != byte_of(from, to, m, i))
            return 0;
    return 1;
}

/* Around the sizes at which the module does something else, as it is installed
 * and as it is built for this test. */
static const size_t sizes[] = {
    0,    1,    2,     7,     499,   500,     501,     999,     1000,
    1001, 4096, 65535, 65536, 65537, 1048575, 1048576, 1048577, 5000001,
};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const char *test_ranks(struct mt_comm *c)
{
    struct {
        size_t rank, here, before;
    } *all = calloc(c->size, sizeof *all);
    size_t machines = 0;

    CHECK(c->rank < c->size && c->here >= 1 && c->here <= c->size);
    CHECK(c->here_before < c->here && c->here_before <= c->rank);
    CHECK(c->host[0] && strstr(c->library, "M") && strstr(c->library, "."));
    CHECK(!strchr(c->library, ',') && !strstr(c->library, "  "));
    all[c->rank].rank = c->rank;
    all[c->rank].here = c->here;
    all[c->rank].before = c->here_before;
    CHECK(mt_comm_gather_each(c, all, sizeof *all, &err) == MT_OK);
    for (size_t r = 0; r < c->size; r++) {
        CHECK(all[r].rank == r);
        machines += all[r].before == 0;
    }
    CHECK(machines == c->size / c->here || c->here < c->size);
    free(all);
    return NULL;
}

static const char *test_gather_each(struct mt_comm *c)
{
    for (size_t s = 0; s < SIZES; s++) {
        size_t n = sizes[s];
        unsigned char *all = calloc(c->size + 1, n + 1);
        uint64_t sent = c->sent;

        fill(all + c->rank * n, n, c->rank, 0, s);
        CHECK(mt_comm_gather_each(c, all, n, &err) == MT_OK);
        for (size_t r = 0; r < c->size; r++)
            CHECK(same(all + r * n, n, r, 0, s));
        CHECK(c->sent - sent == (c->size - 1) * n);
        free(all);
    }
    return NULL;
}

/* Blocks of different sizes, some of them empty, behind bytes that are no
 * block; and one or several for each rank. */
static const char *test_gather_unequal(struct mt_comm *c)
{
    enum { ROUNDS = 4 };

    for (size_t s = 0; s < 2 * SIZES; s++) {
        size_t at[64 * ROUNDS + 1] = { 13 }, rounds = 1 + s % ROUNDS;
        size_t n = rounds * c->size, passed = 0;
        uint64_t sent = c->sent;

        for (size_t b = 0; b < n; b++) {
            size_t bytes = sizes[(s + b * 5) % SIZES] * (s % 3 != b % 3);

            at[b + 1] = at[b] + bytes;
            if (b % c->size != (c->rank + 1) % c->size)
                passed += bytes;
        }
        unsigned char *all = calloc(at[n] + 1, 1);

        for (size_t b = c->rank; b < n; b += c->size)
            fill(all + at[b], at[b + 1] - at[b], c->rank, b, s);
        CHECK(mt_comm_gather(c, all, at, rounds, &err) == MT_OK);
        for (size_t b = 0; b < n; b++)
            CHECK(same(all + at[b], at[b + 1] - at[b], b % c->size, b, s));
        for (size_t i = 0; i < 13; i++)
            CHECK(all[i] == 0);
        CHECK(all[at[n]] == 0);
        CHECK(c->size == 1 || c->sent - sent == passed);
        free(all);
    }
    return NULL;
}

/* The size of message m of one rank to another. */
static size_t size_of(size_t from, size_t to, size_t m)
{
    return sizes[(from * 7 + to * 3 + m) % SIZES];
}

enum { EACH = 5 }; /* messages of a bundle from every rank to every other */

struct bundle {
    struct mt_message out[64 * EACH], in[64 * EACH];
    size_t n, first;
    void *transfer;
};

static void make_bundle(struct mt_comm *c, struct bundle *b, size_t first)
{
    b->n = 0;
    b->first = first;
    for (size_t k = 1; k < c->size; k++) {
        size_t to = (c->rank + k) % c->size;
        size_t from = (c->rank + c->size - k) % c->size;

        for (size_t m = first; m < first + EACH; m++, b->n++) {
            size_t n = size_of(c->rank, to, m), in = size_of(from, c->rank, m);

            b->out[b->n] = (struct mt_message){ to, malloc(n + 1), n };
            fill(b->out[b->n].data, n, c->rank, to, m);
            b->in[b->n] = (struct mt_message){ from, calloc(in + 1, 1), in };
        }
    }
}

static const char *check_bundle(struct mt_comm *c, struct bundle *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct mt_message *m = &b->in[i];

        CHECK(same(m->data, m->bytes, m->rank, c->rank, b->first + i % EACH));
        CHECK(((unsigned char *)m->data)[m->bytes] == 0);
        free(b->out[i].data);
        free(m->data);
    }
    return NULL;
}

static const char *test_exchange(struct mt_comm *c)
{
    static struct bundle b;

    for (size_t m = 0; m < SIZES; m += EACH) {
        uint64_t sent = c->sent;
        size_t bytes = 0;

        make_bundle(c, &b, m);
        for (size_t i = 0; i < b.n; i++)
            bytes += b.out[i].bytes;
        CHECK(mt_comm_exchange(c, b.out, b.n, b.in, b.n, &err) == MT_OK);
        CHECK(c->sent - sent == bytes);
        const char *why = check_bundle(c, &b);

        if (why)
            return why;
    }
    return NULL;
}

/* Many transfers at a time, waited for in another order than they began. */
static const char *test_outstanding(struct mt_comm *c)
{
    enum { MANY = 12 };
    static struct bundle b[MANY];

    for (size_t k = 0; k < MANY; k++) {
        make_bundle(c, &b[k], k);
        CHECK(mt_comm_start(c, b[k].out, b[k].n, b[k].in, b[k].n,
                            &b[k].transfer, &err) == MT_OK);
    }
    for (size_t k = 0; k < MANY; k++) {
        struct bundle *which = &b[(k * 5 + c->rank) % MANY];

        CHECK(mt_comm_wait(c, which->transfer, &err) == MT_OK);
        const char *why = check_bundle(c, which);

        if (why)
            return why;
    }
    return NULL;
}

/* The oldest of several transfers is asked for again and again. */
static const char *test_asking(struct mt_comm *c)
{
    enum { MANY = 3 };
    static struct bundle b[MANY];

    for (size_t k = 0; k < MANY; k++) {
        make_bundle(c, &b[k], 3 * k);
        CHECK(mt_comm_start(c, b[k].out, b[k].n, b[k].in, b[k].n,
                            &b[k].transfer, &err) == MT_OK);
    }
    for (size_t k = 0; k < MANY; k++) {
        bool done = false;

        while (!done)
            CHECK(mt_comm_test(c, b[k].transfer, &done, &err) == MT_OK);
        const char *why = check_bundle(c, &b[k]);

        if (why)
            return why;
    }
    return NULL;
}

/* A gather while a transfer is under way. */
static const char *test_gather_meanwhile(struct mt_comm *c)
{
    static struct bundle b;

    make_bundle(c, &b, 11);
    CHECK(mt_comm_start(c, b.out, b.n, b.in, b.n, &b.transfer, &err) == MT_OK);
    const char *why = test_gather_each(c);

    if (why)
        return why;
    CHECK(mt_comm_wait(c, b.transfer, &err) == MT_OK);
    return check_bundle(c, &b);
}

/* Nobody asks for anything while the messages fly. */
static const char *test_computing(struct mt_comm *c)
{
    static struct bundle b;
    struct timespec nap = { 0, 300000000 };

    make_bundle(c, &b, SIZES - EACH);
    CHECK(mt_comm_start(c, b.out, b.n, b.in, b.n, &b.transfer, &err) == MT_OK);
    nanosleep(&nap, NULL);
    CHECK(mt_comm_wait(c, b.transfer, &err) == MT_OK);
    return check_bundle(c, &b);
}

static const char *test_nothing(struct mt_comm *c)
{
    void *transfer;

    CHECK(mt_comm_start(c, NULL, 0, NULL, 0, &transfer, &err) == MT_OK);
    CHECK(mt_comm_wait(c, transfer, &err) == MT_OK);
    return NULL;
}

/* The memory of a transfer that is over serves the next one. */
static const char *test_reuse(struct mt_comm *c)
{
    void *first = NULL, *transfer;
    size_t to = (c->rank + 1) % c->size;
    size_t from = (c->rank + c->size - 1) % c->size;
    static char a[3000], b[3000];
    struct mt_message out = { to, a, sizeof a }, in = { from, b, sizeof b };

    for (int i = 0; i < 1000; i++) {
        CHECK(mt_comm_start(c, &out, 1, &in, 1, &transfer, &err) == MT_OK);
        if (!i)
            first = transfer;
        CHECK(transfer == first);
        CHECK(mt_comm_wait(c, transfer, &err) == MT_OK);
    }
    return NULL;
}

/* Ranks that do not agree on a size: the one that waits says so. Last of all,
 * since nothing is promised after an error. */
static const char *test_disagreement(struct mt_comm *c)
{
    static char a[24], b[24];

    for (int longer = 0; longer < 2; longer++) {
        struct mt_message out = { 1, a, longer ? 24 : 12 };
        struct mt_message in = { 0, b, 16 };
        mt_status status =
            mt_comm_exchange(c, &out, c->rank == 0, &in, c->rank == 1, &err);

        CHECK((status == MT_OK) == (c->rank != 1));
        if (c->rank == 1) {
            CHECK(strncmp(err.text, "rank 1 of ", 10) == 0);
            CHECK(strstr(err.text, longer ? "MPI: " : "rank 0 (host "));
            CHECK(strstr(err.text,
                         longer ? "truncat" : "sent 12 bytes where 16 were"));
        }
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*run)(struct mt_comm *comm);
} cases[] = {
    { "ranks", test_ranks },
    { "gather", test_gather_each },
    { "gather of unequal blocks", test_gather_unequal },
    { "exchange", test_exchange },
    { "transfers at a time", test_outstanding },
    { "asking", test_asking },
    { "gather meanwhile", test_gather_meanwhile },
    { "computing meanwhile", test_computing },
    { "nothing to send", test_nothing },
    { "memory used again", test_reuse },
    { "disagreement", test_disagreement },
};

static int run_cases(struct mt_comm *c)
{
    int passed = 0, failed = 0;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char all[64] = { 0 };
        int bad = 0;
        const char *why = cases[i].run(c);

        if (why)
            fprintf(stderr, "%s: rank %zu of %zu: %s\n", cases[i].name, c->rank,
                    c->size, why);
        all[c->rank] = why != NULL;
        if (mt_comm_gather_each(c, all, 1, &err) != MT_OK) {
            fprintf(stderr, "%s\n", err.text);
            bad = 1;
        }
        for (size_t r = 0; r < c->size; r++)
            bad |= all[r];
        failed += bad;
        passed += !bad;
    }
    if (c->rank == 0)
        printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}

/* ---- ranks that something happens to ---- */

static void say(struct mt_comm *c, const char *what)
{
    printf("rank %zu %ld %s\n", c->rank, (long)getpid(), what);
    fflush(stdout);
}

static _Noreturn void talk(struct mt_comm *c)
{
    size_t n = 100000;
    char *all = calloc(c->size, n);

    for (;;) {
        if (mt_comm_gather_each(c, all, n, &err) != MT_OK) {
            fprintf(stderr, "mtrain: %s\n", err.text);
            mt_comm_abort(c, 2);
            exit(2);
        }
    }
}

/* Memory that was to be received in is the caller's again after a failure. */
static int send_late(struct mt_comm *c)
{
    static char a[16] = "sent late", b[16], other[16];
    struct mt_message of_2 = { c->rank == 1 ? 2 : 1, c->rank == 1 ? b : a, 16 };
    struct mt_message of_0 = { !c->rank, other, c->rank ? 16 : 12 };
    void *transfer;

    if (c->rank == 2) {
        sleep(1);
        mt_comm_exchange(c, &of_2, 1, NULL, 0, &err);
    } else if (c->rank == 0) {
        mt_comm_exchange(c, &of_0, 1, NULL, 0, &err);
    } else {
        mt_comm_start(c, NULL, 0, &of_2, 1, &transfer, &err);
        if (mt_comm_exchange(c, NULL, 0, &of_0, 1, &err) != MT_IO)
            return 4;
        sleep(2);
        say(c, *b ? "written" : "kept");
        mt_comm_abort(c, 3);
    }
    sleep(30);
    return 4;
}

static int play(struct mt_comm *c, const char *what, size_t rank, unsigned s)
{
    char all[64] = { 0 };

    if (mt_comm_gather_each(c, all, 1, &err) != MT_OK)
        return 2;
    say(c, "ready");
    if (c->rank && !freopen("/dev/null", "w", stderr)) /* as mtrain does */
        return 2;
    if (strcmp(what, "abort") == 0 && c->rank == rank) {
        sleep(1); /* until all have said it */
        mt_comm_abort(c, 3);
        return 0;
    }
    if (strcmp(what, "compute") == 0 && c->rank == rank)
        for (volatile unsigned i = 0;; i++)
            ;
    if (strcmp(what, "leave") == 0) {
        if (c->rank != rank)
            sleep(s);
        mt_comm_close(c);
        return 0;
    }
    if (strcmp(what, "late") == 0)
        return send_late(c);
    talk(c);
}

int main(int argc, char **argv)
{
    struct mt_comm *c;
    int code = 0;

    if (mt_comm_open(&c, &err) != MT_OK) {
        fprintf(stderr, "mtrain: %s\n", err.text);
        return 2;
    }
    if (argc > 1 && strcmp(argv[1], "who") != 0)
        return play(c, argv[1], argc > 2 ? strtoul(argv[2], NULL, 10) : 0,
                    argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0);
    if (argc > 1 && mt_comm_rank(c) == 0)
        printf("%zu of %zu here, host %s, %s\n", c ? c->here : 1,
               mt_comm_size(c), c ? c->host : "?", c ? c->library : "no MPI");
    if (argc == 1 && c)
        code = run_cases(c);
    mt_comm_close(c);
    return code;
}
