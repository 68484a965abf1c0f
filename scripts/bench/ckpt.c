/*
 * How fast checkpoints are saved and loaded, and how small they are.
 *
 *     bench-ckpt FILE.mtc [ROUNDS]
 *
 * Reads the file's arrays, then saves them beside it and loads them again,
 * with one thread and with two. Speeds are raw bytes of the arrays over the
 * best of several rounds. The file is in the page cache: fsync does nothing
 * here, since it measures the disk and not this program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/team.h"
#include "ckpt/container.h"

/* Takes the place of libc's, in this program alone. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

struct state {
    struct mt_array *arrays; /* (n), with their data */
    size_t n;
    struct mt_ckpt_info info;
};

/* Seconds by the clock, and of all threads together. */
struct times {
    double wall, cpu;
};

static struct times now(void)
{
    struct timespec t;
    struct rusage u;

    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &u);
    return (struct times){
        .wall = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec,
        .cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec),
    };
}

/* Takes what has passed since start into the best times so far. */
static void take_best(struct times start, struct times *best)
{
    struct times end = now();

    if (end.wall - start.wall < best->wall)
        best->wall = end.wall - start.wall;
    if (end.cpu - start.cpu < best->cpu)
        best->cpu = end.cpu - start.cpu;
}

static void must(mt_status status, const struct mt_err *err)
{
    if (status == MT_OK)
        return;
    fprintf(stderr, "bench-ckpt: %s\n", err->text);
    exit(2);
}

/* The arrays are allocated by the first call, and filled by each. */
static void load(const char *path, struct state *s, struct mt_team *team)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_ckpt *c = NULL;

    must(mt_ckpt_open(path, &c, &err), &err);
    s->info = mt_ckpt_info(c);
    if (!s->arrays) {
        s->n = mt_ckpt_count(c);
        s->arrays = calloc(s->n, sizeof *s->arrays);
    }
    for (size_t i = 0; s->arrays && i < s->n; i++) {
        const struct mt_array *a = mt_ckpt_array(c, i);

        if (!s->arrays[i].data) {
            s->arrays[i] = *a;
            s->arrays[i].name = strdup(a->name);
            s->arrays[i].data = malloc(mt_array_bytes(a) + 1);
        }
        if (!s->arrays[i].data || !s->arrays[i].name)
            must(mt_fail_memory(&err), &err);
        must(mt_ckpt_read(c, a, s->arrays[i].data, team, &err), &err);
    }
    mt_ckpt_close(c);
}

static void measure(struct state *s, const char *path, size_t threads,
                    long rounds)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;
    struct mt_ckpt_info info;
    struct times save = { 1e9, 1e9 }, loaded = { 1e9, 1e9 }, start;
    double mb = 1e-6 * (double)s->info.raw_bytes;

    must(mt_team_new(threads, &team, &err), &err);
    for (long r = 0; r < rounds; r++) {
        unlink(path); /* the old file's pages are no part of the work */
        start = now();
        must(mt_ckpt_write(path, s->arrays, s->n, team, &info, &err), &err);
        take_best(start, &save);
        start = now();
        load(path, s, team);
        take_best(start, &loaded);
    }
    mt_team_free(team);
    printf("%7zu %9.0f %9.0f %12.0f %12.0f %7.4f\n", threads, mb / save.wall,
           mb / loaded.wall, mb / save.cpu, mb / loaded.cpu,
           (double)info.bytes / (double)info.raw_bytes);
}

int main(int argc, char **argv)
{
    struct state s = { 0 };
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 10;
    char path[4096];

    if (argc < 2 || rounds < 1) {
        fprintf(stderr, "usage: bench-ckpt FILE.mtc [ROUNDS]\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s.bench", argv[1]);
    load(argv[1], &s, NULL);
    printf("%.1f MB in %zu arrays, best of %ld rounds, in the page cache "
           "(fsync is not counted)\n",
           1e-6 * (double)s.info.raw_bytes, s.n, rounds);
    printf("threads save MB/s load MB/s  save/CPU-s   load/CPU-s   ratio\n");
    for (size_t threads = 1; threads <= 2; threads++)
        measure(&s, path, threads, rounds);
    unlink(path);
    return 0;
}
