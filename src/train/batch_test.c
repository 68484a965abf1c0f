/* Which samples a batch has. */
#include "train/batch.h"

#include "train/testing.h"

enum { SAMPLES = 100 };

static uint32_t number(const struct mt_rows *rows, size_t i)
{
    return rows->rows ? rows->rows[i] : (uint32_t)(rows->first + i);
}

/* The samples of an epoch. As in a step, the next batch is found before one is
 * used. */
static size_t samples_of(struct mt_session *s, uint32_t *out)
{
    size_t n = 0;

    mt_session_order(s);
    for (size_t i = 0; i < s->batches; i++) {
        struct mt_rows rows = mt_session_batch(s, i);
        struct mt_rows next = mt_session_batch(s, i + 1);

        ck_assert_uint_gt(rows.n, 0);
        ck_assert_int_eq(next.n == 0, i + 1 == s->batches);
        for (size_t k = 0; k < rows.n; k++)
            out[n++] = number(&rows, k);
    }
    return n;
}

/* a part held out; samples in a batch; room for */
static const struct sizes {
    const char *held, *batch;
    size_t n, room;
} sizes[] = {
    { "0", "16", 100, 32 },  { "0.2", "16", 80, 32 }, { "0.2", "40", 80, 80 },
    { "0.2", "41", 80, 80 }, { "0.2", "79", 80, 80 }, { "0.2", "80", 80, 80 },
    { "0.2", "99", 80, 80 }, { "0.01", "1", 99, 2 },
};

static struct mt_test_session open_sizes(const struct sizes *z,
                                         const char *shuffle)
{
    const char *const set[] = {
        "data.val_split", z->held, "data.batch_size", z->batch, "data.shuffle",
        shuffle,          NULL
    };
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, set);

    mt_test_steps(t.s, 1); /* takes the memory */
    return t;
}

START_TEST(in_the_order_of_the_data)
{
    const struct sizes *z = &sizes[_i];
    struct mt_test_session t = open_sizes(z, "false");
    const struct mt_subset *set = &t.s->data->subset[MT_SPLIT_TRAIN];
    uint32_t got[SAMPLES], all[SAMPLES];
    const uint32_t *expected = mt_subset_rows(set, 0, set->n, all);

    ck_assert_uint_eq(set->n, z->n);
    ck_assert_uint_eq(mt_session_order_size(t.s), z->room);
    ck_assert_uint_eq(samples_of(t.s, got), z->n);
    for (size_t i = 0; i < z->n; i++)
        ck_assert_uint_eq(got[i], expected ? expected[i] : i);
    mt_test_close(&t);
}
END_TEST

START_TEST(shuffled)
{
    const struct sizes *z = &sizes[_i];
    struct mt_test_session t = open_sizes(z, "true");
    const struct mt_subset *set = &t.s->data->subset[MT_SPLIT_TRAIN];
    uint32_t first[SAMPLES], second[SAMPLES], room;
    bool seen[SAMPLES] = { false };

    ck_assert_uint_eq(mt_session_order_size(t.s), z->n);
    ck_assert_uint_eq(samples_of(t.s, first), z->n);
    for (size_t i = 0; i < z->n; i++) {
        ck_assert(!seen[first[i]]);
        seen[first[i]] = true;
    }
    for (uint32_t i = 0; i < z->n; i++) {
        const uint32_t *row = mt_subset_rows(set, i, 1, &room);

        ck_assert(seen[row ? *row : i]);
    }
    t.s->at.epoch++;
    ck_assert_uint_eq(samples_of(t.s, second), z->n);
    ck_assert_mem_ne(first, second, z->n * sizeof *first);
    mt_test_close(&t);
}
END_TEST

Suite *batch_suite(void);
Suite *batch_suite(void)
{
    enum { SIZES = sizeof sizes / sizeof *sizes };
    Suite *s = suite_create("batch");
    TCase *tc = tcase_create("batch");

    tcase_add_loop_test(tc, in_the_order_of_the_data, 0, SIZES);
    tcase_add_loop_test(tc, shuffled, 0, SIZES);
    suite_add_tcase(s, tc);
    return s;
}
