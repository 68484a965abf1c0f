/*
 * Reading and writing every kind of state file while memory runs out, and while
 * system calls fail, are interrupted or do less than asked: the call succeeds
 * or reports why not, its result is right, the file on disk is the old or the
 * new one, and nothing is left behind.
 */
#include "base/inject_testing.h"

#include "ckpt/blockstream.h"
#include "ckpt/npz.h"
#include "ckpt/safetensors.h"
#include "ckpt/statefile.h"
#include "ckpt/torch_testing.h"

enum {
    MANY = CKPT_CHUNK_ELEMENTS + 4321, /* two chunks, two blocks */
    WORKERS = 2,
    MOST_ARRAYS = 5,
};

static float many[MANY];
static double wide[300];
static int64_t step = 70;
static uint16_t halves[6] = { 0x3c00, 0xbc00, 0x0001, 0x7c00, 0x8000, 0 };

struct scene {
    const char *path;
    struct mt_array a[MOST_ARRAYS]; /* as expected */
    size_t n;
    struct mt_team *team;
    struct mt_bytes before, after; /* the file that is written */
    struct mt_source sources[MOST_ARRAYS];
};

static unsigned char room[MANY * sizeof(float)];
static float values[MANY];

static void add(struct scene *s, const char *name, enum mt_dtype dtype,
                struct mt_shape shape, void *data)
{
    ck_assert_uint_lt(s->n, MOST_ARRAYS);
    s->a[s->n++] = testing_array(name, dtype, shape, data);
}

/* A state dict as programs exchange it. */
static void fill_dict(struct scene *s)
{
    testing_weights("many", many, MANY);
    for (size_t i = 0; i < 300; i++)
        wide[i] = many[i] * 1.0000000001;
    s->n = 0;
    add(s, "fc1.weight", MT_F32, mt_shape_of(1, (size_t)MANY), many);
    add(s, "fc1.bias", MT_F64, mt_shape_of(2, (size_t)3, (size_t)100), wide);
    add(s, "optimizer.exp_avg.fc1.bias", MT_F32, mt_shape_of(1, (size_t)100),
        many);
    add(s, "progress/step", MT_I64, mt_shape_of(0), &step);
}

static void fill_ckpt(struct scene *s)
{
    fill_dict(s);
    s->a[0].name = "model/fc1.weight";
    s->a[1].name = "model/fc1.bias";
    s->a[2].name = "optimizer/exp_avg.fc1.bias";
    add(s, "model/none", MT_F32, mt_shape_of(1, (size_t)0), NULL);
}

static void begin(struct scene *s, const char *path)
{
    *s = (struct scene){ .path = path };
    ck_assert_int_eq(mt_team_new(WORKERS, &s->team, &err), MT_OK);
}

static void end(struct scene *s)
{
    mt_team_free(s->team);
    free(s->before.data);
    free(s->after.data);
}

/* ---- reading ---- */

static bool is_right(const struct scene *s, const struct mt_array *got,
                     const void *bytes)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct mt_array *a = &s->a[i];

        if (!strcmp(a->name, got->name))
            return a->dtype == got->dtype &&
                   !memcmp(a->data ? a->data : "", bytes,
                           a->data ? mt_array_bytes(a) : 0);
    }
    return false;
}

static const char *read_ckpt(void *ctx, mt_status *status, struct mt_err *e)
{
    struct scene *s = ctx;
    struct mt_ckpt *c = NULL;
    const char *wrong = NULL;

    *status = mt_ckpt_open(s->path, &c, e);
    if (*status != MT_OK)
        return NULL;
    for (size_t i = 0; i < mt_ckpt_count(c) && *status == MT_OK; i++) {
        const struct mt_array *a = mt_ckpt_array(c, i);

        *status = mt_ckpt_read(c, a, room, i ? NULL : s->team, e);
        if (*status == MT_OK && !is_right(s, a, room))
            wrong = "an array came out wrong";
    }
    mt_ckpt_close(c);
    return wrong;
}

static void note(void *ctx, const char *what)
{
    (void)ctx;
    (void)what;
}

static const char *verify(void *ctx, mt_status *status, struct mt_err *e)
{
    struct scene *s = ctx;

    *status = mt_ckpt_verify(s->path, note, s, s->team, e);
    return NULL;
}

/* Entry by entry, in their own types and as float32. */
static const char *read_state(void *ctx, mt_status *status, struct mt_err *e)
{
    struct scene *s = ctx;
    struct mt_statefile *f = NULL;
    const char *wrong = NULL;

    *status = mt_statefile_open(s->path, NULL, &f, e);
    if (*status != MT_OK)
        return NULL;
    for (size_t i = 0; i < mt_statefile_count(f) && *status == MT_OK; i++) {
        const struct mt_array *entry = mt_statefile_array(f, i);

        *status = mt_statefile_read(f, entry, room, e);
        if (*status == MT_OK && !is_right(s, entry, room))
            wrong = "an array came out wrong";
        if (*status == MT_OK && entry->dtype < MT_I32)
            *status = mt_statefile_read_f32(f, entry, values, e);
    }
    mt_statefile_close(f);
    return wrong;
}

struct counted {
    size_t n;
};

static mt_status count(void *ctx, const void *elements, size_t n,
                       struct mt_err *e)
{
    struct counted *c = ctx;

    (void)elements;
    (void)e;
    c->n += n;
    return MT_OK;
}

/* Block by block, by the team. */
static const char *read_blocks(void *ctx, mt_status *status, struct mt_err *e)
{
    struct scene *s = ctx;
    struct mt_statefile *f = NULL;
    const char *wrong = NULL;

    *status = mt_statefile_open(s->path, NULL, &f, e);
    if (*status != MT_OK)
        return NULL;
    for (size_t i = 0; i < mt_statefile_count(f) && *status == MT_OK; i++) {
        struct mt_source source = { f, mt_statefile_array(f, i) };
        struct mt_array a = *source.entry;
        struct counted c = { 0 };

        a.source = &source;
        *status = mt_block_stream_each(&a, s->team, count, &c, e);
        if (*status == MT_OK && c.n != mt_shape_elements(&a.shape))
            wrong = "an element is missing";
        if (*status == MT_OK)
            *status = mt_block_stream_read_all(&a, s->team, room, e);
        if (*status == MT_OK && !is_right(s, source.entry, room))
            wrong = "an array came out wrong";
    }
    mt_statefile_close(f);
    return wrong;
}

/* The stored blocks of two checkpoints. */
static const char *compare_blocks(void *ctx, mt_status *status,
                                  struct mt_err *e)
{
    struct scene *s = ctx;
    struct mt_statefile *f = NULL;
    struct mt_block_stream *a = NULL;
    struct mt_block_rooms *rooms = mt_block_rooms_new(1);
    bool same = false;

    *status = rooms ? mt_statefile_open(s->path, NULL, &f, e) : mt_fail_memory(e);
    if (*status == MT_OK) {
        struct mt_source source = { f, mt_statefile_array(f, 0) };
        struct mt_array array = *source.entry;

        array.source = &source;
        *status = mt_block_stream_open(&array, &a, e);
        for (size_t k = 0; *status == MT_OK && k < mt_block_stream_blocks(a);
             k++)
            *status = mt_block_streams_same(a, a, k, rooms, 0, &same, e);
        mt_block_stream_close(a);
    }
    mt_statefile_close(f);
    mt_block_rooms_free(rooms);
    return *status == MT_OK && !same ? "differs from itself" : NULL;
}

START_TEST(reading_checkpoints)
{
    struct scene s;

    begin(&s, "run.mtc");
    fill_ckpt(&s);
    testing_write(s.path, s.a, s.n);
    inject_everywhere("read .mtc", read_ckpt, &s);
    inject_everywhere("verify", verify, &s);
    inject_everywhere("read .mtc as a state", read_state, &s);
    inject_everywhere("read blocks of .mtc", read_blocks, &s);
    inject_everywhere("compare blocks of .mtc", compare_blocks, &s);
    end(&s);
}
END_TEST

/* A chunk's header, a byte of another chunk, and the same bytes elsewhere. */
START_TEST(reading_damage)
{
    struct scene s;

    begin(&s, "run.mtc");
    fill_ckpt(&s);
    testing_write(s.path, s.a, s.n);
    struct mt_bytes b = testing_get(s.path);

    b.data[CKPT_HEADER + CKPT_CHUNK_HEADER + 77] ^= 1;
    b.data[CKPT_HEADER + CHUNK_STORED + 1] ^= 4;
    testing_put(s.path, b.data, b.n);
    free(b.data);
    inject_everywhere("verify a damaged one", verify, &s);
    inject_everywhere("read a damaged one", read_ckpt, &s);
    inject_everywhere("read blocks of a damaged one", read_blocks, &s);
    end(&s);
}
END_TEST

START_TEST(reading_state_dicts)
{
    static const char *const paths[] = { "a.safetensors", "a.npz" };
    struct scene s;

    for (size_t i = 0; i < 2; i++) {
        begin(&s, paths[i]);
        fill_dict(&s);
        ck_assert_int_eq(mt_statefile_write(s.path, s.a, s.n, NULL, NULL, &err),
                         MT_OK);
        inject_everywhere(paths[i], read_state, &s);
        inject_everywhere(paths[i], read_blocks, &s);
        end(&s);
    }
}
END_TEST

START_TEST(reading_npy)
{
    struct scene s;

    begin(&s, "fc1.bias.npy");
    fill_dict(&s);
    ck_assert_int_eq(mt_npy_write(s.path, &s.a[1], 1, NULL, NULL, &err), MT_OK);
    inject_everywhere("read .npy", read_state, &s);
    inject_everywhere("read blocks of .npy", read_blocks, &s);
    end(&s);
}
END_TEST

/* A large file as np.savez_compressed writes it. */
START_TEST(reading_deflated)
{
    static struct zip z = { .end = ZIP64 };
    static unsigned char npy[4096];
    struct mt_array a =
        testing_array("h", MT_F16, mt_shape_of(1, (size_t)6), halves);
    struct scene s;

    begin(&s, "a.npz");
    add(&s, "h", MT_F16, a.shape, halves);
    ck_assert_int_eq(mt_npy_write("h.npy", &a, 1, NULL, NULL, &err), MT_OK);
    struct mt_bytes b = testing_get("h.npy");

    ck_assert_uint_le(b.n, sizeof npy);
    memcpy(npy, b.data, b.n);
    zip_add(&z, (struct zip_part){ .name = "h.npy",
                                   .bytes = npy,
                                   .n = b.n,
                                   .deflate = true,
                                   .zip64 = true });
    zip_write(&z, s.path);
    free(b.data);
    inject_everywhere("read a deflated .npz", read_state, &s);
    inject_everywhere("read blocks of a deflated .npz", read_blocks, &s);
    end(&s);
}
END_TEST

/* PyTorch's files: in C order, transposed, and deflated; and the old form. */
START_TEST(reading_torch)
{
    static float in[6] = { 1, 2, 3, 4, 5, 6 }, turned[6] = { 1, 4, 2, 5, 3, 6 };
    struct scene s;

    begin(&s, "a.pt");
    add(&s, "w", MT_F32, mt_shape_of(1, (size_t)6), in);
    add(&s, "v", MT_F32, mt_shape_of(2, (size_t)3, (size_t)2), turned);
    for (int form = 0; form < 3; form++) {
        struct pk p = { .n = 0 };

        pk_put(&p, "}(");
        pk_item(&p, "w",
                &(struct pk_tensor){ "0", "Float", 6, 0, 1, { 6 }, { 1 } });
        pk_item(&p, "v", &(struct pk_tensor){ "0", "Float", 6, 0, 2, { 3, 2 },
                                              { 1, 3 } });
        pk_put(&p, "u");
        if (form < 2)
            pk_write(&p, in, sizeof in, form, s.path);
        else
            pk_write_old(&p, in, 6, sizeof *in, s.path);
        inject_everywhere("read a file of torch.save", read_state, &s);
        inject_everywhere("read blocks of one", read_blocks, &s);
    }
    end(&s);
}
END_TEST

/* ---- writing ---- */

/* Does the file have exactly these bytes? Uses stdio, which is not made to
 * fail. */
static bool holds(const char *path, struct mt_bytes bytes)
{
    static unsigned char now[sizeof room + 65536];
    FILE *f = fopen(path, "rb");

    if (!f)
        return false;
    size_t n = fread(now, 1, sizeof now, f);

    fclose(f);
    return n == bytes.n && !memcmp(now, bytes.data, n);
}

static void put_back(const char *path, struct mt_bytes bytes)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(bytes.data, 1, bytes.n, f) != bytes.n || fclose(f))
        abort();
}

static mt_status write_any(const struct scene *s, const struct mt_array *a,
                           struct mt_err *e)
{
    return strstr(s->path, ".mtc")
               ? mt_ckpt_write(s->path, a, s->n, s->team, NULL, e)
               : mt_statefile_write(s->path, a, s->n, s->team, NULL, e);
}

static const char *write_state(void *ctx, mt_status *status, struct mt_err *e)
{
    struct scene *s = ctx;

    *status = write_any(s, s->a, e);
    return NULL;
}

/* From another state file, of which little is in memory at any time. */
static const char *convert(void *ctx, mt_status *status, struct mt_err *e)
{
    struct scene *s = ctx;
    struct mt_statefile *f = NULL;
    struct mt_array a[MOST_ARRAYS];

    *status = mt_statefile_open("from.mtc", NULL, &f, e);
    if (*status != MT_OK)
        return NULL;
    for (size_t i = 0; i < s->n; i++) {
        s->sources[i] = (struct mt_source){ f, mt_statefile_array(f, i) };
        a[i] = s->a[i];
        a[i].data = NULL;
        a[i].source = &s->sources[i];
    }
    *status = write_any(s, a, e);
    mt_statefile_close(f);
    return NULL;
}

struct writing {
    struct scene *scene;
    inject_run *run;
};

/* Writes over an old file: afterwards it is the old or the new one,
 * complete. */
static const char *over_old(void *ctx, mt_status *status, struct mt_err *e)
{
    struct writing *w = ctx;
    struct scene *s = w->scene;

    put_back(s->path, s->before);
    w->run(s, status, e);
    if (holds(s->path, s->after))
        return NULL;
    if (*status == MT_OK)
        return "all went well, but the file is not the new one";
    return holds(s->path, s->before) ? NULL : "the file is neither old nor new";
}

static void write_everywhere(const char *name, struct scene *s, inject_run *run)
{
    struct writing w = { s, run };
    mt_status status;
    struct mt_err e = MT_ERR_INIT;

    testing_put(s->path, "old", 3);
    s->before = testing_get(s->path);
    run(s, &status, &e);
    ck_assert_msg(status == MT_OK, "%s: %s", name, e.text);
    s->after = testing_get(s->path);

    int files = testing_count(".");

    inject_everywhere(name, over_old, &w);
    /* A file that could not be removed is removed by the next writer. */
    ck_assert_msg(!over_old(&w, &status, &e) && status == MT_OK, "%s", e.text);
    ck_assert_int_eq(testing_count("."), files);
}

static const char *const written[] = { "x.mtc", "x.safetensors", "x.npz" };

START_TEST(writing)
{
    for (size_t i = 0; i < 3; i++) {
        struct scene s;

        begin(&s, written[i]);
        (i ? fill_dict : fill_ckpt)(&s);
        write_everywhere(s.path, &s, write_state);
        end(&s);
    }
}
END_TEST

START_TEST(converting)
{
    for (size_t i = 0; i < 3; i++) {
        struct scene s;

        begin(&s, written[i]);
        fill_ckpt(&s);
        testing_write("from.mtc", s.a, s.n);
        if (i)
            fill_dict(&s);
        write_everywhere(s.path, &s, convert);
        end(&s);
    }
}
END_TEST

START_TEST(writing_npy)
{
    struct scene s;

    begin(&s, "x.npy");
    fill_dict(&s);
    s.n = 1;
    write_everywhere("write .npy", &s, write_state);
    end(&s);
}
END_TEST

Suite *state_attack_suite(void);

Suite *state_attack_suite(void)
{
    Suite *suite = suite_create("state_attack");
    TCase *tc = tcase_create("inject");

    tcase_add_checked_fixture(tc, testing_enter_memory, testing_leave);
    tcase_add_test(tc, reading_checkpoints);
    tcase_add_test(tc, reading_damage);
    tcase_add_test(tc, reading_state_dicts);
    tcase_add_test(tc, reading_npy);
    tcase_add_test(tc, reading_deflated);
    tcase_add_test(tc, reading_torch);
    tcase_add_test(tc, writing);
    tcase_add_test(tc, converting);
    tcase_add_test(tc, writing_npy);
    suite_add_tcase(suite, tc);
    return suite;
}
