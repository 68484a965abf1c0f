/* First fit, against a search of all places, and how the work grows. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/philox.h"
#include "graph/place.h"

struct value {
    size_t bytes, born, dies, at;
};

static size_t below(uint64_t seed, uint64_t i, size_t n)
{
    return mt_philox_word(mt_philox_key(seed, "place", ""), 0, i) % n;
}

static bool meet(const struct value *a, const struct value *b)
{
    return a->born <= b->dies && b->born <= a->dies &&
           a->at < b->at + b->bytes && b->at < a->at + a->bytes;
}

/* The lowest of address 0 and the ends of others at which v overlaps none. */
static size_t first_fit(const struct value *placed, size_t n, struct value v)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i <= n; i++) {
        bool fits = true;

        v.at = i < n ? placed[i].at + placed[i].bytes : 0;
        for (size_t k = 0; k < n && fits; k++)
            fits = !meet(&v, &placed[k]);
        if (fits && v.at < best)
            best = v.at;
    }
    return best;
}

static size_t place(struct mt_places *p, const struct value *v)
{
    struct mt_err err = MT_ERR_INIT;
    size_t at = mt_places_find(p, v->bytes, v->born, v->dies);

    ck_assert_int_eq(mt_places_take(p, at, at + v->bytes, v->born, v->dies,
                                    &err),
                     MT_OK);
    return at;
}

static struct mt_places *new_places(size_t times)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_places *p = NULL;

    ck_assert_int_eq(mt_places_new(times, &p, &err), MT_OK);
    return p;
}

/* Lives of all lengths, in any order of sizes. */
static void place_at_random(uint64_t seed)
{
    enum { VALUES = 120 };
    size_t times = 1 + below(seed, 0, 90);
    struct value v[VALUES];
    struct mt_places *p = new_places(times);

    for (size_t i = 0; i < VALUES; i++) {
        size_t born = below(seed, 4 * i + 1, times);
        size_t longest = below(seed, 4 * i + 2, 4) ? 5 : times;

        v[i] = (struct value){ 1 + below(seed, 4 * i + 3, 6), born,
                               born + below(seed, 4 * i + 4, longest), 0 };
        if (v[i].dies >= times)
            v[i].dies = times - 1;
        v[i].at = place(p, &v[i]);
        ck_assert_msg(v[i].at == first_fit(v, i, v[i]),
                      "seed %d, value %zu is at %zu, not %zu", (int)seed, i,
                      v[i].at, first_fit(v, i, v[i]));
    }
    mt_places_free(p);
}

START_TEST(a_value_is_at_the_lowest_place_that_is_free)
{
    for (uint64_t seed = 0; seed < 150; seed++)
        place_at_random(seed);
}
END_TEST

/* A deep network: activations that live from forward to backward, and gradients
 * that live between two steps of backward, of `sizes` different sizes. */
static size_t work_of_chain(size_t n, size_t sizes)
{
    struct mt_places *p = new_places(2 * n + 1);
    size_t work;

    for (size_t size = sizes; size > 0; size--) {
        for (size_t i = size - 1; i < n; i += sizes)
            place(p, &(struct value){ 64 * size, i, 2 * n - i, 0 });
        for (size_t i = size - 1; i < n; i += sizes)
            place(p, &(struct value){ 64 * size, 2 * n - i - 1, 2 * n - i, 0 });
    }
    work = mt_places_work(p);
    mt_places_free(p);
    return work;
}

/* For sixteen times as many values, n log n grows about 24 times, n^2 256
 * times. */
START_TEST(work_hardly_grows_faster_than_the_values)
{
    static const size_t sizes[] = { 1, 5, 50 };

    for (size_t i = 0; i < 3; i++) {
        size_t few = work_of_chain(1000, sizes[i]);
        size_t many = work_of_chain(16000, sizes[i]);

        ck_assert_msg(many < 40 * few, "%zu sizes: %zu became %zu", sizes[i],
                      few, many);
    }
}
END_TEST

Suite *place_suite(void);

Suite *place_suite(void)
{
    Suite *s = suite_create("place");
    TCase *t = tcase_create("core");

    tcase_add_test(t, a_value_is_at_the_lowest_place_that_is_free);
    tcase_add_test(t, work_hardly_grows_faster_than_the_values);
    suite_add_tcase(s, t);
    return s;
}
