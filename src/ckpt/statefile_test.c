#include "ckpt/statefile.h"

#include "ckpt/ckpt_testing.h"

static struct mt_statefile *open_state(const char *path)
{
    struct mt_statefile *f = NULL;

    ck_assert_msg(mt_statefile_open(path, NULL, &f, &err) == MT_OK, "%s", err.text);
    ck_assert_str_eq(mt_statefile_path(f), path);
    return f;
}

static void entry_is(const struct mt_statefile *f, size_t i, const char *name)
{
    const struct mt_array *e = mt_statefile_array(f, i);

    ck_assert_str_eq(e->name, name);
    ck_assert_ptr_null(e->data);
    ck_assert_ptr_eq(mt_statefile_find(f, name), e);
}

START_TEST(checkpoints)
{
    struct mt_array a[SMALL_ARRAYS];
    size_t n = testing_small(a);
    float out[150];
    int64_t step;

    testing_write("any.name", a, n); /* the ending does not count */
    struct mt_statefile *f = open_state("any.name");

    ck_assert_str_eq(mt_statefile_format(f), "mtc");
    ck_assert_uint_eq(mt_ckpt_count(mt_statefile_ckpt(f)), n);
    ck_assert_uint_eq(mt_statefile_count(f), n);
    entry_is(f, 0, "spec/json");
    entry_is(f, 1, "model/fc1.weight");
    entry_is(f, 3, "optimizer/exp_avg.fc1.bias");
    entry_is(f, 4, "progress/step");
    ck_assert_ptr_null(mt_statefile_find(f, "model/fc1"));
    ck_assert_ptr_null(mt_statefile_find(f, "fc1.weight"));
    ck_assert_ptr_null(mt_statefile_find(f, ""));
    ck_assert_int_eq(
        mt_statefile_read(f, mt_statefile_array(f, 4), &step, &err), MT_OK);
    ck_assert_int_eq(step, 1234567890123);
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 1), out, &err), MT_OK);
    ck_assert_mem_eq(out, a[1].data, sizeof out);
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 3), out, &err), MT_OK);
    ck_assert(out[0] == 1.5f && signbit(out[1]) && out[2] == 0 &&
              isinf(out[3]));
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 4), out, &err),
        MT_MISMATCH);
    testing_says(err, "any.name: tensor \"progress/step\"",
                 "is int64, expected a floating-point type");
    mt_statefile_close(f);
    mt_statefile_close(NULL);
}
END_TEST

START_TEST(names_without_a_section)
{
    float x = 1;
    struct mt_array a = testing_array("bare", MT_F32, mt_shape_of(0), &x);

    testing_write("x.mtc", &a, 1);
    struct mt_statefile *f = open_state("x.mtc");

    entry_is(f, 0, "bare");
    mt_statefile_close(f);
}
END_TEST

START_TEST(state_dicts)
{
    uint16_t f16[3] = { 0x3c00, 0xc000, 0x0001 }; /* 1, -2, 2^-24 */
    uint16_t bf16[2] = { 0x3f80, 0xc000 };
    double f64[2] = { 0.1, -3 };
    int64_t n = 5;
    struct mt_array a[] = {
        testing_array("a/b.weight", MT_F16, mt_shape_of(1, (size_t)3), f16),
        testing_array("optimizer.exp_avg.a", MT_BF16, mt_shape_of(1, (size_t)2),
                      bf16),
        testing_array("optimizerx", MT_F64, mt_shape_of(1, (size_t)2), f64),
        testing_array("optimizer", MT_I64, mt_shape_of(0), &n),
    };
    uint64_t bytes = 0;
    float out[3];

    ck_assert_int_eq(
        mt_statefile_write("x.safetensors", a, 4, NULL, &bytes, &err), MT_OK);
    ck_assert_uint_gt(bytes, 6 + 4 + 16 + 8);
    struct mt_statefile *f = open_state("x.safetensors");

    ck_assert_str_eq(mt_statefile_format(f), "safetensors");
    ck_assert_ptr_null(mt_statefile_ckpt(f));
    ck_assert_uint_eq(mt_statefile_count(f), 4);
    entry_is(f, 0, "a/b.weight");
    entry_is(f, 1, "optimizer.exp_avg.a");
    entry_is(f, 2, "optimizerx");
    entry_is(f, 3, "optimizer");
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 0), out, &err), MT_OK);
    ck_assert(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f);
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 1), out, &err), MT_OK);
    ck_assert(out[0] == 1 && out[1] == -2);
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 2), out, &err), MT_OK);
    ck_assert(out[0] == 0.1f && out[1] == -3);
    ck_assert_int_eq(
        mt_statefile_read_f32(f, mt_statefile_array(f, 3), out, &err),
        MT_MISMATCH);
    mt_statefile_close(f);
}
END_TEST

static void open_fails(const char *path, mt_status expect, const char *cause)
{
    struct mt_statefile *f = NULL;

    ck_assert_int_eq(mt_statefile_open(path, NULL, &f, &err), expect);
    ck_assert_ptr_null(f);
    testing_says(err, path, cause);
}

START_TEST(refuses)
{
    testing_put("x.json", "{\"model\": {}}", 13);
    testing_put("empty", "", 0);
    open_fails("x.json", MT_INVALID, "(mtc, safetensors, torch, npz, npy)");
    open_fails("empty", MT_INVALID, "is empty");
    open_fails("none", MT_IO, "No such file");
    open_fails(".", MT_IO, "is a directory");
    testing_put("cut.mtc", "\x89MTC\r\n\x1a\n\1\0", 10);
    open_fails("cut.mtc", MT_DAMAGED, "cut short");
    testing_put("x.safetensors", "\x04\0\0\0\0\0\0\0{]}}", 12);
    open_fails("x.safetensors", MT_INVALID, "header:1:");
}
END_TEST

START_TEST(endings)
{
    static const char *const wrong[] = {
        "x.mtc", "x.pt", "x", "x.SAFETENSORS", ".safetensors", "x.safetensors/"
    };

    ck_assert_int_eq(mt_statefile_can_write("a/x.safetensors", &err), MT_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(mt_statefile_can_write(wrong[i], &err), MT_INVALID);
        testing_says(err, wrong[i], "must be one of: .safetensors, ");
        ck_assert_int_eq(
            mt_statefile_write(wrong[i], NULL, 0, NULL, NULL, &err),
            MT_INVALID);
        testing_says(err, wrong[i], "must be one of: .safetensors, ");
    }
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

Suite *statefile_suite(void);
Suite *statefile_suite(void)
{
    Suite *s = suite_create("statefile");
    TCase *tc = tcase_create("statefile");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, checkpoints);
    tcase_add_test(tc, names_without_a_section);
    tcase_add_test(tc, state_dicts);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, endings);
    suite_add_tcase(s, tc);
    return s;
}
