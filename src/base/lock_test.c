#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/file_testing.h"
#include "base/inject_testing.h"

static struct mt_err err;

/* The status of an attempt; the lock is released at once. */
static mt_status try_lock(const char *path)
{
    struct mt_lock *lock;
    mt_status status = mt_lock_take(path, &lock, &err);

    ck_assert((lock != NULL) == (status == MT_OK));
    mt_lock_release(lock);
    return status;
}

START_TEST(keeps_the_second_out)
{
    struct mt_lock *lock;

    ck_assert_int_eq(mt_lock_take("f", &lock, &err), MT_OK);
    ck_assert_int_eq(testing_count("."), 1);
    ck_assert_int_eq(try_lock("f"), MT_IO);
    ck_assert_str_eq(err.text,
                     "f: is being written by another mtrain: wait until it "
                     "has ended, or write to another file");
    ck_assert_int_eq(try_lock("g"), MT_OK);
    mt_lock_release(lock);
    mt_lock_release(NULL);
    ck_assert_int_eq(testing_count("."), 0);
    ck_assert_int_eq(try_lock("f"), MT_OK);
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

START_TEST(is_one_for_all_names_of_a_file)
{
    struct mt_lock *lock;

    mkdir("d", 0755);
    symlink("d/f", "link");
    symlink("d", "dir");
    ck_assert_int_eq(mt_lock_take("link", &lock, &err), MT_OK);
    ck_assert_int_eq(testing_count("d"), 1);
    ck_assert_int_eq(try_lock("d/f"), MT_IO);
    ck_assert_int_eq(try_lock("./dir/../d/f"), MT_IO);
    ck_assert_int_eq(try_lock("f"), MT_OK);
    mt_lock_release(lock);
    ck_assert_int_eq(testing_count("d"), 0);
}
END_TEST

/* Leaves its lock file, as a killed process does. */
static void killed_writer(const char *path)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct mt_lock *lock;

        if (mt_lock_take(path, &lock, &err) == MT_OK)
            raise(SIGKILL);
        _exit(1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}

START_TEST(a_killed_writer_leaves_it_free)
{
    mode_t before = umask(077);

    killed_writer("f");
    umask(before);
    ck_assert_int_eq(access(".f.mtrain-lock", F_OK), 0);
    if (geteuid() == 0) { /* another user can take it over, too */
        ck_assert_int_eq(chmod(".", 0777), 0);
        ck_assert_int_eq(seteuid(65534), 0);
        mt_status status = try_lock("f");

        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_msg(status == MT_OK, "%s", err.text);
    } else {
        ck_assert_int_eq(try_lock("f"), MT_OK);
    }
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

START_TEST(long_names_have_locks_of_their_own)
{
    struct mt_lock *a, *b;
    char name[NAME_MAX + 1];

    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    ck_assert_msg(mt_lock_take(name, &a, &err) == MT_OK, "%s", err.text);
    ck_assert_int_eq(try_lock(name), MT_IO);
    name[NAME_MAX - 1] = 'm';
    ck_assert_int_eq(mt_lock_take(name, &b, &err), MT_OK);
    ck_assert_int_eq(testing_count("."), 2);
    mt_lock_release(a);
    mt_lock_release(b);
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

START_TEST(refuses_what_is_no_lock_file)
{
    mkdir(".d.mtrain-lock", 0755);
    mkfifo(".p.mtrain-lock", 0644);
    testing_put("other", "x", 1);
    symlink("other", ".l.mtrain-lock");
    ck_assert_int_eq(try_lock("d"), MT_IO);
    testing_says(err, "d: ", "\".d.mtrain-lock\" next to it is not a regular");
    ck_assert_int_eq(try_lock("p"), MT_IO);
    testing_says(err, "p: ", "is not a regular file");
    ck_assert_int_eq(try_lock("l"), MT_IO);
    testing_says(err, "l: ", "cannot create its lock file");
    ck_assert_int_eq(try_lock("none/f"), MT_IO);
    testing_says(err, "none/f: ", "does not exist");
    testing_holds("other", "x");
    ck_assert_int_eq(testing_count("."), 4);
}
END_TEST

/* If flock fails, no file is left, except another writer's. */
START_TEST(what_cannot_be_taken_leaves_nothing)
{
    static const int errors[] = { ENOSPC, EIO, EACCES, EINTR };
    struct inject plan = { .kind = INJECT_SYSTEM, .at = 1, .call = "flock" };
    struct mt_lock *lock;

    plan.on = true;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        plan.error = errors[i];
        inject_start(plan);
        mt_status status = mt_lock_take("f", &lock, &err);

        inject_stop();
        ck_assert_int_eq(status, MT_IO);
        testing_says(err, "f: ", "cannot create its lock file");
        ck_assert_int_eq(testing_count("."), 0);
    }
    killed_writer("f");
    plan.error = EIO;
    inject_start(plan);
    mt_status status = mt_lock_take("f", &lock, &err);

    inject_stop();
    ck_assert_int_eq(status, MT_IO);
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

START_TEST(claims)
{
    struct mt_lock *lock, *second;

    ck_assert_int_eq(mt_replace_claim("f", false, &lock, &err), MT_OK);
    ck_assert_int_eq(mt_replace_claim("f", false, &second, &err), MT_IO);
    testing_says(err, "f: ", "another mtrain");
    ck_assert_ptr_null(second);
    testing_put("f", "x", 1);
    mt_lock_release(lock);
    ck_assert_int_eq(mt_replace_claim("f", false, &lock, &err), MT_IO);
    testing_says(err, "f: ", "already exists");
    ck_assert_ptr_null(lock);
    ck_assert_int_eq(mt_replace_claim("f", true, &lock, &err), MT_OK);
    mt_lock_release(lock);
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

/* Many at once, again and again: never two inside. Whoever has the lock makes
 * the file `inside`, which must not exist before. */
static int contend(int rounds)
{
    int got = 0;

    for (int i = 0; i < rounds; i++) {
        struct mt_lock *lock;

        if (mt_lock_take("f", &lock, &err) != MT_OK)
            continue;
        int fd = open("inside", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

        if (fd < 0)
            return 2;
        close(fd);
        unlink("inside");
        mt_lock_release(lock);
        got++;
    }
    return got ? 0 : 1;
}

START_TEST(never_two_inside)
{
    enum { WRITERS = 4, ROUNDS = 2000 };
    pid_t pid[WRITERS];

    for (int i = 0; i < WRITERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(contend(ROUNDS));
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;

        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert(WIFEXITED(status));
        ck_assert_int_ne(WEXITSTATUS(status), 2);
    }
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

Suite *lock_suite(void);
Suite *lock_suite(void)
{
    Suite *s = suite_create("lock");
    TCase *tc = tcase_create("lock");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, keeps_the_second_out);
    tcase_add_test(tc, is_one_for_all_names_of_a_file);
    tcase_add_test(tc, a_killed_writer_leaves_it_free);
    tcase_add_test(tc, long_names_have_locks_of_their_own);
    tcase_add_test(tc, refuses_what_is_no_lock_file);
    tcase_add_test(tc, what_cannot_be_taken_leaves_nothing);
    tcase_add_test(tc, claims);
    tcase_add_test(tc, never_two_inside);
    suite_add_tcase(s, tc);
    return s;
}
