/*
 * Arrays whose elements are in any order, in memory or in a file.
 */
#ifndef MT_CKPT_STRIDED_H
#define MT_CKPT_STRIDED_H

#include "ckpt/blockstream.h"

struct mt_block_room;

struct mt_strides {
    uint64_t of[MT_MAX_RANK]; /* elements from one index to the next */
};

struct mt_strides mt_strides_fortran(const struct mt_shape *shape);
struct mt_strides mt_strides_c(const struct mt_shape *shape);

/* Copies n elements of `size` bytes to out, in C order, from number `first` on.
 * `from` points to the element of index (0, ..., 0). */
void mt_strided_gather(const void *from, size_t size,
                       const struct mt_shape *shape,
                       const struct mt_strides *strides, size_t first, size_t n,
                       void *out);

/* Reads n bytes of an array in a file, `at` bytes after the start of its first
 * element. */
typedef mt_status mt_strided_read(void *ctx, uint64_t at, void *out, size_t n,
                                  struct mt_err *err);

/* An array in a file, for a format of state files (stateformat.h). */
struct mt_strided {
    const struct mt_array *array;
    mt_strided_read *read;
    void (*close)(void *ctx); /* may be NULL */
    void *ctx;
    bool swap;                 /* the file has the other byte order */
    struct mt_strides strides; /* in whole */
    unsigned char *whole;      /* all bytes that the array spans; NULL: blocks
                                  are read directly */
};

/* Begins with a copy of s. strides: for an array that is not in C order in the
 * file; all bytes that it spans are read, which the caller must have bounded by
 * the size of the file. NULL: C order. A failure closes ctx. */
mt_status mt_strided_begin(const struct mt_strided *s,
                           const struct mt_strides *strides, void **blocks,
                           struct mt_err *err);

/* Reads the elements of block k, in C order and this machine's byte order. */
mt_status mt_strided_block(void *blocks, size_t k, struct mt_block_room *room,
                           void *out, struct mt_err *err);

void mt_strided_end(void *blocks);

#endif
