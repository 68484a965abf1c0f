#include "ckpt/torchscan.h"

#include <check.h>

#include "ckpt/torch_testing.h"

static struct mt_err failure;
static struct mt_pickle_doc doc;
static struct mt_arena arena;
static struct mt_torch_scan found;
static struct pk p;

static void enter(void)
{
    p.n = 0;
}

static void leave(void)
{
    mt_arena_free(&arena);
    mt_pickle_free(&doc);
}

static mt_status scan(void)
{
    pk_put(&p, ".");
    ck_assert_msg(mt_pickle_parse("x", p.bytes, p.n, &doc, &failure) == MT_OK,
                  "%s", failure.text);
    return mt_torch_scan("x", &doc, &arena, &found, &failure);
}

/* Every value was visited about once or twice. */
static void check_scan(size_t entries, size_t optimizers, size_t objects)
{
    ck_assert_msg(scan() == MT_OK, "%s", failure.text);
    ck_assert_uint_eq(found.entries.n, entries);
    ck_assert_uint_eq(found.optimizers.n, optimizers);
    ck_assert_uint_eq(found.objects.n, objects);
    ck_assert_uint_le(found.steps, doc.n_pushes);
}

static void check_path(const struct mt_torch_found *f, const char *path)
{
    ck_assert_str_eq(mt_torch_path_text(f->path).text, path);
}

static void pk_weight(const char *name)
{
    static const struct pk_tensor weight = { "0", "Float", 2, 0,
                                             1,   { 2 },   { 1 } };

    pk_item(&p, name, &weight);
}

/* The innermost value of a bomb's lists. */
static void put_bottom(const char *what)
{
    if (strcmp(what, "entry") == 0) {
        pk_put(&p, "}");
        pk_weight("w");
        pk_put(&p, "s");
    } else if (strcmp(what, "optimizer") == 0) {
        pk_put(&p, "}(");
        pk_text(&p, "state");
        pk_put(&p, "}");
        pk_text(&p, "param_groups");
        pk_put(&p, "]u");
    } else if (strcmp(what, "object") == 0) {
        pk_put(&p, "cos\nsystem\n)R");
    } else {
        pk_put(&p, "K\1");
    }
}

/* 2 ** 40 places, from tuples and lists of the same two values. */
static void put_bomb(const char *what)
{
    put_bottom(what);
    for (int i = 0; i < 20; i++)
        pk_put(&p, "q\1h\1\x86q\2(h\2h\2l");
}

START_TEST(bombs_of_nothing)
{
    put_bomb("number");
    check_scan(0, 0, 0);
}
END_TEST

/* The same in an optimizer's state, which is only searched for objects. */
START_TEST(bombs_in_an_optimizer)
{
    pk_put(&p, "}(");
    pk_text(&p, "state");
    put_bomb("entry");
    pk_text(&p, "param_groups");
    pk_put(&p, "]u");
    check_scan(0, 1, 0);
}
END_TEST

static const char *const bottoms[] = { "entry", "optimizer", "object" };

START_TEST(bombs)
{
    put_bomb(bottoms[_i]);
    ck_assert_int_eq(scan(), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(failure.text, "x: \"0.0."));
    ck_assert_ptr_nonnull(
        strstr(failure.text, ", counting those that are shared each time"));
    ck_assert_uint_le(found.entries.n + found.optimizers.n,
                      doc.n_values + MT_TORCH_SHARED_FOUND + 1);
    ck_assert_uint_le(found.steps, doc.n_pushes + MT_TORCH_SHARED_STEPS + 1);
}
END_TEST

/* Few objects, each after very many numbers. */
START_TEST(wide_bombs)
{
    pk_put(&p, "(");
    for (int i = 0; i < 2000; i++)
        pk_put(&p, "N");
    put_bottom("object");
    pk_put(&p, "lq\1(");
    for (int i = 0; i < 2000; i++)
        pk_put(&p, "h\1");
    pk_put(&p, "l");
    ck_assert_int_eq(scan(), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(failure.text, " values, counting those"));
    ck_assert_uint_eq(found.steps, doc.n_pushes + MT_TORCH_SHARED_STEPS + 1);
}
END_TEST

/* Values that are not shared, but whose contents are. */
static const struct {
    const char *begin, *item, *end, *call;
} shared[] = {
    { "(", "NN\x86", "l", "ccollections\nOrderedDict\n(h\1tR" },
    { "(", "NN\x86", "Nl", "ccollections\nOrderedDict\n(h\1tR" },
    { "(", "NN", "d", "ccollections\nCounter\n(h\1tR" },
    { "(", "NN", "t", "ctorch\nSize\n(h\1tR" },
    { "ccollections\nOrderedDict\n)R(", "NN", "u",
      "ctorch.nn\nParameter\n(h\1tR" },
};

START_TEST(shared_items)
{
    pk_put(&p, shared[_i].begin);
    for (int i = 0; i < 300; i++)
        pk_put(&p, shared[_i].item);
    pk_put(&p, shared[_i].end);
    pk_put(&p, "q\1"
               "0(");
    for (int i = 0; i < 100; i++)
        pk_put(&p, shared[_i].call);
    pk_put(&p, "l");
    check_scan(0, 0, 0);
}
END_TEST

/* A list of pairs is not an entry, except as the pairs of an OrderedDict. */
START_TEST(list_and_dictionary)
{
    pk_put(&p, "((](");
    pk_weight("w");
    pk_put(&p, "eq\1lh\1ccollections\nOrderedDict\n((h\1ltRl");
    check_scan(1, 0, 0);
    check_path(found.entries.first, "2");
}
END_TEST

/* Values that real files share: a state dict under two names, a tensor under
 * two, settings with an object in them, for many epochs. */
START_TEST(honest_files)
{
    pk_put(&p, "}(");
    pk_text(&p, "best");
    pk_put(&p, "}(");
    pk_weight("w");
    pk_text(&p, "tied");
    pk_put(&p, "2uq\1");
    pk_text(&p, "last");
    pk_put(&p, "h\1");
    pk_text(&p, "epochs");
    pk_put(&p, "(}(");
    for (char k = 'a'; k <= 'z'; k++) {
        char key[] = { k, '\0' };

        pk_text(&p, key);
        pk_put(&p, "K\1");
    }
    pk_text(&p, "rule");
    put_bottom("object");
    pk_put(&p, "uq\2");
    for (int i = 1; i < 1000; i++)
        pk_put(&p, "h\2");
    pk_put(&p, "lu");
    ck_assert_msg(scan() == MT_OK, "%s", failure.text);
    ck_assert_uint_eq(found.entries.n, 2);
    check_path(found.entries.first, "best");
    check_path(found.entries.first->next, "last");
    ck_assert(found.entries.first->floats);
    ck_assert_uint_eq(found.objects.n, 1000);
    check_path(found.objects.first, "epochs.0.rule");
}
END_TEST

/* Keys that are not printable; the beginning of a long path is cut off. */
START_TEST(paths)
{
    char key[301] = "";
    size_t n;

    pk_put(&p, "}(K\7](K\1}(");
    pk_text(&p, "a\n");
    pk_put(&p, "}(N");
    put_bottom("entry");
    pk_put(&p, "uueu");
    check_scan(1, 0, 0);
    check_path(found.entries.first, "7.1.a\\x0a.?");
    leave();
    enter();
    memset(key, 'k', sizeof key - 1);
    for (int i = 0; i < 12; i++) {
        pk_put(&p, "}");
        pk_text(&p, key);
    }
    put_bottom("entry");
    for (int i = 0; i < 12; i++)
        pk_put(&p, "s");
    check_scan(1, 0, 0);
    n = strlen(mt_torch_path_text(found.entries.first->path).text);
    ck_assert_uint_eq(n, 7 * 200 + 6);
}
END_TEST

Suite *torchscan_suite(void);
Suite *torchscan_suite(void)
{
    Suite *s = suite_create("torchscan");
    TCase *tc = tcase_create("torchscan");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_test(tc, bombs_of_nothing);
    tcase_add_test(tc, bombs_in_an_optimizer);
    tcase_add_loop_test(tc, bombs, 0, sizeof bottoms / sizeof *bottoms);
    tcase_add_test(tc, wide_bombs);
    tcase_add_loop_test(tc, shared_items, 0, sizeof shared / sizeof *shared);
    tcase_add_test(tc, list_and_dictionary);
    tcase_add_test(tc, honest_files);
    tcase_add_test(tc, paths);
    suite_add_tcase(s, tc);
    return s;
}
