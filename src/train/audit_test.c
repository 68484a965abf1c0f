/*
 * Copies of models: an optimizer moves only the tensors that it is bound to,
 * and the audit reports it.
 */
#include "train/audit.h"
#include "train/testing.h"

Suite *audit_suite(void);

/* Forward and backward of one made-up batch on a model. */
static void backward(struct mt_model *m)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_program p;
    float x[4 * 5];
    int32_t t[4] = { 0, 1, 2, 1 };
    void *memory;

    for (int i = 0; i < 20; i++)
        x[i] = 0.1f * (float)(i % 7) - 0.3f;
    ck_assert(mt_model_record(m, 4, true, 1, &p, &err) == MT_OK);
    memory = aligned_alloc(64, (mt_graph_bytes(p.graph) + 64) / 64 * 64);
    ck_assert_ptr_nonnull(memory);
    mt_graph_bind(p.graph, memory);
    p.x->data = x;
    p.t->data = t;
    mt_graph_run(p.graph, NULL, 0);
    mt_graph_free(p.graph);
    free(memory);
}

static double gradient_size(const struct mt_model *m)
{
    double sum = 0;

    for (size_t i = 0; i < m->store.flat; i++)
        sum += (double)(m->store.grads[i] * m->store.grads[i]);
    return sum;
}

/* The trap: backward on the copy, a step of the source's optimizer. */
START_TEST(source_optimizer_does_not_move_the_copy)
{
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, NULL);
    struct mt_err err = MT_ERR_INIT;
    struct mt_model *b;
    struct mt_audit audit;

    ck_assert(mt_model_clone(a.s->model, &b, &err) == MT_OK);
    backward(b);
    ck_assert(gradient_size(b) > 0);
    ck_assert(gradient_size(a.s->model) == 0);
    mt_session_schedule(a.s);
    ck_assert(mt_audit_before(&b->store, &audit, &err) == MT_OK);
    mt_optimizer_step(a.s->optimizer, a.s->now, NULL);
    mt_audit_after(&b->store, a.s->optimizer, a.s->now, &audit);
    ck_assert_uint_eq(audit.trainable, 4);
    ck_assert_uint_eq(audit.moved, 0);
    ck_assert_uint_eq(audit.n_unmoved, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(mt_reason_text(audit.unmoved[i].reason),
                         "not in the optimizer");
    ck_assert(mt_audit_check(&audit, false, &err) == MT_NO_EFFECT);
    ck_assert_ptr_nonnull(strstr(err.text, "moved 0 of 4"));
    ck_assert_ptr_nonnull(strstr(err.text, "fc1.weight: not in the optimizer"));
    mt_audit_free(&audit);
    mt_model_free(b);
    mt_test_close(&a);
}
END_TEST

/* The right way: a new optimizer, bound to the copy. */
START_TEST(own_optimizer_moves_the_copy_alone)
{
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, NULL);
    struct mt_err err = MT_ERR_INIT;
    struct mt_model *b;
    struct mt_optimizer *o;
    struct mt_audit of_a, of_b;

    ck_assert(mt_model_clone(a.s->model, &b, &err) == MT_OK);
    backward(b);
    ck_assert(mt_optimizer_new(a.doc, mt_json_get(mt_json_root(a.doc),
                                                  "optimizer"),
                               &b->store, &o, &err) == MT_OK);
    mt_session_schedule(a.s);
    ck_assert(mt_audit_before(&a.s->model->store, &of_a, &err) == MT_OK);
    ck_assert(mt_audit_before(&b->store, &of_b, &err) == MT_OK);
    mt_optimizer_step(o, a.s->now, NULL);
    mt_audit_after(&a.s->model->store, o, a.s->now, &of_a);
    mt_audit_after(&b->store, o, a.s->now, &of_b);
    ck_assert_uint_eq(of_a.moved, 0);
    ck_assert_uint_eq(of_b.moved, 4);
    ck_assert(mt_audit_check(&of_b, true, &err) == MT_OK);
    mt_audit_free(&of_a);
    mt_audit_free(&of_b);
    mt_optimizer_free(o);
    mt_model_free(b);
    mt_test_close(&a);
}
END_TEST

START_TEST(clone_shares_nothing)
{
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, NULL);
    struct mt_err err = MT_ERR_INIT;
    struct mt_model *b;

    ck_assert(mt_model_clone(a.s->model, &b, &err) == MT_OK);
    for (size_t i = 0; i < b->store.n; i++) {
        struct mt_tensor *x = a.s->model->store.tensors[i];
        struct mt_tensor *y = b->store.tensors[i];

        ck_assert_str_eq(x->name, y->name);
        ck_assert_ptr_ne(x->data, y->data);
        ck_assert_ptr_ne(x->grad, y->grad);
        ck_assert_mem_eq(x->data, y->data, x->count * sizeof(float));
        *(float *)x->data = 42;
        ck_assert(*(float *)y->data != 42);
    }
    mt_model_free(b);
    mt_test_close(&a);
}
END_TEST

/* One audited step of a session; returns the audit. */
static struct mt_audit audited(struct mt_session *s)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_audit audit;

    ck_assert(mt_audit_before(&s->model->store, &audit, &err) == MT_OK);
    mt_test_steps(s, 1);
    mt_audit_after(&s->model->store, s->optimizer, s->now, &audit);
    return audit;
}

static const char *reason_of(const struct mt_audit *audit, const char *name)
{
    for (size_t i = 0; i < audit->n_unmoved; i++) {
        if (strcmp(audit->unmoved[i].name, name) == 0)
            return mt_reason_text(audit->unmoved[i].reason);
    }
    return "moved";
}

START_TEST(reasons)
{
    static const char *const frozen[] = { "model.freeze", "[\"fc1.*\"]", NULL };
    static const char *const no_lr[] = { "optimizer.groups",
                                         "[{\"params\":\"*.bias\",\"lr\":0}]",
                                         NULL };
    static const char *const tiny[] = { "optimizer.lr", "1e-30", NULL };
    static const char *const dead[] = { "model.init",
                                        "[{\"params\":\"fc2.weight\","
                                        "\"type\":\"zeros_\"}]", NULL };
    struct { const char *const *set; const char *name, *reason; size_t moved; }
    cases[] = {
        { frozen, "fc1.weight", "frozen", 2 },
        { frozen, "fc2.weight", "moved", 2 },
        { no_lr, "fc1.bias", "lr is 0", 2 },
        { tiny, "fc2.weight", "update rounds to nothing", 0 },
        { dead, "fc1.weight", "zero gradient", 2 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mt_test_session t = mt_test_open(MT_TEST_SPEC, cases[i].set);
        struct mt_audit audit = audited(t.s);

        ck_assert_str_eq(reason_of(&audit, cases[i].name), cases[i].reason);
        if (i != 3)
            ck_assert_uint_eq(audit.moved, cases[i].moved);
        mt_audit_free(&audit);
        mt_test_close(&t);
    }
}
END_TEST

/* Any bit of any element counts, but only once: the next audit compares with
 * the new values. */
START_TEST(one_bit_is_a_move)
{
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, NULL);
    const struct mt_store *store = &t.s->model->store;
    struct mt_err err = MT_ERR_INIT;
    struct mt_audit audit;

    mt_session_schedule(t.s);
    ck_assert(mt_audit_before(store, &audit, &err) == MT_OK);
    for (size_t i = 0; i < store->n; i++) {
        struct mt_tensor *x = store->tensors[i];

        for (size_t bit = 0; bit < 32 * x->count; bit++) {
            ((unsigned char *)x->data)[bit / 8] ^=
                (unsigned char)(1 << bit % 8);
            mt_audit_after(store, t.s->optimizer, t.s->now, &audit);
            ck_assert_uint_eq(audit.moved, 1);
            ck_assert_str_eq(reason_of(&audit, x->name), "moved");
            mt_audit_after(store, t.s->optimizer, t.s->now, &audit);
            ck_assert_uint_eq(audit.moved, 0);
        }
    }
    mt_audit_free(&audit);
    mt_test_close(&t);
}
END_TEST

Suite *audit_suite(void)
{
    Suite *suite = suite_create("audit");
    TCase *tc = tcase_create("audit");

    tcase_add_test(tc, source_optimizer_does_not_move_the_copy);
    tcase_add_test(tc, own_optimizer_moves_the_copy_alone);
    tcase_add_test(tc, clone_shares_nothing);
    tcase_add_test(tc, reasons);
    tcase_add_test(tc, one_bit_is_a_move);
    suite_add_tcase(suite, tc);
    return suite;
}
