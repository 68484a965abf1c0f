#include <check.h>

#include "ckpt/torch_testing.h"

static float numbers[24];
static char notes[2000];

static void note(void *ctx, bool damage, const char *what)
{
    size_t n = strlen(notes);

    (void)ctx;
    snprintf(notes + n, sizeof notes - n, "%s%s\n", damage ? "! " : "", what);
}

static void enter(void)
{
    testing_enter();
    for (size_t i = 0; i < 24; i++)
        numbers[i] = (float)i;
    *notes = '\0';
}

static struct mt_statefile *open_with(const struct mt_state_options *options)
{
    struct mt_statefile *f = NULL;

    ck_assert_msg(mt_statefile_open("x.pt", options, &f, &err) == MT_OK, "%s",
                  err.text);
    ck_assert_str_eq(mt_statefile_format(f), "torch");
    return f;
}

static struct mt_statefile *open_file(void)
{
    return open_with(&(struct mt_state_options){ .note = note });
}

static void refused(const char *says)
{
    struct mt_statefile *f = NULL;

    ck_assert_int_eq(mt_statefile_open("x.pt", NULL, &f, &err), MT_INVALID);
    testing_says(err, "x.pt: ", says);
}

/* Reads as floats and compares with n numbers. */
static void check_floats(struct mt_statefile *f, const char *name, size_t n,
                         const float *expected)
{
    const struct mt_array *a = mt_statefile_find(f, name);
    float out[24];

    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(mt_shape_elements(&a->shape), n);
    ck_assert_msg(mt_statefile_read(f, a, out, &err) == MT_OK, "%s", err.text);
    ck_assert_mem_eq(out, expected, n * sizeof *out);
}

static const struct pk_tensor all = { "0", "Float", 24, 0, 1, { 24 }, { 1 } };

/* Views of one storage: all of it, from an offset, every other element,
 * transposed, and one of a single number. */
static void add_views(struct pk *p)
{
    pk_put(p, "}(");
    pk_item(p, "all", &all);
    pk_item(p, "tail",
            &(struct pk_tensor){ "0", "Float", 24, 21, 1, { 3 }, { 1 } });
    pk_item(p, "every",
            &(struct pk_tensor){ "0", "Float", 24, 1, 1, { 3 }, { 8 } });
    pk_item(p, "turned",
            &(struct pk_tensor){ "0", "Float", 24, 0, 2, { 2, 3 }, { 1, 8 } });
    pk_item(p, "same",
            &(struct pk_tensor){ "0", "Float", 24, 5, 2, { 2, 2 }, { 0, 0 } });
    pk_item(p, "one",
            &(struct pk_tensor){ "0", "Float", 24, 7, 0, { 0 }, { 0 } });
    pk_put(p, "u");
}

static void check_views(void)
{
    struct mt_statefile *f = open_file();

    ck_assert_uint_eq(mt_statefile_count(f), 6);
    check_floats(f, "all", 24, numbers);
    check_floats(f, "tail", 3, numbers + 21);
    check_floats(f, "every", 3, (float[]){ 1, 9, 17 });
    check_floats(f, "turned", 6, (float[]){ 0, 8, 16, 1, 9, 17 });
    check_floats(f, "same", 4, (float[]){ 5, 5, 5, 5 });
    check_floats(f, "one", 1, (float[]){ 7 });
    mt_statefile_close(f);
    ck_assert_str_eq(notes, "");
}

START_TEST(views)
{
    struct pk p = { .n = 0 };

    add_views(&p);
    if (_i < 2)
        pk_write(&p, numbers, sizeof numbers, _i == 1, "x.pt");
    else
        pk_write_old(&p, numbers, 24, sizeof *numbers, "x.pt");
    check_views();
}
END_TEST

/* OrderedDict([["w", tensor]]), as in protocol 0, and parameters. */
START_TEST(wrapped)
{
    struct pk p = { .n = 0 };

    pk_put(&p, "ccollections\nOrderedDict\n((l(l");
    pk_text(&p, "w");
    pk_put(&p, "actorch._utils\n_rebuild_parameter\n("
               "ctorch._tensor\n_rebuild_from_type_v2\n("
               "ctorch._utils\n_rebuild_parameter\nctorch\nTensor\n(");
    /* the list of one pair holds: "w", parameter of a subclass of a parameter
     * of the tensor */
    pk_tensor(&p, &all);
    pk_put(&p, "\x88"
               "Nt}tR\x88NtRaatR");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    struct mt_statefile *f = open_file();

    check_floats(f, "w", 24, numbers);
    mt_statefile_close(f);
}
END_TEST

START_TEST(wrapped_too_often)
{
    struct pk p = { .n = 0 };

    pk_put(&p, "}");
    pk_text(&p, "w");
    for (int i = 0; i < 20; i++)
        pk_put(&p, "ctorch.nn.parameter\nParameter\n(");
    pk_tensor(&p, &all);
    for (int i = 0; i < 20; i++)
        pk_put(&p, "tR");
    pk_put(&p, "s");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    refused("wrapped too often");
}
END_TEST

/* {"net": {"w": ...}, "opt": {"state": {3: {"step": 5, "m": ...}},
 * "param_groups": [...]}, "rng": ...} */
static void add_checkpoint(struct pk *p, const char *net)
{
    pk_put(p, "}(");
    pk_text(p, net);
    pk_put(p, "}");
    pk_item(p, "w", &all);
    pk_put(p, "s");
    pk_text(p, "opt");
    pk_put(p, "}(");
    pk_text(p, "state");
    pk_put(p, "}K\3}(");
    pk_text(p, "step");
    pk_put(p, "K\5");
    pk_item(p, "m", &all);
    pk_put(p, "us");
    pk_text(p, "param_groups");
    pk_put(p, "]}(");
    pk_text(p, "lr");
    pk_put(p, "F0.5\n");
    pk_text(p, "betas");
    pk_put(p, "F0.9\nF0.99\n\x86");
    pk_text(p, "maximize");
    pk_put(p, "\x88");
    pk_text(p, "foreach");
    pk_put(p, "N");
    pk_text(p, "params");
    pk_put(p, "](K\3K\4eua");
    pk_put(p, "u");
    pk_item(p, "rng", &all);
    pk_put(p, "u");
}

START_TEST(checkpoints)
{
    struct pk p = { .n = 0 };
    size_t n;
    int64_t step = 0;

    add_checkpoint(&p, "net");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    struct mt_statefile *f = open_file();
    const struct mt_state_group *g = mt_statefile_groups(f, &n);

    ck_assert_str_eq(notes, "x.pt: takes the entry \"net\"\n");
    ck_assert_uint_eq(mt_statefile_count(f), 3);
    check_floats(f, "w", 24, numbers);
    check_floats(f, "optimizer.m.3", 24, numbers);
    ck_assert_int_eq(mt_statefile_read(f,
                                       mt_statefile_find(f, "optimizer.step.3"),
                                       &step, &err),
                     MT_OK);
    ck_assert_int_eq(step, 5);
    ck_assert_uint_eq(n, 1);
    ck_assert(g->n == 2 && g->params[0] == 3 && g->params[1] == 4);
    ck_assert_uint_eq(g->n_options, 3);
    ck_assert_str_eq(g->options[0].name, "lr");
    ck_assert(g->options[0].n == 1 && g->options[0].value[0] == 0.5);
    ck_assert(g->options[1].n == 2 && g->options[1].value[1] == 0.99);
    ck_assert(g->options[2].n == 1 && g->options[2].value[0] == 1);
    mt_statefile_close(f);
}
END_TEST

/* Values that in PyTorch's files belong to one parameter or group, here shared
 * by all, so that a small file would have very many arrays. */
START_TEST(shared_by_parameters)
{
    struct pk p = { .n = 0 };
    bool groups = _i;

    pk_put(&p, "}(");
    pk_text(&p, "net");
    pk_put(&p, "}");
    pk_item(&p, "w", &all);
    pk_put(&p, "s");
    pk_text(&p, "opt");
    pk_put(&p, "}(");
    pk_text(&p, "state");
    pk_put(&p, "}(");
    if (!groups) {
        for (int i = 0; i < 300; i++) {
            pk_int(&p, i);
            pk_put(&p, i ? "h\1" : "}(");
            for (char k = 'a'; !i && k <= 'z'; k++) {
                char key[] = { k, '\0' };

                pk_text(&p, key);
                pk_put(&p, "K\1");
            }
            pk_put(&p, i ? "" : "uq\1");
        }
    }
    pk_put(&p, "u");
    pk_text(&p, "param_groups");
    pk_put(&p, "](");
    if (groups) {
        pk_put(&p, "}");
        pk_text(&p, "params");
        pk_put(&p, "](");
        for (int i = 0; i < 100; i++)
            pk_put(&p, "K\1");
        pk_put(&p, "esq\1");
        for (int i = 0; i < 100; i++)
            pk_put(&p, "h\1");
    }
    pk_put(&p, "euu");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    refused(groups ? "groups of the optimizer share their parameters"
                   : "shares its state with others; expected its own");
}
END_TEST

START_TEST(names_twice)
{
    struct pk p = { .n = 0 };

    pk_put(&p, "}(");
    for (int i = 0; i < 2; i++) {
        pk_text(&p, "w");
        pk_put(&p, "ctorch._utils\n_rebuild_sparse_tensor\n)R");
    }
    pk_put(&p, "u");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    refused("tensor \"w\": the name is there twice");
}
END_TEST

/* Names with any characters are made printable. */
START_TEST(entries)
{
    struct pk p = { .n = 0 };
    struct mt_statefile *f = NULL;

    pk_put(&p, "](");
    add_checkpoint(&p, "a\nb");
    pk_put(&p, "}");
    pk_item(&p, "v",
            &(struct pk_tensor){ "0", "Float", 24, 3, 1, { 2 }, { 1 } });
    pk_put(&p, "s}");
    pk_item(&p, "i", &(struct pk_tensor){ "0", "Int", 24, 3, 1, { 2 }, { 1 } });
    pk_put(&p, "se");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    refused("has several entries: \"0.a\\x0ab\", \"1\" and \"2\"; choose one "
            "with --entry NAME");
    f = open_with(&(struct mt_state_options){ .entry = "1" });
    check_floats(f, "v", 2, numbers + 3);
    mt_statefile_close(f);
    ck_assert_int_eq(
        mt_statefile_open("x.pt", &(struct mt_state_options){ .entry = "0" },
                          &f, &err),
        MT_INVALID);
    testing_says(err, "x.pt: has no entry of that name; there is", "\"1\"");
}
END_TEST

/* Half of the values must be tensors; optimizers belong to their entries. */
START_TEST(pairs)
{
    static const char *const names[] = { "G", "D" };
    struct pk p = { .n = 0 };
    size_t n;

    pk_put(&p, "}(");
    for (int i = 0; i < 2; i++) {
        pk_text(&p, names[i]);
        add_checkpoint(&p, "net");
    }
    pk_text(&p, "stopping");
    pk_put(&p, "}(");
    pk_item(&p, "best", &all);
    pk_text(&p, "a");
    pk_put(&p, "K\1");
    pk_text(&p, "b");
    pk_put(&p, "Nuu");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    refused("has several entries: \"G.net\" and \"D.net\"; choose");
    struct mt_statefile *f =
        open_with(&(struct mt_state_options){ .entry = "D.net", .note = note });

    ck_assert_str_eq(notes, "x.pt: takes the entry \"D.net\"\n");
    ck_assert_uint_eq(mt_statefile_count(f), 3);
    ck_assert_ptr_nonnull(mt_statefile_groups(f, &n));
    mt_statefile_close(f);
}
END_TEST

/* If only one entry has floats, it is taken. */
START_TEST(entries_of_indices)
{
    struct pk p = { .n = 0 };

    pk_put(&p, "](}");
    pk_item(&p, "i", &(struct pk_tensor){ "0", "Int", 24, 3, 1, { 2 }, { 1 } });
    pk_put(&p, "s}");
    pk_item(&p, "v",
            &(struct pk_tensor){ "0", "Half", 24, 3, 1, { 2 }, { 1 } });
    pk_put(&p, "se");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    struct mt_statefile *f = open_file();

    ck_assert_str_eq(notes, "x.pt: takes the entry \"1\"\n");
    mt_statefile_close(f);
}
END_TEST

/* Tensors with their own types in storages of bytes, as in newer versions. */
START_TEST(untyped_storages)
{
    static const char *const types[] = { "uint16", "float8_e4m3fn" };
    static const uint16_t in[4] = { 1, 2, 0xffff, 4 };
    struct pk p = { .n = 0 };
    uint16_t out[3];

    pk_put(&p, "}(");
    for (int i = 0; i < 2; i++) {
        char dtype[40];

        snprintf(dtype, sizeof dtype, "ctorch\n%s\n", types[i]);
        pk_text(&p, types[i]);
        pk_put(&p, "ctorch._utils\n_rebuild_tensor_v3\n((");
        pk_text(&p, "storage");
        pk_put(&p, "ctorch.storage\nUntypedStorage\n");
        pk_text(&p, "0");
        pk_text(&p, "cpu");
        pk_int(&p, 8);
        pk_put(&p, "tQ");
        pk_int(&p, 1);
        pk_ints(&p, 1, (int64_t[]){ 3 });
        pk_ints(&p, 1, (int64_t[]){ 1 });
        pk_put(&p, "\x89"
                   "ccollections\nOrderedDict\n)R");
        pk_put(&p, dtype);
        pk_put(&p, "tR");
    }
    pk_put(&p, "u");
    pk_write(&p, in, sizeof in, false, "x.pt");
    struct mt_statefile *f = open_file();
    const struct mt_array *a = mt_statefile_find(f, "uint16");

    ck_assert_int_eq(a->dtype, MT_U16);
    ck_assert_int_eq(mt_statefile_read(f, a, out, &err), MT_OK);
    ck_assert_mem_eq(out, in + 1, sizeof out);
    a = mt_statefile_find(f, "float8_e4m3fn");
    ck_assert_int_eq(a->dtype, MT_OTHER);
    ck_assert_str_eq(mt_array_type(a), "float8_e4m3fn");
    mt_statefile_close(f);
}
END_TEST

START_TEST(salvages)
{
    struct pk p = { .n = 0 };
    struct mt_state_options salvage = { .salvage = true, .note = note };

    pk_put(&p, "}(");
    pk_item(&p, "w", &all);
    pk_item(&p, "v",
            &(struct pk_tensor){ "9", "Float", 2, 0, 1, { 2 }, { 1 } });
    pk_put(&p, "u");
    pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    struct mt_statefile *f = NULL;

    ck_assert_int_eq(mt_statefile_open("x.pt", NULL, &f, &err), MT_DAMAGED);
    testing_says(err, "x.pt: damaged: tensor \"v\": ", "not in the file");
    f = open_with(&salvage);
    ck_assert_uint_eq(mt_statefile_count(f), 1);
    ck_assert_uint_eq(mt_statefile_lost(f), 1);
    ck_assert_str_eq(notes, "! x.pt: damaged: tensor \"v\": its storage is not "
                            "in the file\n");
    mt_statefile_close(f);
}
END_TEST

/* Truncated anywhere, or with any bit flipped, it is read or refused. */
START_TEST(mangled)
{
    struct mt_state_options skip = { .skip_objects = true };
    struct pk p = { .n = 0 };
    float out[24];

    add_checkpoint(&p, "net");
    if (_i)
        pk_write_old(&p, numbers, 24, sizeof *numbers, "x.pt");
    else
        pk_write(&p, numbers, sizeof numbers, false, "x.pt");
    struct mt_bytes good = testing_get("x.pt");

    for (size_t at = 0; at < 2 * good.n; at++) {
        struct mt_statefile *f = NULL;

        if (at >= good.n) {
            testing_put("x.pt", good.data, at - good.n);
        } else {
            good.data[at] ^= (unsigned char)(1u << at % 8);
            testing_put("x.pt", good.data, good.n);
            good.data[at] ^= (unsigned char)(1u << at % 8);
        }
        err = (struct mt_err)MT_ERR_INIT;
        if (mt_statefile_open("x.pt", &skip, &f, &err) != MT_OK) {
            ck_assert_str_ne(err.text, "");
            continue;
        }
        for (size_t i = 0; i < mt_statefile_count(f); i++) {
            const struct mt_array *a = mt_statefile_array(f, i);

            if (mt_array_bytes(a) <= sizeof out)
                mt_statefile_read(f, a, out, &err);
        }
        mt_statefile_close(f);
    }
    free(good.data);
}
END_TEST

Suite *state_torch_suite(void);
Suite *state_torch_suite(void)
{
    Suite *s = suite_create("state_torch");
    TCase *tc = tcase_create("state_torch");

    tcase_add_checked_fixture(tc, enter, testing_leave);
    tcase_add_loop_test(tc, views, 0, 3);
    tcase_add_test(tc, wrapped);
    tcase_add_test(tc, wrapped_too_often);
    tcase_add_test(tc, checkpoints);
    tcase_add_loop_test(tc, shared_by_parameters, 0, 2);
    tcase_add_test(tc, names_twice);
    tcase_add_test(tc, entries);
    tcase_add_test(tc, pairs);
    tcase_add_test(tc, entries_of_indices);
    tcase_add_test(tc, untyped_storages);
    tcase_add_test(tc, salvages);
    tcase_add_loop_test(tc, mangled, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
