/* Models opened from a checkpoint alone, against the session that made it. */
#include "train/infer.h"

#include <math.h>

#include "train/state.h"
#include "train/testing.h"

static struct mt_test_session made;
static struct mt_bundle bundle;
static struct mt_err error;

static void make(const char *spec, const char *const *overrides)
{
    made = mt_test_open(spec, overrides);
    mt_test_steps(made.s, 5);
    ck_assert_int_eq(mt_state_save(made.s, &bundle, &error), MT_OK);
}

static void done(void)
{
    mt_bundle_free(&bundle);
    mt_test_close(&made);
}

static struct mt_infer *open_it(void)
{
    struct mt_infer *m;

    ck_assert_msg(mt_infer_open(&bundle, "t.mtc", NULL, &m, &error) == MT_OK,
                  "%s", error.text);
    return m;
}

START_TEST(same_as_the_session)
{
    struct mt_program program;
    struct mt_infer *m;
    const struct mt_model *model;
    float x[20 * 5], t[20];
    void *memory;
    const float *y;

    make(MT_TEST_SPEC, NULL);
    m = open_it();
    model = made.s->model;
    ck_assert(mt_shape_equal(&m->model->output, &model->output));
    ck_assert_uint_eq(m->facts.classes, 3);
    ck_assert_str_eq(m->format->name, "synthetic");
    for (size_t i = 0; i < m->model->store.n; i++)
        ck_assert_int_eq(memcmp(m->model->store.tensors[i]->data,
                                model->store.tensors[i]->data,
                                model->store.tensors[i]->count * 4), 0);

    ck_assert_int_eq(mt_model_record(made.s->model, 20, false, 1, &program,
                                     &error), MT_OK);
    memory = aligned_alloc(64, (mt_graph_bytes(program.graph) / 64 + 1) * 64);
    mt_graph_bind(program.graph, memory);
    mt_gather_f32(&made.s->data->train.x, &made.s->data->fitted.norm,
                  &(const struct mt_samples){ NULL, 0, 20 }, x,
                  &error);
    memset(t, 0, sizeof t);
    program.x->data = x;
    program.t->data = t;
    mt_graph_run(program.graph, NULL, 0);
    ck_assert_int_eq(mt_infer_prepare(m, 20, &m->model->x, &error), MT_OK);
    mt_infer_gather(m, &made.s->data->train.x, &error);
    y = mt_infer_run(m);
    ck_assert_int_eq(memcmp(y, program.y->data, 20 * 3 * sizeof *y), 0);
    mt_graph_free(program.graph);
    free(memory);
    mt_infer_close(m);
    done();
}
END_TEST

START_TEST(a_description_has_no_values)
{
    struct mt_infer *m;
    struct mt_array *w = NULL;

    make(MT_TEST_SPEC, NULL);
    for (size_t i = 0; i < bundle.n; i++) {
        if (strcmp(bundle.arrays[i].name, "model/fc1.weight") == 0)
            w = &bundle.arrays[i];
    }
    ck_assert_ptr_nonnull(w);
    w->data = NULL; /* values are not needed, */
    ck_assert_msg(mt_infer_describe(&bundle, "t.mtc", &m, &error) == MT_OK,
                  "%s", error.text);
    ck_assert_uint_eq(mt_model_parameters(m->model, false), 5 * 8 + 8 + 27);
    ck_assert(mt_shape_equal(&m->model->output, &made.s->model->output));
    ck_assert(!m->model->store.values && !m->model->store.grads);
    mt_infer_close(m);

    w->shape.dim[0]++; /* but names and shapes must be right */
    ck_assert_int_eq(mt_infer_describe(&bundle, "t.mtc", &m, &error),
                     MT_MISMATCH);
    ck_assert_ptr_nonnull(strstr(error.text, "model/fc1.weight"));
    done();
}
END_TEST

/* Samples 0 ... 19 in batches of every size. */
START_TEST(any_batch_gives_the_same_bits)
{
    struct mt_infer *m;
    float first[20 * 3];

    make(MT_TEST_SPEC, NULL);
    m = open_it();
    for (size_t batch = 20; batch > 0; batch--) {
        for (size_t at = 0; at + batch <= 20; at += batch) {
            struct mt_column x = made.s->data->train.x;
            const float *y;

            x.data = (const char *)x.data + at * x.stride;
            ck_assert_int_eq(mt_infer_prepare(m, batch, &m->model->x, &error),
                             MT_OK);
            mt_infer_gather(m, &x, &error);
            y = mt_infer_run(m);
            if (batch == 20)
                memcpy(first, y, sizeof first);
            ck_assert_int_eq(memcmp(first + at * 3, y, batch * 3 * sizeof *y),
                             0);
        }
    }
    mt_infer_close(m);
    done();
}
END_TEST

/* Replaces the text of an array, or hides the array (text NULL). */
static void replace(const char *name, const char *text)
{
    for (size_t i = 0; i < bundle.n; i++) {
        struct mt_array *a = &bundle.arrays[i];

        if (strcmp(a->name, name) != 0)
            continue;
        if (!text) {
            a->name = "gone/gone";
            return;
        }
        a->data = (void *)(uintptr_t)text;
        a->shape = mt_shape_of(1, strlen(text));
        return;
    }
    ck_abort_msg("no %s", name);
}

static void refuses(const char *name, const char *text, const char *place,
                    const char *cause)
{
    struct mt_infer *m;

    make(MT_TEST_SPEC, NULL);
    replace(name, text);
    ck_assert_int_ne(mt_infer_open(&bundle, "t.mtc", NULL, &m, &error), MT_OK);
    ck_assert_msg(strstr(error.text, place) && strstr(error.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", error.text, place, cause);
    done();
}

START_TEST(bad_checkpoints)
{
    refuses("spec/json", NULL, "t.mtc", "no spec");
    refuses("spec/data.json", NULL, "t.mtc", "no spec/data.json");
    refuses("spec/data.json", "{", "t.mtc: spec/data.json:1:", "");
    refuses("spec/data.json", "{\"y\":[]}", "spec/data.json:1:1", "\"x\"");
    refuses("spec/data.json", "{\"x\":[0],\"y\":[]}", "spec/data.json:1:7",
            "above 0");
    refuses("spec/data.json", "{\"x\":[1.5],\"y\":[]}", "spec/data.json:1:7",
            "whole numbers");
    refuses("spec/data.json",
            "{\"x\":[1000000000000,1000000000000,3],\"y\":[]}",
            "spec/data.json:1:2: x:", "too large");
    refuses("spec/data.json", "{\"x\":[1,1,1,1,1,1,1,1],\"y\":[]}",
            "spec/data.json:1:21", "at most 7");
    refuses("spec/data.json", "{\"x\":[5],\"y\":[]}", "spec/data.json:1:1",
            "x_dtype");
    refuses("spec/data.json", "{\"x\":[5],\"y\":[],\"x_dtype\":\"int9\"}",
            "spec/data.json:1:", "x_dtype");
    refuses("spec/data.json",
            "{\"x\":[5],\"y\":[],\"x_dtype\":\"float32\","
            "\"feature_names\":[\"a\"]}", "feature_names", "expected 5 names");
    refuses("spec/data.json", "{\"x\":[6],\"y\":[],\"x_dtype\":\"float32\"}",
            "t.mtc: model/fc1.weight", "[8, 6]");
    refuses("model/fc2.bias", NULL, "t.mtc: ", "model/fc2.bias is missing");
}
END_TEST

START_TEST(too_many_tensors)
{
    float extra = 1;
    struct mt_infer *m;

    make(MT_TEST_SPEC, NULL);
    mt_bundle_list(&bundle, "model/more", MT_F32, &extra, 1);
    ck_assert_int_eq(mt_infer_open(&bundle, "t.mtc", NULL, &m, &error),
                     MT_MISMATCH);
    ck_assert_ptr_nonnull(strstr(error.text, "1 tensor that the spec's"));
    done();
}
END_TEST

START_TEST(statistics_must_fit)
{
    float v[2] = { 1, 1 };
    struct mt_infer *m;

    make(MT_TEST_SPEC, NULL);
    mt_bundle_list(&bundle, "spec/data.mean", MT_F32, v, 2);
    mt_bundle_list(&bundle, "spec/data.std", MT_F32, v, 2);
    ck_assert_int_eq(mt_infer_open(&bundle, "t.mtc", NULL, &m, &error),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(error.text,
                                 "spec/data.mean: 2 values do not fit"));
    done();
}
END_TEST

START_TEST(another_input_shape_is_refused)
{
    struct mt_shape shape = mt_shape_of(1, (size_t)4);
    struct mt_infer *m;

    make(MT_TEST_SPEC, NULL);
    m = open_it();
    ck_assert_int_ne(mt_infer_prepare(m, 2, &shape, &error), MT_OK);
    ck_assert_ptr_nonnull(strstr(error.text, "fc1"));
    ck_assert_ptr_nonnull(strstr(error.text, "[8, 5]"));
    ck_assert_ptr_nonnull(strstr(error.text, "[8, 4]"));
    ck_assert_int_eq(mt_infer_prepare(m, 2, &m->model->x, &error), MT_OK);
    mt_infer_close(m);
    done();
}
END_TEST

START_TEST(probabilities)
{
    float x[] = { 1000, 999, 1000, -3e38f };
    struct mt_class_layout layout = { 4, 3, 2 };
    float y[12], row[3];
    double p[4];

    mt_probabilities(x, 4, p);
    ck_assert_uint_eq(mt_argmax(x, 4), 0); /* the first of equals */
    ck_assert(p[0] == p[2] && p[3] == 0);
    ck_assert_double_eq_tol(p[0], 1 / (2 + exp(-1)), 1e-15);
    ck_assert_double_eq_tol(p[1], exp(-1) / (2 + exp(-1)), 1e-15);
    for (int i = 0; i < 12; i++)
        y[i] = (float)i;
    mt_class_row(&layout, y, 3, row); /* [1][c][1] of [2][3][2] */
    ck_assert(row[0] == 7 && row[1] == 9 && row[2] == 11);
}
END_TEST

Suite *infer_suite(void);
Suite *infer_suite(void)
{
    Suite *suite = suite_create("infer");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, same_as_the_session);
    tcase_add_test(tc, a_description_has_no_values);
    tcase_add_test(tc, any_batch_gives_the_same_bits);
    tcase_add_test(tc, bad_checkpoints);
    tcase_add_test(tc, too_many_tensors);
    tcase_add_test(tc, statistics_must_fit);
    tcase_add_test(tc, another_input_shape_is_refused);
    tcase_add_test(tc, probabilities);
    suite_add_tcase(suite, tc);
    return suite;
}
