/*
 * Reads the kind of deflate stream that checkpoints mostly consist of, several
 * times as fast as an inflate that must know all of them: blocks with codes of
 * their own, none longer than 11 bits, no matches, and 4096 bytes at least but
 * in the last one. It never says that a stream is wrong, only that it cannot
 * read it; zlib then reads it or reports the fault.
 */
#ifndef MT_CKPT_INFLATE_H
#define MT_CKPT_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MT_INFLATE_BITS = 11,
    MT_INFLATE_AT_ONCE = 4, /* bytes that one look into the table may give */
};

struct mt_inflate_entry {
    unsigned char byte[MT_INFLATE_AT_ONCE];
    uint8_t bytes; /* 0: the end of the block, or nothing that is known */
    uint8_t bits;  /* of all these bytes' codes */
    uint8_t first; /* bits of the first code alone */
    uint8_t end;   /* bits of the code that ends the block, or 0 */
};

/* Scratch, to be reused. */
struct mt_inflater {
    struct mt_inflate_entry entry[1 << MT_INFLATE_BITS];
};

/* True if `in` is one such stream that ends with its last byte and makes
 * exactly n bytes: they are in out then. False, and anything in out's n bytes,
 * otherwise; nothing is read or written beyond `size` and n bytes. */
bool mt_inflate(struct mt_inflater *t, const unsigned char *in, size_t size,
                unsigned char *out, size_t n);

#endif
