/* The files next to a checkpoint: names, rotation, copies. */
#include "train/outputs.h"

#include "base/file_testing.h"
#include "base/inject_testing.h"

Suite *outputs_suite(void);

static struct mt_err err;

static void put(const char *path, const char *text)
{
    testing_put(path, text, strlen(text));
}

static void names_are(const char *out, const char *best, const char *third)
{
    char *b = mt_output_best(out), *k = mt_output_kept(out, 3);

    ck_assert_str_eq(b, best);
    ck_assert_str_eq(k, third);
    free(b);
    free(k);
}

START_TEST(names)
{
    names_are("digits.mtc", "digits.best.mtc", "digits.3.mtc");
    names_are("a.b/run", "a.b/run.best.mtc", "a.b/run.3.mtc");
    names_are("x/.mtc", "x/.best.mtc", "x/.3.mtc");
    names_are(".mtc", ".mtc.best.mtc", ".mtc.3.mtc");
}
END_TEST

static void hold(size_t keep, struct mt_held *held)
{
    ck_assert_msg(mt_output_hold("r.mtc", keep, held, &err) == MT_OK, "%s",
                  err.text);
}

static void rotate(size_t keep, const struct mt_held *held)
{
    ck_assert_msg(mt_output_rotate("r.mtc", keep, held, &err) == MT_OK, "%s",
                  err.text);
}

/* A save: a new file replaces the old one, which is kept. */
static void save(const char *text, size_t keep)
{
    struct mt_held held;

    put("new", text);
    hold(keep, &held);
    ck_assert(!mt_output_replaced("r.mtc", &held));
    ck_assert_int_eq(rename("new", "r.mtc"), 0);
    ck_assert(mt_output_replaced("r.mtc", &held));
    rotate(keep, &held);
}

START_TEST(the_last_ones_are_kept)
{
    static const char *const texts[] = { "1", "2", "3", "4", "5", "6" };

    for (size_t i = 0; i < 6; i++)
        save(texts[i], 3);
    testing_holds("r.mtc", "6");
    testing_holds("r.1.mtc", "5");
    testing_holds("r.2.mtc", "4");
    testing_holds("r.3.mtc", "3");
    ck_assert_int_eq(testing_count("."), 4);
    save("7", 0);
    testing_holds("r.mtc", "7");
    testing_holds("r.1.mtc", "5");
    ck_assert_int_eq(testing_count("."), 4);
}
END_TEST

START_TEST(a_failed_save_changes_nothing)
{
    struct mt_held held;

    put("r.mtc", "now");
    put("r.1.mtc", "before");
    for (int i = 0; i < 3; i++) {
        hold(1, &held);
        testing_holds("r.mtc", "now");
        testing_holds("r.0.mtc", "now");
        testing_holds("r.1.mtc", "before");
        rotate(1, &held);
        testing_holds("r.mtc", "now");
        testing_holds("r.1.mtc", "before");
        ck_assert_int_eq(testing_count("."), 2);
    }
}
END_TEST

/* The folder cannot be synced: the save fails, but the new file is in place. */
START_TEST(a_save_that_fails_in_its_place)
{
    struct mt_held held;

    put("new", "new");
    put("r.mtc", "now");
    put("r.1.mtc", "before");
    hold(2, &held);
    inject_start((struct inject){
        .kind = INJECT_SYSTEM, .at = 2, .error = EIO, .call = "fsync" });
    mt_status status = mt_output_copy("new", "r.mtc", &err);

    inject_stop();
    ck_assert_int_eq(status, MT_IO);
    testing_says(err, "r.mtc", "is written, but its folder");
    ck_assert(mt_output_replaced("r.mtc", &held));
    rotate(2, &held);
    testing_holds("r.mtc", "new");
    testing_holds("r.1.mtc", "now");
    testing_holds("r.2.mtc", "before");
}
END_TEST

/* Killed at any moment: the next hold completes the rotation. */
START_TEST(what_was_cut_off_is_completed)
{
    struct mt_held held;

    put("r.mtc", "now"); /* before the save: a link, and a copy */
    put("r.1.mtc", "before");
    hold(2, &held);
    hold(2, &held);
    rotate(2, &held);
    put("r.0.mtc", "now");
    hold(2, &held);
    rotate(2, &held);
    testing_holds("r.1.mtc", "before");
    ck_assert_int_eq(testing_count("."), 2);

    put("r.0.mtc", "now"); /* after it */
    put("r.mtc", "new");
    hold(2, &held);
    testing_holds("r.0.mtc", "new");
    testing_holds("r.1.mtc", "now");
    testing_holds("r.2.mtc", "before");

    unlink("r.0.mtc"); /* between the moves */
    unlink("r.1.mtc");
    put("r.0.mtc", "now");
    hold(2, &held);
    testing_holds("r.1.mtc", "now");
    testing_holds("r.2.mtc", "before");
    rotate(2, &held);
    ck_assert_int_eq(testing_count("."), 3);
}
END_TEST

START_TEST(nothing_to_keep)
{
    struct mt_held held;

    hold(3, &held);
    ck_assert(!mt_output_replaced("r.mtc", &held));
    rotate(3, &held);
    ck_assert_int_eq(testing_count("."), 0);
    hold(3, &held);
    put("r.mtc", "now");
    ck_assert(mt_output_replaced("r.mtc", &held));
    rotate(3, &held);
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

/* The link stays a link; the file it points to is kept. */
START_TEST(through_a_link)
{
    struct mt_held held;

    put("target", "now");
    ck_assert_int_eq(symlink("target", "r.mtc"), 0);
    hold(1, &held);
    put("new", "later");
    ck_assert_int_eq(rename("new", "target"), 0);
    rotate(1, &held);
    testing_holds("r.mtc", "later");
    testing_holds("r.1.mtc", "now");
}
END_TEST

START_TEST(a_name_that_is_taken)
{
    struct mt_held held;

    put("r.mtc", "now");
    ck_assert_int_eq(mkdir("r.1.mtc", 0755), 0);
    put("r.1.mtc/inside", "x");
    hold(1, &held);
    put("new", "later");
    ck_assert_int_eq(rename("new", "r.mtc"), 0);
    ck_assert(mt_output_rotate("r.mtc", 1, &held, &err) == MT_IO);
    testing_says(err, "r.1.mtc", "cannot rename");
    testing_holds("r.mtc", "later");
    testing_holds("r.0.mtc", "now");

    ck_assert_int_eq(rename("r.1.mtc", "r.2.mtc"), 0);
    put("r.1.mtc", "before");
    ck_assert(mt_output_hold("r.mtc", 2, &held, &err) == MT_IO);
    testing_says(err, "r.2.mtc", "cannot rename");
    ck_assert(!held.linked);
    testing_holds("r.mtc", "later");
    testing_holds("r.1.mtc", "before");
}
END_TEST

START_TEST(another_runs_files_go)
{
    put("r.mtc", "now");
    put("r.0.mtc", "held");
    put("r.1.mtc", "old");
    put("r.2.mtc", "old");
    put("r.4.mtc", "not one of them");
    ck_assert(mt_output_forget("r.mtc", &err) == MT_OK);
    ck_assert_int_eq(testing_count("."), 2);
    testing_holds("r.4.mtc", "not one of them");
    ck_assert_int_eq(mkdir("r.1.mtc", 0755), 0);
    ck_assert(mt_output_forget("r.mtc", &err) == MT_IO);
    testing_says(err, "r.1.mtc", "cannot remove");
}
END_TEST

START_TEST(copies)
{
    size_t n = ((size_t)1 << 20) * 2 + 17;
    char *bytes = malloc(n);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7 + i / 1000);
    testing_put("a", bytes, n);
    put("b", "old");
    ck_assert_msg(mt_output_copy("a", "b", &err) == MT_OK, "%s", err.text);
    struct mt_bytes got = testing_get("b");

    ck_assert_uint_eq(got.n, n);
    ck_assert_mem_eq(got.data, bytes, n);
    free(got.data);
    free(bytes);

    ck_assert(mt_output_copy("none", "b", &err) == MT_IO);
    testing_says(err, "none", "No such file");
    ck_assert(mt_output_copy("a", "no/b", &err) == MT_IO);
    testing_says(err, "no/b", "does not exist");
    ck_assert_int_eq(testing_count("."), 2);
}
END_TEST

START_TEST(the_best_one_must_be_a_checkpoint)
{
    put("r.best.mtc", "not a checkpoint");
    ck_assert(mt_output_bring_best("r.best.mtc", "s.best.mtc", NULL, NULL,
                                   &err) != MT_OK);
    testing_says(err, "r.best.mtc", "");
    ck_assert(!mt_output_exists("s.best.mtc"));
    ck_assert(mt_output_exists("r.best.mtc"));
}
END_TEST

Suite *outputs_suite(void)
{
    Suite *s = suite_create("outputs");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, testing_enter, testing_leave);
    tcase_add_test(t, names);
    tcase_add_test(t, the_last_ones_are_kept);
    tcase_add_test(t, a_failed_save_changes_nothing);
    tcase_add_test(t, a_save_that_fails_in_its_place);
    tcase_add_test(t, what_was_cut_off_is_completed);
    tcase_add_test(t, nothing_to_keep);
    tcase_add_test(t, through_a_link);
    tcase_add_test(t, a_name_that_is_taken);
    tcase_add_test(t, another_runs_files_go);
    tcase_add_test(t, copies);
    tcase_add_test(t, the_best_one_must_be_a_checkpoint);
    suite_add_tcase(s, t);
    return s;
}
