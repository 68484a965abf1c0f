#include "graph/onnx.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "graph/ops_internal.h"

/* --- a reader of protocol buffers --------------------------------------- */

struct field {
    unsigned number;
    uint64_t value;             /* of a number */
    const unsigned char *bytes; /* of a string or message, else NULL */
    size_t n;
};

struct reader {
    const unsigned char *at, *end;
};

static uint64_t read_varint(struct reader *r)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        ck_assert(r->at < r->end);
        value |= (uint64_t)(*r->at & 127) << shift;
        if (!(*r->at++ & 128))
            return value;
    }
    ck_abort_msg("a number of more than 64 bits");
    return 0;
}

static bool next(struct reader *r, struct field *f)
{
    if (r->at == r->end)
        return false;
    uint64_t key = read_varint(r);

    *f = (struct field){ .number = (unsigned)(key >> 3) };
    switch (key & 7) {
    case 0:
        f->value = read_varint(r);
        break;
    case 5:
        ck_assert(r->end - r->at >= 4);
        r->at += 4;
        break;
    case 2:
        f->n = read_varint(r);
        ck_assert_uint_le(f->n, (size_t)(r->end - r->at));
        f->bytes = r->at;
        r->at += f->n;
        break;
    default:
        ck_abort_msg("wire type %u", (unsigned)(key & 7));
    }
    return true;
}

static struct reader within(const struct field *f)
{
    ck_assert_ptr_nonnull(f->bytes);
    return (struct reader){ f->bytes, f->bytes + f->n };
}

/* --- names -------------------------------------------------------------- */

enum { MOST = 64 };

struct names {
    char name[MOST][64];
    size_t n;
};

static void add(struct names *names, const struct field *f)
{
    ck_assert_uint_lt(names->n, MOST);
    snprintf(names->name[names->n++], sizeof *names->name, "%.*s", (int)f->n,
             (const char *)f->bytes);
}

static bool has(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->name[i], name) == 0)
            return true;
    }
    return false;
}

/* Adds the string `field` of a message. */
static void add_string_of(struct names *names, const struct field *message,
                          unsigned field)
{
    struct reader r = within(message);
    struct field f;

    while (next(&r, &f))
        if (f.number == field)
            add(names, &f);
}

/* The contents of a graph, as numbered in onnx.proto. */
struct seen {
    struct names values; /* known so far */
    struct names ops, outputs;
    size_t raw; /* bytes of constants */
};

static void see_node(struct seen *s, const struct field *node)
{
    struct names in = { .n = 0 };

    add_string_of(&in, node, 1);
    for (size_t i = 0; i < in.n; i++)
        ck_assert_msg(!*in.name[i] || has(&s->values, in.name[i]),
                      "%s is read before it is there", in.name[i]);
    in.n = 0;
    add_string_of(&in, node, 2);
    ck_assert_uint_eq(in.n, 1);
    ck_assert_msg(!has(&s->values, in.name[0]), "%s is there twice",
                  in.name[0]);
    add_string_of(&s->values, node, 2);
    add_string_of(&s->ops, node, 4);
}

static void see_constant(struct seen *s, const struct field *tensor)
{
    struct reader r = within(tensor);
    struct field f;
    uint64_t elements = 1, type = 0;
    size_t raw = 0;

    while (next(&r, &f)) {
        if (f.number == 1)
            elements *= f.value;
        else if (f.number == 2)
            type = f.value;
        else if (f.number == 9)
            raw = f.n;
    }
    ck_assert_uint_eq(raw, elements * (type == MT_ONNX_FLOAT ? 4 : 8));
    add_string_of(&s->values, tensor, 8);
    s->raw += raw;
}

/* Inputs and constants first, as nodes may read any of them. */
static void see_graph(struct seen *s, const struct field *graph)
{
    struct reader r = within(graph);
    struct field f;

    while (next(&r, &f)) {
        if (f.number == 5)
            see_constant(s, &f);
        else if (f.number == 11)
            add_string_of(&s->values, &f, 1);
    }
    r = within(graph);
    while (next(&r, &f)) {
        if (f.number == 1)
            see_node(s, &f);
        else if (f.number == 12)
            add_string_of(&s->outputs, &f, 1);
    }
}

/* --- a model ------------------------------------------------------------ */

static struct mt_err err;

struct recording {
    struct mt_graph *graph;
    struct mt_value *x, *y;
};

typedef struct mt_value *build(struct mt_graph *g, struct mt_value *x,
                               struct mt_store *store);

static struct mt_value *leaf(struct mt_graph *g, struct mt_store *store,
                             const char *name)
{
    return mt_graph_leaf(g, mt_store_find(store, name));
}

static struct recording record(build *what, struct mt_store *store,
                               size_t batch)
{
    struct recording r;
    struct mt_shape shape = mt_shape_of(2, batch, (size_t)4);

    ck_assert_int_eq(mt_graph_new(false, &r.graph, &err), MT_OK);
    r.x = mt_graph_input(r.graph, "input", MT_F32, &shape);
    mt_graph_layer(r.graph, "layer");
    r.y = what(r.graph, r.x, store);
    return r;
}

static int puts_left = INT_MAX; /* until one fails */

static mt_status put_bytes(void *out, const void *bytes, size_t n,
                           struct mt_err *e)
{
    if (!puts_left--)
        return mt_fail(e, MT_IO, "the disk is full");
    mt_strbuf_add(out, bytes, n);
    return MT_OK;
}

/* Expresses a graph built from the weight "fc.weight" (3, 4) and the bias
 * "fc.bias" (3). */
static mt_status express(build *what, struct mt_strbuf *out)
{
    struct mt_store store = MT_STORE_INIT;
    struct mt_shape weight = mt_shape_of(2, (size_t)3, (size_t)4);
    struct mt_shape bias = mt_shape_of(1, (size_t)3);
    struct mt_shape sample = mt_shape_of(1, (size_t)4);
    struct mt_onnx *o;

    mt_store_add(&store, "fc.weight", MT_F32, &weight, false);
    mt_store_add(&store, "fc.bias", MT_F32, &bias, false);
    ck_assert_int_eq(mt_store_allocate(&store, &err), MT_OK);
    struct recording one = record(what, &store, 2);
    struct recording two = record(what, &store, 3);

    ck_assert_int_eq(mt_onnx_new(one.graph, two.graph, &o, &err), MT_OK);
    mt_onnx_give(o, one.x, mt_onnx_input(o, "input", MT_ONNX_FLOAT, &sample));
    mt_onnx_output(o, one.y, "output");
    mt_onnx_metadata(o, "key", "value");
    mt_status status = mt_onnx_finish(o, put_bytes, out, &err);

    mt_onnx_free(o);
    mt_graph_free(one.graph);
    mt_graph_free(two.graph);
    mt_store_free(&store);
    return status;
}

/* softmax(relu(x w^T + b)), and a sum that nothing reads */
static struct mt_value *classifier(struct mt_graph *g, struct mt_value *x,
                                   struct mt_store *store)
{
    struct mt_value *y =
        mt_linear(g, x, leaf(g, store, "fc.weight"), leaf(g, store, "fc.bias"));

    mt_add(g, y, y);
    y = mt_activate(g, y, mt_activation_find("relu"), NULL);
    return mt_softmax(g, y);
}

START_TEST(a_model_reads_back)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    struct seen s = { .raw = 0 };
    struct names metadata = { .n = 0 };
    uint64_t ir = 0, opset = 0;
    struct field f, inner;

    ck_assert_msg(express(classifier, &out) == MT_OK, "%s", err.text);
    struct reader r = { (const unsigned char *)out.text,
                        (const unsigned char *)out.text + out.len };

    while (next(&r, &f)) {
        if (f.number == 1)
            ir = f.value;
        else if (f.number == 7)
            see_graph(&s, &f);
        else if (f.number == 14)
            add_string_of(&metadata, &f, 1);
        else if (f.number == 8) {
            struct reader set = within(&f);

            while (next(&set, &inner))
                opset = inner.number == 2 ? inner.value : opset;
        }
    }
    ck_assert_uint_eq(ir, 8);
    ck_assert_uint_eq(opset, MT_ONNX_OPSET);
    ck_assert_uint_eq(s.ops.n, 4);
    ck_assert_str_eq(s.ops.name[0], "Gemm");
    ck_assert_str_eq(s.ops.name[1], "Relu");
    ck_assert_str_eq(s.ops.name[2], "Softmax");
    ck_assert_str_eq(s.ops.name[3], "Identity");
    ck_assert(has(&s.values, "input") && has(&s.values, "fc.weight") &&
              has(&s.values, "fc.bias") && has(&s.values, "output"));
    ck_assert_uint_eq(s.raw, (12 + 3) * sizeof(float));
    ck_assert_uint_eq(s.outputs.n, 1);
    ck_assert_str_eq(s.outputs.name[0], "output");
    ck_assert_uint_eq(metadata.n, 1);
    ck_assert_str_eq(metadata.name[0], "key");
    mt_strbuf_free(&out);
}
END_TEST

/* The dropout of training does not occur in evaluation. */
static struct mt_value *dropped(struct mt_graph *g, struct mt_value *x,
                                struct mt_store *store)
{
    (void)store;
    return mt_dropout(g, x, 0.5, (struct mt_philox_key){ 0 });
}

/* Writing each piece of the file may fail. */
START_TEST(a_failed_write_ends_it)
{
    struct mt_strbuf whole = MT_STRBUF_INIT;
    int pieces = 0;

    ck_assert(express(classifier, &whole) == MT_OK);
    for (mt_status status = MT_IO; status != MT_OK; pieces++) {
        struct mt_strbuf out = MT_STRBUF_INIT;

        puts_left = pieces;
        status = express(classifier, &out);
        ck_assert(status == (out.len < whole.len ? MT_IO : MT_OK));
        ck_assert(!out.len || memcmp(out.text, whole.text, out.len) == 0);
        mt_strbuf_free(&out);
    }
    ck_assert_int_gt(pieces, 8);
    puts_left = INT_MAX;
    mt_strbuf_free(&whole);
}
END_TEST

START_TEST(what_cannot_be_expressed_is_named)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    ck_assert_int_eq(express(dropped, &out), MT_INVALID);
    ck_assert_str_eq(err.text, "layer \"layer\" (dropout): cannot be expressed "
                               "in ONNX");
    mt_strbuf_free(&out);
}
END_TEST

/* Is it an op of training only, or a loss? */
static bool is_of_training(const char *name)
{
    static const char *const parts[] = { "loss",    "cross_entropy", "nll",
                                         "dropout", "tracked",       "again" };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strstr(name, parts[i]))
            return true;
    }
    return false;
}

START_TEST(every_op_of_evaluation_is_expressed)
{
    for (size_t i = 0; mt_ops[i]; i++) {
        const struct mt_op *op = mt_ops[i];

        if (op->grad && !is_of_training(op->name))
            ck_assert_msg(op->onnx != NULL, "%s", op->name);
    }
    ck_assert_ptr_nonnull(mt_op_batch_norm_fixed.onnx);
}
END_TEST

/* Every activation, too. */
static const struct mt_activation *activation;

static struct mt_value *activated(struct mt_graph *g, struct mt_value *x,
                                  struct mt_store *store)
{
    (void)store;
    return mt_activate(g, x, activation, (const float[2]){ 0.5f, 1 });
}

START_TEST(every_activation_is_expressed)
{
    for (size_t i = 0; i < mt_activation_count; i++) {
        struct mt_strbuf out = MT_STRBUF_INIT;

        activation = &mt_activations[i];
        ck_assert_msg(express(activated, &out) == MT_OK, "%s: %s",
                      activation->name, err.text);
        mt_strbuf_free(&out);
    }
}
END_TEST

Suite *onnx_suite(void);

Suite *onnx_suite(void)
{
    Suite *s = suite_create("onnx");
    TCase *t = tcase_create("core");

    tcase_add_test(t, a_model_reads_back);
    tcase_add_test(t, a_failed_write_ends_it);
    tcase_add_test(t, what_cannot_be_expressed_is_named);
    tcase_add_test(t, every_op_of_evaluation_is_expressed);
    tcase_add_test(t, every_activation_is_expressed);
    suite_add_tcase(s, t);
    return s;
}
