/*
 * Data sets of every format, and inputs to predict from, while memory runs out
 * and system calls fail: opening and gathering succeed or report why not, and
 * leave nothing behind.
 */
#include <fcntl.h>

#include "base/file_testing.h"
#include "base/inject_testing.h"
#include "data/csvguess.h"
#include "data/testing.h"

enum { MOST = 3072 }; /* elements of a sample */

struct set {
    const char *name, *spec;
    struct mt_data_request request; /* without doc and spec */
};

static mt_status gather(const struct mt_column *column,
                        const struct mt_normalization *norm, size_t samples,
                        struct mt_err *e)
{
    static float x[MOST];
    mt_status status = MT_OK;

    for (size_t i = 0; i < samples && status == MT_OK; i++)
        status = mt_gather_f32(column, norm,
                      &(const struct mt_samples){ NULL, i, 1 }, x, e);
    return status;
}

static const char *open_set(void *ctx, mt_status *status, struct mt_err *e)
{
    struct set *s = ctx;
    struct mt_data_request request = s->request;
    struct mt_dataset *data = NULL;
    struct mt_json *doc = NULL;
    struct mt_err own = MT_ERR_INIT;

    e = e ? e : &own; /* data sets are always opened with one */
    *status = mt_json_parse("spec", s->spec, strlen(s->spec), &doc, e);
    if (*status != MT_OK)
        return NULL;
    request.doc = doc;
    request.spec = mt_json_root(doc);
    *status = mt_dataset_open(&request, &data, e);
    if (*status == MT_OK) {
        *status = gather(&data->train.x, &data->fitted.norm, data->train.samples, e);
        if (*status == MT_OK)
            *status = gather(&data->val.x, &data->fitted.norm, data->val.samples, e);
        mt_dataset_close(data);
    }
    mt_json_free(doc);
    return NULL;
}

/* ---- files ---- */

static const char euro[] =
    "# measured\na;town;y\n1.234,5;Bonn;1\n;Ulm;2\n\n2,25;;3\n3;Ulm;4\n";

static const char table[] =
    "id,color,\"wide, quoted\",y\n1,2,3.5,a\n2,4,-1e3,b\n\"3\",6,0x1p3,a\n"
    "4,8,.5,\"c \"\"x\"\"\"\n5,1,2,b\n6,2,3,a\n7,3,4,c\n8,5,6,b\n";

/* Four images of 2 x 3 bytes, and their labels. */
static const unsigned char images[16 + 24] = { 0, 0, 8, 3, 0, 0, 0, 4,
                                               0, 0, 0, 2, 0, 0, 0, 3,
                                               9, 8, 7, 6, 5, 4, 3, 2 };
static const unsigned char labels[8 + 4] = {
    0, 0, 8, 1, 0, 0, 0, 4, 1, 0, 2, 1
};

static size_t make_npy(unsigned char *out, const char *descr, const char *shape,
                       size_t bytes)
{
    char dict[118];

    memset(dict, ' ', sizeof dict);
    int n = snprintf(dict, sizeof dict,
                     "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                     descr, shape);

    dict[n] = ' ';
    dict[117] = '\n';
    memcpy(out, "\x93NUMPY\1\0\x76\0", 10);
    memcpy(out + 10, dict, 118);
    for (size_t i = 0; i < bytes; i++)
        out[128 + i] = (unsigned char)(i % 5);
    return 128 + bytes;
}

/* Two pictures, and a table of them. */
static void make_pictures(const struct mt_bytes *png, const struct mt_bytes *jpeg)
{
    testing_put("p.png", png->data, png->n);
    testing_put("p.jpg", jpeg->data, jpeg->n);
    testing_put("p.csv", "p.png,b\np.jpg,a\n", 16);
}

static const char dates[] =
    "town,d,x,x,y\na,2024-01-01,1,2,3\nb,2024-01-02T10:00,2,1,4\n"
    "a,?,3,5,NA\n,2023-12-05,4,2,6\nc,2024-02-03,5,1,7\nb,NA,1,1,8\n";

static void make_files(void)
{
    static const unsigned char records[2 * 3073] = { 1, [3073] = 0 };
    struct mt_bytes png, jpeg;
    struct mt_err e = MT_ERR_INIT;
    unsigned char bytes[1024];

    ck_assert_int_eq(mt_file_read("testdata/pictures/grey-alpha.png", 4096,
                                  &png, &e), MT_OK);
    ck_assert_int_eq(mt_file_read("testdata/pictures/cmyk.jpg", 4096, &jpeg,
                                  &e), MT_OK);
    testing_enter_memory();
    make_pictures(&png, &jpeg);
    free(png.data);
    free(jpeg.data);
    testing_put("cifar", records, sizeof records);
    testing_put("t.csv", table, sizeof table - 1);
    testing_put("d.csv", dates, sizeof dates - 1);
    testing_put("n.csv", "1;2;3\n4;5;6\n7;8;9\n1;1;2\n", 24);
    testing_put("s.csv", "1,0\n2,1\n3,0\n4,1\n5,0\n6,0\n", 24);
    testing_put("g.gz", bytes,
                test_gzip(euro, sizeof euro - 1, bytes, sizeof bytes));
    testing_put("i.idx", images, sizeof images);
    testing_put("l.idx", labels, sizeof labels);
    testing_put("i.gz", bytes,
                test_gzip(images, sizeof images, bytes, sizeof bytes));
    testing_put("x.npy", bytes, make_npy(bytes, "<f4", "(4, 3)", 48));
    testing_put("y.npy", bytes, make_npy(bytes, "|u1", "(4,)", 4));
    testing_put("text", "na\xc3\xafve, na\xe2\x82\xac f\n\n  ab ab", 23);
}

static struct set sets[] = {
    { "csv with classes",
      "{\"type\": \"csv\", \"train\": \"t.csv\", \"target\": \"y\","
      " \"features\": [\"id\", \"color\"], \"normalize\": \"standard\","
      " \"val_split\": 0.25}",
      { .seed = 1, .classification = true } },
    { "csv with categories and dates",
      "{\"type\": \"csv\", \"train\": \"d.csv\", \"target\": \"y\","
      " \"types\": {\"town\": \"category\", \"d\": \"date\"},"
      " \"categories\": {\"town\": [\"b\"]}, \"missing\": {\"y\": \"drop\","
      " \"d\": \"median\"}, \"missing_flags\": true, \"val_split\": 0.25}",
      { .seed = 1 } },
    { "csv with numbers",
      "{\"type\": \"csv\", \"train\": \"n.csv\", \"val\": \"n.csv\","
      " \"header\": false, \"delimiter\": \";\", \"target\": [0, -1]}",
      { .seed = 1 } },
    { "csv with classes in their shares",
      "{\"type\": \"csv\", \"train\": \"s.csv\", \"header\": false,"
      " \"val_split\": 0.34, \"test_split\": 0.17,"
      " \"split\": \"stratified\"}",
      { .seed = 1, .classification = true } },
    { "a packed table with categories and gaps",
      "{\"type\": \"csv\", \"train\": \"g.gz\", \"delimiter\": \";\","
      " \"decimal\": \",\", \"thousands\": \".\", \"comment\": \"#\","
      " \"types\": {\"town\": \"category\"},"
      " \"categories\": {\"town\": [\"Ulm\"]},"
      " \"missing\": {\"a\": \"median\"}, \"missing_flags\": true,"
      " \"normalize\": \"standard\", \"val_split\": 0.25}",
      { .seed = 1, .resident = 1 } },
    { "a packed series",
      "{\"type\": \"csv\", \"train\": \"n.csv\", \"header\": false,"
      " \"delimiter\": \";\", \"features\": [0, 1],"
      " \"target\": 2, \"window\": {\"steps\": 2}, \"normalize\": \"minmax\"}",
      { .seed = 1, .resident = 1 } },
    { "a peek at csv",
      "{\"type\": \"csv\", \"train\": \"t.csv\", \"features\": [0]}",
      { .seed = 1, .classification = true, .purpose = MT_DATA_CHECK } },
    { "idx",
      "{\"type\": \"idx\", \"train\": [\"i.idx\", \"l.idx\"],"
      " \"val\": [\"i.gz\", \"l.idx\"], \"scale\": 0.5, \"mean\": 1}",
      { .seed = 1, .classification = true } },
    { "a peek at idx",
      "{\"type\": \"idx\", \"train\": [\"i.idx\", \"l.idx\"]}",
      { .seed = 1, .classification = true, .purpose = MT_DATA_CHECK } },
    { "npy",
      "{\"type\": \"npy\", \"train\": [\"x.npy\", \"y.npy\"],"
      " \"val_split\": 0.5, \"std\": 2}",
      { .seed = 1, .classification = true } },
    { "npy in its file",
      "{\"type\": \"npy\", \"train\": [\"x.npy\", \"y.npy\"]}",
      { .seed = 1, .resident = 1 } },
    { "images",
      "{\"type\": \"images\", \"train\": \"p.csv\", \"val\": \"p.csv\","
      " \"size\": [7, 5], \"augment\": [{\"type\": \"RandomCrop\","
      " \"size\": 5}, {\"type\": \"ColorJitter\", \"hue\": 0.1}]}",
      { .seed = 1, .classification = true } },
    { "images not kept",
      "{\"type\": \"images\", \"train\": \"p.csv\", \"size\": 4}",
      { .seed = 1, .classification = true, .resident = 1 } },
    { "cifar",
      "{\"type\": \"cifar\", \"train\": [\"cifar\", \"cifar\"],"
      " \"val_split\": 0.5, \"augment\": [{\"type\": \"RandomErasing\"}]}",
      { .seed = 1, .classification = true } },
    { "text",
      "{\"type\": \"text\", \"train\": \"text\", \"seq_len\": 2,"
      " \"val_split\": 0.3}",
      { .seed = 1, .classification = true } },
    { "text as bytes",
      "{\"type\": \"text\", \"train\": \"text\", \"tokenizer\": \"byte\","
      " \"seq_len\": 2}",
      { .seed = 1, .classification = true } },
    { "synthetic numbers",
      "{\"type\": \"synthetic\", \"task\": \"regression\", \"input\": [3],"
      " \"output\": 2, \"samples\": 5, \"val_split\": 0.4}",
      { .seed = 1 } },
    { "synthetic classes",
      "{\"type\": \"synthetic\", \"task\": \"classification\", \"input\": 3,"
      " \"samples\": 5}",
      { .seed = 1, .classification = true } },
    { "synthetic tokens",
      "{\"type\": \"synthetic\", \"task\": \"tokens\", \"seq_len\": 3,"
      " \"samples\": 5}",
      { .seed = 1, .classification = true } },
};

START_TEST(data_sets)
{
    inject_everywhere(sets[_i].name, open_set, &sets[_i]);
}
END_TEST

/* ---- inputs to predict from ---- */

static const char *const features[] = { "id", "color", NULL };

static struct inputs {
    const char *path;
    struct mt_shape shape;
    bool named;
} inputs[] = {
    { "t.csv", { 1, { 2 } }, true },     { "n.csv", { 1, { 3 } }, false },
    { "i.idx", { 2, { 2, 3 } }, false }, { "i.gz", { 2, { 2, 3 } }, false },
    { "x.npy", { 1, { 3 } }, false },    { "-", { 1, { 2 } }, true },
};

static const char *read_inputs(void *ctx, mt_status *status, struct mt_err *e)
{
    static const char spec[] = "{\"type\": \"csv\", \"train\": \"t.csv\","
                               " \"delimiter\": \";\", \"target\": \"y\"}";
    const struct inputs *from = ctx;
    const struct mt_fitted fitted = {
        .x = from->shape,
        .norm = { .scale = 1 },
        .n_features = from->named ? 2 : 0,
        .feature_names = from->named ? features : NULL,
    };
    struct mt_data_request request = { .purpose = MT_DATA_PREDICT,
                                       .fitted = &fitted,
                                       .inputs = &from->path,
                                       .n_inputs = 1 };
    struct mt_dataset *data = NULL;
    struct mt_json *doc = NULL;
    struct mt_column column;
    struct mt_err own = MT_ERR_INIT;
    const char *text =
        from->named ? "{\"type\": \"csv\", \"train\": \"t.csv\"}" : spec;
    size_t n = 1;

    e = e ? e : &own;
    *status = mt_json_parse("spec", text, strlen(text), &doc, e);
    if (*status != MT_OK)
        return NULL;
    request.doc = doc;
    request.spec = mt_json_root(doc);
    lseek(STDIN_FILENO, 0, SEEK_SET); /* if it is t.csv */
    *status = mt_dataset_open(&request, &data, e);
    while (*status == MT_OK && n) {
        *status = mt_dataset_next(data, 3, &column, &n, e);
        if (*status == MT_OK && n)
            *status = gather(&column, NULL, n, e);
    }
    mt_dataset_close(data);
    mt_json_free(doc);
    return NULL;
}

START_TEST(inputs_alone)
{
    mt_status status;
    struct mt_err e = MT_ERR_INIT;
    int fd = open("t.csv", O_RDONLY);

    ck_assert(fd >= 0 && dup2(fd, STDIN_FILENO) == 0);
    ck_assert_ptr_null(read_inputs(&inputs[_i], &status, &e));
    ck_assert_msg(status == MT_OK, "%s", e.text);
    inject_everywhere(inputs[_i].path, read_inputs, &inputs[_i]);
}
END_TEST

/* ---- a first look at a table ---- */

static const char *guess_table(void *ctx, mt_status *status, struct mt_err *e)
{
    const char *const targets[] = { "y", NULL };
    const struct mt_csv_hints hints = { targets, 1, MT_HEADER_YES };
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_csv_guess guess;
    struct mt_csv_class *classes;
    struct mt_err own = MT_ERR_INIT;
    size_t n;

    e = e ? e : &own;
    *status = mt_csv_guess(ctx, &hints, &arena, &guess, e);
    if (*status == MT_OK)
        *status = mt_csv_classes(&guess, &arena, &classes, &n, e);
    mt_csv_guess_free(&guess);
    mt_arena_free(&arena);
    return NULL;
}

START_TEST(guesses)
{
    static char name[] = "t.csv";
    mt_status status;
    struct mt_err e = MT_ERR_INIT;

    guess_table(name, &status, &e);
    ck_assert_msg(status == MT_OK, "%s", e.text);
    inject_everywhere(name, guess_table, name);
}
END_TEST

START_TEST(all_open)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        mt_status status;
        struct mt_err e = MT_ERR_INIT;

        open_set(&sets[i], &status, &e);
        ck_assert_msg(status == MT_OK, "%s: %s", sets[i].name, e.text);
    }
}
END_TEST

Suite *data_attack_suite(void);

Suite *data_attack_suite(void)
{
    Suite *s = suite_create("data_attack");
    TCase *tc = tcase_create("data_inject");

    tcase_add_checked_fixture(tc, make_files, testing_leave);
    tcase_add_test(tc, all_open);
    tcase_add_loop_test(tc, data_sets, 0, sizeof sets / sizeof *sets);
    tcase_add_loop_test(tc, inputs_alone, 0, sizeof inputs / sizeof *inputs);
    tcase_add_test(tc, guesses);
    suite_add_tcase(s, tc);
    return s;
}
