#include "train/historyfile.h"

#include <check.h>
#include <math.h>

#include "base/file_testing.h"
#include "ckpt/container.h"

static int64_t epochs[] = { 1, 2, 3 }, steps[] = { 10, 20, 30 };
static int64_t samples[] = { 0, 5, 5 }, mixed[] = { 1, 3, 2 };
static double loss[] = { 3, 2, NAN }, lr[] = { 0.5, 0.25, 0.125 };

static struct mt_array column(const char *name, enum mt_dtype dtype, size_t n,
                              void *data)
{
    return (struct mt_array){ name, dtype, mt_shape_of(1, n), data };
}

static mt_status read_back(const struct mt_array *arrays, size_t n,
                           struct mt_history *h, struct mt_err *err)
{
    ck_assert_msg(mt_ckpt_write("h.mtc", arrays, n, NULL, NULL, err) == MT_OK,
                  "%s", err->text);
    return mt_history_read("h.mtc", NULL, h, err);
}

START_TEST(columns_are_found)
{
    const struct mt_array arrays[] = {
        column("model/w", MT_F64, 3, loss),
        column("progress/history.epoch", MT_I64, 3, epochs),
        column("progress/history.step", MT_I64, 3, steps),
        column("progress/history.lr", MT_F64, 3, lr),
        column("progress/history.train.samples", MT_I64, 3, steps),
        column("progress/history.train.loss", MT_F64, 3, loss),
        column("progress/history.val.samples", MT_I64, 3, samples),
        column("progress/history.val.loss", MT_F64, 3, loss),
    };
    struct mt_history h;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(read_back(arrays, 8, &h, &err) == MT_OK, "%s", err.text);
    ck_assert_uint_eq(h.n, 3);
    ck_assert_uint_eq(h.n_columns, 3);
    ck_assert_double_eq(h.step[2], 30);
    ck_assert_double_eq(h.samples[0], 0);
    ck_assert_double_eq(mt_history_find(&h, "", "lr")->values[1], 0.25);
    ck_assert_double_eq(mt_history_find(&h, "train", "loss")->values[0], 3);
    ck_assert(isnan(mt_history_find(&h, "val", "loss")->values[2]));
    ck_assert_ptr_null(mt_history_find(&h, "val", "accuracy"));
    mt_history_free(&h);
}
END_TEST

START_TEST(a_fresh_run_has_none)
{
    const struct mt_array arrays[] = { column("model/w", MT_F64, 3, loss) };
    struct mt_history h;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(read_back(arrays, 1, &h, &err), MT_OK);
    ck_assert_uint_eq(h.n, 0);
    mt_history_free(&h);
}
END_TEST

/* Invalid histories, as files of other origin may have. */
START_TEST(faults_are_told)
{
    const struct {
        struct mt_array step, loss;
        const char *says;
    } rows[] = {
        { column("progress/history.step", MT_I64, 3, mixed),
          column("progress/history.lr", MT_F64, 3, lr), "does not ascend" },
        { column("progress/history.step", MT_F64, 3, lr),
          column("progress/history.lr", MT_F64, 3, lr), "history.step" },
        { column("progress/history.step", MT_I64, 3, steps),
          column("progress/history.lr", MT_F64, 2, lr), "for each of 3" },
        { column("progress/other", MT_I64, 3, steps),
          column("progress/history.lr", MT_F64, 2, lr), "has no" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct mt_array arrays[] = { column("progress/history.epoch",
                                                  MT_I64, 3, epochs),
                                           rows[i].step, rows[i].loss };
        struct mt_history h;
        struct mt_err err = MT_ERR_INIT;

        ck_assert_int_eq(read_back(arrays, 3, &h, &err), MT_INVALID);
        testing_says(err, "h.mtc: ", rows[i].says);
        mt_history_free(&h);
    }
}
END_TEST

START_TEST(many_columns_are_refused)
{
    struct mt_array arrays[2 + MT_HISTORY_MAX_COLUMNS + 1] = {
        column("progress/history.epoch", MT_I64, 3, epochs),
        column("progress/history.step", MT_I64, 3, steps),
    };
    char names[MT_HISTORY_MAX_COLUMNS + 1][64];
    struct mt_history h;
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i <= MT_HISTORY_MAX_COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "progress/history.m%zu", i);
        arrays[2 + i] = column(names[i], MT_F64, 3, loss);
    }
    ck_assert_int_eq(
        read_back(arrays, sizeof arrays / sizeof *arrays, &h, &err),
        MT_INVALID);
    testing_says(err, "h.mtc: ", "more than 64 columns");
    mt_history_free(&h);
}
END_TEST

/* Zeros are compressed a thousandfold: a small file may claim very many
 * epochs. */
START_TEST(very_many_epochs_are_refused)
{
    size_t n = MT_HISTORY_MAX_EPOCHS + 1;
    int64_t *zeros = calloc(n, sizeof *zeros);
    const struct mt_array arrays[] = {
        column("progress/history.epoch", MT_I64, n, zeros),
    };
    struct mt_history h;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_ptr_nonnull(zeros);
    ck_assert_int_eq(read_back(arrays, 1, &h, &err), MT_INVALID);
    testing_says(err, "h.mtc: ", "10000001 epochs");
    mt_history_free(&h);
    free(zeros);
}
END_TEST

Suite *historyfile_suite(void);
Suite *historyfile_suite(void)
{
    Suite *s = suite_create("historyfile");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, testing_enter, testing_leave);
    tcase_add_test(t, columns_are_found);
    tcase_add_test(t, a_fresh_run_has_none);
    tcase_add_test(t, faults_are_told);
    tcase_add_test(t, many_columns_are_refused);
    tcase_add_test(t, very_many_epochs_are_refused);
    suite_add_tcase(s, t);
    return s;
}
