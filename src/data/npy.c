/*
 * type npy: two NumPy arrays, whose first dimension counts the samples. Arrays
 * larger than 256 MiB stay in their files (stream.h); other types than columns
 * have, other byte orders and Fortran order are converted in memory.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "data/format.h"
#include "base/npyheader.h"
#include "data/stream.h"

enum { MAX_RESIDENT = 256 << 20 };

static const struct mt_key npy_keys[] = { { NULL } };

/* A file that is being made into a column. */
struct npy {
    const struct mt_data_file *file;
    int fd;        /* -1: none, or the column has it */
    uint64_t size; /* of the file */
    bool peek;     /* only the shape is needed */
    bool hash;     /* a fingerprint is wanted */
    struct mt_npy_header head;
    struct sha256_ctx sha;
};

/* The elements must fill the file after the header exactly. */
static mt_status check_size(const char *path, const struct mt_npy_header *head,
                            size_t size, struct mt_err *err)
{
    const struct mt_shape *shape = &head->shape;
    size_t each = head->size, bytes;

    if (shape->rank == 0)
        return mt_fail(err, MT_INVALID,
                       "%s: the array has no dimensions; expected the first to "
                       "count the samples",
                       path);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] == 0)
            return mt_fail(err, MT_INVALID,
                           "%s: the shape is %s; expected no dimension of 0",
                           path, mt_shape_text(shape).text);
    if (!mt_shape_count(shape, &bytes) || !mt_size_mul(bytes, each, &bytes) ||
        bytes != size - head->offset)
        return mt_fail(err, MT_INVALID,
                       "%s: %zu bytes of elements; expected %s of %zu bytes "
                       "each, as the header says",
                       path, size - head->offset, mt_shape_text(shape).text,
                       each);
    return MT_OK;
}

static mt_status read_header(struct npy *npy, struct mt_err *err)
{
    enum { MAX_HEAD = 12 + MT_NPY_MAX_HEADER };
    const char *path = npy->file->path;
    size_t n = npy->size < MAX_HEAD ? (size_t)npy->size : MAX_HEAD;
    unsigned char *bytes = malloc(MAX_HEAD);
    mt_status status;

    if (!bytes)
        return mt_fail_memory(err);
    if (!n || npy->size > SIZE_MAX)
        status = mt_fail(err, MT_INVALID,
                         "%s: the file is %s; expected an .npy file", path,
                         n ? "too large" : "empty");
    else
        status = mt_file_pread(npy->fd, path, 0, bytes, n, err);
    if (status == MT_OK)
        status = mt_npy_header_parse(path, bytes, n, MT_NPY_DATA, &npy->head, err);
    if (status == MT_OK)
        status = check_size(path, &npy->head, (size_t)npy->size, err);
    sha256_init(&npy->sha);
    if (status == MT_OK)
        sha256_update(&npy->sha, npy->head.offset, bytes);
    free(bytes);
    return status;
}

/* Small arrays are read as a whole; then the file is no longer needed. */
static mt_status read_elements(struct npy *npy, struct mt_owned *own,
                               size_t bytes, struct mt_column *column,
                               struct mt_err *err)
{
    const char *path = npy->file->path;
    mt_status status;

    own->memory = malloc(bytes);
    if (!own->memory)
        return mt_fail_memory(err);
    status =
        mt_file_pread(npy->fd, path, npy->head.offset, own->memory, bytes, err);
    if (status != MT_OK)
        return status;
    column->data = own->memory;
    if (npy->hash)
        sha256_update(&npy->sha, bytes, own->memory);
    return mt_data_check_finite(path, column, npy->head.shape.dim[0], err);
}

static mt_status keep_in_file(struct npy *npy, struct mt_owned *own, bool look,
                              struct mt_arena *arena, struct mt_column *column,
                              struct mt_err *err)
{
    struct mt_stream *stream = mt_stream_new(npy->fd, npy->file->path,
                                             npy->head.offset, column, arena);

    if (!stream)
        return mt_fail_memory(err);
    own->reader = &stream->reader;
    stream->reader.look = look;
    npy->fd = -1;
    if (npy->peek && !mt_dtype_is_integer(column->dtype))
        return MT_OK;
    return mt_data_scan(npy->file->path, stream, npy->head.shape.dim[0],
                        !npy->peek, npy->hash ? &npy->sha : NULL, err);
}

/* --- elements that are converted
 * ------------------------------------------- */

/* Can the file's elements be used as they are? */
static bool is_native(const struct mt_npy_header *head)
{
    bool same = head->size == mt_dtype_size(head->dtype) &&
                (head->kind == 'f') == (head->dtype == MT_F32 ||
                                        head->dtype == MT_F64);

    return same && !head->fortran && !head->big_endian &&
           !(head->kind == 'u' && head->size == 8) && head->kind != 'b';
}

static uint64_t load(const unsigned char *at, const struct mt_npy_header *head)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < head->size; i++)
        bits |= (uint64_t)at[i] << 8 * (head->big_endian ? head->size - 1 - i
                                                         : i);
    return bits;
}

/* The element in the column's type; false: an integer beyond int64. */
static bool convert_one(uint64_t bits, const struct mt_npy_header *head,
                        void *out)
{
    unsigned shift = 64 - 8 * (unsigned)head->size;
    int64_t v = head->kind == 'i' ? (int64_t)(bits << shift) >> shift
                                  : (int64_t)bits;

    if (head->dtype == MT_F32) {
        uint32_t word = (uint32_t)bits;
        float half = mt_f16_to_f32((uint16_t)bits);

        memcpy(out, head->size == 2 ? (const void *)&half : &word, 4);
    } else if (head->dtype == MT_F64 || head->dtype == MT_I64) {
        memcpy(out, &v, 8);
    } else if (head->dtype == MT_I32) {
        memcpy(out, &(int32_t){ (int32_t)v }, 4);
    } else {
        *(unsigned char *)out = head->kind == 'b' ? v != 0 : (unsigned char)v;
    }
    return !(head->kind == 'u' && v < 0);
}

/* Elements in C order; `at` steps through the file's order. */
static mt_status convert_all(const char *path, const unsigned char *in,
                             const struct mt_npy_header *head, char *out,
                             struct mt_err *err)
{
    const struct mt_shape *shape = &head->shape;
    size_t n = mt_shape_elements(shape), size = mt_dtype_size(head->dtype);
    size_t each = n / shape->dim[0];
    size_t index[MT_MAX_RANK] = { 0 };

    for (size_t i = 0; i < n; i++) {
        size_t at = i, step = 1;

        if (head->fortran) {
            at = 0;
            for (int d = 0; d < shape->rank; d++) {
                at += index[d] * step;
                step *= shape->dim[d];
            }
            for (int d = shape->rank; d-- > 0 && ++index[d] == shape->dim[d];)
                index[d] = 0;
        }
        if (!convert_one(load(in + at * head->size, head), head,
                         out + i * size))
            return mt_fail(err, MT_INVALID,
                           "%s: sample %zu, element %zu: %llu is beyond int64",
                           path, i / each, i % each,
                           (unsigned long long)load(in + at * head->size,
                                                    head));
    }
    return MT_OK;
}

static mt_status read_converted(struct npy *npy, struct mt_owned *own,
                                struct mt_column *column, struct mt_err *err)
{
    const struct mt_npy_header *head = &npy->head;
    const char *path = npy->file->path;
    size_t n = mt_shape_elements(&head->shape), bytes = n * head->size;
    unsigned char *raw = malloc(bytes);
    mt_status status;

    own->memory = calloc(n, mt_dtype_size(head->dtype));
    if (!raw || !own->memory)
        status = mt_fail_memory(err);
    else
        status = mt_file_pread(npy->fd, path, head->offset, raw, bytes, err);
    if (status == MT_OK)
        status = convert_all(path, raw, head, own->memory, err);
    if (status == MT_OK && npy->hash)
        sha256_update(&npy->sha, bytes, raw);
    free(raw);
    column->data = own->memory;
    column->stride = n / head->shape.dim[0] * mt_dtype_size(head->dtype);
    if (status != MT_OK || npy->peek)
        return status;
    return mt_data_check_finite(path, column, head->shape.dim[0], err);
}

/* Sets the column's type and shape from the header; bytes: of all elements. */
static void set_column(const struct mt_npy_header *head, size_t bytes,
                       struct mt_column *column)
{
    *column = (struct mt_column){ .dtype = head->dtype,
                                  .stride = bytes / head->shape.dim[0] };
    column->shape.rank = head->shape.rank - 1;
    memcpy(column->shape.dim, head->shape.dim + 1,
           (size_t)column->shape.rank * sizeof *head->shape.dim);
}

mt_status mt_npy_take(const char *place, unsigned char *bytes, size_t n,
                      bool peek, struct mt_dataset *data,
                      struct mt_column *column, size_t *samples,
                      struct mt_err *err)
{
    struct mt_owned *raw = mt_data_own(data);
    struct mt_owned *own = raw ? mt_data_own(data) : NULL;
    struct mt_npy_header head;
    mt_status status;

    if (raw)
        raw->memory = bytes;
    else
        free(bytes);
    if (!own)
        return mt_fail_memory(err);
    status = mt_npy_header_parse(place, bytes, n, MT_NPY_DATA, &head, err);
    if (status == MT_OK)
        status = check_size(place, &head, n, err);
    if (status != MT_OK)
        return status;
    set_column(&head, n - head.offset, column);
    *samples = head.shape.dim[0];
    memmove(bytes, bytes + head.offset, n - head.offset); /* aligned */
    column->data = bytes;
    if (!is_native(&head)) {
        size_t elements = mt_shape_elements(&head.shape);

        own->memory = calloc(elements, mt_dtype_size(head.dtype));
        status = own->memory
                     ? convert_all(place, bytes, &head, own->memory, err)
                     : mt_fail_memory(err);
        column->data = own->memory;
        column->stride =
            elements / *samples * mt_dtype_size(head.dtype);
        mt_data_takes(data, *samples * column->stride, 0);
    }
    mt_data_takes(data, n, 0);
    return status != MT_OK || peek
               ? status
               : mt_data_check_finite(place, column, *samples, err);
}

/* Puts the elements into memory or leaves them in the file. With MT_DATA_CHECK
 * they stay in the file, and floats are not even read. */
static mt_status place_elements(const struct mt_data_request *request,
                                struct npy *npy, struct mt_dataset *data,
                                struct mt_column *column, struct mt_err *err)
{
    const struct mt_npy_header *head = &npy->head;
    size_t bytes = (size_t)npy->size - head->offset;
    size_t resident = request->resident ? request->resident : MAX_RESIDENT;
    struct mt_owned *own = mt_data_own(data);

    if (!own)
        return mt_fail_memory(err);
    set_column(head, bytes, column);
    if (!is_native(head)) {
        mt_data_takes(
            data, mt_shape_elements(&head->shape) * mt_dtype_size(head->dtype),
            bytes);
        return read_converted(npy, own, column, err);
    }
    if (bytes > resident)
        return keep_in_file(npy, own, false, &data->arena, column, err);
    mt_data_takes(data, bytes, 0);
    return npy->peek ? keep_in_file(npy, own, true, &data->arena, column, err)
                     : read_elements(npy, own, bytes, column, err);
}

static mt_status read_file(const struct mt_data_request *request,
                           const struct mt_data_file *file,
                           struct mt_dataset *data, struct mt_column *column,
                           size_t *samples, struct mt_err *err)
{
    struct npy npy = { .file = file,
                       .fd = -1,
                       .peek = request->purpose == MT_DATA_CHECK,
                       .hash = mt_data_hashes(request) };
    mt_status status =
        mt_data_open_file(request, file, &npy.fd, &npy.size, err);

    if (status != MT_OK)
        return status;
    status = read_header(&npy, err);
    if (status == MT_OK)
        status = place_elements(request, &npy, data, column, err);
    if (npy.fd >= 0)
        close(npy.fd);
    if (status != MT_OK)
        return status;
    *samples = npy.head.shape.dim[0];
    if (!npy.hash)
        return MT_OK;
    return mt_data_add_fingerprint(data, file->role, npy.size, &npy.sha, err);
}

static mt_status npy_part(const struct mt_data_request *request,
                          const struct mt_data_keys *keys, const char *key,
                          struct mt_dataset *data, struct mt_part *part,
                          struct mt_err *err)
{
    struct mt_data_file files[2];
    size_t targets = 0;

    (void)keys;
    mt_status status = mt_data_files(request, data, key, 2,
                                     "two files, [x.npy, y.npy]", files, err);

    if (status == MT_OK)
        status =
            read_file(request, &files[0], data, &part->x, &part->samples, err);
    if (status == MT_OK)
        status = read_file(request, &files[1], data, &part->y, &targets, err);
    if (status != MT_OK)
        return status;
    part->source = files[0].path;
    part->y_source = files[1].path;
    if (targets != part->samples)
        return mt_fail(err, MT_MISMATCH,
                       "%s: %zu samples; expected %zu as in %s", part->y_source,
                       targets, part->samples, part->source);
    return MT_OK;
}

static bool npy_knows(const unsigned char *head, size_t n)
{
    return n >= 6 && !memcmp(head, "\x93NUMPY", 6);
}

static mt_status npy_inputs(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err)
{
    struct mt_data_file file = mt_data_input(request);

    (void)keys;
    return read_file(request, &file, data, &data->val.x, &data->val.samples,
                     err);
}

extern const struct mt_format mt_format_npy;

const struct mt_format mt_format_npy = {
    .name = "npy",
    .doc = "two NumPy arrays, [x.npy, y.npy]",
    .keys = npy_keys,
    .flags = MT_FORMAT_TOKENS,
    .files = 2,
    .part = npy_part,
    .knows = npy_knows,
    .inputs = npy_inputs,
};
