/*
 * type idx: the format of MNIST, plain or gzipped.
 *
 *     byte 0, 1   0
 *     byte 2      type of the elements: 0x08, unsigned bytes
 *     byte 3      number of dimensions
 *     then        the dimensions, big-endian 32-bit numbers
 *     then        the elements, row-major, to the end of the file
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "data/format.h"
#include "data/gzstream.h"
#include "data/stream.h"

static const struct mt_key idx_keys[] = { { NULL } };

struct idx {
    const struct mt_data_file *file;
    struct mt_gzstream *stream;
    struct mt_shape shape; /* of the whole file */
    size_t bytes;          /* of the elements */
    int fd; /* of a file whose elements stay there; -1: they are read */
};

static mt_status read_exactly(const struct idx *idx, void *out, size_t n,
                              const char *what, struct mt_err *err)
{
    size_t got;
    mt_status status = mt_gzstream_read(idx->stream, out, n, &got, err);

    if (status == MT_OK && got < n)
        return mt_fail(err, MT_INVALID, "%s: the %s end after %zu of %zu bytes",
                       idx->file->path, what, got, n);
    return status;
}

static const char *type_name(unsigned char type)
{
    static const struct {
        unsigned char type;
        const char *name;
    } names[] = { { 0x09, "signed bytes" },
                  { 0x0b, "16-bit integers" },
                  { 0x0c, "32-bit integers" },
                  { 0x0d, "32-bit floats" },
                  { 0x0e, "64-bit floats" } };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == type)
            return names[i].name;
    return "no known type";
}

static mt_status check_magic(const struct idx *idx,
                             const unsigned char magic[4], struct mt_err *err)
{
    const char *path = idx->file->path;

    if (magic[0] || magic[1])
        return mt_fail(err, MT_INVALID,
                       "%s: not an IDX file: it begins with %02x %02x, "
                       "expected 00 00",
                       path, magic[0], magic[1]);
    if (magic[2] != 0x08)
        return mt_fail(err, MT_INVALID,
                       "%s: the elements are of type 0x%02x (%s); expected "
                       "unsigned bytes (0x08); type \"npy\" takes others",
                       path, magic[2], type_name(magic[2]));
    if (magic[3] < 1 || magic[3] > MT_MAX_RANK)
        return mt_fail(err, MT_INVALID, "%s: %d dimensions; expected 1 to %d",
                       path, magic[3], MT_MAX_RANK);
    return MT_OK;
}

/* The header says how much memory to take, so first it must agree with the size
 * of the file. */
static mt_status check_size(struct idx *idx, size_t header, struct mt_err *err)
{
    const char *path = idx->file->path;
    uint64_t limit = mt_gzstream_limit(idx->stream);

    for (int i = 0; i < idx->shape.rank; i++)
        if (idx->shape.dim[i] == 0)
            return mt_fail(err, MT_INVALID,
                           "%s: dimension %d is 0; expected at least 1", path,
                           i);
    if (!mt_shape_count(&idx->shape, &idx->bytes) ||
        idx->bytes > SIZE_MAX - header || idx->bytes + header > limit)
        return mt_fail(err, MT_INVALID,
                       "%s: the header says %s bytes, but the file cannot hold "
                       "more than %llu",
                       path, mt_shape_text(&idx->shape).text,
                       (unsigned long long)limit);
    return MT_OK;
}

static mt_status read_header(struct idx *idx, struct mt_err *err)
{
    unsigned char magic[4], dims[MT_MAX_RANK][4];
    size_t n;
    mt_status status = read_exactly(idx, magic, sizeof magic, "header", err);

    if (status == MT_OK)
        status = check_magic(idx, magic, err);
    if (status != MT_OK)
        return status;
    n = magic[3];
    status = read_exactly(idx, dims, n * sizeof *dims, "dimensions", err);
    if (status != MT_OK)
        return status;
    idx->shape.rank = (int)n;
    for (size_t i = 0; i < n; i++)
        idx->shape.dim[i] = (size_t)dims[i][0] << 24 |
                            (size_t)dims[i][1] << 16 | (size_t)dims[i][2] << 8 |
                            dims[i][3];
    return check_size(idx, 4 + 4 * n, err);
}

static mt_status fail_longer(const struct idx *idx, struct mt_err *err)
{
    return mt_fail(err, MT_INVALID,
                   "%s: more bytes than the header says: expected %s",
                   idx->file->path, mt_shape_text(&idx->shape).text);
}

static mt_status read_elements(struct idx *idx, struct mt_owned *own,
                               struct mt_column *column, struct mt_err *err)
{
    unsigned char extra;
    size_t got;
    mt_status status;

    own->memory = malloc(idx->bytes);
    if (!own->memory)
        return mt_fail_memory(err);
    column->data = own->memory;
    status = read_exactly(idx, own->memory, idx->bytes, "elements", err);
    if (status == MT_OK)
        status = mt_gzstream_read(idx->stream, &extra, 1, &got, err);
    return status == MT_OK && got ? fail_longer(idx, err) : status;
}

/* Elements that only `check` wants, which looks at few or none of them. */
static mt_status keep_in_file(struct idx *idx, struct mt_owned *own,
                              struct mt_arena *arena, struct mt_column *column,
                              struct mt_err *err)
{
    size_t header = 4 + 4 * (size_t)idx->shape.rank;
    struct mt_stream *stream;

    if (mt_gzstream_limit(idx->stream) > header + idx->bytes)
        return fail_longer(idx, err);
    stream = mt_stream_new(idx->fd, idx->file->path, header, column, arena);
    if (!stream)
        return mt_fail_memory(err);
    idx->fd = -1;
    own->reader = &stream->reader;
    stream->reader.max = UINT8_MAX;
    stream->reader.look = true;
    return MT_OK;
}

static mt_status open_stream(const struct mt_data_request *request,
                             struct idx *idx, bool peek, uint64_t *size,
                             struct mt_err *err)
{
    const char *path = idx->file->path;
    int fd;
    mt_status status = mt_data_open_file(request, idx->file, &fd, size, err);

    if (status != MT_OK)
        return status;
    if (peek && (idx->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        mt_fail_errno(err, errno, path, "cannot open");
        close(fd);
        return err->status;
    }
    return mt_gzstream_open(path, fd, *size, &idx->stream, err);
}

static void set_column(const struct idx *idx, struct mt_column *column)
{
    column->dtype = MT_U8;
    column->stride = idx->bytes / idx->shape.dim[0];
    column->shape.rank = idx->shape.rank - 1;
    memcpy(column->shape.dim, idx->shape.dim + 1,
           (size_t)column->shape.rank * sizeof *idx->shape.dim);
}

/* Reads one file into a column of samples. images: it should have the
 * dimensions of images. */
static mt_status read_file(const struct mt_data_request *request,
                           const struct mt_data_file *file, bool images,
                           struct mt_dataset *data, struct mt_column *column,
                           size_t *samples, struct mt_err *err)
{
    bool peek = images && request->purpose == MT_DATA_CHECK;
    struct idx idx = { .file = file, .fd = -1 };
    struct mt_owned *own = mt_data_own(data);
    uint64_t size;
    mt_status status;

    if (!own)
        return mt_fail_memory(err);
    status = open_stream(request, &idx, peek, &size, err);
    if (status == MT_OK)
        status = read_header(&idx, err);
    if (status == MT_OK && images != (idx.shape.rank > 1))
        status = mt_fail(err, MT_INVALID,
                         "%s: shape %s; expected %s%s",
                         file->path, mt_shape_text(&idx.shape).text,
                         images ? "[images, rows, columns]" : "[labels]",
                         file->item ? ", because the files are [images, "
                                      "labels] in this order"
                                    : "");
    if (status == MT_OK) {
        set_column(&idx, column);
        status = peek && !mt_gzstream_is_gzip(idx.stream)
                     ? keep_in_file(&idx, own, &data->arena, column, err)
                     : read_elements(&idx, own, column, err);
    }
    if (status == MT_OK && mt_data_hashes(request))
        status = mt_data_add_fingerprint(data, file->role, size,
                                         mt_gzstream_sha256(idx.stream), err);
    mt_gzstream_close(idx.stream);
    if (idx.fd >= 0)
        close(idx.fd);
    if (status != MT_OK)
        return status;
    mt_data_takes(data, idx.bytes, 0);
    *samples = idx.shape.dim[0];
    return MT_OK;
}

static mt_status idx_part(const struct mt_data_request *request,
                          const struct mt_data_keys *keys, const char *key,
                          struct mt_dataset *data, struct mt_part *part,
                          struct mt_err *err)
{
    struct mt_data_file files[2];
    size_t labels = 0;

    (void)keys;
    mt_status status = mt_data_files(request, data, key, 2,
                                     "two files, [images, labels]", files, err);

    if (status == MT_OK)
        status = read_file(request, &files[0], true, data, &part->x,
                           &part->samples, err);
    if (status == MT_OK)
        status =
            read_file(request, &files[1], false, data, &part->y, &labels, err);
    if (status != MT_OK)
        return status;
    part->source = files[0].path;
    part->y_source = files[1].path;
    if (labels != part->samples)
        return mt_fail(err, MT_MISMATCH,
                       "%s: %zu labels; expected %zu, because %s has as many "
                       "images",
                       part->y_source, labels, part->samples, part->source);
    return MT_OK;
}

static bool idx_knows(const unsigned char *head, size_t n)
{
    return n >= 2 && !head[0] && !head[1];
}

static mt_status idx_inputs(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err)
{
    struct mt_data_file file = mt_data_input(request);

    (void)keys;
    return read_file(request, &file, true, data, &data->val.x,
                     &data->val.samples, err);
}

extern const struct mt_format mt_format_idx;

const struct mt_format mt_format_idx = {
    .name = "idx",
    .doc = "images and labels as MNIST has them, plain or gzipped",
    .keys = idx_keys,
    .files = 2,
    .part = idx_part,
    .knows = idx_knows,
    .inputs = idx_inputs,
};
