#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "spec/tree.h"
#include "ckpt/blockstream.h"
#include "ckpt/ckpt_format.h"
#include "base/endian.h"
#include "ckpt/safetensors.h"
#include "ckpt/textarray.h"

enum { HEADER_ALIGN = 8, SWAP_BLOCK = 1 << 16 };

struct writer {
    const char *path;
    const struct mt_array *arrays;
    struct mt_array *texts; /* (n) those that are text, with data; others
                               have no name */
    size_t n;
    struct mt_team *team;
    uint64_t *begin;  /* (n) offsets of the arrays in the data */
    size_t *order;    /* (n) the order of their bytes */
    size_t n_tensors; /* placed in order; the others are metadata */
    uint64_t data_size;
    struct mt_replace *file;
    struct mt_err *err;
};

static mt_status check_array(struct writer *w, size_t i)
{
    const struct mt_array *a = &w->arrays[i];
    const char *fault = mt_ckpt_text_fault(a->name, strlen(a->name));
    uint64_t bytes;

    if (!fault && strcmp(a->name, "__metadata__") == 0)
        fault = "is reserved";
    if (fault)
        return mt_fail(w->err, MT_INVALID, "%s: tensor %zu: the name \"%s\" %s",
                       w->path, i, a->name, fault);
    if (a->shape.rank < 0 || a->shape.rank > MT_MAX_RANK)
        return mt_fail(w->err, MT_INVALID,
                       "%s: tensor \"%s\": has %d dimensions, at most %d "
                       "allowed",
                       w->path, a->name, a->shape.rank, MT_MAX_RANK);
    if (a->dtype == MT_OTHER)
        return mt_fail(w->err, MT_INVALID,
                       "%s: tensor \"%s\" cannot be read (%s); --only "
                       "leaves it out",
                       w->path, a->name, mt_array_type(a));
    if (!mt_ckpt_array_bytes(a, &bytes))
        return mt_fail(w->err, MT_INVALID, "%s: tensor \"%s\": %s is too large",
                       w->path, a->name, mt_shape_text(&a->shape).text);
    if (bytes && !a->data && !a->source)
        return mt_fail(w->err, MT_INVALID, "%s: tensor \"%s\": has no data",
                       w->path, a->name);
    return MT_OK;
}

static int compare_names(const void *a, const void *b, void *arrays)
{
    const struct mt_array *list = arrays;

    return strcmp(list[*(const size_t *)a].name, list[*(const size_t *)b].name);
}

static mt_status check_arrays(struct writer *w)
{
    for (size_t i = 0; i < w->n; i++) {
        mt_status status = check_array(w, i);

        if (status != MT_OK)
            return status;
        w->order[i] = i;
    }
    qsort_r(w->order, w->n, sizeof *w->order, compare_names,
            (void *)(uintptr_t)w->arrays);
    for (size_t i = 1; i < w->n; i++) {
        const char *name = w->arrays[w->order[i]].name;

        if (strcmp(w->arrays[w->order[i - 1]].name, name) == 0)
            return mt_fail(w->err, MT_INVALID,
                           "%s: tensor \"%s\": the name is there twice",
                           w->path, name);
    }
    return MT_OK;
}

/* Larger elements first: then every tensor is aligned without holes, which
 * the format forbids. */
static mt_status lay_out(struct writer *w)
{
    size_t placed = 0;

    for (size_t size = 8; size; size /= 2) {
        for (size_t i = 0; i < w->n; i++) {
            const struct mt_array *a = &w->arrays[i];

            if (mt_dtype_size(a->dtype) != size || w->texts[i].name)
                continue;
            if (mt_array_bytes(a) > (uint64_t)0x1p53 - w->data_size)
                return mt_fail(w->err, MT_INVALID,
                               "%s: tensor \"%s\": the file would be too large",
                               w->path, a->name);
            w->begin[i] = w->data_size;
            w->order[placed++] = i;
            w->data_size += mt_array_bytes(a);
        }
    }
    w->n_tensors = placed;
    return MT_OK;
}

/* "__metadata__":{"format":"pt","progress/step":"int64 [] ...",...}; some
 * readers require the format, and layouts are PyTorch's. Arrays too long for
 * text are named, so that readers know the order. */
static void add_metadata(const struct writer *w, struct mt_strbuf *out)
{
    mt_strbuf_puts(out, "\"__metadata__\":{\"format\":\"pt\"");
    for (size_t i = 0; i < w->n; i++) {
        struct mt_strbuf text = MT_STRBUF_INIT;

        if (!mt_text_array_is(w->arrays[i].name))
            continue;
        if (w->texts[i].name)
            mt_text_array_encode(&w->texts[i], &text);
        else
            mt_strbuf_puts(&text, MT_TEXT_ARRAY_ELSEWHERE);
        mt_strbuf_putc(out, ',');
        mt_json_add_string(out, w->arrays[i].name);
        mt_strbuf_putc(out, ':');
        mt_json_add_string(out, text.text ? text.text : "");
        out->failed |= text.failed;
        mt_strbuf_free(&text);
    }
    mt_strbuf_putc(out, '}');
}

static void add_tensor(const struct writer *w, size_t i, struct mt_strbuf *out)
{
    const struct mt_array *a = &w->arrays[i];
    unsigned long long begin = w->begin[i];

    mt_json_add_string(out, a->name);
    mt_strbuf_printf(out, ":{\"dtype\":\"%s\",\"shape\":[",
                     mt_safetensors_dtype(a->dtype));
    if (a->shape.rank == 0) /* some readers do not know scalars */
        mt_strbuf_puts(out, "1");
    for (int d = 0; d < a->shape.rank; d++)
        mt_strbuf_printf(out, d ? ",%zu" : "%zu", a->shape.dim[d]);
    mt_strbuf_printf(out, "],\"data_offsets\":[%llu,%llu]}", begin,
                     begin + mt_array_bytes(a));
}

static mt_status write_header(struct writer *w, uint64_t *size)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    unsigned char length[8];
    mt_status status;

    mt_strbuf_putc(&out, '{');
    add_metadata(w, &out);
    for (size_t i = 0; i < w->n; i++) {
        if (w->texts[i].name)
            continue;
        mt_strbuf_putc(&out, ',');
        add_tensor(w, i, &out);
    }
    mt_strbuf_putc(&out, '}');
    while (!out.failed && out.len % HEADER_ALIGN)
        mt_strbuf_putc(&out, ' ');
    put_u64(length, out.len);
    *size = sizeof length + out.len;
    if (out.failed) {
        status = mt_fail_memory(w->err);
    } else if (out.len > MT_SAFETENSORS_MAX_HEADER) {
        status = mt_fail(w->err, MT_INVALID,
                         "%s: too many tensors: the header takes %zu bytes, "
                         "at most %d allowed",
                         w->path, out.len, MT_SAFETENSORS_MAX_HEADER);
    } else {
        status = mt_replace_write(w->file, length, sizeof length, w->err);
        if (status == MT_OK)
            status = mt_replace_write(w->file, out.text, out.len, w->err);
    }
    mt_strbuf_free(&out);
    return status;
}

/* Writes the elements of an array, block by block. */
struct block_writer {
    struct writer *w;
    size_t size; /* bytes of an element */
};

static mt_status write_swapped(struct writer *w, const unsigned char *from,
                               size_t left, size_t size)
{
    mt_status status = MT_OK;
    unsigned char *block = malloc(SWAP_BLOCK);

    if (!block)
        return mt_fail_memory(w->err);
    while (left && status == MT_OK) {
        size_t n = left < SWAP_BLOCK ? left : SWAP_BLOCK;

        memcpy(block, from, n);
        mt_swap_bytes(block, n / size, size);
        status = mt_replace_write(w->file, block, n, w->err);
        from += n;
        left -= n;
    }
    free(block);
    return status;
}

static mt_status write_block(void *ctx, const void *elements, size_t n,
                             struct mt_err *err)
{
    const struct block_writer *b = ctx;

    return MT_BIG_ENDIAN
               ? write_swapped(b->w, elements, n * b->size, b->size)
               : mt_replace_write(b->w->file, elements, n * b->size, err);
}

static mt_status write_data(struct writer *w)
{
    for (size_t k = 0; k < w->n_tensors; k++) {
        const struct mt_array *a = &w->arrays[w->order[k]];
        struct block_writer b = { w, mt_dtype_size(a->dtype) };
        mt_status status =
            mt_block_stream_each(a, w->team, write_block, &b, w->err);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

/* Reads the arrays that go into the header as text. */
static mt_status read_texts(struct writer *w, struct mt_arena *arena)
{
    size_t all = 0;

    for (size_t i = 0; i < w->n; i++) {
        struct mt_array *a = &w->texts[i];
        size_t bytes = mt_array_bytes(&w->arrays[i]);

        if (!mt_text_array_fits(&w->arrays[i], &all))
            continue;
        *a = w->arrays[i];
        if (a->data || !bytes)
            continue;
        void *data = mt_arena_alloc(arena, bytes);

        if (!data)
            return mt_fail_memory(w->err);
        mt_status status = mt_block_stream_read_all(a, w->team, data, w->err);

        if (status != MT_OK)
            return status;
        a->data = data;
    }
    return MT_OK;
}

mt_status mt_safetensors_write(const char *path, const struct mt_array *arrays,
                               size_t n, struct mt_team *team, uint64_t *bytes,
                               struct mt_err *err)
{
    struct writer w = {
        .path = path, .arrays = arrays, .n = n, .team = team, .err = err
    };
    struct mt_arena arena = MT_ARENA_INIT;
    uint64_t header_size = 0;
    struct mt_replace *file;
    mt_status status;

    w.begin = calloc(n ? n : 1, sizeof *w.begin);
    w.order = calloc(n ? n : 1, sizeof *w.order);
    w.texts = calloc(n ? n : 1, sizeof *w.texts);
    if (!w.begin || !w.order || !w.texts) {
        status = mt_fail_memory(err);
        goto out;
    }
    if ((status = check_arrays(&w)) != MT_OK ||
        (status = read_texts(&w, &arena)) != MT_OK ||
        (status = lay_out(&w)) != MT_OK ||
        (status = mt_replace_open(path, &w.file, err)) != MT_OK ||
        (status = write_header(&w, &header_size)) != MT_OK ||
        (status = write_data(&w)) != MT_OK)
        goto out;
    file = w.file;
    w.file = NULL;
    status = mt_replace_commit(file, err);
    if (status == MT_OK && bytes)
        *bytes = header_size + w.data_size;
out:
    mt_replace_abort(w.file);
    mt_arena_free(&arena);
    free(w.texts);
    free(w.begin);
    free(w.order);
    return status;
}
