/*
 * Huffman codes as deflate has them (RFC 1951, 3.2.2): canonical, so that the
 * lengths alone say everything, and sent from their first bit on, so that the
 * bits of each code are reversed. Integers only: the same counts give the same
 * code on every machine.
 */
#ifndef MT_CKPT_HUFFMAN_H
#define MT_CKPT_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    MT_HUFFMAN_SYMBOLS = 288,   /* at most, in one alphabet */
    MT_HUFFMAN_BITS = 15,       /* of the longest code, at most */
    MT_HUFFMAN_COUNT = 1 << 22, /* the counts of a code sum up to less */
};

/* The lengths of a code for n symbols that occur so often, none longer than
 * `limit` bits, 2^limit >= n; 0 for a symbol that does not occur. The code is
 * complete: there are at least two lengths that are not 0. */
void mt_huffman_lengths(const uint32_t *count, size_t n, unsigned limit,
                        uint8_t *length);

/* The codes of these lengths, reversed. The lengths may come from a file: if
 * they are not those of a code, the bits are meaningless. */
void mt_huffman_codes(const uint8_t *length, size_t n, uint16_t *code);

#endif
