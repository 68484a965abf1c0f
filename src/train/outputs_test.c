/* The files beside a checkpoint: names, rotation, copies. */
#include "train/outputs.h"

#include "base/file_testing.h"

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

/* A save: what was there is kept, and a new file takes its place. */
static void save(const char *text, size_t keep)
{
    put("new", text);
    ck_assert_msg(mt_output_rotate("r.mtc", keep, &err) == MT_OK, "%s",
                  err.text);
    ck_assert_int_eq(rename("new", "r.mtc"), 0);
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

START_TEST(the_checkpoint_never_leaves_its_name)
{
    put("r.mtc", "now");
    put("r.1.mtc", "before");
    ck_assert(mt_output_rotate("r.mtc", 2, &err) == MT_OK);
    testing_holds("r.mtc", "now");
    testing_holds("r.1.mtc", "now");
    testing_holds("r.2.mtc", "before");

    /* the save failed, and is tried again */
    ck_assert(mt_output_rotate("r.mtc", 2, &err) == MT_OK);
    testing_holds("r.1.mtc", "now");
    testing_holds("r.2.mtc", "before");
}
END_TEST

/* Cut off after the moves, before the first was made: nothing is lost. */
START_TEST(a_gap_takes_the_next_one)
{
    put("r.mtc", "now");
    put("r.2.mtc", "before");
    put("r.3.mtc", "long before");
    ck_assert(mt_output_rotate("r.mtc", 3, &err) == MT_OK);
    testing_holds("r.1.mtc", "now");
    testing_holds("r.2.mtc", "before");
    testing_holds("r.3.mtc", "long before");
}
END_TEST

START_TEST(nothing_to_keep)
{
    ck_assert(mt_output_rotate("r.mtc", 3, &err) == MT_OK);
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

/* The link stays one; what it leads to is kept. */
START_TEST(through_a_link)
{
    put("target", "now");
    ck_assert_int_eq(symlink("target", "r.mtc"), 0);
    ck_assert(mt_output_rotate("r.mtc", 1, &err) == MT_OK);
    testing_holds("r.1.mtc", "now");
    put("new", "later");
    ck_assert_int_eq(rename("new", "target"), 0);
    testing_holds("r.mtc", "later");
    testing_holds("r.1.mtc", "now");
}
END_TEST

START_TEST(a_name_that_is_taken)
{
    put("r.mtc", "now");
    ck_assert_int_eq(mkdir("r.1.mtc", 0755), 0);
    put("r.1.mtc/inside", "x");
    ck_assert(mt_output_rotate("r.mtc", 1, &err) == MT_IO);
    testing_says(err, "r.1.mtc", "cannot replace");
    testing_holds("r.mtc", "now");

    ck_assert_int_eq(rename("r.1.mtc", "r.2.mtc"), 0);
    put("r.1.mtc", "before");
    ck_assert(mt_output_rotate("r.mtc", 2, &err) == MT_IO);
    testing_says(err, "r.2.mtc", "cannot rename");
    testing_holds("r.mtc", "now");
    testing_holds("r.1.mtc", "before");
}
END_TEST

START_TEST(another_runs_files_go)
{
    put("r.mtc", "now");
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
    tcase_add_test(t, the_checkpoint_never_leaves_its_name);
    tcase_add_test(t, a_gap_takes_the_next_one);
    tcase_add_test(t, nothing_to_keep);
    tcase_add_test(t, through_a_link);
    tcase_add_test(t, a_name_that_is_taken);
    tcase_add_test(t, another_runs_files_go);
    tcase_add_test(t, copies);
    tcase_add_test(t, the_best_one_must_be_a_checkpoint);
    suite_add_tcase(s, t);
    return s;
}
