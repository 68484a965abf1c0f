#include "archive/zip.h"

#include "archive/zip_testing.h"

static const char text[] = "to be or not to be, to be or not to be, to be";

static struct zip_part part(const char *name)
{
    return (struct zip_part){ .name = name, .bytes = text, .n = sizeof text };
}

static void check_member(const struct mt_zip *z, size_t i, const char *name)
{
    const struct mt_zip_member *m = mt_zip_member(z, i);
    struct mt_zip_stream *s = NULL;
    char out[sizeof text];

    ck_assert_str_eq(m->name, name);
    ck_assert_uint_eq(m->size, sizeof text);
    ck_assert_int_eq(mt_zip_stream_open(z, m, &s, &err), MT_OK);
    for (size_t at = 0; at < sizeof text; at += 3) { /* in pieces */
        size_t n = sizeof text - at < 3 ? sizeof text - at : 3;

        ck_assert_msg(mt_zip_stream_read(s, out + at, n, &err) == MT_OK, "%s",
                      err.text);
    }
    ck_assert_mem_eq(out, text, sizeof text);
    ck_assert_int_eq(mt_zip_stream_read(s, out, 1, &err), MT_DAMAGED);
    testing_says(err, name, "ends before its size");
    mt_zip_stream_close(s);
}

START_TEST(members)
{
    for (int end = ZIP32; end <= ZIP64_NEEDLESS; end++) {
        static struct zip z;
        struct mt_zip *file = NULL;
        struct zip_part parts[] = { part("stored"), part("../deflated"),
                                    part("long"), part("deflated long") };

        z = (struct zip){ .end = end };
        parts[1].deflate = parts[3].deflate = true;
        parts[2].zip64 = parts[3].zip64 = true;
        for (size_t i = 0; i < 4; i++)
            zip_add(&z, parts[i]);
        zip_write(&z, "x.zip");
        ck_assert_msg(zip_open("x.zip", &file, &err) == MT_OK, "%s", err.text);
        ck_assert_uint_eq(mt_zip_count(file), 4);
        for (size_t i = 0; i < 4; i++)
            check_member(file, i, parts[i].name);
        mt_zip_close(file);
    }
}
END_TEST

START_TEST(ends_disagree)
{
    static struct zip z;

    z = (struct zip){ .end = ZIP64_NEEDLESS, .wrong_offset = 1 };
    zip_add(&z, part("a"));
    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: not a whole zip file: ", "do not agree");
}
END_TEST

START_TEST(empty)
{
    static struct zip z;

    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), MT_OK);
    ck_assert(mt_zip_is("PK\5\6", 4) && mt_zip_is("PK\3\4...", 7));
    ck_assert(!mt_zip_is("PK\3\4", 3) && !mt_zip_is("PK\1\2", 4));
}
END_TEST

static void fails(struct zip_part p, mt_status status, const char *what)
{
    static struct zip z;

    z = (struct zip){ 0 };
    zip_add(&z, part("first"));
    zip_add(&z, p);
    zip_add(&z, part("last"));
    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), status);
    testing_says(err, "x.zip: ", what);
    testing_says(err, "member \"m\"", what);
}

#define FAILS(status, what, ...)                                               \
    fails(                                                                     \
        (struct zip_part){                                                     \
            .name = "m", .bytes = text, .n = sizeof text, __VA_ARGS__ },       \
        status, what)

START_TEST(refused)
{
    FAILS(MT_INVALID, "encrypted", .flags = 1);
    FAILS(MT_INVALID, "encrypted", .flags = 1 << 6);
    FAILS(MT_INVALID, "encrypted", .flags = 1 << 13);
    FAILS(MT_INVALID, "patch data", .flags = 1 << 5);
    FAILS(MT_INVALID, "compression method 12; expected 0", .method = 12);
    FAILS(MT_INVALID, "its header is not what the directory says",
          .other_header = true);
    FAILS(MT_INVALID, "its header is not what the directory says", .shift = 1);
    FAILS(MT_INVALID, "reaches beyond the directory", .shift = 1 << 20);
    FAILS(MT_INVALID, "reaches beyond the directory", .zip64 = true,
          .shift = 0x7fffffff);
    FAILS(MT_INVALID, "its two sizes differ", .size = 7);
    FAILS(MT_INVALID, "more bytes than can come", .deflate = true,
          .size = 1 << 30);
    FAILS(MT_DAMAGED, "CRC-32 is ", .crc_error = 1);
    FAILS(MT_DAMAGED, "CRC-32 is ", .deflate = true, .crc_error = 1);
    FAILS(MT_DAMAGED, "ends before its size", .deflate = true,
          .size = sizeof text + 1);
    FAILS(MT_DAMAGED, "goes on beyond its size", .deflate = true,
          .size = sizeof text - 1);
    FAILS(MT_DAMAGED, "deflated bytes are wrong", .method = 8);
}
END_TEST

/* Two directory entries for one member count as two members that overlap. */
START_TEST(overlaps)
{
    static struct zip z;

    zip_add(&z, part("a"));
    z.n_body = 0;
    zip_add(&z, part("a"));
    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: member \"a\"", "overlaps what follows it");
}
END_TEST

/* Any cut is refused, and any flipped bit gives an answer. */
START_TEST(mangled)
{
    for (int end = ZIP32; end <= ZIP64_NEEDLESS; end++) {
        static struct zip z;
        struct zip_part p = part("deflated");
        struct mt_bytes good;

        z = (struct zip){ .end = end };
        zip_add(&z, part("stored"));
        p.deflate = true;
        p.zip64 = end == ZIP64;
        zip_add(&z, p);
        zip_write(&z, "x.zip");
        good = testing_get("x.zip");
        for (size_t n = 0; n < good.n; n++) {
            testing_put("x.zip", good.data, n);
            ck_assert_int_ne(zip_read_all("x.zip"), MT_OK);
        }
        for (size_t at = 0; at < good.n; at++) {
            for (int bit = 0; bit < 8; bit += 5) {
                good.data[at] ^= (unsigned char)(1 << bit);
                testing_put("x.zip", good.data, good.n);
                zip_read_all("x.zip");
                good.data[at] ^= (unsigned char)(1 << bit);
            }
        }
        free(good.data);
    }
}
END_TEST

/* What the writer writes can be read again, and is the same each time. */
START_TEST(written)
{
    static const char *const paths[] = { "a.zip", "b.zip" };
    struct mt_zip *z = NULL;
    struct mt_bytes a, b;
    uint64_t bytes = 0;

    for (size_t i = 0; i < 2; i++) {
        struct mt_zip_writer *w = NULL;

        ck_assert_int_eq(mt_zip_writer_open(paths[i], &w, &err), MT_OK);
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(
                mt_zip_begin(w, k ? "\xc3\xa9" : "one", sizeof text, &err),
                MT_OK);
            ck_assert_int_eq(mt_zip_put(w, text, 5, &err), MT_OK);
            ck_assert_int_eq(mt_zip_put(w, text + 5, sizeof text - 5, &err),
                             MT_OK);
            ck_assert_int_eq(mt_zip_end(w, &err), MT_OK);
        }
        ck_assert_int_eq(mt_zip_commit(w, &bytes, &err), MT_OK);
    }
    a = testing_get("a.zip");
    b = testing_get("b.zip");
    ck_assert_uint_eq(a.n, bytes);
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.data, b.data, a.n);
    ck_assert_int_eq(zip_open("a.zip", &z, &err), MT_OK);
    ck_assert_uint_eq(mt_zip_count(z), 2);
    check_member(z, 0, "one");
    check_member(z, 1, "\xc3\xa9");
    mt_zip_close(z);
    free(a.data);
    free(b.data);
}
END_TEST

/* More members than 16 bits can count need the long form. */
START_TEST(many)
{
    struct mt_zip_writer *w = NULL;
    struct mt_zip *z = NULL;
    char name[16];

    ck_assert_int_eq(mt_zip_writer_open("x.zip", &w, &err), MT_OK);
    for (int i = 0; i < 70000; i++) {
        snprintf(name, sizeof name, "%d", i);
        ck_assert_int_eq(mt_zip_begin(w, name, 1, &err), MT_OK);
        ck_assert_int_eq(mt_zip_put(w, "x", 1, &err), MT_OK);
        ck_assert_int_eq(mt_zip_end(w, &err), MT_OK);
    }
    ck_assert_int_eq(mt_zip_commit(w, NULL, &err), MT_OK);
    ck_assert_msg(zip_open("x.zip", &z, &err) == MT_OK, "%s", err.text);
    ck_assert_uint_eq(mt_zip_count(z), 70000);
    ck_assert_str_eq(mt_zip_member(z, 69999)->name, "69999");
    mt_zip_close(z);
}
END_TEST

START_TEST(short_member)
{
    struct mt_zip_writer *w = NULL;

    ck_assert_int_eq(mt_zip_writer_open("x.zip", &w, &err), MT_OK);
    ck_assert_int_eq(mt_zip_begin(w, "m", 3, &err), MT_OK);
    ck_assert_int_eq(mt_zip_put(w, text, 2, &err), MT_OK);
    ck_assert_int_eq(mt_zip_end(w, &err), MT_INVALID);
    testing_says(err, "member \"m\"", "2 bytes, expected 3");
    mt_zip_abort(w);
    mt_zip_abort(NULL);
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

Suite *zip_suite(void);

Suite *zip_suite(void)
{
    Suite *suite = suite_create("zip");
    TCase *tc = tcase_create("zip");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, members);
    tcase_add_test(tc, ends_disagree);
    tcase_add_test(tc, empty);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, overlaps);
    tcase_add_test(tc, mangled);
    tcase_add_test(tc, written);
    tcase_add_test(tc, many);
    tcase_add_test(tc, short_member);
    suite_add_tcase(suite, tc);
    return suite;
}
