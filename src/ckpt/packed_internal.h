/*
 * What is kept of an array that grows (packed.h), for the writer.
 */
#ifndef MT_CKPT_PACKED_INTERNAL_H
#define MT_CKPT_PACKED_INTERNAL_H

#include "ckpt/byteplanes.h"
#include "ckpt/digest.h"
#include "ckpt/packed.h"

struct mt_packed_chunk {
    struct mt_packed_planes planes;
    struct sha256_ctx hash;
    size_t hashed; /* elements */
};

/* Allocates n chunks; false: no memory. */
bool mt_packed_reserve(struct mt_packed *p, size_t n);

/* The hash of a chunk of n elements of 8 bytes; n must not decrease. */
void mt_packed_hash(struct mt_packed_chunk *c, const void *elements, size_t n,
                    struct mt_sha256 *out);

#endif
