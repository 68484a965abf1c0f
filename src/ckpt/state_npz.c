/* State files: .npz. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/npyheader.h"
#include "base/utf8.h"
#include "base/endian.h"
#include "ckpt/npz.h"
#include "ckpt/printable.h"
#include "ckpt/stateformat.h"
#include "ckpt/strided.h"
#include "archive/zip.h"

static const char ending[] = ".npy";

struct npz {
    struct mt_zip *zip;
    size_t n;                     /* arrays: members */
    size_t *member;               /* (n) their numbers in the zip */
    struct mt_array *arrays;      /* (n) */
    struct mt_npy_header *header; /* (n) */
    struct mt_arena arena;
};

/* "x.npz: member "fc1.weight.npy"", for messages; NULL: no memory. */
static const char *place_of(struct npz *f, const struct mt_zip_member *m)
{
    return mt_arena_printf(&f->arena, "%s: member \"%s\"", mt_zip_path(f->zip),
                           mt_excerpt(m->name, strlen(m->name)).text);
}

/* --- opening ------------------------------------------------------------ */

static bool is_array(const struct mt_zip_member *m)
{
    size_t n = strlen(m->name), tail = sizeof ending - 1;

    return n >= tail && strcmp(m->name + n - tail, ending) == 0;
}

/* A member that is not an array, such as a README, is listed as a file. */
static void list_file(const struct mt_zip_member *m, struct mt_array *a)
{
    a->dtype = MT_OTHER;
    a->type = "not an array";
    a->shape = mt_shape_of(1, (size_t)m->size);
}

/* Reads the member's header and no more. To be freed. */
static mt_status read_header(const struct mt_zip *zip,
                             const struct mt_zip_member *m, const char *place,
                             unsigned char **bytes, size_t *n,
                             struct mt_err *err)
{
    unsigned char prefix[MT_NPY_PREFIX];
    struct mt_zip_stream *s = NULL;
    mt_status status;

    *bytes = NULL;
    if (m->size < sizeof prefix)
        return mt_fail(err, MT_INVALID, "%s: not an .npy file: only %llu bytes",
                       place, (unsigned long long)m->size);
    status = mt_zip_stream_open(zip, m, &s, err);
    if (status == MT_OK)
        status = mt_zip_stream_read(s, prefix, sizeof prefix, err);
    *n = status == MT_OK ? mt_npy_header_size(prefix) : 0;
    if (*n < sizeof prefix || *n > m->size)
        *n = sizeof prefix; /* parsing it fails, with the reason */
    *bytes = malloc(*n);
    if (status == MT_OK && !*bytes)
        status = mt_fail_memory(err);
    if (status == MT_OK) {
        memcpy(*bytes, prefix, sizeof prefix);
        status = mt_zip_stream_read(s, *bytes + sizeof prefix,
                                    *n - sizeof prefix, err);
    }
    mt_zip_stream_close(s);
    return status;
}

/* The elements must fill the member after its header exactly. */
static mt_status check_size(const struct mt_array *a, const char *place,
                            size_t offset, uint64_t size, struct mt_err *err)
{
    uint64_t bytes;

    if (!mt_ckpt_array_bytes(a, &bytes))
        return mt_fail(err, MT_INVALID, "%s: %s is too large", place,
                       mt_shape_text(&a->shape).text);
    if (a->dtype != MT_OTHER && bytes != size - offset)
        return mt_fail(err, MT_INVALID,
                       "%s: has %llu bytes of elements, expected %llu for %s "
                       "%s",
                       place, (unsigned long long)(size - offset),
                       (unsigned long long)bytes, mt_dtype_name(a->dtype),
                       mt_shape_text(&a->shape).text);
    return MT_OK;
}

static mt_status read_array(struct npz *f, const struct mt_zip_member *m,
                            const char *place, struct mt_err *err)
{
    struct mt_array *a = &f->arrays[f->n];
    struct mt_npy_header *h = &f->header[f->n];
    unsigned char *bytes = NULL;
    size_t n = 0;
    mt_status status = read_header(f->zip, m, place, &bytes, &n, err);

    if (status == MT_OK)
        status = mt_npy_header_parse(place, bytes, n, MT_NPY_STATE, h, err);
    free(bytes);
    if (status != MT_OK)
        return status;
    a->dtype = h->dtype;
    a->type = h->type;
    a->shape = h->shape;
    return check_size(a, place, h->offset, m->size, err);
}

static mt_status add_member(struct npz *f, const struct mt_zip_member *m,
                            struct mt_err *err)
{
    struct mt_array *a = &f->arrays[f->n];
    const char *place = place_of(f, m);
    size_t n = strlen(m->name) - (is_array(m) ? sizeof ending - 1 : 0);
    mt_status status = MT_OK;

    a->name = mt_printable_name(&f->arena, m->name, n, f->n);
    if (!place || !a->name)
        return mt_fail_memory(err);
    if (is_array(m))
        status = read_array(f, m, place, err);
    else
        list_file(m, a);
    f->n += status == MT_OK;
    return status;
}

static void close_npz(void *handle)
{
    struct npz *f = handle;

    if (!f)
        return;
    mt_zip_close(f->zip);
    mt_arena_free(&f->arena);
    free(f);
}

static mt_status add_or_leave(struct npz *f, size_t i,
                              struct mt_state_opening *opening,
                              struct mt_err *err)
{
    mt_status status;

    f->member[f->n] = i;
    status = add_member(f, mt_zip_member(f->zip, i), err);
    if (opening->options.salvage &&
        (status == MT_INVALID || status == MT_DAMAGED)) {
        mt_state_note(opening, true, "%s", err->text);
        opening->lost++;
        *err = (struct mt_err)MT_ERR_INIT;
        status = MT_OK;
    }
    return status;
}

/* Fails if there are files, but no array among them. */
static mt_status check_arrays(const struct npz *f, struct mt_err *err)
{
    size_t n = mt_zip_count(f->zip);
    bool keras = false;

    for (size_t i = 0; i < n; i++) {
        const struct mt_zip_member *m = mt_zip_member(f->zip, i);

        if (is_array(m))
            return MT_OK;
        keras |= strcmp(m->name, "model.weights.h5") == 0;
    }
    if (!n)
        return MT_OK;
    return mt_fail(err, MT_INVALID, "%s: %s", mt_zip_path(f->zip),
                   keras ? "a Keras model, whose weights are in HDF5: save "
                           "them with numpy.savez() in Python"
                         : "a zip file, but no member is an array (.npy)");
}

static mt_status read_members(struct npz *f, struct mt_state_opening *opening,
                              struct mt_err *err)
{
    size_t n = mt_zip_count(f->zip);
    mt_status status = check_arrays(f, err);

    if (status != MT_OK)
        return status;
    f->arrays = mt_arena_calloc(&f->arena, n, sizeof *f->arrays);
    f->header = mt_arena_calloc(&f->arena, n, sizeof *f->header);
    f->member = mt_arena_calloc(&f->arena, n, sizeof *f->member);
    if (!f->arrays || !f->header || !f->member)
        return mt_fail_memory(err);
    /* Arrays first, so that other members do not take their names. */
    for (int array = 1; array >= 0; array--) {
        for (size_t i = 0; i < n && status == MT_OK; i++) {
            if (is_array(mt_zip_member(f->zip, i)) == array)
                status = add_or_leave(f, i, opening, err);
        }
    }
    return status;
}

static void note_damage(void *opening, const char *what)
{
    mt_state_note(opening, true, "%s", what);
}

static mt_status open_npz(const char *path, int fd, uint64_t size,
                          struct mt_state_opening *opening, void **handle,
                          struct mt_err *err)
{
    struct npz *f = calloc(1, sizeof *f);

    if (!f) {
        close(fd);
        return mt_fail_memory(err);
    }
    struct mt_zip_salvage salvage = { note_damage, opening, 0 };
    mt_status status = mt_zip_open(
        path, fd, size, opening->options.salvage ? &salvage : NULL, &f->zip,
        err);

    opening->lost += salvage.lost;

    if (status == MT_OK)
        status = read_members(f, opening, err);
    if (status != MT_OK) {
        close_npz(f);
        return status;
    }
    *handle = f;
    return MT_OK;
}

static size_t count_npz(const void *handle)
{
    return ((const struct npz *)handle)->n;
}

static const struct mt_array *array_npz(const void *handle, size_t i)
{
    return &((const struct npz *)handle)->arrays[i];
}

/* --- reading ------------------------------------------------------------ */

/* Blocks are read in order, so the stream is already at the next one. */
static mt_status read_bytes(void *stream, uint64_t at, void *out, size_t n,
                            struct mt_err *err)
{
    (void)at;
    return mt_zip_stream_read(stream, out, n, err);
}

static void close_stream(void *stream)
{
    mt_zip_stream_close(stream);
}

static mt_status skip(struct mt_zip_stream *s, size_t n, struct mt_err *err)
{
    unsigned char bytes[512];
    mt_status status = MT_OK;

    while (n && status == MT_OK) {
        size_t some = n < sizeof bytes ? n : sizeof bytes;

        status = mt_zip_stream_read(s, bytes, some, err);
        n -= some;
    }
    return status;
}

/* The zip reader has bounded the size by what is stored. */
static mt_status begin_npz(void *handle, const struct mt_array *array,
                           void **blocks, struct mt_err *err)
{
    const struct npz *f = handle;
    size_t i = (size_t)(array - f->arrays);
    const struct mt_npy_header *h = &f->header[i];
    struct mt_strides fortran = mt_strides_fortran(&array->shape);
    struct mt_zip_stream *stream = NULL;
    mt_status status = mt_zip_stream_open(
        f->zip, mt_zip_member(f->zip, f->member[i]), &stream, err);

    if (status == MT_OK)
        status = skip(stream, h->offset, err);
    if (status != MT_OK) {
        mt_zip_stream_close(stream);
        return status;
    }
    struct mt_strided s = {
        .array = array,
        .read = read_bytes,
        .close = close_stream,
        .ctx = stream,
        .swap = h->big_endian != MT_BIG_ENDIAN,
    };

    return mt_strided_begin(&s, h->fortran ? &fortran : NULL, blocks, err);
}

const struct mt_state_format mt_state_npz = {
    .name = "npz",
    .ending = ".npz",
    .serial = true,
    .is = mt_zip_is,
    .open = open_npz,
    .close = close_npz,
    .count = count_npz,
    .array = array_npz,
    .begin = begin_npz,
    .block = mt_strided_block,
    .end = mt_strided_end,
    .write = mt_npz_write,
};
