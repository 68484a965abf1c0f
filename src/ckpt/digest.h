/*
 * The digest of a state: one SHA-256 that is equal for two checkpoints exactly
 * if they have the same arrays (names, types, shapes, bytes) in the same order.
 * It is a tree, so that chunks can be hashed by many threads:
 *
 *     chunk   SHA-256 of the chunk's elements, little-endian
 *     array   SHA-256 of its chunks' hashes, one after the other
 *     state   SHA-256 of the number of arrays (u64), then for each array its
 *             identity and its array hash
 *     identity  u16 length of the name, name, u8 length of the type's name,
 *               type's name, u8 rank, u64 for each dimension
 *
 * It does not depend on compression.
 */
#ifndef MT_CKPT_DIGEST_H
#define MT_CKPT_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "ckpt/container.h"

struct mt_sha256 {
    uint8_t byte[SHA256_DIGEST_SIZE];
};

/* The size of the longest identity. */
enum { MT_IDENTITY_MAX = 2 + MT_CKPT_MAX_NAME + 1 + 16 + 1 + 8 * MT_MAX_RANK };

/* Writes the identity of an array with a valid name; returns its bytes. */
size_t mt_digest_identity(const struct mt_array *array,
                          unsigned char out[MT_IDENTITY_MAX]);

/* elements are in this machine's byte order. */
void mt_digest_chunk(const void *elements, size_t n, size_t element_size,
                     struct mt_sha256 *out);
/* The same in parts: adds elements to ctx; returns the hash of those so far. */
void mt_digest_add(struct sha256_ctx *ctx, const void *elements, size_t n,
                   size_t element_size);
void mt_digest_so_far(const struct sha256_ctx *ctx, struct mt_sha256 *out);

/* The hash of an array, from its chunks' hashes in order. */
struct mt_digest_array {
    struct sha256_ctx ctx;
};
void mt_digest_array_init(struct mt_digest_array *d);
void mt_digest_array_add(struct mt_digest_array *d,
                         const struct mt_sha256 *chunk);
void mt_digest_array_end(struct mt_digest_array *d, struct mt_sha256 *out);

/* The hash of a state, from its arrays and their hashes in order. */
struct mt_digest_state {
    struct sha256_ctx ctx;
};
void mt_digest_state_init(struct mt_digest_state *d, uint64_t n_arrays);
void mt_digest_state_add(struct mt_digest_state *d,
                         const struct mt_array *array,
                         const struct mt_sha256 *hash);
void mt_digest_state_end(struct mt_digest_state *d, struct mt_sha256 *out);

/* Lower-case hexadecimal and a NUL. */
void mt_digest_text(const struct mt_sha256 *hash,
                    char out[MT_CKPT_DIGEST_TEXT]);

#endif
