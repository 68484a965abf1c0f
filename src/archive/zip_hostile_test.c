/*
 * Zip files whose directory, its end or deflated bytes are contradictory: each
 * is refused with the reason.
 */
#include "archive/zip.h"

#include "archive/zip_testing.h"

static const char text[] = "to be or not to be, to be or not to be, to be";

/* ---- bytes of the ends, set to something else ---- */

enum {
    AT_END = ZIP_END_SIZE, /* back from the end of the file */
    AT_LOCATOR = AT_END + ZIP_LOCATOR64_SIZE,
    AT_END64 = AT_LOCATOR + ZIP_END64_SIZE,
    EXTRA = 28, /* the 64-bit extra field, last in the directory */
    AT_EXTRA = AT_END64 + EXTRA,
    AT_ENTRY = AT_EXTRA + ZIP_ENTRY_SIZE + 1, /* name "b" */
};

struct change {
    size_t back, at, n; /* n bytes of value are put `at` bytes after `back` */
    uint64_t value;
    const char *what;
};

static const struct change changes[] = {
    { AT_LOCATOR, 4, 4, 1, "no end of a 64-bit directory" },
    { AT_LOCATOR, 8, 8, UINT64_MAX, "no end of a 64-bit directory" },
    { AT_LOCATOR, 16, 4, 2, "no end of a 64-bit directory" },
    { AT_END64, 0, 4, 7, "end of its 64-bit directory is wrong" },
    { AT_END64, END64_LENGTH, 8, 7, "end of its 64-bit directory is wrong" },
    { AT_END64, END64_DISK, 4, 1, "end of its 64-bit directory is wrong" },
    { AT_END64, END64_START_DISK, 4, 1, "64-bit directory is wrong" },
    { AT_END64, END64_HERE, 8, 1, "end of its 64-bit directory is wrong" },
    { AT_END64, END64_OFFSET, 8, UINT64_MAX, "does not end where it should" },
    { AT_END64, END64_SIZE, 8, 1, "does not end where it should" },
    { AT_END, END_DISK, 2, 1, "split over several files" },
    { AT_END, END_HERE, 2, 1, "split over several files" },
    { AT_ENTRY, 0, 4, 7, "an entry of its directory is wrong" },
    { AT_ENTRY, DIR_NAME, 2, 0xffff, "an entry of its directory is cut short" },
    { AT_ENTRY, DIR_NAME, 2, 0, "is empty, too long or has a NUL" },
    { AT_ENTRY, ZIP_ENTRY_SIZE, 1, 0, "is empty, too long or has a NUL" },
    { AT_EXTRA, 2, 2, 0xffff, "its extra field is wrong" },
    { AT_EXTRA, 2, 2, 20, "its extra field is wrong" },
    { AT_EXTRA, 2, 2, 7, "its extra field is wrong" },
    { AT_EXTRA, 0, 2, 9, "its extra field is wrong" }, /* of no known kind */
    { AT_EXTRA, 4, 8, 1, "its two sizes differ" },
};

/* Two members with 64-bit sizes. */
static struct mt_bytes make(void)
{
    static struct zip z;

    z = (struct zip){ .end = ZIP64 };
    for (int i = 0; i < 2; i++)
        zip_add(&z, (struct zip_part){ .name = i ? "b" : "a",
                                       .bytes = text,
                                       .n = sizeof text,
                                       .zip64 = true });
    zip_write(&z, "x.zip");
    ck_assert_msg(zip_read_all("x.zip") == MT_OK, "%s", err.text);
    return testing_get("x.zip");
}

START_TEST(changed)
{
    const struct change *c = &changes[_i];
    struct mt_bytes b = make();
    unsigned char value[8];

    put_u64(value, c->value);
    memcpy(b.data + b.n - c->back + c->at, value, c->n);
    testing_put("x.zip", b.data, b.n);
    free(b.data);
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: ", c->what);
}
END_TEST

/* With these numbers of members (both), size and place of the directory. */
static void refused_directory(bool zip64, uint64_t count, uint64_t size,
                              uint64_t offset, const char *what)
{
    struct mt_bytes b = make();
    unsigned char *end = b.data + b.n - AT_END, *e = b.data + b.n - AT_END64;

    if (zip64) {
        put_u64(e + END64_HERE, count);
        put_u64(e + END64_COUNT, count);
        put_u64(e + END64_SIZE, size);
        put_u64(e + END64_OFFSET, offset);
    } else {
        memset(b.data + b.n - AT_LOCATOR, 0, 4); /* removes the locator */
        put_u16(end + END_HERE, (uint16_t)count);
        put_u16(end + END_COUNT, (uint16_t)count);
        put_u32(end + END_SIZE, (uint32_t)size);
        put_u32(end + END_OFFSET, (uint32_t)offset);
    }
    testing_put("x.zip", b.data, b.n);
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: ", what);
    free(b.data);
}

START_TEST(directories)
{
    struct mt_bytes b = make();
    const unsigned char *e = b.data + b.n - AT_END64;
    uint64_t size = get_u64(e + END64_SIZE), at = get_u64(e + END64_OFFSET);
    uint64_t end = b.n - AT_END;

    free(b.data);
    refused_directory(true, 4, size, at, "number of its members is impossible");
    refused_directory(true, 1ull << 40, size, at, "members is impossible");
    refused_directory(true, 1, size, at, "bytes follow its directory");
    refused_directory(false, 0xffff, end - at, at, "members is impossible");
    refused_directory(false, 2, UINT32_MAX, at, "not end where it should");
    refused_directory(false, 2, size, UINT32_MAX, "not end where it should");
}
END_TEST

/* A directory of more bytes than any file needs, mostly a hole. */
START_TEST(vast_directory)
{
    struct mt_bytes b = make();
    uint64_t size = (uint64_t)MT_ZIP_MAX_DIRECTORY + 1;
    unsigned char *e = b.data + b.n - AT_END64;

    put_u64(e + END64_SIZE, size);
    put_u64(e + END64_OFFSET, 0);
    put_u64(b.data + b.n - AT_LOCATOR + 8, size);

    FILE *f = fopen("x.zip", "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseeko(f, (off_t)size, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(e, 1, AT_END64, f), AT_END64);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: ", "number of its members is impossible");
    free(b.data);
}
END_TEST

/* Nothing but the ends. */
START_TEST(ends_alone)
{
    unsigned char ends[ZIP_LOCATOR64_SIZE + ZIP_END_SIZE] = { 0 };

    put_u32(ends, ZIP_LOCATOR64);
    put_u32(ends + 16, 1);
    put_u32(ends + ZIP_LOCATOR64_SIZE, ZIP_END);
    put_u16(ends + ZIP_LOCATOR64_SIZE + END_HERE, 0xffff);
    put_u16(ends + ZIP_LOCATOR64_SIZE + END_COUNT, 0xffff);
    testing_put("x.zip", ends, sizeof ends);
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: ", "no end of a 64-bit directory");
    testing_put("x.zip", ends + ZIP_LOCATOR64_SIZE, ZIP_END_SIZE);
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
}
END_TEST

START_TEST(names)
{
    static struct zip z;
    static char name[MT_ZIP_MAX_NAME + 2];

    memset(name, 'n', MT_ZIP_MAX_NAME + 1);
    zip_add(&z, (struct zip_part){ .name = name, .bytes = text, .n = 5 });
    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "x.zip: ", "is empty, too long or has a NUL");

    /* sizes of 64 bits without the field that has them */
    z = (struct zip){ 0 };
    zip_add(&z, (struct zip_part){
                    .name = "m", .bytes = text, .n = 5, .size = UINT32_MAX });
    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), MT_INVALID);
    testing_says(err, "member \"m\"", "its extra field is wrong");
}
END_TEST

/* ---- deflated bytes ---- */

static void damaged(const unsigned char *packed, size_t n, const char *what)
{
    static struct zip z;

    z = (struct zip){ 0 };
    zip_add(&z, (struct zip_part){ .name = "m",
                                   .bytes = packed,
                                   .n = n,
                                   .method = 8,
                                   .size = sizeof text });
    zip_write(&z, "x.zip");
    ck_assert_int_eq(zip_read_all("x.zip"), MT_DAMAGED);
    testing_says(err, "x.zip: damaged: member \"m\"", what);
}

START_TEST(deflated)
{
    unsigned char packed[256] = { 0 };
    size_t n = zip_deflate(text, sizeof text, packed, sizeof packed);

    damaged(packed, n / 2, "its deflated bytes are cut short");
    damaged(packed, n + 3, "bytes follow its deflated bytes");
    packed[0] = 7; /* a type of block that does not exist */
    damaged(packed, n, "its deflated bytes are wrong");

    /* a stored block that is not marked as the last, and no more */
    packed[0] = 0;
    put_u16(packed + 1, sizeof text);
    put_u16(packed + 3, (uint16_t) ~sizeof text);
    memcpy(packed + 5, text, sizeof text);
    damaged(packed, 5 + sizeof text, "its deflated bytes do not end");
    packed[5 + sizeof text] = 7;
    damaged(packed, 6 + sizeof text, "its deflated bytes do not end");
    packed[0] = 1; /* the last block, but one byte short */
    put_u16(packed + 1, sizeof text - 1);
    put_u16(packed + 3, (uint16_t) ~(sizeof text - 1));
    damaged(packed, 5 + sizeof text - 1, "it ends before its size");
}
END_TEST

Suite *zip_hostile_suite(void);

Suite *zip_hostile_suite(void)
{
    Suite *s = suite_create("zip_hostile");
    TCase *tc = tcase_create("zip_hostile");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_loop_test(tc, changed, 0, sizeof changes / sizeof *changes);
    tcase_add_test(tc, directories);
    tcase_add_test(tc, vast_directory);
    tcase_add_test(tc, ends_alone);
    tcase_add_test(tc, names);
    tcase_add_test(tc, deflated);
    suite_add_tcase(s, tc);
    return s;
}
