#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/npyheader.h"
#include "base/size.h"
#include "ckpt/blockstream.h"
#include "ckpt/ckpt_format.h"
#include "base/endian.h"
#include "ckpt/npz.h"
#include "archive/zip.h"

enum { SWAP_BLOCK = 1 << 16 };

/* Where an array's bytes go: a zip file, or a file of its own. */
struct sink {
    mt_status (*put)(void *to, const void *bytes, size_t n, struct mt_err *err);
    void *to;
    size_t size; /* bytes of an element */
};

static mt_status put_member(void *to, const void *bytes, size_t n,
                            struct mt_err *err)
{
    return mt_zip_put(to, bytes, n, err);
}

static mt_status put_file(void *to, const void *bytes, size_t n,
                          struct mt_err *err)
{
    return mt_replace_write(to, bytes, n, err);
}

static mt_status put_swapped(const struct sink *s, const unsigned char *from,
                             size_t left, struct mt_err *err)
{
    unsigned char block[SWAP_BLOCK];
    mt_status status = MT_OK;

    while (left && status == MT_OK) {
        size_t n = left < SWAP_BLOCK ? left : SWAP_BLOCK;

        memcpy(block, from, n);
        mt_swap_bytes(block, n / s->size, s->size);
        status = s->put(s->to, block, n, err);
        from += n;
        left -= n;
    }
    return status;
}

static mt_status put_block(void *ctx, const void *elements, size_t n,
                           struct mt_err *err)
{
    const struct sink *s = ctx;

    return MT_BIG_ENDIAN ? put_swapped(s, elements, n * s->size, err)
                         : s->put(s->to, elements, n * s->size, err);
}

static mt_status check_array(const char *path, const struct mt_array *a,
                             struct mt_err *err)
{
    const char *fault = mt_ckpt_text_fault(a->name, strlen(a->name));
    uint64_t bytes;

    if (fault)
        return mt_fail(err, MT_INVALID, "%s: the name \"%s\" %s", path, a->name,
                       fault);
    if (a->shape.rank < 0 || a->shape.rank > MT_MAX_RANK)
        return mt_fail(err, MT_INVALID,
                       "%s: tensor \"%s\": has %d dimensions, at most %d "
                       "allowed",
                       path, a->name, a->shape.rank, MT_MAX_RANK);
    if (a->dtype == MT_OTHER)
        return mt_fail(err, MT_INVALID,
                       "%s: tensor \"%s\" cannot be read (%s); --only "
                       "leaves it out",
                       path, a->name, mt_array_type(a));
    if (!mt_npy_has_dtype(a->dtype))
        return mt_fail(err, MT_INVALID,
                       "%s: tensor \"%s\": NumPy has no %s; write a "
                       ".safetensors",
                       path, a->name, mt_array_type(a));
    if (!mt_ckpt_array_bytes(a, &bytes))
        return mt_fail(err, MT_INVALID, "%s: tensor \"%s\": %s is too large",
                       path, a->name, mt_shape_text(&a->shape).text);
    if (bytes && !a->data && !a->source)
        return mt_fail(err, MT_INVALID, "%s: tensor \"%s\": has no data", path,
                       a->name);
    return MT_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static mt_status check_arrays(const char *path, const struct mt_array *arrays,
                              size_t n, struct mt_err *err)
{
    const char **names = calloc(n + 1, sizeof *names);
    mt_status status = MT_OK;

    if (!names)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n && status == MT_OK; i++) {
        names[i] = arrays[i].name;
        status = check_array(path, &arrays[i], err);
    }
    if (status == MT_OK)
        qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n && status == MT_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            status = mt_fail(err, MT_INVALID,
                             "%s: tensor \"%s\": the name is there twice", path,
                             names[i]);
    }
    free(names);
    return status;
}

static mt_status write_member(struct mt_zip_writer *w, const struct mt_array *a,
                              struct mt_team *team, struct mt_err *err)
{
    struct sink sink = { put_member, w, mt_dtype_size(a->dtype) };
    char header[MT_NPY_WRITTEN], name[MT_CKPT_MAX_NAME + sizeof ".npy"];
    size_t n = mt_npy_header_write(a->dtype, &a->shape, header);
    mt_status status;

    snprintf(name, sizeof name, "%s.npy", a->name);
    status = mt_zip_begin(w, name, n + mt_array_bytes(a), err);
    if (status == MT_OK)
        status = mt_zip_put(w, header, n, err);
    if (status == MT_OK)
        status = mt_block_stream_each(a, team, put_block, &sink, err);
    return status == MT_OK ? mt_zip_end(w, err) : status;
}

mt_status mt_npz_write(const char *path, const struct mt_array *arrays,
                       size_t n, struct mt_team *team, uint64_t *bytes,
                       struct mt_err *err)
{
    struct mt_zip_writer *w = NULL;
    mt_status status = check_arrays(path, arrays, n, err);

    if (status == MT_OK)
        status = mt_zip_writer_open(path, &w, err);
    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = write_member(w, &arrays[i], team, err);
    if (status == MT_OK)
        return mt_zip_commit(w, bytes, err);
    mt_zip_abort(w);
    return status;
}

mt_status mt_npy_write(const char *path, const struct mt_array *arrays,
                       size_t n, struct mt_team *team, uint64_t *bytes,
                       struct mt_err *err)
{
    struct sink sink = { .put = put_file };
    char header[MT_NPY_WRITTEN];
    struct mt_replace *file = NULL;
    mt_status status;

    if (n != 1)
        return mt_fail(err, MT_INVALID,
                       "%s: an .npy holds one array, got %zu; write an .npz",
                       path, n);
    status = check_arrays(path, arrays, n, err);
    if (status == MT_OK)
        status = mt_replace_open(path, &file, err);
    if (status != MT_OK)
        return status;
    size_t size = mt_npy_header_write(arrays->dtype, &arrays->shape, header);

    sink.to = file;
    sink.size = mt_dtype_size(arrays->dtype);
    status = mt_replace_write(file, header, size, err);
    if (status == MT_OK)
        status = mt_block_stream_each(arrays, team, put_block, &sink, err);
    if (status != MT_OK) {
        mt_replace_abort(file);
        return status;
    }
    if (bytes)
        *bytes = size + mt_array_bytes(arrays);
    return mt_replace_commit(file, err);
}
