/*
 * Byte planes and their compression, for one chunk of elements.
 *
 * Elements of s bytes become s planes: plane p holds the byte of significance
 * p of every element (plane 0 the lowest). Bits of float32 and float64 are
 * rotated left by one first, which brings the sign to the lowest plane and the
 * whole exponent of a float32 into the highest: this plane shrinks, while the
 * others are noise in trained weights.
 *
 * Each plane is stored as it is, or as one raw deflate stream (RFC 1951) if
 * that is shorter by a good margin. The bytes depend on the elements alone.
 * zlib reads what other writers wrote; see deflate.h and inflate.h.
 *
 * Planes of 8-byte elements are deflated in independent blocks of
 * MT_PLANES_PIECE bytes, so that all but the last one stay the same when
 * elements are added: struct mt_packed_planes keeps them.
 */
#ifndef MT_CKPT_BYTEPLANES_H
#define MT_CKPT_BYTEPLANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/dtype.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "ckpt/deflate.h"
#include "ckpt/inflate.h"

enum { MT_PLANES_MAX = 8, MT_PLANES_PIECE = 8192 };

enum mt_plane_method { MT_PLANE_STORED = 0, MT_PLANE_DEFLATE = 1 };

struct mt_byte_planes {
    size_t n; /* planes: bytes of an element */
    bool rotate;
    uint8_t method[MT_PLANES_MAX];  /* enum mt_plane_method */
    uint32_t stored[MT_PLANES_MAX]; /* bytes in the payload */
};

/* How elements of this type are split; methods and sizes are left 0. */
struct mt_byte_planes mt_planes_of(enum mt_dtype dtype);

size_t mt_planes_stored(const struct mt_byte_planes *planes); /* of the payload */

/* A worker's memory for packing, reused between chunks. */
struct mt_packer {
    unsigned char *packed; /* one plane */
    struct mt_deflater *deflater;
};

/* max_raw: the bytes of the largest chunk. */
mt_status mt_packer_init(struct mt_packer *p, size_t max_raw,
                         struct mt_err *err);
void mt_packer_free(struct mt_packer *p); /* also one that is all zero */

/* The packed bytes of the first elements of a chunk, which never change. */
struct mt_packed_planes {
    size_t done; /* elements, a multiple of MT_PLANES_PIECE; 0: nothing yet */
    struct mt_packed_plane {
        struct mt_strbuf bytes, stream; /* of the plane, unpacked and packed */
        struct mt_deflate_stream end;   /* where the stream continues */
    } plane[MT_PLANES_MAX];
};

void mt_packed_planes_free(struct mt_packed_planes *packed);

/* Packs n >= 1 elements into payload, which has room for their raw bytes (it
 * never needs more), and describes it in *planes. packed (for 8-byte elements,
 * or NULL) saves the work for elements that it has, and is extended; if memory
 * runs out, it is emptied. The payload is the same with it and without. */
void mt_pack(struct mt_packer *p, enum mt_dtype dtype, const void *elements,
             size_t n, struct mt_packed_planes *packed,
             struct mt_byte_planes *planes, unsigned char *payload);

struct mt_unpacker {
    unsigned char *scratch;
    struct mt_inflater inflater; /* for streams of mt_deflate */
    z_stream zlib;               /* for all others */
    bool ready;
};

mt_status mt_unpacker_init(struct mt_unpacker *u, size_t max_raw,
                           struct mt_err *err);
void mt_unpacker_free(struct mt_unpacker *u); /* also one that is all zero */

/* NULL if the description fits n elements of this type, else what is wrong. */
const char *mt_planes_fault(const struct mt_byte_planes *planes, enum mt_dtype dtype,
                            size_t n);

/* The inverse of mt_pack, for a description without fault. Never writes more
 * than n elements; a plane that does not use exactly its input and fill its
 * output is MT_DAMAGED ("plane 3: ..."). */
mt_status mt_unpack(struct mt_unpacker *u, const struct mt_byte_planes *planes,
                    const unsigned char *payload, size_t n, void *elements,
                    struct mt_err *err);

#endif
