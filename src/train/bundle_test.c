#include "train/bundle.h"

#include "base/file_testing.h"
#include "train/state_take.h"
#include "train/statename.h"

static float weights[] = { 1, 2, 3, 4 }, best[] = { 5, 6, 7, 8 };
static int64_t step[] = { 9 };
static const struct mt_shape scalar, four = { .rank = 1, .dim = { 4 } };

/* a.mtc: the spec, tensors, the position, and a kept state. */
static void write_it(void)
{
    char text[] = "{}";
    struct mt_array arrays[] = {
        { MT_NAME_SPEC, MT_U8, { .rank = 1, .dim = { 2 } }, text },
        { "model/w", MT_F32, four, weights },
        { "optimizer/exp_avg.w", MT_F32, four, best },
        { MT_NAME_STEP, MT_I64, scalar, step },
        { "progress/best/model/w", MT_F32, four, best },
        { "progress/best/progress/step", MT_I64, scalar, step },
    };
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(mt_ckpt_write("a.mtc", arrays, sizeof arrays / sizeof *arrays,
                                NULL, NULL, &err) == MT_OK,
                  "%s", err.text);
}

static struct mt_bundle open_it(void)
{
    struct mt_bundle b;
    struct mt_err err = MT_ERR_INIT;

    write_it();
    ck_assert_msg(mt_bundle_open("a.mtc", NULL, &b, &err) == MT_OK, "%s",
                  err.text);
    return b;
}

START_TEST(only_small_arrays_are_read)
{
    struct mt_bundle b = open_it();
    float taken[4];
    size_t n = 0;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_uint_eq(b.n, 6);
    for (size_t i = 0; i < b.n; i++) {
        const struct mt_array *a = &b.arrays[i];

        ck_assert_msg(!a->data == (a->dtype == MT_F32), "%s", a->name);
        ck_assert_msg(!a->data == !!a->source, "%s", a->name);
    }
    ck_assert_int_eq(mt_bundle_get_i64(&b, MT_NAME_STEP, 0), 9);
    ck_assert_int_eq(mt_bundle_get_i64(&b, "progress/best/progress/step", 0),
                     9);
    ck_assert_int_eq(mt_state_take(&b, "progress/best/model/w", MT_F32, &four,
                                   taken, &n, &err),
                     MT_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(memcmp(taken, best, sizeof best), 0);
    mt_bundle_free(&b);
}
END_TEST

START_TEST(a_detached_one_has_the_small_arrays)
{
    struct mt_bundle b = open_it();
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_bundle_detach(&b, &err), MT_OK);
    ck_assert_ptr_null(b.file);
    ck_assert_uint_eq(b.n, 3);
    ck_assert_ptr_null(mt_bundle_find(&b, "model/w"));
    ck_assert_ptr_nonnull(mt_bundle_find(&b, MT_NAME_SPEC));
    ck_assert_int_eq(mt_bundle_get_i64(&b, MT_NAME_STEP, 0), 9);
    ck_assert_int_eq(mt_bundle_get_i64(&b, "progress/best/progress/step", 0),
                     9);
    mt_bundle_free(&b);
}
END_TEST

START_TEST(other_formats_are_no_checkpoints)
{
    struct mt_array w = { "w", MT_F32, four, weights };
    struct mt_bundle b;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(
        mt_statefile_write("a.safetensors", &w, 1, NULL, NULL, &err), MT_OK);
    ck_assert_int_eq(mt_bundle_open("a.safetensors", NULL, &b, &err),
                     MT_INVALID);
    testing_says(err, "a.safetensors: not an mtrain checkpoint", "safetensors");
    ck_assert_int_eq(
        mt_bundle_open_state("a.safetensors", NULL, NULL, &b, &err), MT_OK);
    ck_assert_ptr_nonnull(mt_bundle_find(&b, "model/w"));
    mt_bundle_free(&b);
}
END_TEST

static void count_free(void *owner)
{
    ++*(int *)owner;
}

START_TEST(an_owner_goes_with_it)
{
    struct mt_bundle b = MT_BUNDLE_INIT;
    int freed = 0;

    b.owner = &freed;
    b.free_owner = count_free;
    mt_bundle_free(&b);
    mt_bundle_free(&b);
    ck_assert_int_eq(freed, 1);
}
END_TEST

Suite *bundle_suite(void);

Suite *bundle_suite(void)
{
    Suite *suite = suite_create("bundle");
    TCase *tc = tcase_create("bundle");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, only_small_arrays_are_read);
    tcase_add_test(tc, a_detached_one_has_the_small_arrays);
    tcase_add_test(tc, other_formats_are_no_checkpoints);
    tcase_add_test(tc, an_owner_goes_with_it);
    suite_add_tcase(suite, tc);
    return suite;
}
