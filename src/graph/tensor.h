/*
 * Named tensors and the store of a model: its parameters and buffers, in the
 * order of its state dict.
 *
 * Trainable parameters lie in one flat block, their gradients in a second one
 * at the same offsets, so that an optimizer step is one pass over flat memory,
 * and its slots are further blocks of the same layout. Each tensor starts at a
 * multiple of 16 floats; the padding between them is zero. Frozen parameters
 * and buffers have their own memory and no gradient.
 */
#ifndef MT_GRAPH_TENSOR_H
#define MT_GRAPH_TENSOR_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/names.h"

struct mt_tensor {
    const char *name;       /* "fc1.weight" */
    size_t number;          /* in its store, from 0 */
    enum mt_dtype dtype;    /* MT_F32; MT_I64 for counters among the buffers */
    struct mt_shape shape;
    size_t count;           /* elements */
    bool buffer;            /* state that is not learned */
    bool requires_grad;     /* a parameter that is not frozen */
    bool has_grad;          /* backward reaches it; set by recording */
    size_t offset;          /* trainable: floats from the start of the block */
    void *data;             /* count elements */
    float *grad;            /* trainable only */
};

/* What a store allocates memory for. */
enum mt_memory {
    MT_MEMORY_TRAINING, /* values and gradients */
    MT_MEMORY_VALUES,   /* values: grads, and each tensor's grad, are NULL */
    MT_MEMORY_NONE,     /* sizes and offsets only: data is NULL, too */
};

struct mt_store {
    struct mt_arena arena;
    enum mt_memory memory;
    struct mt_tensor **tensors; /* in declaration order */
    size_t n, size;
    size_t flat;            /* floats in the trainable block */
    float *values, *grads;  /* the two blocks */
    bool few_grads;         /* most gradients will not be stored: they take
                               memory only if they are, after all */
    struct mt_names names;  /* of the tensors */
};

#define MT_STORE_INIT                                                          \
    {                                                                          \
        .arena = MT_ARENA_INIT, .names = MT_NAMES_INIT                         \
    }

/* Declares a tensor; name is copied. The name must be new (a bug otherwise:
 * callers look it up first). NULL: no memory. */
struct mt_tensor *mt_store_add(struct mt_store *store, const char *name,
                               enum mt_dtype dtype,
                               const struct mt_shape *shape, bool buffer);

struct mt_tensor *mt_store_find(const struct mt_store *store,
                                const char *name);

/* Lays out and allocates all memory that store->memory asks for, zeroed, once
 * everything is declared and requires_grad is final. */
mt_status mt_store_allocate(struct mt_store *store, struct mt_err *err);

/* The bytes that it takes, or would take, with this memory; once laid out. */
size_t mt_store_bytes(const struct mt_store *store, enum mt_memory memory);

/* Copies every value from one store to another with the same tensors. */
void mt_store_copy(struct mt_store *to, const struct mt_store *from);

void mt_store_free(struct mt_store *store);

#endif
