#include "graph/tensor.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct mt_store store = MT_STORE_INIT;

static void leave(void)
{
    mt_store_free(&store);
}

static struct mt_tensor *add(const char *name, size_t rows, size_t cols)
{
    struct mt_shape shape = mt_shape_of(2, rows, cols);
    struct mt_tensor *t = mt_store_add(&store, name, MT_F32, &shape, false);

    ck_assert_ptr_nonnull(t);
    return t;
}

static void allocate(void)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(mt_store_allocate(&store, &err) == MT_OK, "%s", err.text);
}

START_TEST(tensors_are_found_by_name)
{
    char name[] = "fc1.weight";
    struct mt_tensor *t = add(name, 4, 3);

    name[0] = 'X'; /* names are copied */
    ck_assert_str_eq(t->name, "fc1.weight");
    ck_assert_ptr_eq(mt_store_find(&store, "fc1.weight"), t);
    ck_assert_ptr_null(mt_store_find(&store, "fc1.weigh"));
    ck_assert_ptr_null(mt_store_find(&store, ""));
    ck_assert_uint_eq(t->count, 12);
    ck_assert_int_eq(t->shape.rank, 2);
    ck_assert(t->requires_grad && !t->buffer && !t->has_grad);
}
END_TEST

START_TEST(there_may_be_many)
{
    char name[32];

    for (size_t i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        add(name, 1, i % 7);
    }
    ck_assert_uint_eq(store.n, 500);
    allocate();
    for (size_t i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        ck_assert_ptr_eq(mt_store_find(&store, name), store.tensors[i]);
        ck_assert_str_eq(store.tensors[i]->name, name);
    }
}
END_TEST

/* In the order of their declaration, each at a multiple of 16 floats. */
START_TEST(trainable_parameters_lie_in_one_block)
{
    struct mt_tensor *a = add("a", 4, 5), *b = add("b", 1, 1);
    struct mt_tensor *frozen = add("frozen", 3, 3), *c = add("c", 1, 16);
    struct mt_tensor *last = add("last", 17, 1);

    frozen->requires_grad = false;
    allocate();
    ck_assert_uint_eq(a->offset, 0);
    ck_assert_uint_eq(b->offset, 32);
    ck_assert_uint_eq(c->offset, 48);
    ck_assert_uint_eq(last->offset, 64);
    ck_assert_uint_eq(store.flat, 96);
    ck_assert_uint_eq((uintptr_t)store.values % 64, 0);
    ck_assert_uint_eq((uintptr_t)store.grads % 64, 0);
    for (size_t i = 0; i < store.n; i++) {
        const struct mt_tensor *t = store.tensors[i];

        if (t != frozen) {
            ck_assert_ptr_eq(t->data, store.values + t->offset);
            ck_assert_ptr_eq(t->grad, store.grads + t->offset);
        }
    }
    ck_assert_ptr_null(frozen->grad);
    ck_assert_ptr_nonnull(frozen->data);
}
END_TEST

START_TEST(memory_starts_as_zeros)
{
    struct mt_shape shape = mt_shape_of(1, (size_t)5);
    struct mt_tensor *a = add("a", 4, 5), *frozen = add("frozen", 30, 30);
    struct mt_tensor *count =
        mt_store_add(&store, "count", MT_I64, &shape, true);

    frozen->requires_grad = false;
    allocate();
    for (size_t i = 0; i < store.flat; i++)
        ck_assert(store.values[i] == 0 && store.grads[i] == 0);
    for (size_t i = 0; i < 900; i++)
        ck_assert(((float *)frozen->data)[i] == 0);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(((int64_t *)count->data)[i], 0);
    memset(a->data, 1, 20 * sizeof(float));
    memset(frozen->data, 2, 900 * sizeof(float));
    memset(count->data, 3, 5 * sizeof(int64_t));
    ck_assert_int_eq(((unsigned char *)a->data)[79], 1);
    ck_assert_int_eq(((unsigned char *)frozen->data)[0], 2);
}
END_TEST

START_TEST(buffers_are_not_learned)
{
    struct mt_shape scalar = { .rank = 0 };
    struct mt_tensor *t =
        mt_store_add(&store, "bn.num_batches", MT_I64, &scalar, true);

    ck_assert(t->buffer && !t->requires_grad);
    ck_assert_uint_eq(t->count, 1);
    allocate();
    ck_assert_uint_eq(store.flat, 0);
    ck_assert_ptr_nonnull(t->data);
    ck_assert_ptr_null(t->grad);
}
END_TEST

START_TEST(an_empty_store_is_fine)
{
    allocate();
    ck_assert_uint_eq(store.flat, 0);
    ck_assert_ptr_nonnull(store.values);
    ck_assert_ptr_null(mt_store_find(&store, "a"));
}
END_TEST

/* Sizes whose bytes, padding or sum do not fit a size_t, or any memory; nothing
 * may be allocated for them. */
START_TEST(impossible_sizes_are_refused)
{
    const size_t sizes[][3] = {
        { SIZE_MAX, 1, 1 },
        { SIZE_MAX - 14, 1, 1 },
        { SIZE_MAX / 2, 1, 1 },
        { SIZE_MAX / 4 + 1, 1, 1 },
        { SIZE_MAX / 16, SIZE_MAX / 16, SIZE_MAX / 16 },
    };
    struct mt_err err = MT_ERR_INIT;

    add("a", sizes[_i / 2][0], 1)->requires_grad = _i % 2;
    add("b", sizes[_i / 2][1], 1);
    add("c", sizes[_i / 2][2], 1);
    ck_assert_int_eq(mt_store_allocate(&store, &err), MT_NO_MEMORY);
    ck_assert_ptr_nonnull(strstr(err.text, "memory"));
}
END_TEST

START_TEST(stores_copy_into_one_another)
{
    struct mt_store other = MT_STORE_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_shape two = mt_shape_of(2, (size_t)2, (size_t)9);
    struct mt_shape one = mt_shape_of(1, (size_t)3);
    struct mt_store *both[] = { &store, &other };

    for (size_t i = 0; i < 2; i++) {
        struct mt_tensor *w = mt_store_add(both[i], "w", MT_F32, &two, false);
        struct mt_tensor *c = mt_store_add(both[i], "c", MT_I64, &one, true);

        w->requires_grad = i == 0; /* frozen in the other */
        ck_assert_int_eq(mt_store_allocate(both[i], &err), MT_OK);
        for (size_t k = 0; k < 18; k++)
            ((float *)w->data)[k] = (float)(k + 100 * i);
        for (size_t k = 0; k < 3; k++)
            ((int64_t *)c->data)[k] = (int64_t)(k + 100 * i) << 40;
    }
    mt_store_copy(&store, &other);
    for (size_t k = 0; k < 18; k++)
        ck_assert(((float *)store.tensors[0]->data)[k] == (float)(k + 100));
    ck_assert_int_eq(((int64_t *)store.tensors[1]->data)[2], INT64_C(102)
                                                                 << 40);
    ((float *)other.tensors[0]->data)[0] = 7;
    ck_assert(((float *)store.tensors[0]->data)[0] == 100);
    mt_store_free(&other);
}
END_TEST

START_TEST(a_freed_store_is_empty)
{
    add("a", 3, 3);
    allocate();
    mt_store_free(&store);
    ck_assert_uint_eq(store.n, 0);
    ck_assert_ptr_null(store.values);
    mt_store_free(&store);
    add("a", 3, 3);
    allocate();
    ck_assert_uint_eq(store.flat, 16);
}
END_TEST

START_TEST(takes_the_memory_that_is_asked_for)
{
    struct mt_tensor *w = add("w", 3, 3), *frozen = add("f", 2, 2);
    bool values = _i != MT_MEMORY_NONE, grads = _i == MT_MEMORY_TRAINING;

    frozen->requires_grad = false;
    store.memory = (enum mt_memory)_i;
    allocate();
    ck_assert_uint_eq(store.flat, 16); /* whatever the memory */
    ck_assert(!store.values == !values && !store.grads == !grads);
    ck_assert(w->data == store.values);
    ck_assert(w->grad == store.grads);
    ck_assert(!frozen->data == !values && !frozen->grad);
}
END_TEST

Suite *tensor_suite(void);

Suite *tensor_suite(void)
{
    Suite *s = suite_create("tensor");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, NULL, leave);
    tcase_add_test(t, tensors_are_found_by_name);
    tcase_add_test(t, there_may_be_many);
    tcase_add_test(t, trainable_parameters_lie_in_one_block);
    tcase_add_test(t, memory_starts_as_zeros);
    tcase_add_test(t, buffers_are_not_learned);
    tcase_add_test(t, an_empty_store_is_fine);
    tcase_add_loop_test(t, impossible_sizes_are_refused, 0, 10);
    tcase_add_test(t, stores_copy_into_one_another);
    tcase_add_test(t, a_freed_store_is_empty);
    tcase_add_loop_test(t, takes_the_memory_that_is_asked_for,
                        MT_MEMORY_TRAINING, MT_MEMORY_NONE + 1);
    suite_add_tcase(s, t);
    return s;
}
