#include "ckpt/ckpt_testing.h"

static mt_status try_bytes(const void *bytes, size_t n)
{
    struct mt_ckpt *c = NULL;

    testing_put("run.mtc", bytes, n);
    mt_status status = mt_ckpt_open("run.mtc", &c, &err);

    mt_ckpt_close(c);
    return status;
}

START_TEST(lists_and_finds)
{
    struct mt_array a[SMALL_ARRAYS];
    size_t n = testing_small(a);
    struct mt_ckpt *c = NULL;
    struct mt_ckpt_info info;

    ck_assert_int_eq(mt_ckpt_write("run.mtc", a, n, NULL, &info, &err), MT_OK);
    ck_assert_int_eq(mt_ckpt_open("run.mtc", &c, &err), MT_OK);
    ck_assert_str_eq(mt_ckpt_path(c), "run.mtc");
    ck_assert_uint_eq(mt_ckpt_count(c), n);
    for (size_t i = 0; i < n; i++) {
        const struct mt_array *is = mt_ckpt_find(c, a[i].name);

        ck_assert_ptr_eq(is, mt_ckpt_array(c, i));
        ck_assert_str_eq(is->name, a[i].name);
        ck_assert_ptr_null(is->data);
    }
    ck_assert_ptr_null(mt_ckpt_find(c, "model/fc1"));
    ck_assert_ptr_null(mt_ckpt_find(c, ""));
    ck_assert_uint_eq(mt_ckpt_info(c).bytes, info.bytes);
    ck_assert_uint_eq(mt_ckpt_info(c).raw_bytes, info.raw_bytes);
    ck_assert_str_eq(mt_ckpt_info(c).digest, info.digest);
    mt_ckpt_close(c);
    mt_ckpt_close(NULL);
}
END_TEST

START_TEST(what_is_no_checkpoint)
{
    char zeros[300] = { 0 };

    ck_assert_int_eq(try_bytes("{\"model\": 1}", 12), MT_INVALID);
    ck_assert_str_eq(err.text, "run.mtc: not an mtrain checkpoint");
    ck_assert_int_eq(try_bytes("", 0), MT_INVALID);
    ck_assert_str_eq(err.text, "run.mtc: not an mtrain checkpoint");
    ck_assert_int_eq(try_bytes(zeros, sizeof zeros), MT_INVALID);
    ck_assert_int_eq(try_bytes("\x89MTC\n\x1a\n\x01\0", 9), MT_DAMAGED);
    testing_says(err, "run.mtc: damaged: ", "transfer in text mode");
    ck_assert(mt_ckpt_is("\x89MTC", 4));
    ck_assert(!mt_ckpt_is("\x89MT", 3));
    ck_assert(!mt_ckpt_is("\x89PNG", 4));
    struct mt_ckpt *c = NULL;

    ck_assert_int_eq(mt_ckpt_open("none.mtc", &c, &err), MT_IO);
    testing_says(err, "none.mtc: ", "No such file");
}
END_TEST

START_TEST(every_cut_is_found)
{
    testing_write_small("run.mtc");
    struct mt_bytes b = testing_get("run.mtc");

    for (size_t n = 4; n < b.n; n++) {
        ck_assert_int_eq(try_bytes(b.data, n), MT_DAMAGED);
        testing_says(err, "run.mtc: damaged: ", "cut short: ");
    }
    /* and with bytes added */
    unsigned char *longer = calloc(1, b.n + 64);

    memcpy(longer, b.data, b.n);
    ck_assert_int_eq(try_bytes(longer, b.n + 1), MT_DAMAGED);
    ck_assert_int_eq(try_bytes(longer, b.n + 64), MT_DAMAGED);
    free(longer);
    free(b.data);
}
END_TEST

START_TEST(headers)
{
    testing_write_small("run.mtc");
    struct mt_bytes b = testing_get("run.mtc");

    b.data[HEADER_MAJOR] = 2;
    ck_assert_int_eq(try_bytes(b.data, b.n), MT_DAMAGED);
    testing_says(err, "run.mtc: damaged: header at offset 0", "CRC-32 is");
    testing_seal(b);
    ck_assert_int_eq(try_bytes(b.data, b.n), MT_INVALID);
    ck_assert_str_eq(err.text, "run.mtc: format version 2.0 is newer than this "
                               "program understands (1.0)");
    b.data[HEADER_MAJOR] = 0;
    testing_seal(b);
    ck_assert_int_eq(try_bytes(b.data, b.n), MT_INVALID);
    testing_says(err, "run.mtc: ", "version 0.0 is unknown");
    b.data[HEADER_MAJOR] = 1;
    b.data[HEADER_MINOR] = 7; /* a newer minor version can be read */
    testing_seal(b);
    ck_assert_int_eq(try_bytes(b.data, b.n), MT_OK);
    b.data[HEADER_FLAGS] = 1;
    testing_seal(b);
    ck_assert_int_eq(try_bytes(b.data, b.n), MT_INVALID);
    testing_says(err, "run.mtc: ", "header flags 00000001");
    b.data[HEADER_FLAGS] = 0;
    b.data[HEADER_CRC - 1] = 1;
    testing_seal(b);
    ck_assert_int_eq(try_bytes(b.data, b.n), MT_DAMAGED);
    testing_says(err, "header at offset 0", "reserved bytes");
    free(b.data);
}
END_TEST

/* Writes value at `at` in a copy, fixes the checksums, and opens it. */
static void sealed_fails(struct mt_bytes good, size_t at, const void *value,
                         size_t n, mt_status expect, const char *place,
                         const char *cause)
{
    struct mt_bytes b = { malloc(good.n), good.n };

    ck_assert_ptr_nonnull(b.data);
    memcpy(b.data, good.data, good.n);
    memcpy(b.data + at, value, n);
    testing_seal(b);
    ck_assert_int_eq(try_bytes(b.data, b.n), expect);
    testing_says(err, "run.mtc: ", place);
    testing_says(err, place, cause);
    free(b.data);
}

static void sealed_u64_fails(struct mt_bytes good, size_t at, uint64_t value,
                             const char *place, const char *cause)
{
    unsigned char bytes[8];

    put_u64(bytes, value);
    sealed_fails(good, at, bytes, 8, MT_DAMAGED, place, cause);
}

START_TEST(footers)
{
    testing_write_small("run.mtc");
    struct mt_bytes b = testing_get("run.mtc");
    size_t f = b.n - CKPT_FOOTER;
    uint64_t at = get_u64(b.data + f + FOOTER_INDEX_AT);
    uint64_t size = get_u64(b.data + f + FOOTER_INDEX_SIZE);

    sealed_u64_fails(b, f + FOOTER_FILE_SIZE, b.n + 1, "damaged",
                     "its footer says");
    sealed_u64_fails(b, f + FOOTER_INDEX_AT, at + 64, "footer at offset",
                     "does not end where it begins");
    sealed_u64_fails(b, f + FOOTER_INDEX_AT, at + 1, "footer at offset",
                     "does not end where it begins");
    sealed_u64_fails(b, f + FOOTER_INDEX_AT, UINT64_MAX - 63,
                     "footer at offset", "does not end where it begins");
    sealed_u64_fails(b, f + FOOTER_INDEX_AT, 0, "footer at offset",
                     "does not end where it begins");
    sealed_u64_fails(b, f + FOOTER_INDEX_SIZE, size + 64, "footer at offset",
                     "does not end where it begins");
    sealed_u64_fails(b, f + FOOTER_INDEX_SIZE, 7, "footer at offset",
                     "size of the index is impossible");
    sealed_u64_fails(b, f + FOOTER_INDEX_SIZE, UINT64_MAX, "footer at offset",
                     "size of the index is impossible");
    sealed_u64_fails(b, f + FOOTER_INDEX_SIZE, CKPT_MAX_INDEX + 1,
                     "footer at offset", "size of the index is impossible");
    sealed_u64_fails(b, f + FOOTER_INDEX_SIZE, size - 1, "index at offset",
                     "array 5: the entry is cut short");
    sealed_u64_fails(b, f + FOOTER_INDEX_SIZE, size + 1, "index at offset",
                     "bytes follow the last entry");
    sealed_fails(b, (size_t)(at + size), "\x01", 1, MT_DAMAGED,
                 "index at offset", "padding is not zero");
    sealed_u64_fails(b, f + FOOTER_ARRAYS, UINT64_MAX, "footer at offset",
                     "number of arrays is impossible");
    sealed_u64_fails(b, f + FOOTER_ARRAYS, 100, "footer at offset",
                     "number of arrays is impossible");
    sealed_u64_fails(b, f + FOOTER_ARRAYS, SMALL_ARRAYS - 1, "index at offset",
                     "count is not the footer's");
    sealed_u64_fails(b, f + FOOTER_DIGEST, 0, "footer at offset",
                     "the digest is not that of the index");
    sealed_u64_fails(b, f + FOOTER_INDEX_CRC + 4, 1, "footer at offset",
                     "reserved bytes");
    free(b.data);
}
END_TEST

/* The parts of entry 0 of the small checkpoint: "spec/json", uint8, (n). */
enum {
    NAME = 8 + 2,
    TYPE = NAME + 9,
    RANK = TYPE + 1 + 5,
    DIM = RANK + 1,
    TAIL = DIM + 8,
};

START_TEST(entries)
{
    testing_write_small("run.mtc");
    struct mt_bytes b = testing_get("run.mtc");
    size_t i = (size_t)get_u64(testing_footer(b) + FOOTER_INDEX_AT);
    uint64_t stored = get_u64(b.data + i + TAIL + ENTRY_STORED);

    ck_assert_mem_eq(b.data + i + NAME, "spec/json\005uint8\001", 16);
    sealed_u64_fails(b, i, 5, "index at offset", "count is not the footer's");
    sealed_fails(b, i + 8, "\xff\xff", 2, MT_DAMAGED, "array 0",
                 "entry is cut short");
    sealed_fails(b, i + 8, "\0\0", 2, MT_DAMAGED, "array 0", "name is empty");
    sealed_fails(b, i + NAME, "\x1b", 1, MT_DAMAGED, "array 0",
                 "control character");
    sealed_fails(b, i + NAME, "s\0", 2, MT_DAMAGED, "array 0",
                 "control character");
    sealed_fails(b, i + NAME, "/", 1, MT_DAMAGED, "array 0", "empty part");
    sealed_fails(b, i + NAME, "\xff", 1, MT_DAMAGED, "array 0",
                 "not valid UTF-8");
    sealed_fails(b, i + TYPE + 1, "x", 1, MT_DAMAGED, "array 0",
                 "type is unknown");
    sealed_fails(b, i + TYPE, "\xff", 1, MT_DAMAGED, "array 0",
                 "type is unknown");
    sealed_fails(b, i + RANK, "\x09", 1, MT_DAMAGED, "array 0",
                 "more than 8 dimensions");
    sealed_u64_fails(b, i + DIM, UINT64_MAX, "array 0", "shape is too large");
    sealed_u64_fails(b, i + DIM, (uint64_t)1 << 62, "array 0",
                     "place is too small");
    sealed_u64_fails(b, i + DIM, 1000000, "array 0", "place is too small");
    sealed_u64_fails(b, i + DIM, 0, "array 0", "place is too large");
    sealed_fails(b, i + TAIL + ENTRY_FLAGS, "\x01", 1, MT_INVALID,
                 "\"spec/json\"", "needs a newer mtrain");
    sealed_u64_fails(b, i + TAIL + ENTRY_OFFSET, 128, "array 0",
                     "does not begin where");
    sealed_u64_fails(b, i + TAIL + ENTRY_STORED, stored + 1, "array 0",
                     "beyond the index");
    sealed_u64_fails(b, i + TAIL + ENTRY_STORED, UINT64_MAX - 63, "array 0",
                     "beyond the index");
    sealed_u64_fails(b, i + TAIL + ENTRY_STORED, 0, "array 0",
                     "place is too small");
    sealed_u64_fails(b, i + TAIL + ENTRY_STORED, stored + 64, "array 1",
                     "does not begin where");
    sealed_u64_fails(b, i + TAIL + ENTRY_SHA256, 0, "footer at offset",
                     "digest");
    free(b.data);
}
END_TEST

START_TEST(names_are_unique)
{
    float x[2] = { 1, 2 };
    struct mt_array a[2] = {
        testing_array("m/a", MT_F32, mt_shape_of(0), &x[0]),
        testing_array("m/b", MT_F32, mt_shape_of(0), &x[1]),
    };

    testing_write("run.mtc", a, 2);
    struct mt_bytes b = testing_get("run.mtc");
    unsigned char *name = memmem(testing_index(b), 300, "m/b", 3);

    ck_assert_ptr_nonnull(name);
    sealed_fails(b, (size_t)(name - b.data), "m/a", 3, MT_DAMAGED,
                 "index at offset", "\"m/a\" is there twice");
    free(b.data);
}
END_TEST

Suite *ckpt_open_suite(void);
Suite *ckpt_open_suite(void)
{
    Suite *s = suite_create("ckpt_open");
    TCase *tc = tcase_create("ckpt_open");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, lists_and_finds);
    tcase_add_test(tc, what_is_no_checkpoint);
    tcase_add_test(tc, every_cut_is_found);
    tcase_add_test(tc, headers);
    tcase_add_test(tc, footers);
    tcase_add_test(tc, entries);
    tcase_add_test(tc, names_are_unique);
    suite_add_tcase(s, tc);
    return s;
}
