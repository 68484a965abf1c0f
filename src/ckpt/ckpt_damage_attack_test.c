/*
 * A small checkpoint truncated at every byte, and with every bit flipped:
 * opening or reading it fails, verify reports it, and neither takes more than
 * 64 MiB.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "ckpt/ckpt_testing.h"

enum { ROOM = 64 << 20 };

/* With a sanitizer's own memory, ours cannot be limited. */
#if defined __SANITIZE_ADDRESS__
static void limit_memory(void)
{
}
#else
/* Tests run in processes of their own. */
static void limit_memory(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    struct rlimit limit;

    limit.rlim_cur = limit.rlim_max =
        (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ROOM;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}
#endif

struct victim {
    int fd;
    char path[32];
    struct mt_bytes whole;
};

/* Arrays of all kinds, and one with deflated planes. */
static void make_victim(struct victim *v)
{
    static float zeros[700];
    struct mt_array a[SMALL_ARRAYS + 1];
    size_t n = testing_small(a);

    a[n] = testing_array("model/zeros", MT_F32, mt_shape_of(1, (size_t)700),
                         zeros);
    testing_write("run.mtc", a, n + 1);
    v->whole = testing_get("run.mtc");
    v->fd = memfd_create("victim", 0);
    ck_assert_int_ge(v->fd, 0);
    snprintf(v->path, sizeof v->path, "/proc/self/fd/%d", v->fd);
    ck_assert_int_eq(pwrite(v->fd, v->whole.data, v->whole.n, 0),
                     (ssize_t)v->whole.n);
    ck_assert_int_eq(testing_read_all(v->path), MT_OK);
    ck_assert_int_eq(mt_ckpt_verify(v->path, NULL, NULL, NULL, &err), MT_OK);
}

static void note(void *ctx, const char *what)
{
    const struct victim *v = ctx;

    ck_assert_msg(strncmp(what, v->path, strlen(v->path)) == 0 &&
                      strstr(what, ": damaged: "),
                  "%s", what);
}

/* first: its first bytes may no longer be those of a checkpoint. */
static void check(struct victim *v, bool first, const char *what, size_t at)
{
    mt_status read = testing_read_all(v->path);
    mt_status verified = mt_ckpt_verify(v->path, note, v, NULL, &err);

    ck_assert_msg(read == MT_DAMAGED || (first && read == MT_INVALID),
                  "%s %zu: read says %d", what, at, read);
    ck_assert_msg(verified == read, "%s %zu: verify says %d: %s", what, at,
                  verified, err.text);
    testing_says(err, v->path, first ? ": " : ": damaged: ");
}

START_TEST(every_bit)
{
    struct victim v;

    make_victim(&v);
    limit_memory();
    for (size_t bit = 0; bit < 8 * v.whole.n; bit++) {
        off_t at = (off_t)(bit / 8);
        unsigned char *good = &v.whole.data[at], bad;

        bad = (unsigned char)(*good ^ 1 << bit % 8);
        ck_assert_int_eq(pwrite(v.fd, &bad, 1, at), 1);
        check(&v, bit < 32, "bit", bit);
        ck_assert_int_eq(pwrite(v.fd, good, 1, at), 1);
    }
    ck_assert_int_eq(testing_read_all(v.path), MT_OK);
    free(v.whole.data);
}
END_TEST

START_TEST(every_cut)
{
    struct victim v;

    make_victim(&v);
    limit_memory();
    for (size_t n = v.whole.n; n-- > 0;) {
        ck_assert_int_eq(ftruncate(v.fd, (off_t)n), 0);
        check(&v, n < 4, "cut at", n);
    }
    free(v.whole.data);
}
END_TEST

/* Bytes are missing in the middle; the ends are intact. */
START_TEST(every_piece_taken_out)
{
    struct victim v;

    make_victim(&v);
    limit_memory();
    for (size_t at = 0; at + 64 <= v.whole.n; at += 64) {
        ck_assert_int_eq(ftruncate(v.fd, 0), 0);
        ck_assert_int_eq(pwrite(v.fd, v.whole.data, at, 0), (ssize_t)at);
        ck_assert_int_eq(pwrite(v.fd, v.whole.data + at + 64,
                                v.whole.n - at - 64, (off_t)at),
                         (ssize_t)(v.whole.n - at - 64));
        check(&v, at == 0, "without the 64 bytes at", at);
    }
    free(v.whole.data);
}
END_TEST

Suite *ckpt_damage_attack_suite(void);
Suite *ckpt_damage_attack_suite(void)
{
    Suite *s = suite_create("ckpt_damage_attack");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, every_bit);
    tcase_add_test(tc, every_cut);
    tcase_add_test(tc, every_piece_taken_out);
    suite_add_tcase(s, tc);
    return s;
}
