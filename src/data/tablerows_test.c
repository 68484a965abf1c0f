#include "data/reader.h"
#include "data/testing.h"

/* The targets of a column as mt_gather_f32, _f64 and _i32 give them, from the
 * last sample to the first. */
static char *gather_targets(const struct mt_dataset *data, size_t *bytes)
{
    const struct mt_column *y = &data->train.y;
    size_t n = data->train.samples, each = mt_shape_elements(&y->shape);
    size_t all = n * each;
    uint32_t *rows = malloc(n * sizeof *rows);
    char *out = malloc(all * 16);
    struct mt_samples some = { rows, 0, n };

    ck_assert(rows && out);
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)(n - 1 - i);
    ck_assert_int_eq(mt_gather_f64(y, &some, (double *)(void *)out, &test_err),
                     MT_OK);
    ck_assert_int_eq(mt_gather_f32(y, &data->fitted.y_norm, &some,
                                   (float *)(void *)(out + 8 * all), &test_err),
                     MT_OK);
    ck_assert_int_eq(
        mt_gather_i32(y, &some, (int32_t *)(void *)(out + 12 * all), &test_err),
        MT_OK);
    free(rows);
    *bytes = 16 * all;
    return out;
}

static void same_targets(const struct mt_dataset *held,
                         const struct mt_dataset *packed)
{
    size_t n, n_packed;
    char *y = gather_targets(held, &n);
    char *from_cells = gather_targets(packed, &n_packed);

    ck_assert(mt_shape_equal(&held->train.y.shape, &packed->train.y.shape));
    ck_assert_int_eq(held->train.y.dtype, packed->train.y.dtype);
    ck_assert_int_eq(held->label_min, packed->label_min);
    ck_assert_int_eq(held->label_max, packed->label_max);
    ck_assert_uint_eq(n, n_packed);
    ck_assert_mem_eq(y, from_cells, n);
    free(y);
    free(from_cells);
}

static void same_samples(const struct mt_column *held,
                         const struct mt_column *packed, size_t samples,
                         const struct mt_normalization *norm)
{
    float *x = test_gather(held, norm, samples);
    float *y = test_gather(packed, norm, samples);

    ck_assert_mem_eq(x, y,
                     mt_shape_elements(&held->shape) * samples * sizeof *x);
    free(x);
    free(y);
}

static void same_data(const struct mt_dataset *held,
                      const struct mt_dataset *packed)
{
    const struct mt_column *x = &held->train.x, *y = &packed->train.x;

    ck_assert(x->data && held->train.y.data);
    ck_assert(!y->data && !packed->train.y.data);
    same_targets(held, packed);
    ck_assert(mt_shape_equal(&x->shape, &y->shape));
    ck_assert_uint_eq(held->train.samples, packed->train.samples);
    ck_assert_uint_eq(held->fitted.norm.n, packed->fitted.norm.n);
    for (size_t i = 0; i < held->fitted.norm.n; i++) {
        ck_assert(held->fitted.norm.mean[i] == packed->fitted.norm.mean[i]);
        ck_assert(held->fitted.norm.std[i] == packed->fitted.norm.std[i]);
    }
    same_samples(x, y, held->train.samples, &held->fitted.norm);
    same_samples(x, y, held->train.samples, NULL);
}

/* A table that is not held in memory gives the same bits. For a check, no table
 * is, and the memory that training would take is reported. */
static void same_both_ways(const char *spec)
{
    struct mt_dataset *held, *packed, *checked;

    test_request.resident = 0;
    held = test_open(spec);
    test_request.purpose = MT_DATA_CHECK;
    checked = test_open(spec);
    test_request.purpose = MT_DATA_TRAIN;
    test_request.resident = 1;
    packed = test_open(spec);
    same_data(held, packed);
    same_data(held, checked);
    ck_assert_uint_eq(held->held, checked->held);
    ck_assert_uint_eq(held->most, checked->most);
    ck_assert(checked->train.x.reader->look && checked->train.y.reader->look);
    ck_assert(!packed->train.x.reader->look);
    mt_dataset_close(held);
    mt_dataset_close(packed);
    mt_dataset_close(checked);
}

START_TEST(test_plain)
{
    test_puts("t.csv", "a,b,y\n1700000001,0.25,1\n1700000002,-7.5,2\n"
                       "1700000009,1e-30,3\n");
    same_both_ways("{'type':'csv','train':'t.csv'}");
    same_both_ways("{'type':'csv','train':'t.csv','normalize':'standard'}");
    same_both_ways("{'type':'csv','train':'t.csv','normalize':'minmax',"
                   "'val_split':0.34}");
}
END_TEST

/* Numbers are read back with all bits, also -0, and classes are in their own
 * order, not in that of their first rows. */
START_TEST(test_targets)
{
    static const double expected[] = { 0.1, -0.0, 1e30, 12 };
    struct mt_dataset *data;
    double y[4];
    int32_t class[4];

    test_puts("t.csv", "a,y,z\n1,0.1,3\n2,-0,c\n3,1e30,2\n4,12,3\n");
    same_both_ways("{'type':'csv','train':'t.csv','target':'y',"
                   "'features':['a']}");
    same_both_ways("{'type':'csv','train':'t.csv','target':['y','a'],"
                   "'features':['a'],'window':{'steps':1},"
                   "'target_normalize':'standard'}");
    test_request.resident = 1;
    data = test_open("{'type':'csv','train':'t.csv','target':'y',"
                     "'features':['a']}");
    ck_assert_int_eq(mt_gather_f64(&data->train.y,
                                   &(const struct mt_samples){ .n = 4 }, y,
                                   &test_err),
                     MT_OK);
    ck_assert_mem_eq(y, expected, sizeof y);
    mt_dataset_close(data);
    test_request.classification = true;
    same_both_ways("{'type':'csv','train':'t.csv','features':['a'],"
                   "'types':{'z':'category'}}");
    test_request.resident = 1;
    data = test_open("{'type':'csv','train':'t.csv','features':['a'],"
                     "'types':{'z':'category'}}");
    ck_assert_int_eq(mt_gather_i32(&data->train.y,
                                   &(const struct mt_samples){ .n = 4 }, class,
                                   &test_err),
                     MT_OK);
    ck_assert_mem_eq(class, ((const int32_t[]){ 1, 2, 0, 1 }), sizeof class);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_plan)
{
    test_puts("t.csv", "a,town,y\n1.5,Delft,1\n,Gent,2\n3.5,,3\n4,Gent,4\n");
    same_both_ways("{'type':'csv','train':'t.csv','types':{'town':'category'},"
                   "'missing':{'a':'median'},'missing_flags':true,"
                   "'normalize':'standard'}");
}
END_TEST

START_TEST(test_windows)
{
    test_puts("t.csv", "a,b\n1,10\n2,20\n3,30\n4,45\n5,50\n6,60\n");
    same_both_ways("{'type':'csv','train':'t.csv','window':{'steps':3},"
                   "'target':'b','features':['a','b'],"
                   "'normalize':'standard'}");
}
END_TEST

/* Some samples by their numbers, in any order. */
START_TEST(test_rows)
{
    static const uint32_t numbers[] = { 2, 0, 1, 2 };
    struct mt_samples some = { numbers, 0, 4 };
    struct mt_dataset *data;
    float x[8];

    test_puts("t.csv", "a,b,y\n1,2,0\n3,4,0\n5,6,0\n");
    test_request.resident = 1;
    data = test_open("{'type':'csv','train':'t.csv'}");
    ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL, &some, x, &test_err),
                     MT_OK);
    ck_assert_mem_eq(x, ((const float[]){ 5, 6, 1, 2, 3, 4, 5, 6 }), sizeof x);
    mt_dataset_close(data);
}
END_TEST

Suite *tablerows_suite(void);

Suite *tablerows_suite(void)
{
    Suite *suite = suite_create("tablerows");
    TCase *tc = test_case(suite, "rows");

    tcase_add_test(tc, test_plain);
    tcase_add_test(tc, test_targets);
    tcase_add_test(tc, test_plan);
    tcase_add_test(tc, test_windows);
    tcase_add_test(tc, test_rows);
    return suite;
}
