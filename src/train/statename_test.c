/* Names of state can be built and taken apart, whatever the tensor's name. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "train/bundle.h"
#include "train/statename.h"

Suite *statename_suite(void);

/* Names of tensors that files may have. */
static const char *const tensors[] = {
    "w",
    "fc1.weight",
    "a.b.c.d",
    "a/b",
    "/",
    "//a//",
    ".",
    "..",
    ".hidden",
    "trailing.",
    "layers[0].w",
    "*?[\\",
    "model/w",
    "optimizer/exp_avg.w",
    "optimizer",
    "optimizerx.w",
    "progress",
    "spec/json",
    "step.w",
    "with blank",
    "\xc3\xa9t\xc3\xa9.\xe2\x82\xac/\xf0\x9f\x98\x80",
    "100%s%n",
};

enum { N_TENSORS = sizeof tensors / sizeof *tensors };

START_TEST(builds_and_takes_apart)
{
    const char *tensor = tensors[_i];
    struct mt_name name = mt_name_in(MT_MODEL, tensor);
    size_t n;

    ck_assert(strncmp(name.text, "model/", 6) == 0);
    ck_assert_int_eq(mt_name_section(name.text), MT_MODEL);
    ck_assert(mt_name_is(name.text, MT_MODEL));
    ck_assert(!mt_name_is(name.text, MT_OPTIMIZER));
    ck_assert_str_eq(mt_name_key(name.text), tensor);
    ck_assert_str_eq(mt_name_tensor(name.text), tensor);
    ck_assert(!mt_name_is_slot(name.text, "exp_avg"));
    mt_name_slot_of(name.text, &n);
    ck_assert_uint_eq(n, 0);

    struct mt_name kept = mt_name_kept(name.text);

    ck_assert_str_eq(mt_name_kept_of(kept.text), name.text);
    ck_assert_ptr_null(mt_name_kept_of(name.text));
    ck_assert(mt_name_is(kept.text, MT_PROGRESS));
    ck_assert_ptr_null(mt_name_tensor(kept.text));

    name = mt_name_slot("exp_avg", tensor);
    ck_assert(strncmp(name.text, "optimizer/exp_avg.", 18) == 0);
    ck_assert(mt_name_is(name.text, MT_OPTIMIZER));
    ck_assert_str_eq(mt_name_tensor(name.text), tensor);
    ck_assert(mt_name_is_slot(name.text, "exp_avg"));
    ck_assert(!mt_name_is_slot(name.text, "exp_avg_sq"));
    ck_assert(!mt_name_is_slot(name.text, "exp"));
    ck_assert(!mt_name_is_slot(name.text, ""));
    ck_assert(strncmp(mt_name_slot_of(name.text, &n), "exp_avg.", 8) == 0);
    ck_assert_uint_eq(n, 7);
    ck_assert_ptr_null(mt_name_column(name.text));
}
END_TEST

/* To a state file and back: the same name, and no two names become one. */
START_TEST(goes_to_files_and_back)
{
    const struct mt_name names[] = {
        mt_name_in(MT_MODEL, tensors[_i]),
        mt_name_slot("step", tensors[_i]),
        mt_name_in(MT_PROGRESS, tensors[_i]),
    };
    struct mt_name in_file[3];

    for (size_t i = 0; i < 3; i++) {
        in_file[i] = mt_name_to_file(names[i].text);
        struct mt_name back = mt_name_from_file(in_file[i].text, false);

        ck_assert_str_eq(back.text, names[i].text);
        back = mt_name_from_file(names[i].text, true);
        ck_assert_str_eq(back.text, names[i].text);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(in_file[i].text, in_file[k].text);
    }
    ck_assert_str_eq(in_file[0].text, tensors[_i]);
    ck_assert_str_eq(mt_name_to_file(MT_NAME_SPEC).text, "");
    ck_assert_str_eq(mt_name_to_file("newer/thing").text, "");
}
END_TEST

START_TEST(forms)
{
    ck_assert_str_eq(mt_name_slot("exp_avg", "fc.bias").text,
                     "optimizer/exp_avg.fc.bias");
    ck_assert_str_eq(mt_name_to_file("optimizer/exp_avg.fc.bias").text,
                     "optimizer.exp_avg.fc.bias");
    ck_assert_str_eq(mt_name_to_file(MT_NAME_STEP).text, "progress/step");
    ck_assert_str_eq(mt_name_fitted("mean").text, MT_NAME_MEAN);
    ck_assert_str_eq(mt_name_fitted_of(MT_NAME_MEAN), "mean");
    ck_assert_str_eq(mt_name_fitted_of("spec/data.a.b"), "a.b");
    ck_assert_ptr_null(mt_name_fitted_of(MT_NAME_SPEC));
    ck_assert_ptr_null(mt_name_fitted_of("model/data.mean"));
    ck_assert_str_eq(mt_name_scheduler("best").text, "progress/scheduler.best");
    ck_assert_str_eq(mt_name_history("val", "loss").text,
                     "progress/history.val.loss");
    ck_assert_str_eq(mt_name_history(NULL, "epoch").text,
                     "progress/history.epoch");
    ck_assert_str_eq(mt_name_history("", "epoch").text,
                     "progress/history.epoch");
    ck_assert_str_eq(mt_name_shown("model/fc.bias").text, "fc.bias");
    ck_assert_str_eq(mt_name_shown("optimizer/step.fc.bias").text,
                     "optimizer.step.fc.bias");
    ck_assert_str_eq(mt_name_shown("progress/history.lr").text, "history.lr");
}
END_TEST

START_TEST(columns)
{
    const char *column;

    ck_assert_str_eq(mt_name_column("progress/history.val.loss"), "val.loss");
    ck_assert_str_eq(mt_column_part("val.loss", &column), "val");
    ck_assert_str_eq(column, "loss");
    ck_assert_str_eq(mt_column_part("train.a.b", &column), "train");
    ck_assert_str_eq(column, "a.b");
    ck_assert_str_eq(mt_column_part("lr", &column), "");
    ck_assert_str_eq(column, "lr");
    ck_assert_str_eq(mt_column_part("value.loss", &column), "");
    ck_assert_str_eq(column, "value.loss");
    ck_assert_ptr_null(mt_name_column("progress/step"));
    ck_assert_ptr_null(mt_name_column("model/history.lr"));
    ck_assert_ptr_null(mt_name_column("history.lr"));
}
END_TEST

/* Other names are left alone. */
START_TEST(strange_names)
{
    static const char *const strange[] = { "",        "model",       "modelx/w",
                                           "Model/w", "optimizer.x", "/w",
                                           "emas/w" };
    size_t n;

    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        ck_assert_int_eq(mt_name_section(strange[i]), MT_NO_SECTION);
        ck_assert_ptr_null(mt_name_tensor(strange[i]));
        ck_assert_ptr_null(mt_name_column(strange[i]));
        ck_assert(!mt_name_is_slot(strange[i], "x"));
    }
    ck_assert_str_eq(mt_name_key("bare"), "bare");
    ck_assert_str_eq(mt_name_key(""), "");
    ck_assert_ptr_null(mt_name_tensor("optimizer/step"));
    ck_assert_ptr_null(mt_name_tensor("optimizer/"));
    ck_assert_ptr_null(mt_name_tensor("optimizer/.w"));
    ck_assert_str_eq(mt_name_tensor("optimizer/step."), "");
    ck_assert_str_eq(mt_name_tensor("model/"), "");
    ck_assert_str_eq(mt_name_key("model/"), "");
    mt_name_slot_of("optimizer/step", &n);
    ck_assert_uint_eq(n, 4);
}
END_TEST

/* Every name that a file may have fits with its section; a longer one becomes
 * "", and is never truncated to another name. */
START_TEST(long_names)
{
    enum { LONG = 3 * MT_NAME_SIZE };
    char *text = malloc(LONG + 1);
    struct mt_bundle b = MT_BUNDLE_INIT;

    memset(text, 'x', LONG);
    text[MT_CKPT_MAX_NAME] = '\0';
    ck_assert_str_eq(mt_name_key(mt_name_from_file(text, false).text), text);
    ck_assert_str_eq(mt_name_tensor(mt_name_slot("max_exp_avg_sq", text).text),
                     text);
    text[MT_CKPT_MAX_NAME] = 'x';
    text[LONG] = '\0';
    ck_assert_str_eq(mt_name_in(MT_MODEL, text).text, "");
    ck_assert_str_eq(mt_name_slot("step", text).text, "");
    ck_assert_str_eq(mt_name_from_file(text, true).text, "");
    ck_assert_str_eq(mt_name_shown(text).text, "");
    mt_bundle_i64(&b, "model/x", 1);
    ck_assert_ptr_null(mt_bundle_find(&b, mt_name_in(MT_MODEL, text).text));
    ck_assert_ptr_nonnull(mt_bundle_find(&b, mt_name_in(MT_MODEL, "x").text));
    mt_bundle_free(&b);
    free(text);
}
END_TEST

/* Is `name` among the attempts? The first one is the text itself. */
static bool is_tried(const char *typed, const char *name)
{
    struct mt_name attempt;
    bool found = false;

    ck_assert(mt_name_typed(typed, 0, &attempt));
    ck_assert_str_eq(attempt.text, typed);
    for (size_t i = 0; mt_name_typed(typed, i, &attempt); i++)
        found |= strcmp(attempt.text, name) == 0;
    return found;
}

START_TEST(typed_names)
{
    ck_assert(is_tried("model/fc.bias", "model/fc.bias"));
    ck_assert(is_tried("fc.bias", "model/fc.bias"));
    ck_assert(is_tried("optimizer.step.fc.bias", "optimizer/step.fc.bias"));
    ck_assert(is_tried("step.fc.bias", "optimizer/step.fc.bias"));
    ck_assert(is_tried("history.lr", "progress/history.lr"));
    ck_assert(is_tried("progress.history.lr", "progress/history.lr"));
    ck_assert(is_tried("model.w", "model/model.w"));
    ck_assert(is_tried("spec.json", MT_NAME_SPEC));
    ck_assert(!is_tried("modelx", "model/x"));
    ck_assert(is_tried("", ""));
}
END_TEST

Suite *statename_suite(void)
{
    Suite *suite = suite_create("statename");
    TCase *names = tcase_create("names");

    tcase_add_loop_test(names, builds_and_takes_apart, 0, N_TENSORS);
    tcase_add_loop_test(names, goes_to_files_and_back, 0, N_TENSORS);
    tcase_add_test(names, forms);
    tcase_add_test(names, columns);
    tcase_add_test(names, strange_names);
    tcase_add_test(names, long_names);
    tcase_add_test(names, typed_names);
    suite_add_tcase(suite, names);
    return suite;
}
