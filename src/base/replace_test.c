#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/file_testing.h"

static struct mt_err err;

/* Replaces path by text; the status of the first step that failed. */
static mt_status write_text(const char *path, const char *text)
{
    struct mt_replace *r = NULL;
    mt_status status = mt_replace_open(path, &r, &err);

    if (status != MT_OK)
        return status;
    status = mt_replace_write(r, text, strlen(text), &err);
    if (status != MT_OK) {
        mt_replace_abort(r);
        return status;
    }
    return mt_replace_commit(r, &err);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_mode & 07777;
}

START_TEST(makes_a_new_file)
{
    mode_t before = umask(027);

    ck_assert_msg(write_text("new", "hello") == MT_OK, "%s", err.text);
    umask(before);
    testing_holds("new", "hello");
    ck_assert_uint_eq(mode_of("new"), 0640);
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

START_TEST(keeps_mode_and_content_until_commit)
{
    struct mt_replace *r = NULL;

    testing_put("f", "old", 3);
    chmod("f", 0604);
    ck_assert_int_eq(mt_replace_open("f", &r, &err), MT_OK);
    ck_assert_int_eq(testing_count("."), 2);
    ck_assert_int_eq(mt_replace_write(r, "ne", 2, &err), MT_OK);
    ck_assert_int_eq(mt_replace_write(r, "w", 1, &err), MT_OK);
    testing_holds("f", "old");
    ck_assert_int_eq(mt_replace_commit(r, &err), MT_OK);
    testing_holds("f", "new");
    ck_assert_uint_eq(mode_of("f"), 0604);
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

START_TEST(abort_leaves_nothing)
{
    struct mt_replace *r = NULL;

    testing_put("f", "old", 3);
    ck_assert_int_eq(mt_replace_open("f", &r, &err), MT_OK);
    ck_assert_int_eq(mt_replace_write(r, "new", 3, &err), MT_OK);
    mt_replace_abort(r);
    mt_replace_abort(NULL);
    testing_holds("f", "old");
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

START_TEST(follows_links)
{
    char absolute[8192];

    mkdir("d", 0755);
    testing_put("d/target", "old", 3);
    ck_assert_int_eq(symlink("d/target", "link"), 0);
    ck_assert_int_eq(symlink("../link", "d/second"), 0);
    ck_assert_int_eq(write_text("d/second", "new"), MT_OK);
    testing_holds("d/target", "new");
    ck_assert_int_eq(readlink("link", absolute, sizeof absolute), 8);
    ck_assert_int_eq(testing_count("d"), 2);

    snprintf(absolute, sizeof absolute, "%s/d/made", testing_folder);
    ck_assert_int_eq(symlink(absolute, "dangling"), 0);
    ck_assert_int_eq(write_text("dangling", "made"), MT_OK);
    testing_holds("d/made", "made");
    ck_assert_int_gt(readlink("dangling", absolute, sizeof absolute), 0);
}
END_TEST

START_TEST(refuses_loops_and_bad_links)
{
    symlink("b", "a");
    symlink("a", "b");
    symlink("self", "self");
    symlink("nowhere/x", "lost");
    ck_assert_int_eq(write_text("a", "x"), MT_IO);
    testing_says(err, "a: ", "Too many levels of symbolic links");
    ck_assert_int_eq(mt_replace_probe("self", true, &err), MT_IO);
    testing_says(err, "self: ", "Too many levels");
    ck_assert_int_eq(write_text("lost", "x"), MT_IO);
    testing_says(err, "lost: ", "\"nowhere/\" does not exist");
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
    mkdir("dir", 0755);
    mkfifo("fifo", 0600);
    symlink("dir", "to-dir");
    testing_put("f", "x", 1);

    static const struct {
        const char *path, *cause;
    } cases[] = {
        { "dir", "is a directory" },
        { "dir/", "is a directory" },
        { "dir/.", "is a directory" },
        { "..", "is a directory" },
        { "/", "is a directory" },
        { "to-dir", "is a directory" },
        { "fifo", "is not a regular file" },
        { "/dev/full", "is not a regular file" },
        { "none/x", "folder \"none/\" does not exist" },
        { "none/", "folder \"none/\" does not exist" },
        { "f/x", "\"f/\" is not a folder" },
        { "", "name is empty" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(write_text(cases[i].path, "x"), MT_IO);
        testing_says(err, cases[i].path, cases[i].cause);
        ck_assert_int_eq(mt_replace_probe(cases[i].path, true, &err), MT_IO);
        testing_says(err, cases[i].path, cases[i].cause);
    }
    ck_assert_int_eq(testing_count("."), 4);
}
END_TEST

START_TEST(takes_long_names)
{
    char name[NAME_MAX + 2];

    memset(name, 'n', sizeof name);
    name[NAME_MAX] = '\0';
    ck_assert_msg(write_text(name, "long") == MT_OK, "%s", err.text);
    testing_holds(name, "long");

    /* of two-byte characters, none cut in half */
    for (int i = 0; i < NAME_MAX - 1; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    name[NAME_MAX - 1] = '\0';
    struct mt_replace *r = NULL;

    ck_assert_int_eq(mt_replace_open(name, &r, &err), MT_OK);
    DIR *dir = opendir(".");
    int found = 0;

    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const char *dot = strchr(e->d_name + 1, '.');

        if (strncmp(e->d_name, ".\xc3\xa9", 3) == 0) {
            found++;
            ck_assert_ptr_nonnull(dot);
            ck_assert_int_eq((dot - e->d_name - 1) % 2, 0);
        }
    }
    closedir(dir);
    ck_assert_int_eq(found, 1);
    ck_assert_int_eq(mt_replace_commit(r, &err), MT_OK);

    memset(name, 'n', sizeof name - 1);
    name[NAME_MAX + 1] = '\0';
    ck_assert_int_eq(write_text(name, "x"), MT_IO);
    testing_says(err, "nnn: ", "File name too long");
}
END_TEST

/* The PID of a process that has ended. */
static long dead_pid(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return pid;
}

START_TEST(sweeps_what_dead_writers_left)
{
    struct mt_replace *other = NULL, *r = NULL;
    long dead = dead_pid();
    char name[8][128];
    static const char *const format[8] = {
        ".f.%ld-0123abcd.mtrain-tmp", /* of a dead process: removed */
        ".f.%ld-0.mtrain-tmp",        /* of this PID's last process: removed */
        ".f.%ld-1.mtrain-tmp",        /* of a PID in use again: removed */
        ".g.%ld-0.mtrain-tmp",        /* another target's */
        ".f.%ld-xyz.mtrain-tmp",      /* not such a name */
        ".f.%ld-0.mtrain-tmp2",       /* nor this */
        ".f.x%ld-0.mtrain-tmp",       /* nor this */
        ".f.%ld-2.mtrain-tmp",        /* a folder */
    };
    long pid[8] = { dead, getpid(), getppid(), dead, dead, dead, dead, dead };

    for (int i = 0; i < 8; i++) {
        snprintf(name[i], sizeof name[i], format[i], pid[i]);
        if (i < 7)
            testing_put(name[i], "x", 1);
        else
            mkdir(name[i], 0700);
    }
    ck_assert_int_eq(mt_replace_open("f", &other, &err), MT_OK);
    ck_assert_int_eq(mt_replace_open("f", &r, &err), MT_OK); /* two at once */
    for (int i = 0; i < 8; i++)
        ck_assert_msg((access(name[i], F_OK) == 0) == (i >= 3), "%s", name[i]);
    ck_assert_int_eq(mt_replace_write(other, "1", 1, &err), MT_OK);
    ck_assert_int_eq(mt_replace_write(r, "2", 1, &err), MT_OK);
    ck_assert_int_eq(mt_replace_commit(other, &err), MT_OK);
    testing_holds("f", "1");
    ck_assert_int_eq(mt_replace_commit(r, &err), MT_OK);
    testing_holds("f", "2");
    ck_assert_int_eq(testing_count("."), 6);
}
END_TEST

START_TEST(does_not_sweep_what_is_locked)
{
    char name[128];

    snprintf(name, sizeof name, ".f.%ld-0.mtrain-tmp", dead_pid());
    testing_put(name, "x", 1);
    int fd = open(name, O_RDONLY);

    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(write_text("f", "x"), MT_OK);
    ck_assert_int_eq(access(name, F_OK), 0);
    close(fd);
    ck_assert_int_eq(write_text("f", "x"), MT_OK);
    ck_assert_int_ne(access(name, F_OK), 0);
}
END_TEST

START_TEST(a_full_disk_keeps_the_old_file)
{
    struct rlimit old, limit = { 1000, RLIM_INFINITY };
    struct mt_replace *r = NULL;
    char block[600] = { 0 };

    testing_put("f", "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(mt_replace_open("f", &r, &err), MT_OK);
    ck_assert_int_eq(mt_replace_write(r, block, sizeof block, &err), MT_OK);
    /* 400 bytes fit, the rest does not */
    ck_assert_int_eq(mt_replace_write(r, block, sizeof block, &err), MT_IO);
    testing_says(err, "f: ", "cannot write: File too large");
    /* no way back: neither a further write nor a commit succeeds */
    ck_assert_int_eq(mt_replace_write(r, block, 1, &err), MT_IO);
    err.text[0] = '\0';
    ck_assert_int_eq(mt_replace_commit(r, &err), MT_IO);
    setrlimit(RLIMIT_FSIZE, &old);
    testing_says(err, "f: ", "File too large");
    testing_holds("f", "old");
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

START_TEST(a_failed_rename_keeps_the_old_file)
{
    struct mt_replace *r = NULL;

    ck_assert_int_eq(mt_replace_open("f", &r, &err), MT_OK);
    mkdir("f", 0755); /* somebody was quicker */
    ck_assert_int_eq(mt_replace_commit(r, &err), MT_IO);
    testing_says(err, "f: ", "cannot put the new file in its place");
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

START_TEST(folders_that_take_nothing)
{
    enum { NOBODY = 65534 };
    bool root = geteuid() == 0;

    mkdir("d", 0755);
    testing_put("d/f", "old", 3);
    chmod("d", 0555);
    if (root)
        ck_assert_int_eq(seteuid(NOBODY), 0);
    mt_status probed = mt_replace_probe("d/f", true, &err);
    struct mt_err probe_err = err;
    mt_status written = write_text("d/f", "new");

    if (root)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(probed, MT_IO);
    testing_says(probe_err, "d/f: ", "Permission denied");
    ck_assert_int_eq(written, MT_IO);
    testing_says(err, "d/f: ", "Permission denied");
    testing_holds("d/f", "old");
    chmod("d", 0755);
}
END_TEST

/* In /tmp nobody may rename over another user's file. */
START_TEST(sticky_folders)
{
    enum { NOBODY = 65534 };

    if (geteuid() != 0)
        return; /* needs two users */
    mkdir("d", 0777);
    chmod("d", 01777);
    testing_put("d/f", "old", 3);
    chmod("d/f", 0666);
    ck_assert_int_eq(seteuid(NOBODY), 0);
    mt_status others = mt_replace_probe("d/f", true, &err);
    struct mt_err said = err;
    mt_status mine = write_text("d/mine", "x");

    if (mine == MT_OK)
        mine = mt_replace_probe("d/mine", true, &err);
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(others, MT_IO);
    testing_says(said, "d/f: ", "belongs to another user");
    ck_assert_int_eq(mine, MT_OK);
    ck_assert_int_eq(mt_replace_probe("d/mine", true, &err), MT_OK);
}
END_TEST

START_TEST(probes)
{
    ck_assert_int_eq(mt_replace_probe("out.mtc", false, &err), MT_OK);
    ck_assert_int_eq(testing_count("."), 0);
    testing_put("out.mtc", "x", 1);
    ck_assert_int_eq(mt_replace_probe("out.mtc", false, &err), MT_IO);
    ck_assert_str_eq(err.text, "out.mtc: already exists (use -f to overwrite)");
    ck_assert_int_eq(mt_replace_probe("out.mtc", true, &err), MT_OK);
    symlink("out.mtc", "link");
    ck_assert_int_eq(mt_replace_probe("link", false, &err), MT_IO);
    testing_says(err, "link: ", "already exists");
    testing_holds("out.mtc", "x");
}
END_TEST

Suite *replace_suite(void);
Suite *replace_suite(void)
{
    Suite *s = suite_create("replace");
    TCase *tc = tcase_create("replace");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, makes_a_new_file);
    tcase_add_test(tc, keeps_mode_and_content_until_commit);
    tcase_add_test(tc, abort_leaves_nothing);
    tcase_add_test(tc, follows_links);
    tcase_add_test(tc, refuses_loops_and_bad_links);
    tcase_add_test(tc, refuses_what_is_no_file);
    tcase_add_test(tc, takes_long_names);
    tcase_add_test(tc, sweeps_what_dead_writers_left);
    tcase_add_test(tc, does_not_sweep_what_is_locked);
    tcase_add_test(tc, a_full_disk_keeps_the_old_file);
    tcase_add_test(tc, a_failed_rename_keeps_the_old_file);
    tcase_add_test(tc, folders_that_take_nothing);
    tcase_add_test(tc, sticky_folders);
    tcase_add_test(tc, probes);
    suite_add_tcase(s, tc);
    return s;
}
