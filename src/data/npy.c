/*
 * type npy: two NumPy arrays, mapped into memory, not read. Their first
 * dimension counts the samples.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/size.h"
#include "data/loader.h"
#include "base/npyheader.h"

static const struct mt_key npy_keys[] = { { NULL } };

static mt_status map_file(const struct mt_data_request *request,
                          const struct mt_data_file *file, struct mt_owned *own,
                          struct mt_err *err)
{
    void *memory;
    uint64_t size;
    int fd;
    mt_status status = mt_data_open_file(request, file, &fd, &size, err);

    if (status != MT_OK)
        return status;
    if (size == 0 || size > SIZE_MAX) {
        close(fd);
        return mt_fail(err, MT_INVALID,
                       "%s: the file is empty; expected an .npy file",
                       file->path);
    }
    memory = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
        status =
            mt_fail(err, MT_IO, "%s: cannot be mapped into memory", file->path);
    else
        *own = (struct mt_owned){ own->next, memory, (size_t)size };
    close(fd);
    return status;
}

/* The elements must fill the file behind the header exactly. */
static mt_status check_size(const char *path, const struct mt_npy_header *head,
                            size_t size, struct mt_err *err)
{
    const struct mt_shape *shape = &head->shape;
    size_t each = mt_dtype_size(head->dtype), bytes;

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

static mt_status add_fingerprint(const struct mt_data_file *file,
                                 const struct mt_owned *own,
                                 struct mt_dataset *data, struct mt_err *err)
{
    struct sha256_ctx sha;

    sha256_init(&sha);
    sha256_update(&sha, own->mapped, own->memory);
    return mt_data_add_fingerprint(data, file->role, own->mapped, &sha, err);
}

mt_status mt_npy_read(const struct mt_data_request *request,
                      const struct mt_data_file *file, struct mt_dataset *data,
                      struct mt_column *column, size_t *samples,
                      struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(data);
    struct mt_npy_header head = { 0 };
    mt_status status =
        own ? map_file(request, file, own, err) : mt_fail_memory(err);

    if (status == MT_OK)
        status = mt_npy_header_parse(file->path, own->memory, own->mapped,
                                     0, &head, err);
    if (status == MT_OK)
        status = check_size(file->path, &head, own->mapped, err);
    if (status != MT_OK)
        return status;
    *samples = head.shape.dim[0];
    column->data = (const char *)own->memory + head.offset;
    column->dtype = head.dtype;
    column->stride = (own->mapped - head.offset) / *samples;
    column->shape.rank = head.shape.rank - 1;
    memcpy(column->shape.dim, head.shape.dim + 1,
           (size_t)column->shape.rank * sizeof *head.shape.dim);
    if (request->peek)
        return MT_OK;
    status = mt_data_check_finite(file->path, column, *samples, err);
    return status == MT_OK ? add_fingerprint(file, own, data, err) : status;
}

static mt_status open_part(const struct mt_data_request *request,
                           const char *key, struct mt_dataset *data,
                           struct mt_part *part, struct mt_err *err)
{
    struct mt_data_file files[2];
    size_t targets = 0;
    mt_status status = mt_data_files(request, data, key, 2,
                                     "two files, [x.npy, y.npy]", files, err);

    if (status == MT_OK)
        status = mt_npy_read(request, &files[0], data, &part->x,
                             &part->samples, err);
    if (status == MT_OK)
        status = mt_npy_read(request, &files[1], data, &part->y, &targets, err);
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

static mt_status npy_open(const struct mt_data_request *request,
                          const struct mt_data_keys *keys,
                          struct mt_dataset *data, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (mt_data_wants_train(request, keys))
        status = open_part(request, "train", data, &data->train, err);
    if (status == MT_OK && keys->val.n)
        status = open_part(request, "val", data, &data->val, err);
    return status;
}

extern const struct mt_loader mt_loader_npy;

const struct mt_loader mt_loader_npy = {
    .type = "npy",
    .doc = "two NumPy arrays, [x.npy, y.npy], mapped into memory",
    .keys = npy_keys,
    .open = npy_open,
    .tokens = true,
};
