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

struct npy {
    char *path;
    int fd;
    struct mt_array array;
    struct mt_npy_header header;
    struct mt_arena arena;
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

    f->array.name =
        mt_printable_name(&f->arena, name, mt_stem_length(name, ".npy"), 0);
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

/* --- reading ------------------------------------------------------------ */

static mt_status read_bytes(void *handle, uint64_t at, void *out, size_t n,
                            struct mt_err *err)
{
    const struct npy *f = handle;

    return mt_file_pread(f->fd, f->path, f->header.offset + at, out, n, err);
}

static mt_status begin_npy(void *handle, const struct mt_array *array,
                           void **blocks, struct mt_err *err)
{
    const struct npy *f = handle;
    struct mt_strides fortran = mt_strides_fortran(&array->shape);
    struct mt_strided s = {
        .array = array,
        .read = read_bytes,
        .ctx = handle,
        .swap = f->header.big_endian != MT_BIG_ENDIAN,
    };

    return mt_strided_begin(&s, f->header.fortran ? &fortran : NULL, blocks,
                            err);
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
    .block = mt_strided_block,
    .end = mt_strided_end,
    .write = mt_npy_write,
};
