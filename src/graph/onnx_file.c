/* Writes the bytes of an ONNX model from the parts that onnx.c collected. */
#include <string.h>

#include "base/endian.h"
#include "base/protobuf.h"
#include "graph/onnx_internal.h"

/* Fields of the messages, as onnx.proto numbers them. */
enum {
    MODEL_IR = 1,
    MODEL_PRODUCER = 2,
    MODEL_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14
};
enum { OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NAME = 2 };

enum { IR_VERSION = 8 }; /* the one that came with the opset */

void mt_onnx_metadata(struct mt_onnx *o, const char *key, const char *value)
{
    struct mt_strbuf entry = MT_STRBUF_INIT;

    mt_pb_string(&entry, ENTRY_KEY, key);
    mt_pb_string(&entry, ENTRY_VALUE, value);
    mt_pb_message(&o->metadata, MODEL_METADATA, &entry);
    mt_strbuf_free(&entry);
}

/* Where the bytes go. */
struct sink {
    mt_onnx_put *put;
    void *ctx;
};

static mt_status put_fields(const struct sink *s,
                            const struct mt_strbuf *fields, struct mt_err *err)
{
    return fields->len ? s->put(s->ctx, fields->text, fields->len, err) : MT_OK;
}

/* Elements in little-endian order. */
static mt_status put_values(const struct sink *s,
                            const struct mt_onnx_constant *c,
                            struct mt_err *err)
{
    unsigned char block[4096];
    const unsigned char *from = c->values;
    mt_status status = MT_OK;

    if (!MT_BIG_ENDIAN)
        return s->put(s->ctx, from, c->n * c->size, err);
    for (size_t left = c->n * c->size, n; left && status == MT_OK; left -= n) {
        n = left < sizeof block ? left : sizeof block;
        memcpy(block, from, n);
        mt_swap_bytes(block, n / c->size, c->size);
        status = s->put(s->ctx, block, n, err);
        from += n;
    }
    return status;
}

static mt_status put_constants(const struct sink *s, const struct mt_onnx *o,
                               struct mt_err *err)
{
    mt_status status = MT_OK;

    for (const struct mt_onnx_constant *c = o->constants; c && status == MT_OK;
         c = c->next) {
        status = put_fields(s, &c->head, err);
        if (status == MT_OK && c->n)
            status = put_values(s, c, err);
    }
    return status;
}

/* Adds the bytes of all constants to *size; false: memory ran out. */
static bool measure(const struct mt_onnx *o, size_t *size)
{
    bool failed = o->failed | o->nodes.failed | o->inputs.failed |
                  o->outputs.failed | o->metadata.failed;

    for (const struct mt_onnx_constant *c = o->constants; c; c = c->next) {
        failed |= c->head.failed;
        *size += c->head.len + c->n * c->size;
    }
    return !failed;
}

/* The file is: begin, the graph's fields (nodes, name, constants, inputs and
 * outputs), end, metadata. */
mt_status mt_onnx_finish(struct mt_onnx *o, mt_onnx_put *put, void *ctx,
                         struct mt_err *err)
{
    struct mt_strbuf begin = MT_STRBUF_INIT, name = MT_STRBUF_INIT,
                     end = MT_STRBUF_INIT, opset = MT_STRBUF_INIT;
    const struct sink sink = { put, ctx };
    mt_status status = MT_OK;
    size_t size;

    if (o->refused)
        return mt_fail(err, MT_INVALID, "%s", o->why);
    mt_pb_string(&name, GRAPH_NAME, "mtrain");
    size = o->nodes.len + name.len + o->inputs.len + o->outputs.len;
    bool whole = measure(o, &size);

    mt_pb_int(&begin, MODEL_IR, IR_VERSION);
    mt_pb_string(&begin, MODEL_PRODUCER, "mtrain");
    mt_pb_string(&begin, MODEL_VERSION, MT_VERSION);
    mt_pb_begin_bytes(&begin, MODEL_GRAPH, size);
    mt_pb_int(&opset, OPSET_VERSION, MT_ONNX_OPSET);
    mt_pb_message(&end, MODEL_OPSET, &opset);
    size += begin.len + end.len + o->metadata.len;
    if (!whole || begin.failed || name.failed || end.failed)
        status = mt_fail_memory(err);
    else if (size > INT32_MAX)
        status = mt_fail(err, MT_INVALID,
                         "the model takes %zu bytes as ONNX, which holds at "
                         "most 2147483647",
                         size);
    if (status == MT_OK && (status = put_fields(&sink, &begin, err)) == MT_OK &&
        (status = put_fields(&sink, &o->nodes, err)) == MT_OK &&
        (status = put_fields(&sink, &name, err)) == MT_OK &&
        (status = put_constants(&sink, o, err)) == MT_OK &&
        (status = put_fields(&sink, &o->inputs, err)) == MT_OK &&
        (status = put_fields(&sink, &o->outputs, err)) == MT_OK &&
        (status = put_fields(&sink, &end, err)) == MT_OK)
        status = put_fields(&sink, &o->metadata, err);
    mt_strbuf_free(&begin);
    mt_strbuf_free(&name);
    mt_strbuf_free(&end);
    mt_strbuf_free(&opset);
    return status;
}
