#include "base/file.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/file_testing.h"

static struct mt_err err;

START_TEST(reads_whole_files)
{
    struct mt_bytes b = { NULL, 0 };
    static const char text[] = "ab\0cd";

    testing_put("f", text, 5);
    ck_assert_int_eq(mt_file_read("f", 5, &b, &err), MT_OK);
    ck_assert_uint_eq(b.n, 5);
    ck_assert_mem_eq(b.data, "ab\0cd", 6); /* and the NUL after them */
    free(b.data);

    testing_put("empty", "", 0);
    ck_assert_int_eq(mt_file_read("empty", 0, &b, &err), MT_OK);
    ck_assert_uint_eq(b.n, 0);
    ck_assert_uint_eq(b.data[0], 0);
    free(b.data);
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
    struct mt_bytes b = { NULL, 0 };

    testing_put("f", "abcdef", 6);
    ck_assert_int_eq(mt_file_read("f", 5, &b, &err), MT_INVALID);
    testing_says(err, "f: ", "too large: 6 bytes, at most 5");
    ck_assert_ptr_null(b.data);

    /* no memory is taken for a size that is only claimed */
    ck_assert_int_eq(truncate("f", (off_t)1 << 40), 0);
    ck_assert_int_eq(mt_file_read("f", 1000, &b, &err), MT_INVALID);
    testing_says(err, "f: ", "1099511627776 bytes");
}
END_TEST

START_TEST(refuses_what_no_memory_holds)
{
    struct mt_bytes b = { NULL, 0 };

    testing_put("f", "abcdef", 6);
    ck_assert_int_eq(truncate("f", (off_t)1 << 43), 0);
    ck_assert_int_eq(mt_file_read("f", SIZE_MAX, &b, &err), MT_NO_MEMORY);
    testing_says(err, "f: its 8796.1 GB do not fit into memory: ", "B");
    ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(refuses_what_is_no_regular_file)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "sock" };
    int s = socket(AF_UNIX, SOCK_STREAM, 0), fd = 7;
    uint64_t size;

    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    ck_assert_int_eq(mkdir("dir", 0700), 0);
    ck_assert_int_eq(symlink("fifo", "link"), 0);
    ck_assert_int_eq(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    close(s);

    static const char *const paths[] = { "fifo", "link", "sock", "/dev/zero" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ck_assert_int_eq(mt_file_open(paths[i], &fd, &size, &err), MT_IO);
        testing_says(err, paths[i], "is not a regular file");
    }
    ck_assert_int_eq(mt_file_open("dir", &fd, &size, &err), MT_IO);
    testing_says(err, "dir: ", "is a directory");
    ck_assert_int_eq(mt_file_open("none", &fd, &size, &err), MT_IO);
    testing_says(err, "none: ", "No such file");
    ck_assert_int_eq(mt_file_open("", &fd, &size, &err), MT_IO);
}
END_TEST

START_TEST(preads_exactly)
{
    char out[8] = "-------";
    uint64_t size = 0;
    int fd;

    testing_put("f", "abcdef", 6);
    ck_assert_int_eq(mt_file_open("f", &fd, &size, &err), MT_OK);
    ck_assert_uint_eq(size, 6);
    ck_assert_int_eq(mt_file_pread(fd, "f", 2, out, 3, &err), MT_OK);
    ck_assert_str_eq(out, "cde----");
    ck_assert_int_eq(mt_file_pread(fd, "f", 6, out, 0, &err), MT_OK);
    ck_assert_int_eq(mt_file_pread(fd, "f", 4, out, 5, &err), MT_IO);
    testing_says(err, "f: ", "ends at byte 6, expected 3 more");
    ck_assert_int_eq(mt_file_pread(fd, "f", UINT64_MAX, out, 1, &err), MT_IO);
    testing_says(err, "f: ", "out of range");
    ck_assert_int_eq(mt_file_pread(fd, "f", INT64_MAX, out, 1, &err), MT_IO);
    close(fd);
    ck_assert_int_eq(mt_file_pread(fd, "f", 0, out, 1, &err), MT_IO);
    testing_says(err, "f: ", "cannot read");
}
END_TEST

Suite *file_suite(void);
Suite *file_suite(void)
{
    Suite *s = suite_create("file");
    TCase *tc = tcase_create("file");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, reads_whole_files);
    tcase_add_test(tc, refuses_what_is_too_large);
    tcase_add_test(tc, refuses_what_no_memory_holds);
    tcase_add_test(tc, refuses_what_is_no_regular_file);
    tcase_add_test(tc, preads_exactly);
    suite_add_tcase(s, tc);
    return s;
}
