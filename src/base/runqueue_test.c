#include "base/runqueue.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A queue whose numbers a test writes, as the kernel would. */
static struct mt_runqueue made_up(void)
{
    char path[] = "/tmp/mtrain-runqueue-XXXXXX";
    struct mt_runqueue q;

    mt_runqueue_open(&q);
    mt_runqueue_close(&q);
    q.fd = mkstemp(path);
    ck_assert_int_ge(q.fd, 0);
    unlink(path);
    q.waited = 1000;
    return q;
}

/* After so many milliseconds, the thread has waited for so many more. */
static bool look(struct mt_runqueue *q, int elapsed, int waited)
{
    char text[80];
    int n = snprintf(text, sizeof text, "123456789 %llu 7\n",
                     q->waited + (unsigned long long)waited * 1000000);

    ck_assert_int_eq(pwrite(q->fd, text, (size_t)n, 0), n);
    q->looked -= (int64_t)elapsed * 1000000;
    return mt_runqueue_crowded(q);
}

START_TEST(crowded_where_it_waits)
{
    struct mt_runqueue q = made_up();

    ck_assert(!look(&q, 100000, 0));
    ck_assert(!look(&q, 100000, 4000));
    ck_assert(look(&q, 100000, 6000));
    ck_assert(look(&q, 100000, 100000));
    ck_assert(!look(&q, 100000, 0));
    mt_runqueue_close(&q);
}
END_TEST

START_TEST(keeps_its_answer_for_a_while)
{
    struct mt_runqueue q = made_up();

    q.looked += (int64_t)1000000000000; /* as if it had just looked */
    ck_assert(!look(&q, 0, 100000));
    q.looked -= (int64_t)1000000000000;
    ck_assert(look(&q, 100000, 100000));
    q.looked += (int64_t)1000000000000;
    ck_assert(look(&q, 0, 0));
    mt_runqueue_close(&q);
}
END_TEST

START_TEST(knows_nothing_without_the_file)
{
    struct mt_runqueue q = made_up();

    ck_assert_int_eq(ftruncate(q.fd, 0), 0);
    q.looked -= (int64_t)1000000000000;
    ck_assert(!mt_runqueue_crowded(&q));
    mt_runqueue_close(&q);
    q.fd = -1;
    ck_assert(!mt_runqueue_crowded(&q));
    mt_runqueue_close(&q);
}
END_TEST

/* The kernel's own count, where there is one, never decreases. */
START_TEST(reads_the_kernels_file)
{
    struct mt_runqueue q;

    mt_runqueue_open(&q);
    if (q.fd < 0)
        puts("skipped: no /proc/thread-self/schedstat");
    for (int i = 0; q.fd >= 0 && i < 3; i++) {
        unsigned long long waited = q.waited;

        q.looked -= (int64_t)1000000000000; /* 1000 s in which it waited less */
        ck_assert(!mt_runqueue_crowded(&q));
        ck_assert(q.waited >= waited);
        usleep(1000);
    }
    mt_runqueue_close(&q);
}
END_TEST

Suite *runqueue_suite(void);
Suite *runqueue_suite(void)
{
    Suite *s = suite_create("runqueue");
    TCase *t = tcase_create("core");

    tcase_add_test(t, crowded_where_it_waits);
    tcase_add_test(t, keeps_its_answer_for_a_while);
    tcase_add_test(t, knows_nothing_without_the_file);
    tcase_add_test(t, reads_the_kernels_file);
    suite_add_tcase(s, t);
    return s;
}
