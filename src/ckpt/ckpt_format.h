/*
 * The bytes of a .mtc file, for the files of this folder only: constants,
 * structs and checks that the writer and the readers share.
 * mtrain-checkpoint(5) describes the format.
 *
 *     header    64 bytes
 *     chunks    of array 0, of array 1, ...; each a multiple of 64 bytes
 *     index     padded with zeros to a multiple of 64 bytes
 *     footer    128 bytes, the last of the file
 *
 * Integers are unsigned and little-endian. They are written and read byte by
 * byte, so the code also works on big-endian machines.
 */
#ifndef MT_CKPT_CKPT_FORMAT_H
#define MT_CKPT_CKPT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/endian.h"
#include "ckpt/container.h"
#include "ckpt/digest.h"

enum {
    CKPT_MAJOR = 1,
    CKPT_MINOR = 0,
    CKPT_ALIGN = 64,
    CKPT_HEADER = 64,
    CKPT_FOOTER = 128,
    CKPT_CHUNK_HEADER = 64,
    CKPT_CHUNK_ELEMENTS = 256 * 1024,
    CKPT_MAX_INDEX = 64 << 20,
    CKPT_MAX_RATIO = 1032, /* deflate's best compression ratio */
    CKPT_MAX_PLANES = 8,
    CKPT_MAGIC = 8, /* bytes of the header's and the footer's magic */
    CKPT_CHUNK_MAGIC = 4,
};

/* Bit 0 of an array's flags: a reader that does not know the array's purpose
 * must refuse the file. Version 1.0 writes none. */
enum { CKPT_ARRAY_CRITICAL = 1 };

extern const unsigned char mt_ckpt_magic[CKPT_MAGIC];
extern const unsigned char mt_ckpt_footer_magic[CKPT_MAGIC];
extern const unsigned char mt_ckpt_chunk_magic[CKPT_CHUNK_MAGIC];

/* The offset of each field in the header: */
enum {
    HEADER_MAJOR = 8,  /* u16 */
    HEADER_MINOR = 10, /* u16 */
    HEADER_FLAGS = 12, /* u32, then zeros */
    HEADER_CRC = 60,   /* u32, of the 60 bytes before */
};

/* in a chunk's header: */
enum {
    CHUNK_ARRAY = 4,   /* u32: number of the array */
    CHUNK_NUMBER = 8,  /* u32: number of the chunk in its array */
    CHUNK_RAW = 12,    /* u32: bytes of the elements */
    CHUNK_PLANES = 16, /* u8: bytes of an element */
    CHUNK_ROTATE = 17, /* u8: 1 if the bits were rotated; two zeros follow */
    CHUNK_METHOD = 20, /* u8[8] */
    CHUNK_STORED = 28, /* u32[8] */
    CHUNK_CRC = 60,    /* u32, of payload, the 60 bytes before, the offset */
};

/* in the footer: */
enum {
    FOOTER_INDEX_AT = 8,    /* u64: offset of the index */
    FOOTER_INDEX_SIZE = 16, /* u64: its bytes without the padding */
    FOOTER_FILE_SIZE = 24,  /* u64 */
    FOOTER_ARRAYS = 32,     /* u64 */
    FOOTER_DIGEST = 40,     /* SHA-256 */
    FOOTER_INDEX_CRC = 72,  /* u32, then zeros */
    FOOTER_CRC = 124,       /* u32, of the 124 bytes before */
};

/* An entry of the index: its identity (see digest.h), then this. */
enum {
    ENTRY_SHA256 = 0,
    ENTRY_FLAGS = 32,  /* u8 */
    ENTRY_OFFSET = 33, /* u64: of the first chunk */
    ENTRY_STORED = 41, /* u64: bytes of all its chunks */
    ENTRY_TAIL = 49,   /* bytes of this part */
    ENTRY_MIN = 2 + 1 + 1 + 5 + 1 + ENTRY_TAIL, /* the shortest entry */
};

/* Where an array's chunks are, and their hash. */
struct ckpt_place {
    uint64_t offset, stored;
    struct mt_sha256 sha256;
};

/* The smallest multiple of CKPT_ALIGN that is >= n. */
static inline uint64_t mt_ckpt_align(uint64_t n)
{
    return (n + CKPT_ALIGN - 1) & ~(uint64_t)(CKPT_ALIGN - 1);
}

bool mt_ckpt_all_zero(const unsigned char *p, size_t n);

/* May arrays of this type be in a checkpoint? */
bool mt_ckpt_dtype_allowed(enum mt_dtype dtype);

/* NULL if the n bytes at name may name a tensor (not empty, not too long,
 * UTF-8, no control character), else what is wrong with them. */
const char *mt_ckpt_text_fault(const char *name, size_t n);

/* NULL if the n bytes at name are a valid name in a checkpoint, else what is
 * wrong with them: "is empty", "has a control character", ... */
const char *mt_ckpt_name_fault(const char *name, size_t n);

/* The bytes of an array whose shape is from a file; false if they overflow. */
bool mt_ckpt_array_bytes(const struct mt_array *array, uint64_t *bytes);

size_t mt_ckpt_chunk_count(const struct mt_array *array);

/* Elements of chunk k: CKPT_CHUNK_ELEMENTS, or fewer in the last one. */
size_t mt_ckpt_chunk_elements(const struct mt_array *array, size_t k);

/* The largest chunk of the array, in raw bytes. */
size_t mt_ckpt_chunk_max(const struct mt_array *array);

#endif
