/*
 * One chunk of an array in a .mtc file: a header that describes it, the packed
 * planes, zeros up to a multiple of 64 bytes. Encoder and decoder, for the
 * files of this folder only.
 */
#ifndef MT_CKPT_CHUNK_H
#define MT_CKPT_CHUNK_H

#include "ckpt/ckpt_format.h"
#include "ckpt/byteplanes.h"

/* Identifies a chunk, with what the index says about it. */
struct mt_chunk {
    size_t array, number;
    size_t elements;
    enum mt_dtype dtype;
};

/* Chunk k of array number i. */
struct mt_chunk mt_chunk_of(const struct mt_array *array, size_t i, size_t k);

/* The most bytes that a chunk of `raw` bytes takes in the file. */
size_t mt_chunk_room(size_t raw);

/* Packs elements into out (mt_chunk_room() bytes); *size: the bytes used, a
 * multiple of 64. packed: as for mt_pack. The checksum is not set yet. */
void mt_chunk_encode(const struct mt_chunk *chunk, const void *elements,
                     struct mt_packed_planes *packed, struct mt_packer *packer,
                     unsigned char *out, size_t *size);

/* Sets the checksum of an encoded chunk, once its place in the file is known.
 * payload_crc is from mt_chunk_payload_crc, which is the slow part and needs
 * no place. */
uint32_t mt_chunk_payload_crc(const unsigned char *bytes);
void mt_chunk_place(unsigned char *bytes, uint32_t payload_crc,
                    uint64_t offset);

/* Is this 64-byte header one of this chunk? Returns NULL if it may be, and sets
 * *size to the chunk's size in the file; else returns what is wrong. Does not
 * check the checksum. */
const char *mt_chunk_header_fault(const struct mt_chunk *chunk,
                                  const unsigned char *header, size_t *size);

/* Checks all of a chunk of `size` bytes that was read at offset, except what
 * only unpacking can. payload_crc is from mt_chunk_payload_crc, of these bytes
 * or of equal ones. */
mt_status mt_chunk_check(const struct mt_chunk *chunk,
                         const unsigned char *bytes, size_t size,
                         uint64_t offset, uint32_t payload_crc,
                         struct mt_err *err);

/* Have two chunks of one type the same stored bytes, and so the same elements?
 * Their headers must be without fault. */
bool mt_chunk_same(const unsigned char *a, const unsigned char *b);

/* Checks the chunk of `size` bytes that was read at offset and unpacks it to
 * elements. Damage is MT_DAMAGED; the message does not name the place. */
mt_status mt_chunk_decode(const struct mt_chunk *chunk,
                          const unsigned char *bytes, size_t size,
                          uint64_t offset, struct mt_unpacker *unpacker,
                          void *elements, struct mt_err *err);

#endif
