#include "ckpt/ckpt_testing.h"
#include "ckpt/safetensors.h"
#include "ckpt/textarray.h"

START_TEST(writes_the_format)
{
    uint8_t u8[3] = { 7, 8, 9 };
    uint32_t f32[2] = { 0x3f800000, 0xc0000000 }; /* 1, -2 */
    int64_t i64 = -2;
    uint16_t f16 = 0x3c00;
    struct mt_array a[] = {
        testing_array("u\"8", MT_U8, mt_shape_of(1, (size_t)3), u8),
        testing_array("w", MT_F32, mt_shape_of(2, (size_t)1, (size_t)2), f32),
        testing_array("n", MT_I64, mt_shape_of(0), &i64),
        testing_array("e", MT_F64, mt_shape_of(1, (size_t)0), NULL),
        testing_array("h", MT_F16, mt_shape_of(0), &f16),
    };
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"u\\\"8\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[18,21]},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
        "\"n\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"e\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[8,8]},"
        "\"h\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[16,18]}}";
    uint64_t bytes = 0;

    ck_assert_msg(mt_safetensors_write("x.safetensors", a, 5, NULL, &bytes,
                                       &err) == MT_OK,
                  "%s", err.text);
    struct mt_bytes b = testing_get("x.safetensors");
    size_t n = (size_t)get_u64(b.data);

    ck_assert_uint_eq(b.n, bytes);
    ck_assert_uint_eq(n % 8, 0);
    ck_assert_uint_eq(b.n, 8 + n + 21);
    ck_assert_mem_eq(b.data + 8, header, sizeof header - 1);
    for (size_t i = sizeof header - 1; i < n; i++)
        ck_assert_int_eq(b.data[8 + i], ' ');
    ck_assert_mem_eq(b.data + 8 + n,
                     "\xfe\xff\xff\xff\xff\xff\xff\xff"
                     "\x00\x00\x80\x3f\x00\x00\x00\xc0"
                     "\x00\x3c"
                     "\7\10\11",
                     21);
    free(b.data);
}
END_TEST

/* Finds an array by name: arrays stored as text come first. */
static const struct mt_array *find(const struct mt_safetensors *f,
                                   const char *name)
{
    for (size_t i = 0; i < mt_safetensors_count(f); i++) {
        if (strcmp(mt_safetensors_array(f, i)->name, name) == 0)
            return mt_safetensors_array(f, i);
    }
    ck_abort_msg("%s is not there", name);
    return NULL;
}

START_TEST(reads_back)
{
    struct mt_array a[SMALL_ARRAYS];
    size_t n = testing_small(a);
    struct mt_safetensors *f = NULL;

    ck_assert_int_eq(mt_safetensors_write("x", a, n, NULL, NULL, &err), MT_OK);
    ck_assert_msg(testing_open_safetensors("x", &f) == MT_OK, "%s", err.text);
    ck_assert_uint_eq(mt_safetensors_count(f), n);
    for (size_t i = 0; i < n; i++) {
        const struct mt_array *is = find(f, a[i].name);
        void *out = malloc(mt_array_bytes(is) + 1);

        ck_assert_int_eq(is->dtype, a[i].dtype);
        ck_assert(mt_shape_equal(&is->shape, &a[i].shape));
        ck_assert_int_eq(mt_safetensors_read(f, is, out, &err), MT_OK);
        if (a[i].data)
            ck_assert_mem_eq(out, a[i].data, mt_array_bytes(is));
        free(out);
    }
    mt_safetensors_close(f);

    ck_assert_int_eq(mt_safetensors_write("x", NULL, 0, NULL, NULL, &err),
                     MT_OK);
    ck_assert_int_eq(testing_open_safetensors("x", &f), MT_OK);
    ck_assert_uint_eq(mt_safetensors_count(f), 0);
    mt_safetensors_close(f);
}
END_TEST

/* Arrays of the position: small ones are text, and the order is kept. */
START_TEST(long_texts_are_tensors)
{
    enum { FITS = MT_TEXT_ARRAY_MOST / 8, N = 7 };
    static double values[FITS + 1];
    int64_t step = 5;
    struct mt_array a[N] = {
        testing_array("w", MT_F64, mt_shape_of(1, (size_t)2), values),
        testing_array("progress/step", MT_I64, mt_shape_of(0), &step),
        testing_array("progress/a", MT_F64, mt_shape_of(1, FITS + (size_t)1),
                      values),
        testing_array("progress/b", MT_F64, mt_shape_of(1, (size_t)FITS),
                      values),
        testing_array("progress/c", MT_F64, mt_shape_of(1, FITS + (size_t)1),
                      values),
        testing_array("progress/d", MT_I64, mt_shape_of(0), &step),
        testing_array("progress/none", MT_F32, mt_shape_of(1, (size_t)0),
                      values),
    };
    struct mt_safetensors *f = NULL;
    double back[FITS + 1];

    for (size_t i = 0; i <= FITS; i++)
        values[i] = (double)i + 0.5;
    ck_assert_int_eq(mt_safetensors_write("x", a, N, NULL, NULL, &err), MT_OK);
    struct mt_bytes b = testing_get("x");

    ck_assert_ptr_nonnull(
        strstr((char *)b.data + 8, ",\"progress/step\":\"int64 [] 05"));
    ck_assert_ptr_nonnull(strstr((char *)b.data + 8,
                                 ",\"progress/a\":\"tensor\",\"progress/b\":"
                                 "\"float64 [512] "));
    ck_assert_ptr_nonnull(strstr((char *)b.data + 8,
                                 "\"progress/c\":{\"dtype\":\"F64\","
                                 "\"shape\":[513]"));
    ck_assert_uint_eq(b.n, 8 + get_u64(b.data) + 8 * (2 + 2 * (FITS + 1)));
    free(b.data);
    ck_assert_int_eq(testing_open_safetensors("x", &f), MT_OK);
    ck_assert_uint_eq(mt_safetensors_count(f), N);
    for (size_t i = 0; i < N; i++) {
        /* the model's tensor comes after those */
        const struct mt_array *is = mt_safetensors_array(f, (i + N - 1) % N);

        ck_assert_str_eq(is->name, a[i].name);
        ck_assert(mt_shape_equal(&is->shape, &a[i].shape));
        ck_assert_int_eq(mt_safetensors_read(f, is, back, &err), MT_OK);
        ck_assert_mem_eq(back, a[i].data, mt_array_bytes(is));
    }
    mt_safetensors_close(f);
}
END_TEST

/* However many there are, the header stays small; scalars are always text. */
START_TEST(many_texts_are_tensors)
{
    enum { N = 400, FIT = MT_TEXT_ARRAY_ALL / MT_TEXT_ARRAY_MOST };
    static unsigned char bytes[MT_TEXT_ARRAY_MOST];
    static char names[N][24];
    struct mt_array a[N];
    struct mt_safetensors *f = NULL;

    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "progress/%zu", i);
        a[i] =
            testing_array(names[i], MT_U8, mt_shape_of(1, sizeof bytes), bytes);
    }
    a[N - 2].shape = mt_shape_of(1, (size_t)1);
    a[N - 1].shape = mt_shape_of(0);
    ck_assert_int_eq(mt_safetensors_write("x", a, N, NULL, NULL, &err), MT_OK);
    struct mt_bytes b = testing_get("x");

    ck_assert_uint_eq(b.n,
                      8 + get_u64(b.data) + sizeof bytes * (N - 2 - FIT) + 1);
    ck_assert_uint_lt(get_u64(b.data), 2 * MT_TEXT_ARRAY_ALL + N * 150);
    free(b.data);
    ck_assert_int_eq(testing_open_safetensors("x", &f), MT_OK);
    for (size_t i = 0; i < N; i++) {
        const struct mt_array *is = mt_safetensors_array(f, i);

        ck_assert_str_eq(is->name, a[i].name);
        ck_assert_int_eq(is->data != NULL, i < FIT || i == N - 1);
        ck_assert(mt_shape_equal(&is->shape, &a[i].shape));
    }
    mt_safetensors_close(f);
}
END_TEST

START_TEST(refuses)
{
    struct mt_array good[SMALL_ARRAYS], a[SMALL_ARRAYS];
    size_t n = testing_small(good), huge = (size_t)1 << 40;

#define REFUSED(change, cause)                                                 \
    do {                                                                       \
        memcpy(a, good, sizeof a);                                             \
        change;                                                                \
        testing_put("x", "old", 3);                                            \
        ck_assert_int_eq(mt_safetensors_write("x", a, n, NULL, NULL, &err),    \
                         MT_INVALID);                                          \
        testing_says(err, "x: tensor ", cause);                                \
        testing_holds("x", "old");                                             \
        ck_assert_int_eq(testing_count("."), 1);                               \
    } while (0)
    REFUSED(a[1].name = "", "1: the name \"\" is empty");
    REFUSED(a[1].name = "__metadata__", "is reserved");
    REFUSED(a[1].name = "a\xff", "not valid UTF-8");
    REFUSED(a[1].name = a[4].name,
            "\"progress/step\": the name is there twice");
    REFUSED(a[1].shape.rank = 9, "9 dimensions");
    REFUSED(a[1].shape = mt_shape_of(2, huge, huge), "too large");
    REFUSED(a[1].data = NULL, "has no data");
#undef REFUSED
    ck_assert_int_eq(mt_safetensors_write("none/x", good, n, NULL, NULL, &err),
                     MT_IO);
    testing_says(err, "none/x: ", "does not exist");
}
END_TEST

Suite *safetensors_write_suite(void);
Suite *safetensors_write_suite(void)
{
    Suite *s = suite_create("safetensors_write");
    TCase *tc = tcase_create("safetensors_write");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, writes_the_format);
    tcase_add_test(tc, reads_back);
    tcase_add_test(tc, long_texts_are_tensors);
    tcase_add_test(tc, many_texts_are_tensors);
    tcase_add_test(tc, refuses);
    suite_add_tcase(s, tc);
    return s;
}
