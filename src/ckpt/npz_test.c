#include "ckpt/npz.h"

#include "base/npyheader.h"
#include "ckpt/blockstream.h"
#include "ckpt/statefile.h"
#include "archive/zip_testing.h"

static struct mt_statefile *open_state(const char *path)
{
    struct mt_statefile *f = NULL;

    ck_assert_msg(mt_statefile_open(path, NULL, &f, &err) == MT_OK, "%s", err.text);
    return f;
}

/* An .npy in memory: this dictionary, these bytes. */
static size_t make_npy(unsigned char *out, const char *dict, const void *bytes,
                       size_t n)
{
    size_t length = strlen(dict);

    memcpy(out, "\x93NUMPY\1\0", 8);
    put_u16(out + 8, (uint16_t)length);
    memcpy(out + 10, dict, length);
    if (n)
        memcpy(out + 10 + length, bytes, n);
    return 10 + length + n;
}

#define DICT(descr, shape)                                                     \
    "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }\n"

START_TEST(round_trip)
{
    enum { BIG = MT_BLOCK + 5 };
    static float big[BIG], back[BIG];
    int64_t step = 7, batches = -1;
    uint16_t half[3] = { 1, 2, 0x7e01 };
    struct mt_array a[] = {
        testing_array("fc.weight", MT_F32,
                      mt_shape_of(2, (size_t)1, (size_t)BIG), big),
        testing_array("bn.num_batches_tracked", MT_I64, mt_shape_of(0),
                      &batches),
        testing_array("none", MT_F64, mt_shape_of(1, (size_t)0), NULL),
        testing_array("optimizer.exp_avg.fc.weight", MT_F16,
                      mt_shape_of(1, (size_t)3), half),
        testing_array("progress/step", MT_I64, mt_shape_of(0), &step),
    };
    uint64_t bytes = 0;

    testing_weights("w", big, BIG);
    ck_assert_msg(mt_statefile_write("x.npz", a, 5, NULL, &bytes, &err) ==
                      MT_OK,
                  "%s", err.text);
    struct mt_statefile *f = open_state("x.npz");

    ck_assert_str_eq(mt_statefile_format(f), "npz");
    ck_assert_uint_eq(mt_statefile_count(f), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct mt_array *e = mt_statefile_array(f, i);

        ck_assert_str_eq(e->name, a[i].name);
        ck_assert(e->dtype == a[i].dtype);
        ck_assert(mt_shape_equal(&e->shape, &a[i].shape));
        ck_assert_msg(mt_statefile_read(f, e, back, &err) == MT_OK, "%s",
                      err.text);
        if (a[i].data)
            ck_assert_mem_eq(back, a[i].data, mt_array_bytes(&a[i]));
    }
    mt_statefile_close(f);
}
END_TEST

START_TEST(single)
{
    float x[4] = { 1, 2, 3, 4 }, back[4];
    struct mt_array a = testing_array("whatever", MT_F32,
                                      mt_shape_of(2, (size_t)2, (size_t)2), x);
    uint64_t bytes = 0;

    ck_assert_int_eq(
        mt_statefile_write("fc.weight.npy", &a, 1, NULL, &bytes, &err), MT_OK);
    ck_assert_uint_eq(bytes, 128 + sizeof x);
    struct mt_statefile *f = open_state("fc.weight.npy");

    ck_assert_str_eq(mt_statefile_format(f), "npy");
    ck_assert_uint_eq(mt_statefile_count(f), 1);
    ck_assert_str_eq(mt_statefile_array(f, 0)->name, "fc.weight");
    ck_assert_int_eq(mt_statefile_read(f, mt_statefile_array(f, 0), back, &err),
                     MT_OK);
    ck_assert_mem_eq(back, x, sizeof x);
    mt_statefile_close(f);
    struct mt_array two[] = { a, a };

    ck_assert_int_eq(mt_statefile_write("y.npy", two, 2, NULL, NULL, &err),
                     MT_INVALID);
    testing_says(err, "y.npy: ", "holds one array, got 2");
}
END_TEST

/* Big-endian values are read right, also if deflated. */
START_TEST(big_endian)
{
    static const unsigned char be[] = { 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0 };
    unsigned char npy[200];
    size_t n = make_npy(npy, DICT(">f4", "(2,)"), be, sizeof be);
    static struct zip z;
    float x[2];

    zip_add(&z, (struct zip_part){
                    .name = "a.npy", .bytes = npy, .n = n, .deflate = true });
    zip_write(&z, "x.npz");
    testing_put("y.npy", npy, n);
    for (int i = 0; i < 2; i++) {
        struct mt_statefile *f = open_state(i ? "y.npy" : "x.npz");

        ck_assert_int_eq(
            mt_statefile_read(f, mt_statefile_array(f, 0), x, &err), MT_OK);
        ck_assert(x[0] == 1 && x[1] == -2);
        mt_statefile_close(f);
    }
}
END_TEST

static void refused(const char *member, const void *bytes, size_t n,
                    const char *what)
{
    static struct zip z;
    struct mt_statefile *f = NULL;
    char place[64];

    z = (struct zip){ 0 };
    zip_add(&z, (struct zip_part){ .name = member, .bytes = bytes, .n = n });
    zip_write(&z, "x.npz");
    snprintf(place, sizeof place, "x.npz: member \"%s\": ", member);
    ck_assert_int_eq(mt_statefile_open("x.npz", NULL, &f, &err), MT_INVALID);
    testing_says(err, place, what);
}

START_TEST(refusals)
{
    static const struct {
        const char *dict;
        size_t n;
        const char *what;
    } rows[] = {
        { DICT("<f4", "(2,)"), 4,
          "has 4 bytes of elements, expected 8 for "
          "float32 [2]" },
        { DICT("<f4", "(2,)"), 12, "has 12 bytes of elements, expected 8" },
        { DICT("<f8", "(4294967296, 4294967296)"), 8, "is too large" },
        { "{'descr': '<f4', 'shape': (2,), }", 8, "no \"fortran_order\"" },
    };
    unsigned char npy[300], zeros[16] = { 0 };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused("a.npy", npy, make_npy(npy, rows[i].dict, zeros, rows[i].n),
                rows[i].what);
    refused("a.npy", npy, 11, "only 11 bytes");
    refused("a.npy", zeros, 16, "not an .npy file");
    npy[8] = npy[9] = 0xff;
    refused("a.npy", npy, 100, "the file ends within its header");
}
END_TEST

/* Members that cannot be read as arrays are listed; others are not affected. */
START_TEST(odd_members)
{
    static const struct {
        const char *member, *dict, *name, *type;
    } rows[] = {
        { "a.npy", DICT("|O", "(1,)"), "a", "|O" },
        { "b.npy", DICT("<c8", "(1,)"), "b", "<c8" },
        { ".npy", DICT("<U2", "(1,)"), "(no name)", "<U2" },
        { "\x01.npy", DICT("<f4", "(2,)"), "\\x01", "float32" },
        { "a.txt", "hello", "a.txt", "not an array" },
        { "b", "hello", "b (6)", "not an array" },
    };
    enum { N = sizeof rows / sizeof *rows };
    static struct zip z;
    unsigned char npy[N][300], out[8];

    z = (struct zip){ 0 };
    for (size_t i = 0; i < N; i++)
        zip_add(&z, (struct zip_part){
                        .name = rows[i].member,
                        .bytes = npy[i],
                        .n = make_npy(npy[i], rows[i].dict, "abcdefgh", 8) });
    zip_write(&z, "x.npz");
    struct mt_statefile *f = open_state("x.npz");

    ck_assert_uint_eq(mt_statefile_count(f), N);
    for (size_t i = 0; i < N; i++) {
        const struct mt_array *a = mt_statefile_array(f, i);

        ck_assert_str_eq(a->name, rows[i].name);
        ck_assert_str_eq(mt_array_type(a), rows[i].type);
        if (a->dtype == MT_OTHER) {
            ck_assert_int_eq(mt_statefile_read(f, a, out, &err), MT_INVALID);
            testing_says(err, "x.npz: tensor \"", "cannot be read (");
            testing_says(err, rows[i].name, rows[i].type);
        } else {
            ck_assert_int_eq(mt_statefile_read(f, a, out, &err), MT_OK);
            ck_assert_mem_eq(out, "abcdefgh", 8);
        }
    }
    mt_statefile_close(f);
}
END_TEST

/* Elements in Fortran order are read in C order, block by block. */
START_TEST(fortran_order)
{
    enum { ROWS = MT_BLOCK / 2 + 3, COLS = 3 };
    static unsigned char in[COLS][ROWS], out[ROWS][COLS];
    static unsigned char npy[sizeof in + 200];
    static struct zip z;
    char dict[100];

    for (size_t i = 0; i < (size_t)ROWS * COLS; i++)
        in[i / ROWS][i % ROWS] = (unsigned char)(i % 251);
    snprintf(dict, sizeof dict, "{'descr': '|u1', 'fortran_order': True, "
             "'shape': (%d, %d), }\n", ROWS, COLS);
    size_t n = make_npy(npy, dict, in, sizeof in);

    z = (struct zip){ 0 };
    zip_add(&z, (struct zip_part){
                    .name = "y.npy", .bytes = npy, .n = n, .deflate = true });
    zip_write(&z, "x.npz");
    testing_put("y.npy", npy, n);
    for (int i = 0; i < 2; i++) {
        struct mt_statefile *f = open_state(i ? "y.npy" : "x.npz");

        memset(out, 0, sizeof out);
        ck_assert_int_eq(
            mt_statefile_read(f, mt_statefile_array(f, 0), out, &err), MT_OK);
        for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
            ck_assert(out[k / COLS][k % COLS] == in[k % COLS][k / COLS]);
        mt_statefile_close(f);
    }
}
END_TEST

/* A single array is named after its file, with or without the ending. */
START_TEST(names_of_files)
{
    static const struct {
        const char *file, *name;
    } rows[] = { { "fc1.weight.npy", "fc1.weight" },
                 { "./w", "w" },
                 { ".npy", ".npy" },
                 { "long.weights", "long.weights" },
                 { "a\nb.npy", "a\\x0ab" } };
    unsigned char npy[200];
    size_t n = make_npy(npy, DICT("<f4", "(1,)"), "abcd", 4);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_statefile *f = NULL;

        testing_put(rows[i].file, npy, n);
        ck_assert_int_eq(mt_statefile_open(rows[i].file, NULL, &f, &err), MT_OK);
        ck_assert_str_eq(mt_statefile_array(f, 0)->name, rows[i].name);
        mt_statefile_close(f);
    }
    testing_put("vast.npy", npy,
                make_npy(npy, DICT("<f8", "(4294967296, 4294967296)"), "", 0));
    struct mt_statefile *f = NULL;

    ck_assert_int_eq(mt_statefile_open("vast.npy", NULL, &f, &err), MT_INVALID);
}
END_TEST

START_TEST(others)
{
    static struct zip z;
    struct mt_statefile *f = NULL;
    unsigned char npy[200];
    size_t n = make_npy(npy, DICT("<f4", "(1,)"), "abcd", 4);

    zip_add(&z, (struct zip_part){
                    .name = "archive/data.pkl", .bytes = "x", .n = 1 });
    zip_write(&z, "x.pt");
    ck_assert_int_eq(mt_statefile_open("x.pt", NULL, &f, &err), MT_INVALID);
    testing_says(err, "x.pt: archive/data.pkl: byte 0", "no such opcode");

    z = (struct zip){ 0 };
    for (int i = 0; i < 2; i++)
        zip_add(&z, (struct zip_part){ .name = "a.npy", .bytes = npy, .n = n });
    zip_write(&z, "x.npz");
    ck_assert_int_eq(mt_statefile_open("x.npz", NULL, &f, &err), MT_INVALID);
    testing_says(err, "x.npz: tensor \"a\"", "the name is there twice");
}
END_TEST

START_TEST(unwritable)
{
    float x = 1;
    struct mt_array a[] = { testing_array("a", MT_BF16, mt_shape_of(0), &x),
                            testing_array("a", MT_F32, mt_shape_of(0), &x) };

    ck_assert_int_eq(mt_statefile_write("x.npz", a, 1, NULL, NULL, &err),
                     MT_INVALID);
    testing_says(err, "x.npz: tensor \"a\"", "NumPy has no bfloat16");
    a[0].dtype = MT_F32;
    ck_assert_int_eq(mt_statefile_write("x.npz", a, 2, NULL, NULL, &err),
                     MT_INVALID);
    testing_says(err, "x.npz: tensor \"a\"", "there twice");
    a[0].data = NULL;
    ck_assert_int_eq(mt_statefile_write("x.npz", a, 1, NULL, NULL, &err),
                     MT_INVALID);
    testing_says(err, "x.npz: tensor \"a\"", "has no data");
    ck_assert_int_eq(testing_count("."), 0);
}
END_TEST

/* Damage in the elements is found when they are read. */
START_TEST(damage)
{
    float x[100] = { 0 };
    struct mt_array a =
        testing_array("a", MT_F32, mt_shape_of(1, (size_t)100), x);
    struct mt_bytes b;

    ck_assert_int_eq(mt_statefile_write("x.npz", &a, 1, NULL, NULL, &err),
                     MT_OK);
    b = testing_get("x.npz");
    b.data[300] ^= 1;
    testing_put("x.npz", b.data, b.n);
    free(b.data);
    struct mt_statefile *f = open_state("x.npz");

    ck_assert_int_eq(mt_statefile_read(f, mt_statefile_array(f, 0), x, &err),
                     MT_DAMAGED);
    testing_says(err, "x.npz: damaged: member \"a.npy\" at offset 35",
                 "CRC-32 is ");
    mt_statefile_close(f);
}
END_TEST

Suite *npz_suite(void);

Suite *npz_suite(void)
{
    Suite *suite = suite_create("npz");
    TCase *tc = tcase_create("npz");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, single);
    tcase_add_test(tc, big_endian);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, odd_members);
    tcase_add_test(tc, fortran_order);
    tcase_add_test(tc, names_of_files);
    tcase_add_test(tc, others);
    tcase_add_test(tc, unwritable);
    tcase_add_test(tc, damage);
    suite_add_tcase(suite, tc);
    return suite;
}
