/*
 * Replacing, locking and reading files while system calls give rare answers,
 * and while each call in turn fails.
 */
#include <signal.h>
#include <sys/file.h>

#include "base/file_testing.h"
#include "base/inject_testing.h"

static struct mt_err err;

/* ---- one call with one answer ---- */

static mt_status write_both_ways(const char *path, const char *text)
{
    struct mt_replace *r = NULL;
    struct mt_err *e = &err;
    mt_status status = mt_replace_open(path, &r, e);

    if (status != MT_OK)
        return status;
    status = mt_replace_write(r, text, strlen(text), e);
    if (status == MT_OK)
        status = mt_replace_patch(r, 0, text, strlen(text), e);
    if (status == MT_OK)
        return mt_replace_commit(r, e);
    mt_replace_abort(r);
    return status;
}

/* The status of writing "new" over "old" to f while the call fails so. */
static mt_status write_under(const char *call, size_t at, bool on, int error)
{
    struct inject plan = { INJECT_SYSTEM, at, on, error, call };

    testing_put("f", "old", 3);
    err = (struct mt_err)MT_ERR_INIT;
    inject_start(plan);
    mt_status status = write_both_ways("f", "new");
    size_t calls = inject_stop();

    ck_assert_msg(calls >= at, "%s: %zu calls", call, calls);
    testing_holds("f", status == MT_OK ? "new" : "old");
    return status;
}

START_TEST(answers_to_a_writer)
{
    static const struct {
        const char *call;
        size_t at;
        bool on;
        int error;
        mt_status status;
        const char *says;
    } rows[] = {
        { "write", 1, false, INJECT_NOTHING, MT_IO, "Input/output error" },
        { "pwrite", 1, false, INJECT_NOTHING, MT_IO, "Input/output error" },
        { "pwrite", 1, false, ENOSPC, MT_IO, "No space left" },
        { "flock", 1, true, ENOLCK, MT_OK, NULL },       /* no locks here */
        { "flock", 1, false, EWOULDBLOCK, MT_OK, NULL }, /* just swept */
        { "flock", 1, true, EWOULDBLOCK, MT_IO, "File exists" },
        { "fsync", 2, false, EINVAL, MT_OK, NULL }, /* folders have none */
        { "fsync", 2, false, ENOTSUP, MT_OK, NULL },
        { "close", 2, false, EINTR, MT_OK, NULL },
        { "getrandom", 1, true, ENOSYS, MT_OK, NULL },
        { "fchmod", 1, false, EPERM, MT_IO, "cannot keep its permissions" },
        { "renameat", 1, false, EXDEV, MT_IO, "in its place" },
        { "openat", 2, true, EEXIST, MT_IO, "File exists" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_status status =
            write_under(rows[i].call, rows[i].at, rows[i].on, rows[i].error);

        ck_assert_msg(status == rows[i].status, "row %zu (%s): %d: %s", i,
                      rows[i].call, status, err.text);
        if (rows[i].says)
            testing_says(err, "f: ", rows[i].says);
        ck_assert_int_eq(testing_count("."), 1);
    }
}
END_TEST

START_TEST(a_folder_that_is_not_brought_to_disk)
{
    struct inject plan = { INJECT_SYSTEM, 2, false, EIO, "fsync" };

    testing_put("f", "old", 3);
    inject_start(plan);
    ck_assert_int_eq(write_both_ways("f", "new"), MT_IO);
    inject_stop();
    testing_says(err, "f: is written, but its folder", "Input/output error");
    testing_holds("f", "new");
}
END_TEST

/* Without locks, the PID in a temporary's name decides whether it is dead. */
START_TEST(sweeping_without_locks)
{
    static const struct {
        const char *name;
        bool stays;
    } rows[] = {
        { ".f.1-0.mtrain-tmp", true },           /* the first process lives */
        { ".f.2147483646-0.mtrain-tmp", false }, /* none has this number */
        { ".f.2147483648-0.mtrain-tmp", true },  /* nor can any */
        { ".f.0-0.mtrain-tmp", true },
        { ".f.12345678901-0.mtrain-tmp", true },
        { ".f.-0.mtrain-tmp", true },
        { ".f.12x0.mtrain-tmp", true },
        { ".f.12-.mtrain-tmp", true },
        { ".f.12-0x.mtrain-tmp", true },
        { ".f.12-0", true },
        { ".f.", true },
    };
    struct inject plan = { INJECT_SYSTEM, 1, true, ENOLCK, "flock" };
    char mine[64];

    snprintf(mine, sizeof mine, ".f.%ld-0.mtrain-tmp", (long)getpid());
    testing_put(mine, "x", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        testing_put(rows[i].name, "x", 1);
    inject_start(plan);
    mt_status status = write_both_ways("f", "new");

    inject_stop();
    ck_assert_int_eq(status, MT_OK);
    ck_assert_int_eq(access(mine, F_OK), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg((access(rows[i].name, F_OK) == 0) == rows[i].stays, "%s",
                      rows[i].name);
}
END_TEST

/* The owner is kept if permitted, and the set-user-ID bit only with it. */
START_TEST(owners)
{
    enum { SOMEBODY = 12345 };
    struct inject plan = { INJECT_SYSTEM, 1, false, EPERM, "fchown" };
    struct stat st;

    if (geteuid() != 0)
        return; /* only root can give files away */
    for (int refused = 0; refused < 2; refused++) {
        testing_put("f", "old", 3);
        ck_assert_int_eq(chown("f", SOMEBODY, SOMEBODY), 0);
        ck_assert_int_eq(chmod("f", 04750), 0);
        if (refused)
            inject_start(plan);
        mt_status status = write_both_ways("f", "new");

        inject_stop();
        ck_assert_int_eq(status, MT_OK);
        ck_assert_int_eq(stat("f", &st), 0);
        ck_assert_uint_eq(st.st_uid, refused ? 0 : SOMEBODY);
        ck_assert_uint_eq(st.st_mode & 07777, refused ? 0750 : 04750);
    }
}
END_TEST

/* In our own folder any file may be replaced; in another's, only our own. */
START_TEST(sticky_folders_of_all_kinds)
{
    enum { NOBODY = 65534 };
    static const struct {
        const char *folder;
        uid_t owner;
        mode_t mode;
        bool may;
    } rows[] = { { "a", 0, 01777, false },
                 { "b", 0, 0777, true },
                 { "c", NOBODY, 01777, true } };
    mt_status status[3][2];

    if (geteuid() != 0)
        return; /* needs two users */
    for (int i = 0; i < 3; i++) {
        char path[8];

        snprintf(path, sizeof path, "%s/f", rows[i].folder);
        mkdir(rows[i].folder, 0777);
        ck_assert_int_eq(chown(rows[i].folder, rows[i].owner, 0), 0);
        ck_assert_int_eq(chmod(rows[i].folder, rows[i].mode), 0);
        testing_put(path, "old", 3);
        chmod(path, 0666);
        ck_assert_int_eq(seteuid(NOBODY), 0);
        status[i][0] = mt_replace_probe(path, true, &err);
        path[2] = 'g';
        status[i][1] = mt_replace_probe(path, true, &err);
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_eq(status[i][0], rows[i].may ? MT_OK : MT_IO);
        ck_assert_int_eq(status[i][1], MT_OK);
    }
}
END_TEST

START_TEST(answers_to_a_lock)
{
    static const struct {
        const char *call;
        bool on;
        int error;
        mt_status status;
    } rows[] = {
        { "flock", true, ENOLCK, MT_OK },
        { "flock", true, ENOSYS, MT_OK },
        { "flock", true, EOPNOTSUPP, MT_OK },
        { "flock", true, EINVAL, MT_OK },
        { "flock", true, EIO, MT_IO },
        { "flock", false, EINTR, MT_OK },
        { "flock", true, EWOULDBLOCK, MT_IO },
        { "openat", false, EINTR, MT_OK },
        { "openat", true, EACCES, MT_IO },
        { "openat", true, ENOENT, MT_IO },
        { "openat", false, EEXIST, MT_OK },
        { "fstat", false, EIO, MT_IO },
        { "fstatat", false, ENOENT, MT_OK },
        { "fstatat", true, EIO, MT_IO },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct inject plan = { INJECT_SYSTEM, 1, rows[i].on, rows[i].error,
                               rows[i].call };
        struct mt_lock *lock;

        inject_start(plan);
        mt_status status = mt_lock_take("f", &lock, &err);

        inject_stop();
        ck_assert_msg(status == rows[i].status, "row %zu: %d: %s", i, status,
                      err.text);
        ck_assert((lock != NULL) == (status == MT_OK));
        mt_lock_release(lock);
        unlink(".f.mtrain-lock");
    }
}
END_TEST

/* ---- every call ---- */

static const char *read_file(void *ctx, mt_status *status, struct mt_err *e)
{
    struct mt_bytes bytes = { NULL, 0 };
    const char *wrong = NULL;

    (void)ctx;
    *status = mt_file_read("old", 100, &bytes, e);
    if (*status == MT_OK && (bytes.n != 3 || memcmp(bytes.data, "old", 3)))
        wrong = "it read something else";
    free(bytes.data);
    return wrong;
}

/* Through links, one of them absolute, to a long name. */
static const char *replace_file(void *ctx, mt_status *status, struct mt_err *e)
{
    struct mt_lock *lock = NULL;
    struct mt_replace *r = NULL;

    *status = mt_replace_claim(ctx, true, &lock, e);
    if (*status == MT_OK)
        *status = mt_replace_open(ctx, &r, e);
    if (*status == MT_OK) {
        *status = mt_replace_write(r, "new", 3, e);
        if (*status == MT_OK)
            *status = mt_replace_patch(r, 1, "e", 1, e);
        if (*status == MT_OK)
            *status = mt_replace_commit(r, e);
        else
            mt_replace_abort(r);
    }
    mt_lock_release(lock);
    return NULL;
}

START_TEST(every_call_fails)
{
    char there[sizeof testing_folder + 8], name[256], link[] = "a";

    memset(name, 'n', 255);
    name[255] = '\0';
    testing_put("old", "old", 3);
    inject_everywhere("read a file", read_file, NULL);
    mkdir("d", 0777);
    snprintf(there, sizeof there, "%s/d/b", testing_folder);
    ck_assert_int_eq(symlink(there, "a"), 0);
    ck_assert_int_eq(symlink(name, "d/b"), 0);
    inject_everywhere("replace a new file", replace_file, link);
    inject_everywhere("replace an old file", replace_file, name);
    ck_assert_int_eq(write_both_ways(name, "new"), MT_OK);
    ck_assert_int_eq(write_both_ways("a", "new"), MT_OK);
    testing_holds("a", "new");
}
END_TEST

Suite *disturbed_attack_suite(void);

Suite *disturbed_attack_suite(void)
{
    Suite *s = suite_create("disturbed_attack");
    TCase *tc = tcase_create("disturbed");

    tcase_add_checked_fixture(tc, testing_enter_memory, testing_leave);
    tcase_add_test(tc, answers_to_a_writer);
    tcase_add_test(tc, a_folder_that_is_not_brought_to_disk);
    tcase_add_test(tc, sweeping_without_locks);
    tcase_add_test(tc, owners);
    tcase_add_test(tc, sticky_folders_of_all_kinds);
    tcase_add_test(tc, answers_to_a_lock);
    tcase_add_test(tc, every_call_fails);
    suite_add_tcase(s, tc);
    return s;
}
