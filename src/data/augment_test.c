#include "data/augment.h"

#include "data/augment_types.h"
#include "data/testing.h"

/* --- single transforms ---------------------------------------------------- */

enum { MOST = 400 };

static float x[MOST], scratch[MOST], was[MOST];

/* Applies the transform, written with ' in place of ", to a picture with the
 * values 0, 1, 2
 * ... of channels x height x width, at the epoch; epoch < 0: evaluation. */
static struct mt_planar run(const char *spec, size_t channels, size_t height,
                            size_t width, int epoch)
{
    struct mt_planar p = { channels, height, width, x, scratch };
    struct mt_draws draws = { mt_philox_key(1, "augment", "0"),
                              (uint32_t)epoch, 64 };
    struct mt_arena arena = { 0 };
    struct mt_json *doc = mt_test_json(spec);
    const struct mt_type *type;
    const struct mt_transform_type *t;
    void *args;

    ck_assert_msg(mt_kind_read(&mt_augment_kind, doc, mt_json_root(doc), NULL,
                               &arena, &type, &args, &test_err) == MT_OK, "%s",
                  test_err.text);
    t = (const struct mt_transform_type *)type;
    if (t->prepare) {
        struct mt_planar shape = p;

        ck_assert_msg(t->prepare(args, &shape, doc, mt_json_root(doc),
                                 &test_err) == MT_OK, "%s", test_err.text);
    }
    t->apply(args, epoch < 0 ? NULL : &draws, &p);
    ck_assert_uint_le(draws.next, 64 + 64);
    mt_arena_free(&arena);
    mt_json_free(doc);
    return p;
}

static void fill(float from, float step)
{
    for (int i = 0; i < MOST; i++)
        was[i] = x[i] = from + step * (float)i;
}

static void check_same(size_t n)
{
    ck_assert_mem_eq(x, was, n * sizeof *x);
}

START_TEST(test_flips)
{
    for (size_t c = 1; c <= 3; c += 2) {
        fill(0, 1);
        run("{'type':'RandomHorizontalFlip','p':1}", c, 3, 5, 0);
        for (size_t i = 0; i < c * 15; i++)
            ck_assert(x[i] == was[i / 5 * 5 + 4 - i % 5]);
        fill(0, 1);
        run("{'type':'RandomVerticalFlip','p':1}", c, 3, 5, 0);
        for (size_t i = 0; i < c * 15; i++)
            ck_assert(x[i] == was[i / 15 * 15 + (2 - i % 15 / 5) * 5 + i % 5]);
    }
}
END_TEST

/* p 0, factors of 1, an angle of 0, and evaluation; also for a single pixel. */
START_TEST(test_nothing_to_do)
{
    static const char *const never[] = {
        "{'type':'RandomHorizontalFlip','p':0}",
        "{'type':'RandomVerticalFlip','p':0}",
        "{'type':'RandomRotation','degrees':0}",
        "{'type':'RandomRotation','degrees':0,'interpolation':'bilinear'}",
        "{'type':'ColorJitter'}",
        "{'type':'ColorJitter','brightness':[1,1],'hue':[0,0]}",
        "{'type':'RandomErasing','p':0}",
    };
    static const char *const evaluated[] = {
        "{'type':'RandomHorizontalFlip','p':1}",
        "{'type':'RandomVerticalFlip','p':1}",
        "{'type':'RandomRotation','degrees':90}",
        "{'type':'ColorJitter','brightness':0.5,'contrast':0.5,'hue':0.5}",
        "{'type':'RandomErasing','p':1}",
    };

    for (size_t side = 1; side <= 8; side++)
        for (int epoch = 0; epoch < 10; epoch++) {
            for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
                fill(0, 1);
                run(never[i], side % 2 ? 3 : 1, side, side + 1, epoch);
                check_same(MOST);
            }
            for (size_t i = 0; i < sizeof evaluated / sizeof *evaluated; i++) {
                fill(0, 1);
                run(evaluated[i], side % 2 ? 3 : 1, side, side + 1, -1);
                check_same(MOST);
            }
        }
}
END_TEST

START_TEST(test_crop_middle)
{
    struct mt_planar p;

    fill(0, 1);
    p = run("{'type':'RandomCrop','size':[2,3],'padding':7}", 3, 4, 7, -1);
    ck_assert_uint_eq(p.height, 2);
    ck_assert_uint_eq(p.width, 3);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < 6; i++)
            ck_assert(x[c * 6 + i] == was[c * 28 + (1 + i / 3) * 7 + 2 + i % 3]);
}
END_TEST

/* All places of the crop are about equally frequent. */
START_TEST(test_crop_places)
{
    int met[12] = { 0 };

    for (int epoch = 0; epoch < 12000; epoch++) {
        fill(0, 1);
        run("{'type':'RandomCrop','size':2}", 1, 4, 5, epoch);
        int at = (int)x[0], y = at / 5, left = at % 5;

        ck_assert(y < 3 && left < 4 && x[3] == x[0] + 6);
        met[y * 4 + left]++;
    }
    for (int i = 0; i < 12; i++)
        ck_assert_msg(met[i] > 850 && met[i] < 1150, "%d: %d", i, met[i]);
}
END_TEST

/* The padding of a line 0 1 2 by two, as by numpy.pad. */
START_TEST(test_crop_padding)
{
    static const struct {
        const char *mode;
        float line[7];
    } modes[] = {
        { "constant", { 9, 9, 0, 1, 2, 9, 9 } },
        { "edge", { 0, 0, 0, 1, 2, 2, 2 } },
        { "reflect", { 2, 1, 0, 1, 2, 1, 0 } },
        { "symmetric", { 1, 0, 0, 1, 2, 2, 1 } },
    };
    char spec[200];

    for (size_t m = 0; m < 4; m++) {
        snprintf(spec, sizeof spec,
                 "{'type':'RandomCrop','size':[1,7],'padding':[2,0],"
                 "'fill':9,'padding_mode':'%s'}", modes[m].mode);
        fill(0, 1);
        run(spec, 1, 1, 3, 0);
        ck_assert_mem_eq(x, modes[m].line, sizeof modes[m].line);
    }
    /* left 1, top 0, right 0, bottom 2 */
    fill(0, 1);
    run("{'type':'RandomCrop','size':[3,2],'padding':[1,0,0,2],'fill':5}", 1, 1,
        1, 0);
    for (int i = 0; i < 6; i++)
        ck_assert(x[i] == (i == 1 ? 0 : 5));
}
END_TEST

/* Quarter turns move whole pixels: counter-clockwise as numpy.rot90. */
START_TEST(test_rotation)
{
    enum { S = 5 };
    static const char *const modes[] = { "nearest", "bilinear" };
    char spec[120];

    for (int turns = -3; turns <= 3; turns++)
        for (int m = 0; m < 2; m++) {
            snprintf(spec, sizeof spec,
                     "{'type':'RandomRotation','degrees':[%d,%d],"
                     "'interpolation':'%s'}", 90 * turns, 90 * turns, modes[m]);
            fill(0, 1);
            run(spec, 3, S, S, 0);
            for (int i = 0; i < 3 * S * S; i++) {
                int row = i % (S * S) / S, col = i % S;

                for (int k = 0; k < (turns + 4) % 4; k++) {
                    int r = row;

                    row = col;
                    col = S - 1 - r;
                }
                ck_assert_msg(x[i] == was[i / (S * S) * S * S + row * S + col],
                              "%s, element %d: %g", spec, i, (double)x[i]);
            }
        }
    fill(7, 0);
    run("{'type':'RandomRotation','degrees':[45,45],'fill':3}", 1, S, S, 0);
    ck_assert(x[0] == 3 && x[S - 1] == 3 && x[S * S / 2] == 7);
}
END_TEST

static float grey(size_t n, size_t i)
{
    return 0.2989f * was[i] + 0.587f * was[n + i] + 0.114f * was[2 * n + i];
}

static void check_near(float got, float expected)
{
    expected = expected < 0 ? 0 : expected > 255 ? 255 : expected;
    ck_assert_float_eq_tol(got, expected, 1e-3f);
}

START_TEST(test_jitter)
{
    enum { N = 20 };
    float mean = 0;

    fill(3, 4);
    run("{'type':'ColorJitter','brightness':[1.5,1.5]}", 3, 4, 5, 0);
    for (size_t i = 0; i < 3 * N; i++)
        check_near(x[i], 1.5f * was[i]);
    fill(3, 4);
    run("{'type':'ColorJitter','saturation':[0.25,0.25]}", 3, 4, 5, 0);
    for (size_t i = 0; i < 3 * N; i++)
        check_near(x[i], 0.25f * was[i] + 0.75f * grey(N, i % N));
    fill(3, 4);
    for (size_t i = 0; i < N; i++)
        mean += grey(N, i) / N;
    run("{'type':'ColorJitter','contrast':[2,2]}", 3, 4, 5, 0);
    for (size_t i = 0; i < 3 * N; i++)
        check_near(x[i], 2 * was[i] - mean);
    /* saturation and hue do not change grey pictures */
    fill(3, 4);
    run("{'type':'ColorJitter','saturation':[0,0],'hue':[0.5,0.5]}", 1, 4, 5,
        0);
    check_same(MOST);
}
END_TEST

static void check_hue(const char *turn, const float from[3], const float to[3])
{
    char spec[80];

    snprintf(spec, sizeof spec, "{'type':'ColorJitter','hue':[%s,%s]}", turn,
             turn);
    memcpy(x, from, 3 * sizeof *x);
    run(spec, 3, 1, 1, 0);
    for (int i = 0; i < 3; i++)
        check_near(x[i], to[i]);
}

/* Half a turn exchanges the largest and the smallest value. */
START_TEST(test_hue)
{
    check_hue("0.5", (float[3]){ 200, 0, 0 }, (float[3]){ 0, 200, 200 });
    check_hue("-0.5", (float[3]){ 0, 90, 0 }, (float[3]){ 90, 0, 90 });
    check_hue("0.5", (float[3]){ 200, 120, 40 }, (float[3]){ 40, 120, 200 });
    check_hue("0.25", (float[3]){ 0, 0, 100 }, (float[3]){ 100, 0, 50 });
    check_hue("0.5", (float[3]){ 60, 60, 60 }, (float[3]){ 60, 60, 60 });
    check_hue("0.5", (float[3]){ 0, 0, 0 }, (float[3]){ 0, 0, 0 });
}
END_TEST

/* One rectangle, the same in each channel, with area and shape in range. */
START_TEST(test_erasing)
{
    enum { S = 10 };

    for (int epoch = 0; epoch < 300; epoch++) {
        int top = S, left = S, bottom = -1, right = -1, erased = 0;

        fill(1, 0);
        run("{'type':'RandomErasing','p':1,'value':77,'scale':[0.1,0.3],"
            "'ratio':[0.5,2]}", 3, S, S, epoch);
        for (int i = 0; i < S * S; i++) {
            ck_assert(x[i] == x[S * S + i] && x[i] == x[2 * S * S + i]);
            if (x[i] == 1)
                continue;
            ck_assert(x[i] == 77);
            erased++;
            top = i / S < top ? i / S : top;
            left = i % S < left ? i % S : left;
            bottom = i / S > bottom ? i / S : bottom;
            right = i % S > right ? i % S : right;
        }
        int h = bottom - top + 1, w = right - left + 1;

        ck_assert_int_eq(erased, h * w);
        ck_assert(h >= 2 && w >= 2 && h <= 8 && w <= 8);
        ck_assert(erased >= 6 && erased <= 40);
    }
    fill(1, 0); /* no rectangle is smaller than the picture */
    run("{'type':'RandomErasing','p':1,'scale':[1,1]}", 1, 1, 1, 0);
    check_same(1);
}
END_TEST

START_TEST(test_probability)
{
    int flipped = 0;

    for (int epoch = 0; epoch < 10000; epoch++) {
        fill(0, 1);
        run("{'type':'RandomHorizontalFlip','p':0.3}", 1, 1, 2, epoch);
        flipped += x[0] == 1;
    }
    ck_assert_msg(flipped > 2850 && flipped < 3150, "%d", flipped);
}
END_TEST

START_TEST(test_draws)
{
    struct mt_draws draws = { mt_philox_key(3, "augment", "1"), 2, 0 };
    int met[10] = { 0 };

    for (int i = 0; i < 10000; i++) {
        double v = mt_draw_between(&draws, -2, 3);

        ck_assert(v > -2 && v < 3);
        met[(int)((v + 2) * 2)]++;
    }
    for (int i = 0; i < 10; i++)
        ck_assert_msg(met[i] > 880 && met[i] < 1120, "%d: %d", i, met[i]);
}
END_TEST

/* --- in a data set
 * ---------------------------------------------------------- */

enum { N = 6, H = 4, W = 5, EACH = H * W };

#define IDX(LIST) "{'type':'idx','train':['x','y'],'val':['x','y'],"           \
                  "'augment':" LIST "}"
#define RANDOM IDX("[{'type':'RandomCrop','size':[3,4],'padding':1},"          \
                   "{'type':'RandomHorizontalFlip'},"                          \
                   "{'type':'ColorJitter','brightness':0.5},"                  \
                   "{'type':'RandomErasing'}]")

static void setup(void)
{
    unsigned char images[16 + N * EACH] = { 0, 0, 8, 3, 0, 0, 0, N,
                                            0, 0, 0, H, 0, 0, 0, W };
    static const unsigned char labels[8 + N] = { 0, 0, 8, 1, 0, 0, 0, N };

    test_setup();
    test_request.classification = true;
    for (int i = 0; i < N * EACH; i++)
        images[16 + i] = (unsigned char)(2 * i);
    test_write("x", images, sizeof images);
    test_write("y", labels, sizeof labels);
}

static void gather_one(const struct mt_column *column, size_t number,
                       uint64_t epoch, bool training, float *out)
{
    const struct mt_samples one = { .first = number, .n = 1, .epoch = epoch,
                                    .training = training };

    ck_assert_msg(mt_gather_f32(column, NULL, &one, out, &test_err) == MT_OK,
                  "%s", test_err.text);
}

/* A sample depends only on the seed, the epoch and its number. */
START_TEST(test_function_of)
{
    static const uint32_t rows[] = { 5, 1, 1, 0, 3 };
    const struct mt_samples some = { rows, 0, 5, true, 4 };
    struct mt_dataset *data = test_open(RANDOM), *other;
    float all[5 * 12], one[12], again[12];
    int by_epoch = 0, by_seed = 0;

    ck_assert_uint_eq(data->train.x.shape.dim[0], 3);
    ck_assert_uint_eq(data->train.x.shape.dim[1], 4);
    ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL, &some, all, &test_err),
                     MT_OK);
    for (size_t i = 0; i < 5; i++) {
        gather_one(&data->train.x, rows[i], 4, true, one);
        ck_assert_mem_eq(one, all + 12 * i, sizeof one);
        gather_one(&data->train.x, rows[i], 5, true, again);
        by_epoch += memcmp(one, again, sizeof one) != 0;
    }
    ck_assert_int_ge(by_epoch, 4);
    mt_dataset_close(data);
    test_request.seed = 2;
    other = test_open(RANDOM);
    for (size_t i = 0; i < 5; i++) {
        gather_one(&other->train.x, rows[i], 4, true, one);
        by_seed += memcmp(one, all + 12 * i, sizeof one) != 0;
    }
    ck_assert_int_ge(by_seed, 3);
    mt_dataset_close(other);
}
END_TEST

/* Two flips in one list draw different numbers: they do not always agree. */
START_TEST(test_places)
{
    struct mt_dataset *data =
        test_open(IDX("[{'type':'RandomHorizontalFlip'},"
                      "{'type':'RandomHorizontalFlip'}]"));
    int flipped = 0;
    float one[EACH];

    for (uint64_t epoch = 0; epoch < 200; epoch++) {
        gather_one(&data->train.x, 0, epoch, true, one);
        flipped += one[0] != 0;
    }
    ck_assert_msg(flipped > 60 && flipped < 140, "%d", flipped);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_evaluation)
{
    struct mt_dataset *data = test_open(RANDOM);
    float one[12];

    for (size_t i = 0; i < N; i++)
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            gather_one(epoch ? &data->val.x : &data->train.x, i, epoch, false,
                       one);
            for (int k = 0; k < 12; k++)
                ck_assert(one[k] == 2 * (float)(i * EACH) +
                                    2 * (float)(k / 4 * W + k % 4));
        }
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_wrong)
{
    static const char *const wrong[][3] = {
        { "{}", "augment", "expected a list of augmentations" },
        { "[{}]", "spec.json:1:", "type" },
        { "[{'type':'RandomCrop'}]", "spec.json:1:", "size" },
        { "[{'type':'RandomFlip'}]", "spec.json:1:", "RandomFlip" },
        { "[{'type':'RandomCrop','size':[1,2,3]}]", "size", "got 3" },
        { "[{'type':'RandomCrop','size':2,'padding':[1,2,3]}]", "padding",
          "expected 1, 2 or 4 numbers, got 3" },
        { "[{'type':'RandomCrop','size':[5,5]}]", "size",
          "5 x 5 is larger than the padded picture of 4 x 5" },
        { "[{'type':'RandomCrop','size':2},{'type':'RandomCrop','size':3}]",
          "size", "larger than the padded picture of 2 x 2" },
        { "[{'type':'RandomCrop','size':2,'padding':4,"
          "'padding_mode':'reflect'}]", "padding",
          "must be less than the picture of 4 x 5" },
        { "[{'type':'RandomHorizontalFlip','p':1.5}]", "p", "1" },
        { "[{'type':'RandomRotation'}]", "spec.json:1:", "degrees" },
        { "[{'type':'RandomRotation','degrees':-1}]", "degrees",
          "expected one number, at least 0, or [low, high]" },
        { "[{'type':'RandomRotation','degrees':[2,1]}]", "degrees",
          "[low, high]" },
        { "[{'type':'ColorJitter','hue':0.6}]", "hue", "0.5" },
        { "[{'type':'ColorJitter','brightness':-1}]", "brightness", "0" },
        { "[{'type':'ColorJitter','contrast':[1,2,3]}]", "contrast",
          "[low, high]" },
        { "[{'type':'RandomErasing','scale':[0.5,0.1]}]", "scale",
          "expected [low, high]" },
        { "[{'type':'RandomErasing','ratio':[0,1]}]", "ratio", "0" },
    };
    char spec[400];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(spec, sizeof spec, IDX("%s"), wrong[i][0]);
        test_fails(spec, MT_INVALID, wrong[i][1], wrong[i][2]);
    }
    test_request.classification = false;
    test_puts("t.csv", "a,y\n1,2\n2,3\n3,4\n");
    test_fails("{'type':'csv','train':'t.csv','target':'y',"
               "'augment':[{'type':'RandomErasing'}]}", MT_INVALID, "augment",
               "needs pictures of [height, width]");
}
END_TEST

Suite *augment_suite(void);

Suite *augment_suite(void)
{
    Suite *suite = suite_create("augment");
    TCase *tc = tcase_create("augment");

    tcase_add_checked_fixture(tc, setup, test_teardown);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_flips);
    tcase_add_test(tc, test_nothing_to_do);
    tcase_add_test(tc, test_crop_middle);
    tcase_add_test(tc, test_crop_places);
    tcase_add_test(tc, test_crop_padding);
    tcase_add_test(tc, test_rotation);
    tcase_add_test(tc, test_jitter);
    tcase_add_test(tc, test_hue);
    tcase_add_test(tc, test_erasing);
    tcase_add_test(tc, test_probability);
    tcase_add_test(tc, test_draws);
    tcase_add_test(tc, test_function_of);
    tcase_add_test(tc, test_places);
    tcase_add_test(tc, test_evaluation);
    tcase_add_test(tc, test_wrong);
    return suite;
}
