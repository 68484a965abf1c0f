/*
 * Reads the kind of deflate stream that checkpoints mostly consist of, several
 * times as fast as a general inflate: blocks with their own codes, none longer
 * than 11 bits, without matches, and of at least 4096 bytes except the last. It
 * never reports a stream as damaged, only that it cannot read it; zlib then
 * reads it or reports the fault.
 */
#ifndef MT_CKPT_INFLATE_H
#define MT_CKPT_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MT_INFLATE_BITS = 11,
    MT_INFLATE_AT_ONCE = 4, /* most bytes of a table entry */
};

struct mt_inflate_entry {
    unsigned char byte[MT_INFLATE_AT_ONCE];
    uint8_t bytes; /* 0: the end of the block, or an unknown symbol */
    uint8_t bits;  /* of the codes of all these bytes */
    uint8_t first; /* bits of the first code */
    uint8_t end;   /* bits of the code that ends the block, or 0 */
};

/* Scratch, to be reused. */
struct mt_inflater {
    struct mt_inflate_entry entry[1 << MT_INFLATE_BITS];
};

/* True if `in` is such a stream that ends with its last byte and makes exactly
 * n bytes, which are in out then. Otherwise false, and out's n bytes are
 * undefined. Nothing is read or written beyond `size` and n bytes. */
bool mt_inflate(struct mt_inflater *t, const unsigned char *in, size_t size,
                unsigned char *out, size_t n);

#endif
