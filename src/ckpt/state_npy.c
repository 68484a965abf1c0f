/* State files: a single .npy, under the name of the file. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/npyheader.h"
#include "base/endian.h"
#include "ckpt/npz.h"
#include "ckpt/printable.h"
#include "ckpt/stateformat.h"
#include "ckpt/strided.h"

static const char ending[] = ".npy";

struct npy {
    char *path;
    int fd;
    struct mt_array array;
    struct mt_npy_header header;
    struct mt_arena arena;
};

/* The array that is being read. */
struct blocks {
    const struct npy *file;
    unsigned char *whole; /* of Fortran order: all elements; or NULL */
};

static bool is_npy(const void *head, size_t n)
{
    return n >= 6 && memcmp(head, "\x93NUMPY", 6) == 0;
}

static void close_npy(void *handle)
{
    struct npy *f = handle;

    if (!f)
        return;
    close(f->fd);
    free(f->path);
    mt_arena_free(&f->arena);
    free(f);
}

/* "weights/fc1.weight.npy" is called "fc1.weight". */
static mt_status name_array(struct npy *f, struct mt_err *err)
{
    const char *slash = strrchr(f->path, '/');
    const char *name = slash ? slash + 1 : f->path;
    size_t n = strlen(name), tail = sizeof ending - 1;

    if (n > tail && strcmp(name + n - tail, ending) == 0)
        n -= tail;
    f->array.name = mt_printable_name(&f->arena, name, n, 0);
    return f->array.name ? MT_OK : mt_fail_memory(err);
}

static mt_status read_header(struct npy *f, uint64_t size, struct mt_err *err)
{
    size_t most = MT_NPY_PREFIX + MT_NPY_MAX_HEADER;
    uint64_t bytes;
    struct mt_npy_header *h = &f->header;
    size_t n = size < most ? (size_t)size : most;
    unsigned char *head = malloc(n + 1);

    if (!head)
        return mt_fail_memory(err);
    mt_status status = mt_file_pread(f->fd, f->path, 0, head, n, err);

    if (status == MT_OK)
        status = mt_npy_header_parse(f->path, head, n, MT_NPY_STATE, h, err);
    free(head);
    if (status != MT_OK)
        return status;
    f->array.dtype = h->dtype;
    f->array.type = h->type;
    f->array.shape = h->shape;
    if (!mt_ckpt_array_bytes(&f->array, &bytes) ||
        (h->dtype != MT_OTHER && bytes != size - h->offset))
        return mt_fail(
            err, MT_INVALID,
            "%s: has %llu bytes of elements, which is not what %s %s "
            "needs",
            f->path, (unsigned long long)(size - h->offset),
            mt_array_type(&f->array), mt_shape_text(&h->shape).text);
    return MT_OK;
}

static mt_status open_npy(const char *path, int fd, uint64_t size,
                          struct mt_state_opening *opening, void **handle,
                          struct mt_err *err)
{
    (void)opening;
    struct npy *f = calloc(1, sizeof *f);
    mt_status status;

    if (!f) {
        close(fd);
        return mt_fail_memory(err);
    }
    f->fd = fd;
    f->path = strdup(path);
    status = f->path ? name_array(f, err) : mt_fail_memory(err);
    if (status == MT_OK)
        status = read_header(f, size, err);
    if (status != MT_OK) {
        close_npy(f);
        return status;
    }
    *handle = f;
    return MT_OK;
}

static size_t count_npy(const void *handle)
{
    (void)handle;
    return 1;
}

static const struct mt_array *array_npy(const void *handle, size_t i)
{
    (void)i;
    return &((const struct npy *)handle)->array;
}

static void end_npy(void *blocks)
{
    struct blocks *b = blocks;

    if (b)
        free(b->whole);
    free(b);
}

static mt_status begin_npy(void *handle, const struct mt_array *array,
                           void **blocks, struct mt_err *err)
{
    const struct npy *f = handle;
    struct blocks *b = calloc(1, sizeof *b);
    mt_status status = MT_OK;

    if (!b)
        return mt_fail_memory(err);
    b->file = f;
    if (f->header.fortran) {
        size_t n = mt_array_bytes(array); /* as many as the file has */

        b->whole = malloc(n + 1);
        status = b->whole ? mt_file_pread(f->fd, f->path, f->header.offset,
                                          b->whole, n, err)
                          : mt_fail_memory(err);
    }
    if (status != MT_OK) {
        end_npy(b);
        return status;
    }
    *blocks = b;
    return MT_OK;
}

static mt_status block_npy(void *blocks, size_t k, struct mt_block_room *room,
                           void *out, struct mt_err *err)
{
    const struct blocks *b = blocks;
    const struct npy *f = b->file;
    size_t n = mt_ckpt_chunk_elements(&f->array, k);
    size_t size = mt_dtype_size(f->array.dtype);
    mt_status status = MT_OK;

    (void)room;
    if (b->whole) {
        struct mt_strides strides = mt_strides_fortran(&f->array.shape);

        mt_strided_gather(b->whole, size, &f->array.shape, &strides,
                          k * MT_BLOCK, n, out);
    } else {
        status = mt_file_pread(f->fd, f->path,
                               f->header.offset + k * MT_BLOCK * size, out,
                               n * size, err);
    }
    if (status == MT_OK && f->header.big_endian != MT_BIG_ENDIAN)
        mt_swap_bytes(out, n, size);
    return status;
}

const struct mt_state_format mt_state_npy = {
    .name = "npy",
    .ending = ".npy",
    .is = is_npy,
    .open = open_npy,
    .close = close_npy,
    .count = count_npy,
    .array = array_npy,
    .begin = begin_npy,
    .block = block_npy,
    .end = end_npy,
    .write = mt_npy_write,
};
