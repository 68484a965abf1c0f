/* The ranking against its definition: all pairs of samples. */
#include "train/ranking.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/philox.h"

Suite *ranking_suite(void);

enum { ROWS = 83, MOST = 5 };

static double draw(uint64_t seed, uint32_t i)
{
    return mt_philox_uniform(mt_philox_key(seed, "test", ""), 0, i);
}

/* One class against the rest: pairs in the right order, equal ones half. */
static double by_pairs(const double *score, const bool *is, size_t n)
{
    double right = 0, pairs = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            if (!is[i] || is[k])
                continue;
            pairs++;
            right += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
        }
    }
    return right / pairs;
}

static double softmax_of(const float *y, size_t n, size_t c)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++)
        sum += exp((double)y[k] - (double)y[c]);
    return 1 / sum;
}

/* steps: scores are multiples of 1 / steps, for ties */
static void fill(float *y, size_t n, uint64_t seed, double steps)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(floor(draw(seed, (uint32_t)i) * 6 * steps) / steps - 3);
}

static void add(struct mt_ranking *r, const struct mt_outcome *all,
                size_t batch)
{
    for (size_t at = 0; at < all->rows; at += batch) {
        struct mt_outcome o = *all;

        o.y += at * o.n;
        o.t = o.t ? o.t + at * o.n : NULL;
        o.class = o.class ? o.class + at : NULL;
        o.rows = all->rows - at < batch ? all->rows - at : batch;
        mt_ranking_add(r, &o);
    }
}

static double value_of(const struct mt_outcome *o, size_t batch)
{
    struct mt_ranking r = { .n = 0 };
    struct mt_err err = MT_ERR_INIT;
    double value;

    ck_assert(mt_ranking_reserve(&r, mt_ranking_columns(o->n, o->class != NULL),
                                 o->rows, &err) == MT_OK);
    add(&r, o, batch);
    mt_ranking_clear(&r); /* earlier samples do not matter */
    add(&r, o, batch);
    value = mt_ranking_value(&r);
    mt_ranking_free(&r);
    return value;
}

START_TEST(classes_by_pairs)
{
    for (size_t n = 2; n <= MOST; n++) {
        float y[ROWS * MOST];
        int32_t class[ROWS];
        struct mt_outcome o = {
            .y = y, .class = class, .rows = ROWS, .n = n, .ignore = -100
        };
        double sum = 0;

        fill(y, ROWS * n, 10 * n + (uint64_t)_i, _i ? 2 : 1e6);
        for (size_t i = 0; i < ROWS; i++)
            class[i] = i < n ? (int32_t)i
                             : (int32_t)(draw(n, (uint32_t)i) * (double)n);
        for (size_t c = 0; c < n; c++) {
            double score[ROWS];
            bool is[ROWS];

            for (size_t i = 0; i < ROWS; i++) {
                score[i] = _i ? floor(1e9 * softmax_of(y + i * n, n, c) + 0.5)
                              : softmax_of(y + i * n, n, c);
                is[i] = class[i] == (int32_t)c;
            }
            sum += by_pairs(score, is, ROWS);
        }
        ck_assert_double_eq_tol(value_of(&o, ROWS), sum / (double)n, 1e-12);
        for (size_t batch = 1; batch < 40; batch += 6)
            ck_assert(value_of(&o, batch) == value_of(&o, ROWS));
    }
}
END_TEST

START_TEST(outputs_by_pairs)
{
    float y[ROWS * 3], t[ROWS * 3];
    struct mt_outcome o = { .y = y, .t = t, .rows = ROWS, .n = 3 };
    double sum = 0;

    fill(y, ROWS * 3, 3, 4);
    for (size_t i = 0; i < ROWS * 3; i++)
        t[i] = draw(4, (uint32_t)i) > 0.7;
    for (size_t c = 0; c < 3; c++) {
        double score[ROWS];
        bool is[ROWS];

        for (size_t i = 0; i < ROWS; i++) {
            score[i] = (double)y[i * 3 + c];
            is[i] = t[i * 3 + c] > 0.5f;
        }
        sum += by_pairs(score, is, ROWS);
    }
    ck_assert_double_eq_tol(value_of(&o, 7), sum / 3, 1e-12);
}
END_TEST

START_TEST(not_finite_is_last)
{
    /* both rank wrongly, whatever their other score */
    float y[] = { 0, 9, NAN, 0, 0, -9, 0, INFINITY };
    int32_t class[] = { 1, 1, 0, 0 };
    struct mt_outcome o = {
        .y = y, .class = class, .rows = 4, .n = 2, .ignore = -100
    };

    ck_assert_double_eq(value_of(&o, 4), 0.25);
    class[1] = -100;
    class[3] = -100;
    ck_assert_double_eq(value_of(&o, 4), 1);
}
END_TEST

START_TEST(zeros_are_equal)
{
    float y[] = { 0.0f, -0.0f };
    float t[] = { 1, 0 };
    struct mt_outcome o = { .y = y, .t = t, .rows = 2, .n = 1 };

    ck_assert_double_eq(value_of(&o, 1), 0.5);
}
END_TEST

START_TEST(a_class_without_samples)
{
    float y[] = { 3, 1, 0, 1, 3, 0, 2, 2, 0 };
    int32_t class[] = { 0, 1, 1 };
    struct mt_outcome o = {
        .y = y, .class = class, .rows = 3, .n = 3, .ignore = -100
    };
    struct mt_ranking r = { .n = 0 };
    struct mt_err err = MT_ERR_INIT;

    ck_assert(mt_ranking_reserve(&r, 3, 3, &err) == MT_OK);
    mt_ranking_add(&r, &o);
    ck_assert_double_eq(mt_ranking_value(&r), 1);
    ck_assert_uint_eq(r.left_out, 1);
    ck_assert_uint_eq(r.first_left_out, 2);
    class[0] = 1;
    mt_ranking_clear(&r);
    mt_ranking_add(&r, &o);
    ck_assert(isnan(mt_ranking_value(&r)));
    ck_assert_uint_eq(r.left_out, 3);
    mt_ranking_free(&r);
}
END_TEST

START_TEST(too_many_to_keep)
{
    struct mt_ranking r = { .n = 0 };
    struct mt_err err = MT_ERR_INIT;

    ck_assert(mt_ranking_reserve(&r, 1000, 1 << 20, &err) == MT_INVALID);
    ck_assert(mt_ranking_reserve(&r, SIZE_MAX / 2, 3, &err) == MT_INVALID);
    mt_ranking_free(&r);
}
END_TEST

Suite *ranking_suite(void)
{
    Suite *s = suite_create("ranking");
    TCase *t = tcase_create("ranking");

    tcase_add_loop_test(t, classes_by_pairs, 0, 2);
    tcase_add_test(t, outputs_by_pairs);
    tcase_add_test(t, not_finite_is_last);
    tcase_add_test(t, zeros_are_equal);
    tcase_add_test(t, a_class_without_samples);
    tcase_add_test(t, too_many_to_keep);
    suite_add_tcase(s, t);
    return s;
}
