/* State files: those of torch.save, read only. */
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "ckpt/printable.h"
#include "ckpt/stateformat.h"
#include "ckpt/torchchoice.h"
#include "ckpt/torchfile.h"
#include "ckpt/torchgroups.h"
#include "ckpt/torchscan.h"

/* Where the elements of an array are. */
struct origin {
    struct mt_torch_place *place; /* or NULL: array.data has them */
    uint64_t offset;              /* bytes in the storage */
    struct mt_strides strides;
    bool in_order; /* as C has them, without gaps */
};

struct torch {
    struct mt_torch_file file;
    struct mt_torch_scan found;
    struct mt_arena arena;
    size_t n, size;
    struct mt_array *arrays;       /* (n) */
    struct origin *origins;        /* (n) */
    uint64_t bytes;                /* of all arrays */
    struct mt_state_group *groups; /* (n_groups) */
    size_t n_groups;
    struct mt_state_opening *opening; /* until it is open */
};

/* One array that is being read. */
struct blocks {
    const struct torch *file;
    const struct mt_array *array;
    const struct origin *from;
    unsigned char *whole; /* out of order or packed: all that it spans */
};

/* --- arrays -------------------------------------------------------------- */

static bool grow(struct torch *f)
{
    size_t size = f->size ? 2 * f->size : 64;
    struct mt_array *arrays = realloc(f->arrays, size * sizeof *arrays);
    struct origin *origins;

    if (arrays)
        f->arrays = arrays;
    origins = arrays ? realloc(f->origins, size * sizeof *origins) : NULL;
    if (!origins)
        return false;
    f->origins = origins;
    f->size = size;
    return true;
}

static mt_status add(struct torch *f, const struct mt_array *array,
                     const struct origin *origin, struct mt_err *err)
{
    if (f->n == f->size && !grow(f))
        return mt_fail_memory(err);
    f->arrays[f->n] = *array;
    f->origins[f->n++] = *origin;
    return MT_OK;
}

/* A tensor whose storage is not whole. */
static mt_status lose(struct torch *f, const char *name, const char *fault,
                      struct mt_err *err)
{
    if (!f->opening->options.salvage)
        return mt_fail(err, MT_DAMAGED, "%s: damaged: tensor \"%s\": %s",
                       f->file.path, name, fault);
    mt_state_note(f->opening, true, "%s: damaged: tensor \"%s\": %s",
                  f->file.path, name, fault);
    f->opening->lost++;
    return MT_OK;
}

static bool is_in_order(const struct mt_torch_tensor *t)
{
    struct mt_strides c = mt_strides_c(&t->shape);

    for (int d = 0; d < t->shape.rank; d++) {
        if (t->shape.dim[d] != 1 && t->strides.of[d] != c.of[d])
            return false;
    }
    return true;
}

/* Bytes from the first element to the end of the last one. */
static size_t span_of(const struct mt_array *a, const struct mt_strides *s)
{
    size_t last = 0;

    for (int d = 0; d < a->shape.rank; d++) {
        if (a->shape.dim[d] == 0)
            return 0;
        last += (a->shape.dim[d] - 1) * (size_t)s->of[d];
    }
    return (last + 1) * mt_dtype_size(a->dtype);
}

enum { MOST = 64 }; /* bytes of tensors for a byte of the file */

/* A few bytes can be said to be a tensor of any size (stride 0), or many. */
static bool is_out_of_proportion(struct torch *f, uint64_t bytes)
{
    uint64_t most =
        f->file.size > UINT64_MAX / MOST ? UINT64_MAX : f->file.size * MOST;

    return bytes > most || f->bytes > most - bytes;
}

static mt_status add_tensor(struct torch *f, const char *name,
                            const struct mt_torch_tensor *t, struct mt_err *err)
{
    struct mt_array a = { .name = name, .shape = t->shape };
    struct origin o = { .strides = t->strides };
    const char *fault;
    uint64_t bytes;

    a.dtype = t->odd ? MT_OTHER : t->type->dtype;
    a.type = t->odd;
    if (!mt_ckpt_array_bytes(&a, &bytes) || is_out_of_proportion(f, bytes)) {
        a.dtype = MT_OTHER;
        a.type = "expanded beyond all proportion to the file";
    }
    if (a.dtype == MT_OTHER)
        return add(f, &a, &o, err);
    o.place = mt_torch_find(&f->file, &t->storage, &fault);
    if (!o.place)
        return lose(f, name, fault, err);
    o.offset = t->offset * t->type->size;
    o.in_order = is_in_order(t);
    f->bytes += bytes;
    return add(f, &a, &o, err);
}

/* A number of Python's, as a scalar. */
static mt_status add_number(struct torch *f, const char *name,
                            const struct mt_pickle *v, struct mt_err *err)
{
    bool whole = v->kind == MT_PK_INT;
    struct mt_array a = { .name = name, .dtype = whole ? MT_I64 : MT_F64 };
    struct origin o = { .place = NULL };

    a.data = mt_arena_alloc(&f->arena, 8);
    if (!a.data)
        return mt_fail_memory(err);
    memcpy(a.data, whole ? (const void *)&v->i : &v->f, 8);
    return add(f, &a, &o, err);
}

/* --- the entry ----------------------------------------------------------- */

static mt_status add_entry(struct torch *f, const struct mt_torch_found *entry,
                           struct mt_err *err)
{
    struct mt_torch_value dict, value;
    const struct mt_pickle *key, *v;
    mt_status status =
        mt_torch_understand(f->file.source, entry->value, &dict, err);

    for (size_t i = 0; status == MT_OK && i < mt_torch_pairs(&dict); i++) {
        const char *name;

        mt_torch_pair(&dict, i, &key, &v);
        status = mt_torch_understand(f->file.source, v, &value, err);
        if (status != MT_OK || value.meaning != MT_TORCH_TENSOR ||
            key->kind != MT_PK_TEXT)
            continue;
        name = mt_printable_name(&f->arena, key->text, key->n, i);
        status = name ? add_tensor(f, name, &value.tensor, err)
                      : mt_fail_memory(err);
    }
    return status;
}

/* --- the optimizer ------------------------------------------------------- */

/* "optimizer.SLOT.NUMBER": what it keeps of one parameter. */
static mt_status add_slots(struct torch *f, long long number,
                           const struct mt_pickle *state, struct mt_err *err)
{
    struct mt_torch_value slots, value;
    const struct mt_pickle *key, *v;
    mt_status status = mt_torch_understand(f->file.source, state, &slots, err);

    if (status != MT_OK || slots.meaning != MT_TORCH_DICT)
        return status;
    for (size_t i = 0; status == MT_OK && i < mt_torch_pairs(&slots); i++) {
        const char *name;

        mt_torch_pair(&slots, i, &key, &v);
        status = mt_torch_understand(f->file.source, v, &value, err);
        if (status != MT_OK || key->kind != MT_PK_TEXT || key->n > 100)
            continue;
        name = mt_arena_printf(&f->arena, "optimizer.%.*s.%lld", (int)key->n,
                               key->text, number);
        name =
            name ? mt_printable_name(&f->arena, name, strlen(name), i) : NULL;
        if (!name)
            status = mt_fail_memory(err);
        else if (value.meaning == MT_TORCH_TENSOR)
            status = add_tensor(f, name, &value.tensor, err);
        else if (v->kind == MT_PK_INT || v->kind == MT_PK_FLOAT)
            status = add_number(f, name, v, err);
    }
    return status;
}

static mt_status add_state(struct torch *f, const struct mt_torch_value *dict,
                           struct mt_err *err)
{
    struct mt_torch_value state;
    const struct mt_pickle *key, *v;
    mt_status status = mt_torch_understand(
        f->file.source, mt_torch_get(dict, "state"), &state, err);

    if (status != MT_OK || state.meaning != MT_TORCH_DICT)
        return status;
    for (size_t i = 0; status == MT_OK && i < mt_torch_pairs(&state); i++) {
        mt_torch_pair(&state, i, &key, &v);
        if (key->kind == MT_PK_INT)
            status = add_slots(f, key->i, v, err);
    }
    return status;
}

static mt_status add_optimizer(struct torch *f,
                               const struct mt_torch_found *found,
                               struct mt_err *err)
{
    struct mt_torch_value dict;
    mt_status status =
        mt_torch_understand(f->file.source, found->value, &dict, err);

    if (status == MT_OK)
        status = mt_torch_groups(f->file.source, &dict, &f->arena, &f->groups,
                                 &f->n_groups, err);
    return status == MT_OK ? add_state(f, &dict, err) : status;
}

/* --- opening ------------------------------------------------------------- */

static void close_torch(void *handle)
{
    struct torch *f = handle;

    if (!f)
        return;
    mt_torch_file_close(&f->file);
    mt_arena_free(&f->arena);
    free(f->arrays);
    free(f->origins);
    free(f);
}

static mt_status read_value(struct torch *f, struct mt_err *err)
{
    const struct mt_torch_found *entry, *optimizer;
    mt_status status = mt_torch_scan(f->file.source, f->file.doc.root,
                                     &f->arena, &f->found, err);

    if (status == MT_OK)
        status = mt_torch_check_objects(&f->file, &f->found, f->opening, err);
    if (status == MT_OK)
        status = mt_torch_choose(&f->file, &f->found, f->opening, &entry, err);
    if (status == MT_OK)
        status = add_entry(f, entry, err);
    if (status != MT_OK)
        return status;
    optimizer = mt_torch_optimizer(&f->file, &f->found, entry, f->opening);
    return optimizer ? add_optimizer(f, optimizer, err) : MT_OK;
}

static mt_status open_torch(const char *path, int fd, uint64_t size,
                            struct mt_state_opening *opening, void **handle,
                            struct mt_err *err)
{
    struct torch *f = calloc(1, sizeof *f);

    if (!f) {
        close(fd);
        return mt_fail_memory(err);
    }
    f->opening = opening;
    mt_status status = mt_torch_file_open(path, fd, size, &f->file, err);

    if (status == MT_OK)
        status = read_value(f, err);
    if (status != MT_OK) {
        close_torch(f);
        return status;
    }
    f->opening = NULL;
    *handle = f;
    return MT_OK;
}

static size_t count_torch(const void *handle)
{
    return ((const struct torch *)handle)->n;
}

static const struct mt_array *array_torch(const void *handle, size_t i)
{
    return &((const struct torch *)handle)->arrays[i];
}

static const struct mt_state_group *groups_torch(const void *handle, size_t *n)
{
    const struct torch *f = handle;

    *n = f->n_groups;
    return f->groups;
}

/* --- reading ------------------------------------------------------------- */

static void end_torch(void *blocks)
{
    struct blocks *b = blocks;

    if (b)
        free(b->whole);
    free(b);
}

static mt_status begin_torch(void *handle, const struct mt_array *array,
                             void **out, struct mt_err *err)
{
    const struct torch *f = handle;
    struct blocks *b = calloc(1, sizeof *b);
    mt_status status = MT_OK;

    if (!b)
        return mt_fail_memory(err);
    b->file = f;
    b->array = array;
    b->from = &f->origins[array - f->arrays];
    if (b->from->place &&
        (!b->from->in_order || mt_torch_is_packed(b->from->place))) {
        size_t span = span_of(array, &b->from->strides);

        b->whole = malloc(span + 1);
        status = b->whole ? mt_torch_read(&f->file, b->from->place,
                                          b->from->offset, b->whole, span, err)
                          : mt_fail_memory(err);
    }
    if (status != MT_OK) {
        end_torch(b);
        return status;
    }
    *out = b;
    return MT_OK;
}

static mt_status block_torch(void *blocks, size_t k, struct mt_block_room *room,
                             void *out, struct mt_err *err)
{
    const struct blocks *b = blocks;
    size_t n = mt_ckpt_chunk_elements(b->array, k);
    size_t size = mt_dtype_size(b->array->dtype);
    mt_status status = MT_OK;

    (void)room;
    if (!b->from->place) {
        memcpy(out, b->array->data, n * size);
        return MT_OK;
    }
    if (b->whole)
        mt_strided_gather(b->whole, size, &b->array->shape, &b->from->strides,
                          k * MT_BLOCK, n, out);
    else
        status = mt_torch_read(&b->file->file, b->from->place,
                               b->from->offset + k * MT_BLOCK * size, out,
                               n * size, err);
    if (status == MT_OK && b->file->file.big_endian != MT_BIG_ENDIAN)
        mt_swap_bytes(out, n, size);
    return status;
}

const struct mt_state_format mt_state_torch = {
    .name = "torch",
    .ending = ".pt",
    .is = mt_torch_file_is,
    .open = open_torch,
    .close = close_torch,
    .count = count_torch,
    .array = array_torch,
    .groups = groups_torch,
    .begin = begin_torch,
    .block = block_torch,
    .end = end_torch,
};
