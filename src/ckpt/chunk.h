/*
 * One chunk of an array as it is in a .mtc file: a header that says what
 * it is, the packed planes, zeros up to a multiple of 64 bytes. Encoder and
 * decoder, for the files of this folder only.
 */
#ifndef MT_CKPT_CHUNK_H
#define MT_CKPT_CHUNK_H

#include "ckpt/ckpt_format.h"
#include "ckpt/byteplanes.h"

/* Which chunk it is, and what the index says of it. */
struct mt_chunk {
    size_t array, number;
    size_t elements;
    enum mt_dtype dtype;
};

/* Chunk k of array number i. */
struct mt_chunk mt_chunk_of(const struct mt_array *array, size_t i, size_t k);

/* The most bytes that a chunk of so many raw bytes takes in the file. */
size_t mt_chunk_room(size_t raw);

/* Packs elements into out (mt_chunk_room bytes of it) and returns in *size the
 * bytes used, a multiple of 64. packed: as mt_pack's. The checksum is still to
 * be set. */
void mt_chunk_encode(const struct mt_chunk *chunk, const void *elements,
                     struct mt_packed_planes *packed, struct mt_packer *packer,
                     unsigned char *out, size_t *size);

/* Sets the checksum of an encoded chunk, once its place in the file is known.
 * payload_crc is from mt_chunk_payload_crc, which is the slow part and needs
 * no place. */
uint32_t mt_chunk_payload_crc(const unsigned char *bytes);
void mt_chunk_place(unsigned char *bytes, uint32_t payload_crc,
                    uint64_t offset);

/* Is this 64-byte header one of this chunk's? NULL if it may be, and then
 * *size is what the chunk takes in the file; else what is wrong. Does not
 * look at the checksum. */
const char *mt_chunk_header_fault(const struct mt_chunk *chunk,
                                  const unsigned char *header, size_t *size);

/* Checks all of a chunk of `size` bytes that was read at offset, except what
 * only unpacking shows. payload_crc is from mt_chunk_payload_crc, of these
 * bytes or of equal ones. */
mt_status mt_chunk_check(const struct mt_chunk *chunk,
                         const unsigned char *bytes, size_t size,
                         uint64_t offset, uint32_t payload_crc,
                         struct mt_err *err);

/* Do two chunks of one type hold the same stored bytes? Their headers must be
 * without fault. What a chunk unpacks to is a function of these bytes. */
bool mt_chunk_same(const unsigned char *a, const unsigned char *b);

/* Checks the chunk of `size` bytes that was read at offset and unpacks it to
 * elements. Damage is MT_DAMAGED, without any "where" in the text. */
mt_status mt_chunk_decode(const struct mt_chunk *chunk,
                          const unsigned char *bytes, size_t size,
                          uint64_t offset, struct mt_unpacker *unpacker,
                          void *elements, struct mt_err *err);

#endif
