/*
 * Element types, shapes and named arrays, as in data files, checkpoints and
 * state dicts. Arrays are dense and row-major (C order).
 */
#ifndef MT_BASE_DTYPE_H
#define MT_BASE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { MT_MAX_RANK = 8 };

/* These values are used in memory only: files hold the names. */
enum mt_dtype {
    MT_F32,
    MT_F64,
    MT_F16,
    MT_BF16,
    MT_I32,
    MT_I64,
    MT_U8,

    /* in state files only: */
    MT_BOOL, /* a byte, 0 or 1 */
    MT_I8,
    MT_I16,
    MT_U16,
    MT_U32,
    MT_U64,
    MT_OTHER, /* listed, but not read: mt_array.type says what it is */
};

/* "float32", "bfloat16", "int64", "bool" and so on: NumPy's names. */
const char *mt_dtype_name(enum mt_dtype dtype);
bool mt_dtype_from_name(const char *name, enum mt_dtype *dtype);
/* Bytes of an element; MT_OTHER: 0. */
size_t mt_dtype_size(enum mt_dtype dtype);
bool mt_dtype_is_float(enum mt_dtype dtype);

/* rank 0 is a scalar with one element. */
struct mt_shape {
    int rank;
    size_t dim[MT_MAX_RANK];
};

/* mt_shape_of(2, rows, cols): the dimensions must be size_t. */
struct mt_shape mt_shape_of(int rank, ...);
bool mt_shape_equal(const struct mt_shape *a, const struct mt_shape *b);
bool mt_shape_count(const struct mt_shape *shape, size_t *count); /* checked */

/* For a shape whose number of elements is known to fit into a size_t. */
static inline size_t mt_shape_elements(const struct mt_shape *shape)
{
    size_t n = 1;

    for (int i = 0; i < shape->rank; i++)
        n *= shape->dim[i];
    return n;
}

/* Appends "[120, 400]"; a scalar is "[]". */
void mt_shape_print(const struct mt_shape *shape, struct mt_strbuf *out);

/* The same in a buffer of fixed size, for messages. */
struct mt_shape_text {
    char text[256];
};
struct mt_shape_text mt_shape_text(const struct mt_shape *shape);

struct mt_source; /* elements that are still in a file: ckpt/blockstream.h */
struct mt_packed; /* those that are packed already: ckpt/packed.h */

struct mt_array {
    const char *name;
    enum mt_dtype dtype;
    struct mt_shape shape;
    void *data; /* mt_shape_elements(&shape) elements; owned elsewhere */
    const struct mt_source *source; /* where data is NULL; or NULL as well */
    const char *type; /* of MT_OTHER: what the file calls it; owned elsewhere */
    struct mt_packed *packed; /* of one of 8-byte elements in memory that
                                 grows; or NULL */
};

/* The type of its elements, for messages: mt_dtype_name() or `type`. */
const char *mt_array_type(const struct mt_array *array);

size_t mt_array_bytes(const struct mt_array *array);

/* Element i as a double: exact except for 64-bit integers beyond 2^53. */
double mt_array_value(const struct mt_array *array, size_t i);

/* Bits of a float16 or bfloat16 as float: exact. */
float mt_f16_to_f32(uint16_t bits);
float mt_bf16_to_f32(uint16_t bits);

/* The nearest float16 or bfloat16, ties to even: beyond the largest one
 * infinity; a NaN stays one, and quiet. */
uint16_t mt_f16_from_f64(double value);
uint16_t mt_bf16_from_f64(double value);

#endif
