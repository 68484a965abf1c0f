#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "spec/tree.h"
#include "ckpt/ckpt_format.h"
#include "base/endian.h"
#include "ckpt/printable.h"
#include "ckpt/safetensors.h"
#include "ckpt/stateformat.h"
#include "ckpt/textarray.h"

enum { LENGTH_SIZE = 8 };

struct span {
    uint64_t begin, end; /* counted from the end of the header */
};

struct mt_safetensors {
    char *path;
    int fd;
    uint64_t data_at; /* offset of the data in the file */
    uint64_t data_size;
    size_t n;
    size_t next; /* the next place for a tensor, or n (take_place) */
    struct mt_state_opening *opening; /* while it is opened */
    struct mt_array *arrays; /* (n) */
    struct span *spans;      /* (n) */
    struct mt_arena arena;
};

/* The type of an entry that reserves the place of a tensor (textarray.h). */
static const char elsewhere[] = MT_TEXT_ARRAY_ELSEWHERE;

static const char *const dtypes[] = {
    [MT_F32] = "F32", [MT_F64] = "F64", [MT_F16] = "F16", [MT_BF16] = "BF16",
    [MT_I32] = "I32", [MT_I64] = "I64", [MT_U8] = "U8",   [MT_BOOL] = "BOOL",
    [MT_I8] = "I8",   [MT_I16] = "I16", [MT_U16] = "U16", [MT_U32] = "U32",
    [MT_U64] = "U64",
};

const char *mt_safetensors_dtype(enum mt_dtype dtype)
{
    return dtypes[dtype];
}

bool mt_safetensors_is(const void *head, size_t n)
{
    const unsigned char *p = head;

    /* The upper bytes distinguish a length from text. The format requires '{',
     * but white space before it is harmless. */
    return n > LENGTH_SIZE && p[LENGTH_SIZE] &&
           strchr("{ \t\r\n", p[LENGTH_SIZE]) && mt_ckpt_all_zero(p + 5, 3);
}

/* A whole number that a double holds exactly. */
static bool get_whole(const struct mt_item *item, uint64_t *out)
{
    if (!mt_is_number(item) || !(item->number >= 0) ||
        item->number > 0x1p53)
        return false;
    *out = (uint64_t)item->number;
    return (double)*out == item->number;
}

/* Unknown types are listed as such: F8_E4M3, C64 and future ones. */
static mt_status parse_dtype(struct mt_safetensors *f,
                             const struct mt_json *doc,
                             const struct mt_item *tensor, struct mt_array *a,
                             struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(tensor, "dtype");

    if (!mt_is_string(item))
        return mt_json_fail(doc, item ? item : tensor, err,
                            "expected a string \"dtype\"");
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(item->text, dtypes[i]) == 0) {
            a->dtype = (enum mt_dtype)i;
            return MT_OK;
        }
    }
    a->dtype = MT_OTHER;
    a->type = mt_printable_type(&f->arena, item->text);
    return a->type ? MT_OK : mt_fail_memory(err);
}

static mt_status parse_shape(struct mt_safetensors *f,
                             const struct mt_json *doc,
                             const struct mt_item *tensor, struct mt_array *a,
                             struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(tensor, "shape"), *item;
    struct mt_shape *shape = &a->shape;
    size_t rank = 0;

    if (!mt_is_list(list))
        return mt_json_fail(doc, list ? list : tensor, err,
                            "expected a list \"shape\"");
    for (item = list->child; item; item = item->next)
    {
        uint64_t dim;

        if (!get_whole(item, &dim) || dim > SIZE_MAX)
            return mt_json_fail(doc, item, err,
                                "expected a whole number from 0 to 2^53");
        if (rank++ < MT_MAX_RANK)
            shape->dim[shape->rank++] = (size_t)dim;
    }
    if (rank <= MT_MAX_RANK)
        return MT_OK;
    a->dtype = MT_OTHER;
    a->type = mt_arena_printf(&f->arena, "%zu dimensions", rank);
    return a->type ? MT_OK : mt_fail_memory(err);
}

static mt_status parse_span(const struct mt_json *doc, const struct mt_item *tensor,
                            uint64_t most, struct span *span,
                            struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(tensor, "data_offsets");
    const struct mt_item *first = mt_is_list(list) ? list->child : NULL;
    const struct mt_item *second = first ? first->next : NULL;

    if (!second || second->next || !get_whole(first, &span->begin) ||
        !get_whole(second, &span->end))
        return mt_json_fail(doc, list ? list : tensor, err,
                            "expected a list of two offsets \"data_offsets\"");
    if (span->begin > span->end || span->end > most)
        return mt_json_fail(doc, list, err,
                            "[%llu, %llu] is outside the data, which has "
                            "%llu bytes",
                            (unsigned long long)span->begin,
                            (unsigned long long)span->end,
                            (unsigned long long)most);
    return MT_OK;
}

/* Do the bytes fit the shape? For unknown types this is not checked. */
static mt_status check_bytes(const struct mt_json *doc,
                             const struct mt_item *tensor,
                             const struct mt_array *a, const struct span *span,
                             struct mt_err *err)
{
    uint64_t bytes;

    if (!mt_ckpt_array_bytes(a, &bytes))
        return mt_json_fail(doc, mt_json_get(tensor, "shape"), err,
                            "%s is too large", mt_shape_text(&a->shape).text);
    if (a->dtype != MT_OTHER && span->end - span->begin != bytes)
        return mt_json_fail(doc, mt_json_get(tensor, "data_offsets"), err,
                            "%llu bytes, expected %llu for this type and shape",
                            (unsigned long long)(span->end - span->begin),
                            (unsigned long long)bytes);
    return MT_OK;
}

/* With `salvage`: a tensor whose bytes are cut off. */
static void leave_out(struct mt_safetensors *f, const struct mt_array *a,
                      const struct span *span)
{
    mt_state_note(f->opening, true,
                  "%s: damaged: tensor \"%s\" at offset %llu: ends at byte "
                  "%llu of the file, which has %llu",
                  f->path, a->name, (unsigned long long)(f->data_at + span->begin),
                  (unsigned long long)(f->data_at + span->end),
                  (unsigned long long)(f->data_at + f->data_size));
    f->opening->lost++;
}

static bool is_place(const struct mt_array *a)
{
    return a->type == elsewhere;
}

/* Puts a tensor into its place in the metadata, if that is the next one; else
 * after all others. */
static void add_tensor(struct mt_safetensors *f, const struct mt_array *a,
                       const struct span *span)
{
    size_t i = f->next;

    while (i < f->n && !is_place(&f->arrays[i]))
        i++;
    f->next = i;
    if (i == f->n || strcmp(f->arrays[i].name, a->name) != 0)
        i = f->n++;
    f->arrays[i] = *a;
    f->spans[i] = *span;
}

/* Removes places that no tensor took. */
static void close_places(struct mt_safetensors *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (is_place(&f->arrays[i]))
            continue;
        f->arrays[n] = f->arrays[i];
        f->spans[n++] = f->spans[i];
    }
    f->n = n;
}

static mt_status parse_tensor(struct mt_safetensors *f,
                              const struct mt_json *doc, const struct mt_item *tensor,
                              struct mt_err *err)
{
    struct mt_array a = { 0 };
    struct span span = { 0 };
    bool salvage = f->opening->options.salvage;
    mt_status status;

    if (!mt_is_object(tensor))
        return mt_json_fail(doc, tensor, err,
                            "expected an object that describes a tensor");
    a.name =
        mt_printable_name(&f->arena, tensor->key, strlen(tensor->key), f->n);
    if (!a.name)
        return mt_fail_memory(err);
    status = parse_dtype(f, doc, tensor, &a, err);
    if (status == MT_OK)
        status = parse_shape(f, doc, tensor, &a, err);
    if (status == MT_OK)
        status = parse_span(doc, tensor, salvage ? 1ull << 53 : f->data_size,
                            &span, err);
    if (status == MT_OK)
        status = check_bytes(doc, tensor, &a, &span, err);
    if (status == MT_OK && span.end > f->data_size)
        leave_out(f, &a, &span);
    else if (status == MT_OK)
        add_tensor(f, &a, &span);
    return status;
}

/* Arrays stored as text become entries with data in memory; for those that are
 * tensors a place is reserved. */
static mt_status add_text_array(struct mt_safetensors *f, const struct mt_item *item,
                                struct mt_err *err)
{
    struct mt_array *a = &f->arrays[f->n];
    mt_status status;

    if (!mt_text_array_is(item->key) ||
        mt_ckpt_text_fault(item->key, strlen(item->key)))
        return MT_OK;
    if (strcmp(item->text, MT_TEXT_ARRAY_ELSEWHERE) == 0) {
        a->type = elsewhere;
        status = MT_OK;
    } else {
        status = mt_text_array_decode(item->text, &f->arena, a);
    }
    if (status == MT_INVALID)
        return MT_OK;
    a->name = mt_arena_strdup(&f->arena, item->key);
    if (status != MT_OK || !a->name)
        return mt_fail_memory(err);
    f->n++;
    return MT_OK;
}

static mt_status read_metadata(struct mt_safetensors *f,
                               const struct mt_json *doc, const struct mt_item *object,
                               struct mt_err *err)
{
    const struct mt_item *item;

    if (!mt_is_object(object))
        return mt_json_fail(doc, object, err, "expected an object");
    for (item = object->child; item; item = item->next)
    {
        if (!mt_is_string(item))
            return mt_json_fail(doc, item, err, "expected a string");
        mt_status status = add_text_array(f, item, err);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static int compare_spans(const void *a, const void *b, void *spans)
{
    const struct span *list = spans;
    const struct span *x = &list[*(const size_t *)a];
    const struct span *y = &list[*(const size_t *)b];

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The tensors must cover the data, each byte once. */
static mt_status check_tiling(const struct mt_safetensors *f,
                              struct mt_err *err)
{
    size_t *order = calloc(f->n ? f->n : 1, sizeof *order);
    uint64_t at = 0;
    mt_status status = MT_OK;

    if (!order)
        return mt_fail_memory(err);
    size_t n = 0; /* tensors; others are text */

    for (size_t i = 0; i < f->n; i++) {
        if (!f->arrays[i].data)
            order[n++] = i;
    }
    qsort_r(order, n, sizeof *order, compare_spans, f->spans);
    for (size_t i = 0; i < n && status == MT_OK; i++) {
        const struct span *span = &f->spans[order[i]];

        if (span->begin != at)
            status = mt_fail(err, MT_INVALID,
                             "%s: tensor \"%s\": its data begin at %llu, "
                             "expected %llu: the tensors leave a hole or "
                             "overlap",
                             f->path, f->arrays[order[i]].name,
                             (unsigned long long)span->begin,
                             (unsigned long long)at);
        at = span->end;
    }
    if (status == MT_OK && at != f->data_size && f->opening->options.salvage) {
        if (!f->opening->lost)
            mt_state_note(f->opening, true,
                          "%s: damaged: %llu bytes follow the last tensor",
                          f->path, (unsigned long long)(f->data_size - at));
    } else if (status == MT_OK && at != f->data_size)
        status = mt_fail(err, MT_INVALID,
                         "%s: the tensors end at byte %llu of the data, which "
                         "has %llu",
                         f->path, (unsigned long long)at,
                         (unsigned long long)f->data_size);
    free(order);
    return status;
}

static mt_status parse_header(struct mt_safetensors *f,
                              const struct mt_json *doc, struct mt_err *err)
{
    const struct mt_item *root = mt_json_root(doc), *item;
    size_t n = 0;

    if (!mt_is_object(root))
        return mt_json_fail(doc, root, err, "expected an object");
    for (item = root->child; item; item = item->next)
    {
        n += 1 + mt_item_count(item); /* for members of __metadata__ */
    }
    f->arrays = mt_arena_calloc(&f->arena, n, sizeof *f->arrays);
    f->spans = mt_arena_calloc(&f->arena, n, sizeof *f->spans);
    if (!f->arrays || !f->spans)
        return mt_fail_memory(err);
    for (item = root->child; item; item = item->next)
    {
        mt_status status = strcmp(item->key, "__metadata__") == 0
                               ? read_metadata(f, doc, item, err)
                               : parse_tensor(f, doc, item, err);

        if (status != MT_OK)
            return status;
    }
    close_places(f);
    return check_tiling(f, err);
}

static mt_status read_header(struct mt_safetensors *f, uint64_t size,
                             struct mt_err *err)
{
    unsigned char length[LENGTH_SIZE];
    struct mt_strbuf source = MT_STRBUF_INIT;
    struct mt_json *doc = NULL;
    char *text = NULL;
    mt_status status;

    if (size < LENGTH_SIZE)
        return mt_fail(err, MT_INVALID,
                       "%s: cut short: %llu bytes, expected the length of a "
                       "safetensors header",
                       f->path, (unsigned long long)size);
    status = mt_file_pread(f->fd, f->path, 0, length, sizeof length, err);
    if (status != MT_OK)
        return status;
    uint64_t n = get_u64(length);

    if (n > MT_SAFETENSORS_MAX_HEADER)
        return mt_fail(err, MT_INVALID,
                       "%s: the header's length is %llu, at most %d allowed",
                       f->path, (unsigned long long)n,
                       MT_SAFETENSORS_MAX_HEADER);
    if (n > size - LENGTH_SIZE)
        return mt_fail(err, MT_INVALID,
                       "%s: cut short: the header's length is %llu, %llu "
                       "bytes are there",
                       f->path, (unsigned long long)n,
                       (unsigned long long)(size - LENGTH_SIZE));
    f->data_at = LENGTH_SIZE + n;
    f->data_size = size - f->data_at;
    mt_strbuf_printf(&source, "%s: header", f->path);
    text = malloc((size_t)n + 1);
    if (!text || source.failed) {
        status = mt_fail_memory(err);
        goto out;
    }
    status = mt_file_pread(f->fd, f->path, LENGTH_SIZE, text, (size_t)n, err);
    if (status == MT_OK)
        status = mt_json_parse(source.text, text, (size_t)n, &doc, err);
    if (status == MT_OK)
        status = parse_header(f, doc, err);
out:
    if (doc)
        mt_json_free(doc);
    mt_strbuf_free(&source);
    free(text);
    return status;
}

mt_status mt_safetensors_open(const char *path, int fd, uint64_t size,
                              struct mt_state_opening *opening,
                              struct mt_safetensors **out, struct mt_err *err)
{
    struct mt_safetensors *f = calloc(1, sizeof *f);

    if (!f) {
        close(fd);
        return mt_fail_memory(err);
    }
    f->fd = fd;
    f->opening = opening;
    f->path = strdup(path);
    mt_status status =
        f->path ? read_header(f, size, err) : mt_fail_memory(err);

    if (status != MT_OK) {
        mt_safetensors_close(f);
        return status;
    }
    f->opening = NULL;
    *out = f;
    return MT_OK;
}

void mt_safetensors_close(struct mt_safetensors *file)
{
    if (!file)
        return;
    close(file->fd);
    mt_arena_free(&file->arena);
    free(file->path);
    free(file);
}

size_t mt_safetensors_count(const struct mt_safetensors *file)
{
    return file->n;
}

const struct mt_array *mt_safetensors_array(const struct mt_safetensors *file,
                                            size_t i)
{
    return &file->arrays[i];
}

mt_status mt_safetensors_read(const struct mt_safetensors *file,
                              const struct mt_array *array, void *out,
                              struct mt_err *err)
{
    return mt_safetensors_read_part(file, array, 0,
                                    mt_shape_elements(&array->shape), out, err);
}

mt_status mt_safetensors_read_part(const struct mt_safetensors *file,
                                   const struct mt_array *array, size_t first,
                                   size_t n, void *out, struct mt_err *err)
{
    const struct span *span = &file->spans[array - file->arrays];
    size_t size = mt_dtype_size(array->dtype);

    if (array->data) {
        memcpy(out, (const char *)array->data + first * size, n * size);
        return MT_OK;
    }
    mt_status status = mt_file_pread(file->fd, file->path,
                                     file->data_at + span->begin + first * size,
                                     out, n * size, err);

    if (status == MT_OK && MT_BIG_ENDIAN)
        mt_swap_bytes(out, n, size);
    return status;
}
