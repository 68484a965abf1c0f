/*
 * For tests only: makes calls of the program under test fail on request. The
 * linker routes its calls to libc and to the system through
 * testdata/inject.c (-Wl,--wrap, in the Makefile).
 *
 *     static const char *read_it(void *ctx, mt_status *status,
 *                                struct mt_err *err) { ... }
 *
 *     inject_everywhere("read", read_it, &ctx);
 *
 * runs it once undisturbed, then once for every call and every way in which
 * that call may fail. Each time the status must be that of the undisturbed run
 * or a failure that says why, no memory and no descriptor may be held that was
 * not before, and the function itself finds nothing wrong.
 *
 * A function under injection uses no ck_assert (Check allocates); it returns
 * what is wrong, or NULL.
 */
#ifndef MT_BASE_INJECT_TESTING_H
#define MT_BASE_INJECT_TESTING_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum inject_kind {
    INJECT_MEMORY, /* malloc and its like, threads, zlib's start */
    INJECT_SYSTEM, /* system calls on files */
    INJECT_KINDS,
};

/* An error: reads and writes move nothing and say so. */
enum { INJECT_NOTHING = -1 };

struct inject {
    enum inject_kind kind;
    size_t at; /* the number of the call that fails, from 1; 0: none */
    bool on;   /* and all after it */
    int error; /* errno; 0: reads and writes move half of what they could */
    const char *call; /* only calls of this name count, "flock"; NULL: all */
};

void inject_start(struct inject plan);
/* The number of calls of the plan's kind since then. */
size_t inject_stop(void);
/* Between the two no call fails or is counted. */
void inject_pause(void);
void inject_go_on(void);
/* Blocks of memory that were allocated and not freed, from the first call of
 * inject_start on. */
long inject_held(void);

typedef const char *inject_run(void *ctx, mt_status *status,
                               struct mt_err *err);

/* ---- the driver ---- */

struct inject_trial {
    const char *name;
    inject_run *run;
    void *ctx;
    mt_status usual; /* of the undisturbed run */
};

static inline int inject_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* May a run under this plan have ended so? */
static inline bool inject_allowed(const struct inject_trial *t,
                                  struct inject plan, mt_status status)
{
    if (status == t->usual)
        return true;
    if (!plan.at || plan.error == 0 || (plan.error == EINTR && !plan.on))
        return false;
    return status != MT_OK && (plan.kind == INJECT_SYSTEM ||
                               status == MT_NO_MEMORY || status == MT_IO);
}

/* Returns how many calls there were. */
static inline size_t inject_once(const struct inject_trial *t,
                                 struct inject plan)
{
    struct mt_err err = MT_ERR_INIT;
    mt_status status = MT_OK;
    int descriptors = inject_descriptors();
    long held = inject_held();

    inject_start(plan);
    const char *wrong = t->run(t->ctx, &status, &err);
    size_t calls = inject_stop();

    held = inject_held() - held;
    descriptors = inject_descriptors() - descriptors;
    ck_assert_msg(!wrong && inject_allowed(t, plan, status) &&
                      (status == MT_OK) == !err.text[0] && !held &&
                      !descriptors,
                  "%s: call %zu %s %s (kind %d, errno %d): %s; status %d: "
                  "\"%s\"; %ld blocks and %d descriptors left",
                  t->name, plan.at, "fails", plan.on ? "and all after" : "once",
                  plan.kind, plan.error, wrong ? wrong : "ended", status,
                  err.text, held, descriptors);
    return calls;
}

static inline void inject_everywhere(const char *name, inject_run *run,
                                     void *ctx)
{
    static const struct inject ways[] = {
        { INJECT_MEMORY, 0, false, ENOMEM },
        { INJECT_MEMORY, 0, true, ENOMEM },
        { INJECT_SYSTEM, 0, false, EIO },
        { INJECT_SYSTEM, 0, true, EIO },
        { INJECT_SYSTEM, 0, false, EINTR },
        { INJECT_SYSTEM, 0, true, EINTR },
        { INJECT_SYSTEM, 0, false, 0 },
        { INJECT_SYSTEM, 0, true, 0 },
    };
    struct inject_trial t = { name, run, ctx, MT_OK };
    struct mt_err err = MT_ERR_INIT;
    size_t all = 0;
    const char *wrong = run(ctx, &t.usual, &err); /* warm, and as usual */

    ck_assert_msg(!wrong, "%s: %s; status %d: %s", name, wrong, t.usual,
                  err.text);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct inject plan = ways[i];

        size_t calls = inject_once(&t, plan);

        all += calls;
        for (plan.at = 1; plan.at <= calls; plan.at++)
            inject_once(&t, plan);
    }
    ck_assert_msg(all > 0, "%s: there was nothing to fail", name);
}

#endif
