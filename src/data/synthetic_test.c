#include <math.h>

#include "data/reader.h"
#include "data/testing.h"

#define SYN "{'type':'synthetic','task':"

static double variance(const float *v, size_t n, double *mean)
{
    double sum = 0, square = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        square += ((double)v[i] - *mean) * ((double)v[i] - *mean);
    return square / (double)n;
}

/* y depends on x: the best line over (w x) explains most of it. w is found by
 * least squares of y on each input alone, which is right for independent
 * inputs. */
START_TEST(test_regression)
{
    struct mt_dataset *data =
        test_open(SYN "'regression','samples':4000,'input':[2,3]}");
    const float *x = data->train.x.data, *y = data->train.y.data;
    double mean, var, w[6] = { 0 }, left = 0;

    ck_assert_uint_eq(data->train.samples, 4000);
    ck_assert_int_eq(data->train.x.shape.rank, 2);
    ck_assert_int_eq(data->train.y.shape.rank, 1);
    ck_assert_uint_eq(data->n_fingerprints, 0);
    var = variance(x, 24000, &mean);
    ck_assert(fabs(mean) < 0.03 && fabs(var - 1) < 0.03);
    var = variance(y, 4000, &mean);
    for (size_t i = 0; i < 24000; i++)
        w[i % 6] += (double)x[i] * ((double)y[i / 6] - mean) / 4000;
    for (size_t i = 0; i < 4000; i++) {
        double r = (double)y[i] - mean;

        for (size_t e = 0; e < 6; e++)
            r -= w[e] * (double)x[i * 6 + e];
        left += r * r / 4000;
    }
    ck_assert_msg(left < 0.35 * var, "%g of %g", left, var);
    mt_dataset_close(data);
}
END_TEST

/* The nearest centre, estimated from one half, predicts the classes of the
 * other half. */
START_TEST(test_classification)
{
    enum { N = 2000, D = 8, C = 5 };
    struct mt_dataset *data;
    const float *x;
    const int32_t *y;
    double centre[C][D] = { { 0 } };
    int count[C] = { 0 }, right = 0;

    test_request.classification = true;
    data = test_open(SYN "'classification','samples':2000,'input':8,"
                         "'classes':5,'noise':0.3}");
    x = data->train.x.data;
    y = data->train.y.data;
    ck_assert_uint_eq(data->fitted.classes, C);
    ck_assert_uint_eq(data->fitted.vocab, 0);
    for (size_t i = 0; i < N / 2; i++) {
        ck_assert(y[i] >= 0 && y[i] < C);
        count[y[i]]++;
        for (size_t e = 0; e < D; e++)
            centre[y[i]][e] += (double)x[i * D + e];
    }
    for (size_t i = N / 2; i < N; i++) {
        int best = 0;
        double least = INFINITY;

        for (int c = 0; c < C; c++) {
            double d = 0;

            for (size_t e = 0; e < D; e++) {
                double t = centre[c][e] / count[c] - (double)x[i * D + e];

                d += t * t;
            }
            if (d < least) {
                least = d;
                best = c;
            }
        }
        right += best == y[i];
    }
    ck_assert_int_gt(right, N / 2 * 9 / 10);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_tokens)
{
    struct mt_dataset *data;
    int follows[16][16] = { { 0 } }, common = 0, total = 0;
    int32_t x[20], y[20];

    test_request.classification = true;
    data = test_open(SYN "'tokens','samples':500,'vocab':16,'seq_len':20}");
    ck_assert_uint_eq(data->fitted.vocab, 16);
    ck_assert_uint_eq(data->fitted.classes, 16);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 20);
    for (size_t i = 0; i < 500; i++) {
        mt_gather_i32(&data->train.x,
                      &(const struct mt_samples){ NULL, i, 1 }, x, &test_err);
        mt_gather_i32(&data->train.y,
                      &(const struct mt_samples){ NULL, i, 1 }, y, &test_err);
        ck_assert_mem_eq(x + 1, y, 19 * sizeof *x);
        for (int t = 0; t < 20; t++) {
            ck_assert(x[t] >= 0 && x[t] < 16 && y[t] >= 0 && y[t] < 16);
            follows[x[t]][y[t]]++;
            total++;
        }
    }
    for (int a = 0; a < 16; a++) {
        int most = 0;

        for (int b = 0; b < 16; b++)
            most = follows[a][b] > most ? follows[a][b] : most;
        common += most;
    }
    ck_assert_int_gt(common, total * 6 / 10);
    mt_dataset_close(data);
}
END_TEST

/* The seed decides everything; these bits are the same everywhere. */
START_TEST(test_seed)
{
    const char *spec = SYN "'regression','samples':5}";
    struct mt_dataset *a = test_open(spec), *b, *c;
    const float *x = a->train.x.data, *y = a->train.y.data;

    ck_assert_msg(x[0] == 0x1.b3e9ap+0f && x[49] == -0x1.3c12dap+0f &&
                      y[0] == -0x1.b4cf34p-1f,
                  "%a %a %a", (double)x[0], (double)x[49], (double)y[0]);
    b = test_open(spec);
    ck_assert_mem_eq(x, b->train.x.data, 50 * sizeof *x);
    ck_assert_mem_eq(y, b->train.y.data, 5 * sizeof *y);
    test_request.seed = 2;
    c = test_open(spec);
    ck_assert_mem_ne(x, c->train.x.data, 50 * sizeof *x);
    mt_dataset_close(a);
    mt_dataset_close(b);
    mt_dataset_close(c);
}
END_TEST

START_TEST(test_split)
{
    struct mt_dataset *data =
        test_open(SYN "'regression','val_split':0.25,'samples':10}");

    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].n, 3); /* 2.5, half up */
    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 7);
    mt_dataset_close(data);
}
END_TEST

static void same_samples(const struct mt_column *a, const struct mt_column *b,
                         size_t n)
{
    size_t each = mt_shape_elements(&a->shape);
    float *x = test_gather(a, NULL, n), *y = test_gather(b, NULL, n);
    int64_t label = -1;
    struct mt_samples last = { .first = n - 1, .n = 1 };

    ck_assert(a->data && !b->data);
    ck_assert(mt_shape_equal(&a->shape, &b->shape) && a->dtype == b->dtype);
    ck_assert_mem_eq(x, y, n * each * sizeof *x);
    if (a->dtype == MT_I32 && each == 1) {
        ck_assert_int_eq(b->reader->gather(b->reader, &last, NULL, MT_I64,
                                           &label, &test_err),
                         MT_OK);
        ck_assert_int_eq(label, (int64_t)x[n - 1]);
    }
    free(x);
    free(y);
}

/* A check takes no memory for samples, but can make them. */
START_TEST(test_look)
{
    static const struct {
        const char *spec;
        size_t n, held, beside; /* values */
    } rows[] = {
        { SYN "'regression','samples':9,'input':[2,3],'output':2}", 9,
          9 * (6 + 2), 6 * 2 },
        { SYN "'classification','samples':9,'input':5,'classes':3}", 9,
          9 * (5 + 1), 3 * 5 },
        { SYN "'tokens','samples':9,'vocab':50,'seq_len':7,'noise':0}", 9,
          9 * 8, 2 * 50 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_dataset *data, *look;

        test_request.purpose = MT_DATA_TRAIN;
        data = test_open(rows[i].spec);
        test_request.purpose = MT_DATA_CHECK;
        look = test_open(rows[i].spec);
        same_samples(&data->train.x, &look->train.x, rows[i].n);
        same_samples(&data->train.y, &look->train.y, rows[i].n);
        ck_assert_uint_eq(data->held, 4 * rows[i].held);
        ck_assert_uint_eq(data->most, 4 * (rows[i].held + rows[i].beside));
        ck_assert(look->held == data->held && look->most == data->most);
        ck_assert_uint_eq(look->fitted.vocab, data->fitted.vocab);
        mt_dataset_close(data);
        mt_dataset_close(look);
    }
}
END_TEST

/* A check also finds labels beyond the model's classes. */
START_TEST(test_look_finds_labels)
{
    struct mt_dataset *look;

    test_request.purpose = MT_DATA_CHECK;
    test_request.classification = true;
    look = test_open(SYN "'classification','samples':30,'classes':5}");
    ck_assert_int_eq(mt_dataset_check_labels(look, 5, NULL, &test_err), MT_OK);
    ck_assert_int_eq(mt_dataset_check_labels(look, 4, NULL, &test_err),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "label 4 is out of range"));
    mt_dataset_close(look);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *spec, *place, *cause;
    } rows[] = {
        { "{'type':'synthetic'}", "spec.json:1:1: ", "\"task\"" },
        { SYN "'clasification'}", "task: ", "\"classification\"" },
        { SYN "'regression','classes':3}",
          "classes: ", "only for task \"classification\"" },
        { SYN "'classification','output':3}",
          "output: ", "only for task \"regression\"" },
        { SYN "'regression','vocab':3}",
          "vocab: ", "only for task \"tokens\"" },
        { SYN "'regression','seq_len':3}", "seq_len: ", "only for task" },
        { SYN "'tokens','input':3}", "input: ", "not for task \"tokens\"" },
        { SYN "'tokens','scale':3}", "scale: ", "not for task \"tokens\"" },
        { SYN "'tokens','noise':1.5}", "noise: ", "expected a probability" },
        { SYN "'regression','noise':-1}", "noise: ", "got -1" },
        { SYN "'regression','samples':0}", "samples: ", "got 0" },
        { SYN "'regression','input':0}", "input: ", "got 0" },
        { SYN "'regression','input':[4294967296,4294967296]}",
          "input: ", "the shape is too large" },
        { SYN "'regression','samples':4294967295,'input':1000000}",
          "spec.json:1:1: ", "would take more than 4 GiB" },
        { SYN "'regression','train':'x'}", "train: ", "reads no files" },
        { SYN "'regression','val':'x'}", "val: ", "reads no files" },
        { SYN "'regression','sample':5}", "spec.json:1:", "\"samples\"" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        test_fails(rows[i].spec, MT_INVALID, rows[i].place, rows[i].cause);
    test_request.classification = true;
    test_fails(SYN "'regression'}", MT_INVALID,
               "task: ", "because the loss takes classes");
}
END_TEST

Suite *synthetic_suite(void);

Suite *synthetic_suite(void)
{
    Suite *suite = suite_create("synthetic");
    TCase *tc = test_case(suite, "synthetic");

    tcase_add_test(tc, test_regression);
    tcase_add_test(tc, test_classification);
    tcase_add_test(tc, test_tokens);
    tcase_add_test(tc, test_seed);
    tcase_add_test(tc, test_split);
    tcase_add_test(tc, test_look);
    tcase_add_test(tc, test_look_finds_labels);
    tcase_add_test(tc, test_refused);
    return suite;
}
