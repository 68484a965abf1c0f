/* State files: those of torch.save, read only. */
#include <stdio.h>
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
    const struct torch *file;
    struct mt_torch_place *place; /* NULL: the only element is number */
    unsigned char number[8];
    uint64_t offset;              /* bytes in the storage */
    struct mt_strides strides;
    bool in_order; /* C order without gaps */
};

struct torch {
    struct mt_torch_file file;
    struct mt_torch_scan found;
    struct mt_arena arena;
    size_t n, size;
    struct mt_array *arrays;       /* (n) */
    struct origin *origins;        /* (n) */
    struct mt_names names;         /* of the arrays */
    size_t slots;                  /* of the optimizer's state */
    uint64_t bytes;                /* of all arrays */
    struct mt_state_group *groups; /* (n_groups) */
    size_t n_groups;
    struct mt_state_opening *opening; /* while it is opened */
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

static const char *name_of(const void *torch, size_t i)
{
    return ((const struct torch *)torch)->arrays[i].name;
}

static mt_status add(struct torch *f, const struct mt_array *array,
                     const struct origin *origin, struct mt_err *err)
{
    /* A Python dictionary has each key once. */
    if (mt_names_find(&f->names, array->name, name_of, f) < f->n)
        return mt_fail(err, MT_INVALID,
                       "%s: tensor \"%s\": the name is there twice",
                       f->file.path, array->name);
    if (f->n == f->size && !grow(f))
        return mt_fail_memory(err);
    f->arrays[f->n] = *array;
    f->origins[f->n] = *origin;
    if (!mt_names_add(&f->names, name_of, f))
        return mt_fail_memory(err);
    f->n++;
    return MT_OK;
}

/* Leaves out a tensor whose storage is damaged. */
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

enum { MOST = 64 }; /* most bytes of tensors per byte of the file */

/* With stride 0, or shared storages, a few bytes can make up any size of
 * tensors. */
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
    struct origin o = { .file = f, .strides = t->strides };
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

/* Adds a Python number as a scalar. */
static mt_status add_number(struct torch *f, const char *name,
                            const struct mt_pickle *v, struct mt_err *err)
{
    bool whole = v->kind == MT_PK_INT;
    struct mt_array a = { .name = name, .dtype = whole ? MT_I64 : MT_F64 };
    struct origin o = { .place = NULL };

    memcpy(o.number, whole ? (const void *)&v->i : &v->f, sizeof o.number);
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

/* Adds "optimizer.SLOT.NUMBER", the state of one parameter. */
static mt_status add_slots(struct torch *f, long long number,
                           const struct mt_pickle *state, struct mt_err *err)
{
    struct mt_torch_value slots, value;
    const struct mt_pickle *key, *v;
    mt_status status = mt_torch_understand(f->file.source, state, &slots, err);

    if (status != MT_OK || slots.meaning != MT_TORCH_DICT)
        return status;
    /* Each parameter has its own state, whose values were on the stack. */
    f->slots += mt_torch_pairs(&slots);
    if (f->slots > f->file.doc.n_pushes)
        return mt_fail(err, MT_INVALID,
                       "%s: the optimizer's parameter %lld shares its state "
                       "with others; expected its own",
                       f->file.source, number);
    for (size_t i = 0; status == MT_OK && i < mt_torch_pairs(&slots); i++) {
        char text[160];
        const char *name;
        int n;

        mt_torch_pair(&slots, i, &key, &v);
        status = mt_torch_understand(f->file.source, v, &value, err);
        if (status != MT_OK || key->kind != MT_PK_TEXT || key->n > 100)
            continue;
        n = snprintf(text, sizeof text, "optimizer.%.*s.%lld", (int)key->n,
                     key->text, number);
        name = mt_printable_name(&f->arena, text, (size_t)n, i);
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
        status = mt_torch_groups(f->file.source, &dict, f->file.doc.n_pushes,
                                 &f->arena, &f->groups, &f->n_groups, err);
    return status == MT_OK ? add_state(f, &dict, err) : status;
}

/* --- opening ------------------------------------------------------------- */

static void close_torch(void *handle)
{
    struct torch *f = handle;

    if (!f)
        return;
    mt_torch_file_close(&f->file);
    mt_names_free(&f->names);
    mt_arena_free(&f->arena);
    free(f->arrays);
    free(f->origins);
    free(f);
}

static mt_status read_value(struct torch *f, struct mt_err *err)
{
    const struct mt_torch_found *entry, *optimizer;
    mt_status status =
        mt_torch_scan(f->file.source, &f->file.doc, &f->arena, &f->found, err);

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

static mt_status read_bytes(void *origin, uint64_t at, void *out, size_t n,
                            struct mt_err *err)
{
    const struct origin *from = origin;

    if (from->place)
        return mt_torch_read(&from->file->file, from->place, from->offset + at,
                             out, n, err);
    memcpy(out, from->number + at, n);
    return MT_OK;
}

static mt_status begin_torch(void *handle, const struct mt_array *array,
                             void **blocks, struct mt_err *err)
{
    const struct torch *f = handle;
    struct origin *from = &f->origins[array - f->arrays];
    bool apart =
        from->place && (!from->in_order || mt_torch_is_packed(from->place));
    struct mt_strided s = {
        .array = array,
        .read = read_bytes,
        .ctx = from,
        .swap = from->place && f->file.big_endian != MT_BIG_ENDIAN,
    };

    return mt_strided_begin(&s, apart ? &from->strides : NULL, blocks, err);
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
    .block = mt_strided_block,
    .end = mt_strided_end,
};
