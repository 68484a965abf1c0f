/*
 * Writes raw deflate streams (RFC 1951), which any inflate reads. The bytes
 * depend only on the input, not on a library's version.
 *
 * A stream is a sequence of blocks, each with its own Huffman codes. For the
 * bytes of floating-point planes there is a fast way without matches, whose
 * codes have at most MT_DEFLATE_SHORT bits, which makes inflate.h fast, too.
 * Specs and names are searched for matches, as they can be most of a
 * checkpoint: one with 5,600 categories of a table takes 54 KB, with Huffman
 * codes alone 85 KB.
 */
#ifndef MT_CKPT_DEFLATE_H
#define MT_CKPT_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mt_deflate_way {
    MT_DEFLATE_HUFFMAN, /* no matches: for noise with an uneven distribution */
    MT_DEFLATE_RUNS,    /* for planes that are mostly runs, as of zeros */
    MT_DEFLATE_TEXT,
    MT_DEFLATE_STORED, /* uncompressed: only for mt_deflate_block */
};

enum {
    MT_DEFLATE_SHORT = 11, /* most bits of a code of MT_DEFLATE_HUFFMAN */
    MT_DEFLATE_SLACK = 16, /* bytes past the output that may be written */
    MT_DEFLATE_BLOCK = 32 * 1024, /* most bytes of one mt_deflate_block */
    MT_DEFLATE_OVERHEAD = 6,      /* most bytes of a block beyond its input */
};

struct mt_deflater; /* scratch, about half a megabyte */

struct mt_deflater *mt_deflater_new(void); /* NULL without memory */
void mt_deflater_free(struct mt_deflater *d);

/* Packs n >= 1 bytes, n < 2^32. Returns the bytes of the stream, or 0 if it
 * does not fit into `room` bytes; out has room + MT_DEFLATE_SLACK. */
size_t mt_deflate(struct mt_deflater *d, enum mt_deflate_way way,
                  const unsigned char *in, size_t n, unsigned char *out,
                  size_t room);

/* A stream being written. What is written never changes, so a copy of this
 * struct and of the bytes before `out` is enough to continue from here
 * later. */
struct mt_deflate_stream {
    unsigned char *out; /* where the next byte goes */
    uint64_t bits;      /* of a byte that is not full yet, */
    unsigned count;     /* and their number, less than 8 */
};

/* Writes 1 to MT_DEFLATE_BLOCK bytes as one block, which takes at most n +
 * MT_DEFLATE_OVERHEAD bytes: it is stored if the way does not make it smaller.
 * The last block ends the stream, at `out`. A block depends only on the way and
 * its bytes. */
void mt_deflate_block(struct mt_deflater *d, struct mt_deflate_stream *s,
                      enum mt_deflate_way way, const unsigned char *in,
                      size_t n, bool last);

#endif
