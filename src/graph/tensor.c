#include "graph/tensor.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

enum { PAD = 16 }; /* floats */

/* More elements than any memory holds, whose bytes still fit a size_t. */
#define LIMIT (SIZE_MAX / 64)

static bool grow(struct mt_store *store)
{
    size_t size = store->size ? 2 * store->size : 32;
    struct mt_tensor **tensors =
        realloc(store->tensors, size * sizeof *tensors);

    if (!tensors)
        return false;
    store->tensors = tensors;
    store->size = size;
    return true;
}

static const char *name_of(const void *ctx, size_t i)
{
    return ((const struct mt_store *)ctx)->tensors[i]->name;
}

struct mt_tensor *mt_store_add(struct mt_store *store, const char *name,
                               enum mt_dtype dtype,
                               const struct mt_shape *shape, bool buffer)
{
    assert(!mt_store_find(store, name));
    if (store->n == store->size && !grow(store))
        return NULL;

    struct mt_tensor *t = mt_arena_alloc(&store->arena, sizeof *t);

    if (!t)
        return NULL;
    t->name = mt_arena_strdup(&store->arena, name);
    if (!t->name)
        return NULL;
    t->dtype = dtype;
    t->shape = *shape;
    t->count = mt_shape_elements(shape);
    t->buffer = buffer;
    t->requires_grad = !buffer;
    t->number = store->n;
    store->tensors[store->n] = t;
    if (!mt_names_add(&store->names, name_of, store))
        return NULL;
    store->n++;
    return t;
}

struct mt_tensor *mt_store_find(const struct mt_store *store, const char *name)
{
    size_t i = mt_names_find(&store->names, name, name_of, store);

    return i < store->n ? store->tensors[i] : NULL;
}

/* The bytes of a tensor that is not in the blocks. */
static size_t own_bytes(const struct mt_tensor *t)
{
    return mt_size_align(t->count + 1, PAD) * mt_dtype_size(t->dtype);
}

static mt_status allocate_own(struct mt_store *store, struct mt_tensor *t,
                              struct mt_err *err)
{
    t->data = mt_arena_alloc(&store->arena, own_bytes(t));
    return t->data ? MT_OK : mt_fail_memory(err);
}

static mt_status allocate_blocks(struct mt_store *store, struct mt_err *err)
{
    size_t n = store->flat + PAD;

    store->values = mt_arena_calloc(&store->arena, n, sizeof(float));
    if (!store->values)
        return mt_fail_memory(err);
    if (store->memory != MT_MEMORY_TRAINING)
        return MT_OK;
    store->grads = store->few_grads
                       ? mt_arena_reserve(&store->arena, n, sizeof(float))
                       : mt_arena_calloc(&store->arena, n, sizeof(float));
    return store->grads ? MT_OK : mt_fail_memory(err);
}

mt_status mt_store_allocate(struct mt_store *store, struct mt_err *err)
{
    size_t flat = 0;
    mt_status status;

    for (size_t i = 0; i < store->n; i++) {
        struct mt_tensor *t = store->tensors[i];

        if (t->count > LIMIT)
            return mt_fail_memory(err);
        if (!t->requires_grad) {
            if (store->memory != MT_MEMORY_NONE &&
                (status = allocate_own(store, t, err)) != MT_OK)
                return status;
            continue;
        }
        t->offset = flat;
        if (!mt_size_add(flat, mt_size_align(t->count, PAD), &flat))
            return mt_fail_memory(err);
    }
    if (flat > LIMIT)
        return mt_fail_memory(err);
    store->flat = flat;
    if (store->memory == MT_MEMORY_NONE)
        return MT_OK;
    status = allocate_blocks(store, err);
    for (size_t i = 0; i < store->n && status == MT_OK; i++) {
        struct mt_tensor *t = store->tensors[i];

        if (!t->requires_grad)
            continue;
        t->data = store->values + t->offset;
        t->grad = store->grads ? store->grads + t->offset : NULL;
    }
    return status;
}

size_t mt_store_bytes(const struct mt_store *store, enum mt_memory memory)
{
    size_t blocks = memory == MT_MEMORY_NONE       ? 0
                    : memory == MT_MEMORY_TRAINING ? 2
                                                   : 1;
    size_t bytes = blocks * store->flat * sizeof(float);

    for (size_t i = 0; i < store->n && blocks; i++) {
        if (!store->tensors[i]->requires_grad)
            bytes += own_bytes(store->tensors[i]);
    }
    return bytes;
}

void mt_store_copy(struct mt_store *to, const struct mt_store *from)
{
    assert(to->n == from->n);
    for (size_t i = 0; i < to->n; i++) {
        struct mt_tensor *t = to->tensors[i];
        const struct mt_tensor *f = from->tensors[i];

        assert(t->dtype == f->dtype && mt_shape_equal(&t->shape, &f->shape));
        memcpy(t->data, f->data, t->count * mt_dtype_size(t->dtype));
    }
}

void mt_store_free(struct mt_store *store)
{
    free(store->tensors);
    mt_names_free(&store->names);
    mt_arena_free(&store->arena);
    *store = (struct mt_store)MT_STORE_INIT;
}
