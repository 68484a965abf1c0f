/* Metrics of columns and of classes, against scikit-learn's values. */
#include <check.h>
#include <math.h>

#include "train/metrics.h"

Suite *metrics_suite(void);

/* The value of a metric over rows in batches of `batch`. */
static double value_of(const char *name, struct mt_outcome o, size_t batch,
                       size_t columns)
{
    const struct mt_metric *m = mt_metric_find(name);
    double v[64] = { 0 };
    struct mt_sums sums = { v, columns };
    size_t rows = o.rows;

    ck_assert_ptr_nonnull(m);
    ck_assert_uint_le(mt_metric_sums(m, columns), 64);
    for (size_t at = 0; at < rows; at += batch) {
        struct mt_outcome part = o;

        part.y += at * o.n;
        part.t = o.t ? o.t + at * o.n : NULL;
        part.class = o.class ? o.class + at : NULL;
        part.rows = rows - at < batch ? rows - at : batch;
        m->add(&part, &sums);
    }
    return m->value(&sums);
}

/* The last column's targets are all equal. */
static const float targets[] = { 1.5f, 2, 5, 2, 1, 5, 2.5f, 4, 5,
                                 4,    0, 5, 4, 3, 5 };
static const float outputs[] = { 1, 2, 5, 2, 0, 5, 3, 5, 5, 5, -1, 5, 4, 4, 5 };

START_TEST(r2_is_a_mean_over_columns)
{
    struct mt_outcome o = { .y = outputs, .t = targets, .rows = 5, .n = 3 };
    float y[15], far[15];

    for (size_t batch = 1; batch <= 5; batch++)
        ck_assert_double_eq_tol(value_of("r2", o, batch, 3),
                                0.7723270440251572, 1e-12);
    for (size_t i = 0; i < 15; i++) {
        y[i] = outputs[i];
        far[i] = targets[i] + (i % 3 ? 0 : 1e6f);
    }
    y[2] = 4; /* an error in the column of equal targets: it counts 0 */
    o.y = y;
    ck_assert_double_eq_tol(value_of("r2", o, 2, 3), 0.43899371069182386,
                            1e-12);
    for (size_t i = 0; i < 15; i++)
        y[i] = outputs[i] + (i % 3 ? 0 : 1e6f);
    o.t = far; /* large numbers do not cancel */
    ck_assert_double_eq_tol(value_of("r2", o, 2, 3), 0.7723270440251572, 1e-9);
    y[4] = NAN;
    ck_assert(isnan(value_of("r2", o, 2, 3)));
    y[4] = 0;
    y[2] = NAN;
    ck_assert(isnan(value_of("r2", o, 2, 3)));
}
END_TEST

START_TEST(r2_of_one_number_for_each_sample)
{
    /* a loss of outputs without a second dimension: one row of the batch */
    static const float y[] = { 1, 2, 3, 5, 4 }, t[] = { 1.5f, 2, 2.5f, 4, 4 };
    struct mt_outcome o = { .y = y, .t = t, .rows = 1, .n = 5 };

    ck_assert_double_eq_tol(value_of("r2", o, 1, 1), 0.7169811320754718, 1e-12);
}
END_TEST

enum { SAMPLES = 10, CLASSES = 5 };

/* Outputs with the highest score for each sample's predicted class. */
static void score(const int *taken, float *y)
{
    for (size_t i = 0; i < SAMPLES * CLASSES; i++)
        y[i] = (int)(i % CLASSES) == taken[i / CLASSES] ? 1 : -1;
}

START_TEST(classes)
{
    static const int taken[SAMPLES] = { 0, 0, 1, 3, 1, 0, 2, 2, 1, 2 };
    static const int32_t class[SAMPLES] = { 0, 0, 0, 0, 1, 1, 2, 2, 2, 2 };
    float y[SAMPLES * CLASSES];
    struct mt_outcome o = { .y = y, .class = class, .rows = SAMPLES,
                            .n = CLASSES, .ignore = -100 };

    score(taken, y); /* no sample has class 3 or 4, one is predicted as 3 */
    for (size_t batch = 1; batch <= SAMPLES; batch++) {
        ck_assert_double_eq_tol(value_of("precision", o, batch, CLASSES), 0.5,
                                1e-12);
        ck_assert_double_eq_tol(value_of("recall", o, batch, CLASSES), 0.4375,
                                1e-12);
        ck_assert_double_eq_tol(value_of("f1", o, batch, CLASSES),
                                0.4571428571428572, 1e-12);
        ck_assert_double_eq_tol(
            value_of("balanced_accuracy", o, batch, CLASSES),
            0.5833333333333334, 1e-12);
    }
}
END_TEST

START_TEST(not_finite_and_ignored)
{
    static const int taken[SAMPLES] = { 0, 0, 0, 0, 1, 1, 1, 1, 1, 1 };
    static const int32_t class[SAMPLES] = { 0, 0, 0, 0, 1, 1, 1, 1, 4, 4 };
    static const char *const names[] = { "accuracy", "top5", "precision",
                                         "recall", "f1", "balanced_accuracy" };
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    float y[SAMPLES * CLASSES];
    struct mt_outcome o = { .y = y, .class = class, .rows = SAMPLES,
                            .n = CLASSES, .ignore = 4 };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        score(taken, y);
        ck_assert_double_eq(value_of(names[i], o, 3, CLASSES), 1);
        y[0] = NAN; /* one of four of class 0 */
        ck_assert_double_lt(value_of(names[i], o, 3, CLASSES), 1);
        for (size_t k = 0; k < 3; k++) {
            for (size_t c = 0; c < SAMPLES * CLASSES; c++)
                y[c] = bad[k];
            ck_assert_double_eq(value_of(names[i], o, 3, CLASSES), 0);
        }
        o.rows = 0;
        ck_assert_double_eq(value_of(names[i], o, 3, CLASSES), 0);
        o.rows = SAMPLES;
    }
}
END_TEST

START_TEST(accuracy_of_probabilities)
{
    static const float t[] = { 0, 1, 0, 1, 1, 0, 0.5f, 0.75f };
    static const float p[] = { 0.25f, 0.75f, 0.5f, 0.5f, NAN, NAN, 0.25f, 1 };
    static const float x[] = { -1, 1, 0, 0, INFINITY, -INFINITY, -1, 8 };
    struct mt_outcome o = { .y = p, .t = t, .rows = 8, .n = 1,
                            .threshold = 0.5f };

    /* wrong: 1/2 counts as no, and NaN and infinity as neither */
    ck_assert_double_eq(value_of("accuracy", o, 3, 1), 5.0 / 8);
    o.y = x;
    o.threshold = 0;
    ck_assert_double_eq(value_of("accuracy", o, 3, 1), 5.0 / 8);
}
END_TEST

Suite *metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *numbers = tcase_create("numbers"), *labels = tcase_create("classes");

    tcase_add_test(numbers, r2_is_a_mean_over_columns);
    tcase_add_test(numbers, r2_of_one_number_for_each_sample);
    tcase_add_test(labels, classes);
    tcase_add_test(labels, accuracy_of_probabilities);
    tcase_add_test(labels, not_finite_and_ignored);
    suite_add_tcase(suite, numbers);
    suite_add_tcase(suite, labels);
    return suite;
}
