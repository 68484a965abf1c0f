/*
 * A training step allocates nothing after the first ones. The allocator of this
 * program counts, for every example spec.
 *
 * (scripts/steady does the same for system calls.)
 */
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/file.h"
#include "base/team.h"
#include "kernels/dispatch.h"
#include "train/rows.h"
#include "train/testing.h"

/* --- the count ---------------------------------------------------------- */

static atomic_bool counting;
static atomic_long allocations;

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MINE 0 /* a sanitizer has its own allocator */
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MINE 0
#endif
#endif
#ifndef MINE
#define MINE 1
#endif

#if MINE
static void count(void)
{
    if (atomic_load_explicit(&counting, memory_order_relaxed))
        atomic_fetch_add(&allocations, 1);
}

/* libc's own functions, by their internal names. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t many, size_t n);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
    count();
    return __libc_malloc(n);
}

void *calloc(size_t many, size_t n)
{
    count();
    return __libc_calloc(many, n);
}

void *realloc(void *old, size_t n)
{
    count();
    return __libc_realloc(old, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    count();
    return __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    count();
    *out = __libc_memalign(align, n);
    return *out ? 0 : ENOMEM;
}
#endif

/* Allocations of the program and its libraries are counted. */
START_TEST(allocations_are_seen)
{
    char *volatile text;

    atomic_store(&counting, true);
    text = strdup("one");
    free(text);
    text = aligned_alloc(64, 64);
    free(text);
    atomic_store(&counting, false);
    ck_assert_int_eq(atomic_load(&allocations), MINE ? 2 : 0);
}
END_TEST

/* --- every spec --------------------------------------------------------- */

enum { WARM = 2, STEPS = 20, MAX_SPECS = 128 };

static char specs[MAX_SPECS][300];
static int n_specs;

static void find_specs(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (!dir)
        return; /* every_spec_is_there fails */
    while ((entry = readdir(dir))) {
        size_t n = strlen(entry->d_name);

        if (n > 5 && !strcmp(entry->d_name + n - 5, ".json") &&
            n_specs < MAX_SPECS)
            snprintf(specs[n_specs++], sizeof *specs, "%s/%s", folder,
                     entry->d_name);
    }
    closedir(dir);
}

START_TEST(specs_are_there)
{
    ck_assert_msg(n_specs >= 20, "%d specs; run this at the top of the source",
                  n_specs);
}
END_TEST

static struct mt_test_session open_file(const char *path, struct mt_team *team)
{
    struct mt_test_session t = { NULL, NULL };
    struct mt_err err = MT_ERR_INIT;
    struct mt_bytes text;

    ck_assert_msg(
        mt_file_read(path, 1 << 20, &text, &err) == MT_OK &&
            mt_json_parse(path, (char *)text.data, text.n, &t.doc, &err) ==
                MT_OK &&
            mt_json_set(t.doc, "data.batch_size", "2", "test", &err) == MT_OK,
        "%s", err.text);
    free(text.data);

    struct mt_session_request request = { .doc = t.doc, .team = team };

    ck_assert_msg(mt_session_open(&request, &t.s, &err) == MT_OK &&
                      mt_session_init(t.s, &err) == MT_OK,
                  "%s", err.text);
    return t;
}

/* Steps 3 to 20, including ends of epochs with their evaluations. */
static void train(const char *path, struct mt_team *team)
{
    struct mt_test_session t = open_file(path, team);
    bool reads = mt_part_has_reader(&t.s->data->train);
    struct mt_err err = MT_ERR_INIT;
    struct mt_step_info info;
    mt_status status = MT_OK;

    for (int i = 1; i <= STEPS && status == MT_OK; i++) {
        /* Readers of data that is not in memory may allocate. */
        atomic_store(&counting, i > WARM && !reads);
        status = mt_session_step(t.s, false, &info, &err);
        atomic_store(&counting, false);
    }
    ck_assert_msg(status == MT_OK, "%s: %s", path, err.text);
    mt_test_close(&t);
}

START_TEST(takes_no_memory)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;

    ck_assert(mt_kernels_choose(&err) == MT_OK);
    for (size_t threads = 1; threads <= 2; threads++) {
        ck_assert(mt_team_new(threads, &team, &err) == MT_OK);
        train(specs[_i], team);
        mt_team_free(team);
        ck_assert_msg(atomic_load(&allocations) == 0,
                      "%s: %ld allocations in %d steps, %zu threads", specs[_i],
                      atomic_load(&allocations), STEPS - WARM, threads);
    }
}
END_TEST

Suite *step_suite(void);

Suite *step_suite(void)
{
    Suite *suite = suite_create("step");
    TCase *tc = tcase_create("step");

    find_specs("configs");
    find_specs("configs/bench");
    find_specs("testdata/specs");
    tcase_add_test(tc, allocations_are_seen);
    tcase_add_test(tc, specs_are_there);
    tcase_add_loop_test(tc, takes_no_memory, 0, n_specs);
    suite_add_tcase(suite, tc);
    return suite;
}
