#include "ckpt/textarray.h"

#include "ckpt/ckpt_testing.h"

START_TEST(round_trip)
{
    static double values[2] = { -0.0, 0x1.fffffffffffffp+1023 };
    static int64_t step = -2;
    struct mt_array a[] = {
        testing_array("progress/step", MT_I64, mt_shape_of(0), &step),
        testing_array("progress/x", MT_F64,
                      mt_shape_of(2, (size_t)1, (size_t)2), values),
        testing_array("progress/none", MT_F32,
                      mt_shape_of(2, (size_t)0, (size_t)3), values),
    };
    static const char *const texts[] = {
        "int64 [] feffffffffffffff",
        "float64 [1, 2] 0000000000000080ffffffffffffef7f",
        "float32 [0, 3] ",
    };

    for (size_t i = 0; i < 3; i++) {
        struct mt_arena arena = MT_ARENA_INIT;
        struct mt_strbuf text = MT_STRBUF_INIT;
        struct mt_array back = { .name = "mine" };

        mt_text_array_encode(&a[i], &text);
        ck_assert_str_eq(text.text, texts[i]);
        ck_assert_int_eq(mt_text_array_decode(text.text, &arena, &back), MT_OK);
        ck_assert_str_eq(back.name, "mine");
        ck_assert_int_eq(back.dtype, a[i].dtype);
        ck_assert(mt_shape_equal(&back.shape, &a[i].shape));
        ck_assert_mem_eq(back.data, a[i].data, mt_array_bytes(&a[i]));
        mt_strbuf_free(&text);
        mt_arena_free(&arena);
    }
}
END_TEST

START_TEST(other_texts)
{
    static const char *const texts[] = {
        "",
        "int64",
        "int64 ",
        "int64[] feffffffffffffff",
        "a_very_long_name_of_a_type [] 00",
        "int65 [] feffffffffffffff",
        "int64 2 feffffffffffffff",
        "int64 [ feffffffffffffff",
        "int64 [x] feffffffffffffff",
        "int64 [-1] feffffffffffffff",
        "int64 [:] feffffffffffffff",
        "int64 [1 1] feffffffffffffff",
        "int64 [1,1] feffffffffffffff",
        "int64 [1, ] feffffffffffffff",
        "int64 [1",
        "int64 []feffffffffffffff",
        "int64 []",
        "int64 [] feffffffffffff",
        "int64 [] feffffffffffffff00",
        "int64 [] feffffffffffffff0000000000000000",
        "int64 [2] feffffffffffffff",
        "int64 [] fEffffffffffffff",
        "int64 [] feffffffffffff~f",
        "int64 [] feffffffffffff f",
        "int64 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] feffffffffffffff",
        "int64 [18446744073709551615, 2] feffffffffffffff",
        "uint8 [4294967296, 4294967296] ",
        "uint8 [99999999999999999999999999] 00",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct mt_arena arena = MT_ARENA_INIT;
        struct mt_array a = { .name = "mine" };

        ck_assert_msg(mt_text_array_decode(texts[i], &arena, &a) == MT_INVALID,
                      "\"%s\"", texts[i]);
        mt_arena_free(&arena);
    }
}
END_TEST

Suite *textarray_suite(void);

Suite *textarray_suite(void)
{
    Suite *s = suite_create("textarray");
    TCase *tc = tcase_create("textarray");

    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, other_texts);
    suite_add_tcase(s, tc);
    return s;
}
