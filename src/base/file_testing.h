/*
 * For tests only: a folder for each test, reading and writing whole files, and
 * checks of messages. Include it from *_test.c files only.
 *
 *     tcase_add_checked_fixture(tc, testing_enter, testing_leave);
 *
 * makes each test start in a fresh folder, which is removed afterwards.
 */
#ifndef MT_BASE_FILE_TESTING_H
#define MT_BASE_FILE_TESTING_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char testing_folder[4096];
static int testing_back = -1; /* the folder to return to */

static int testing_remove(const char *path, const struct stat *st, int type,
                          struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void testing_enter(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(testing_folder, sizeof testing_folder, "%s/mtrain-test-XXXXXX",
             tmp && *tmp ? tmp : "/tmp");
    testing_back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(testing_back, 0);
    ck_assert_ptr_nonnull(mkdtemp(testing_folder));
    ck_assert_int_eq(chmod(testing_folder, 0755), 0);
    ck_assert_int_eq(chdir(testing_folder), 0);
}

/* The same in a file system in memory, if there is one: for tests that write
 * and fsync thousands of times. */
static inline void testing_enter_memory(void)
{
    if (access("/dev/shm", W_OK | X_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    testing_enter();
}

static inline void testing_leave(void)
{
    ck_assert_int_eq(fchdir(testing_back), 0);
    close(testing_back);
    nftw(testing_folder, testing_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void testing_put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/* To be freed. */
static inline struct mt_bytes testing_get(const char *path)
{
    struct mt_bytes bytes = { NULL, 0 };
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(mt_file_read(path, (size_t)1 << 30, &bytes, &err) == MT_OK,
                  "%s", err.text);
    return bytes;
}

static inline void testing_holds(const char *path, const char *text)
{
    struct mt_bytes bytes = testing_get(path);

    ck_assert_str_eq((const char *)bytes.data, text);
    free(bytes.data);
}

/* How many files there are in the folder, hidden ones too. */
static inline int testing_count(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return n;
}

/* The message must contain both texts: the place and the cause. */
#define testing_says(err, place, cause)                                        \
    do {                                                                       \
        ck_assert_msg(strstr((err).text, place) != NULL,                       \
                      "\"%s\" does not say \"%s\"", (err).text, place);        \
        ck_assert_msg(strstr((err).text, cause) != NULL,                       \
                      "\"%s\" does not say \"%s\"", (err).text, cause);        \
    } while (0)

#endif
