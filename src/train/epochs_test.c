/* Epochs as columns: what is added can be read, by number and by column. */
#include <check.h>
#include <math.h>

#include "base/inject_testing.h"
#include "train/epochs.h"

Suite *epochs_suite(void);

static struct mt_err err = MT_ERR_INIT;

/* Epoch i of a run with two metrics; all values are different. */
static struct mt_epoch epoch_of(size_t i)
{
    double x = (double)i;

    return (struct mt_epoch){
        .epoch = i + 1,
        .step = 7 * i + 7,
        .lr = x + 0.1,
        .train = { 100 + i, x + 0.2, { x + 0.3, x + 0.4 } },
        .val = { 900 + i, -x, { x + 0.5, i % 3 ? x + 0.6 : (double)NAN } },
    };
}

static void fill(struct mt_epochs *e, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct mt_epoch epoch = epoch_of(i);

        ck_assert_int_eq(mt_epochs_add(e, &epoch, &err), MT_OK);
    }
}

/* The first n are those of epoch_of. */
static void assert_filled(const struct mt_epochs *e, size_t n)
{
    ck_assert_uint_eq(e->n, n);
    for (size_t i = 0; i < n; i++) {
        struct mt_epoch is = mt_epochs_at(e, i), should = epoch_of(i);

        ck_assert_mem_eq(&is, &should, MT_EPOCH_COLUMNS * sizeof(uint64_t));
    }
    if (n)
        ck_assert_uint_eq(e->last.epoch, n);
}

START_TEST(columns_hold_what_is_added)
{
    struct mt_epochs e = { .n_metrics = 2 };

    fill(&e, 0, 1000);
    assert_filled(&e, 1000);
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++) {
        size_t i = (c - MT_EPOCH_RUN) % MT_EPOCH_SCORES;
        bool score = c >= MT_EPOCH_RUN;

        ck_assert_int_eq(mt_epochs_has(&e, c), !score || i < 4);
        ck_assert_int_eq(e.column[c] != NULL, !score || i < 4);
        ck_assert_int_eq(mt_epochs_dtype(c),
                         (score ? i == 0 : c < 2) ? MT_I64 : MT_F64);
    }
    ck_assert_uint_eq(e.column[0][999], 1000);
    ck_assert_uint_eq(e.column[MT_EPOCH_VAL][5], 905);
    mt_epochs_free(&e);
    ck_assert_uint_eq(e.n, 0);
}
END_TEST

START_TEST(the_last_ones_are_cut_and_replaced)
{
    struct mt_epochs e = { .n_metrics = 2 };
    struct mt_epoch other = epoch_of(3);

    fill(&e, 0, 100);
    e.last.unscheduled = true;
    ck_assert(mt_epochs_at(&e, 99).unscheduled);
    ck_assert(!mt_epochs_at(&e, 98).unscheduled);
    mt_epochs_cut(&e, 100);
    ck_assert(e.last.unscheduled);
    mt_epochs_cut(&e, 40);
    assert_filled(&e, 40);
    ck_assert(!e.last.unscheduled);
    mt_epochs_replace_last(&e, &other);
    ck_assert_uint_eq(e.last.epoch, 4);
    ck_assert_uint_eq(e.column[1][39], 28);
    mt_epochs_cut(&e, 39);
    fill(&e, 39, 100);
    assert_filled(&e, 100);
    mt_epochs_cut(&e, 0);
    fill(&e, 0, 3);
    assert_filled(&e, 3);
    mt_epochs_free(&e);
}
END_TEST

START_TEST(all_are_set_at_once)
{
    struct mt_epochs from = { .n_metrics = 2 }, e = { .n_metrics = 2 };
    const uint64_t *columns[MT_EPOCH_COLUMNS];

    fill(&from, 0, 300);
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++)
        columns[c] = from.column[c];
    ck_assert_int_eq(mt_epochs_set(&e, columns, 300, &err), MT_OK);
    assert_filled(&e, 300);
    fill(&e, 300, 700);
    assert_filled(&e, 700);

    columns[MT_EPOCH_VAL] = columns[MT_EPOCH_VAL + 1] = NULL;
    ck_assert_int_eq(mt_epochs_set(&e, columns, 7, &err), MT_OK);
    ck_assert_uint_eq(e.n, 7);
    ck_assert_uint_eq(mt_epochs_at(&e, 6).val.samples, 0);
    ck_assert(isnan(mt_epochs_at(&e, 6).val.loss));
    ck_assert(mt_epochs_at(&e, 6).train.metric[1] == 6.4);
    ck_assert_int_eq(mt_epochs_set(&e, columns, 0, &err), MT_OK);
    ck_assert_uint_eq(e.n, 0);
    mt_epochs_free(&e);
    mt_epochs_free(&from);
}
END_TEST

/* Epochs stay intact if there is no memory for more. */
START_TEST(without_memory_nothing_is_added)
{
    struct mt_epochs e = { .n_metrics = 2 };
    struct mt_epoch epoch = epoch_of(64);

    fill(&e, 0, 64);
    ck_assert_uint_eq(e.size, 64);
    for (size_t at = 1;; at++) {
        inject_start((struct inject){ .kind = INJECT_MEMORY, .at = at });
        mt_status status = mt_epochs_add(&e, &epoch, &err);
        size_t calls = inject_stop();

        if (status == MT_OK) {
            ck_assert_uint_eq(calls, 3 + 2 * 4); /* one for each column */
            break;
        }
        ck_assert_int_eq(status, MT_NO_MEMORY);
        assert_filled(&e, 64);
    }
    assert_filled(&e, 65);
    ck_assert_int_eq(mt_epochs_reserve(&e, SIZE_MAX / 2, &err), MT_NO_MEMORY);
    assert_filled(&e, 65);
    mt_epochs_free(&e);
}
END_TEST

Suite *epochs_suite(void)
{
    Suite *s = suite_create("epochs");
    TCase *tc = tcase_create("epochs");

    tcase_add_test(tc, columns_hold_what_is_added);
    tcase_add_test(tc, the_last_ones_are_cut_and_replaced);
    tcase_add_test(tc, all_are_set_at_once);
    tcase_add_test(tc, without_memory_nothing_is_added);
    suite_add_tcase(s, tc);
    return s;
}
