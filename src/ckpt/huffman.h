/*
 * Huffman codes for deflate (RFC 1951, 3.2.2): canonical, so that the lengths
 * determine the code, and sent from their first bit, so that the bits of each
 * code are reversed. Only integers are used: the same counts give the same code
 * on every machine.
 */
#ifndef MT_CKPT_HUFFMAN_H
#define MT_CKPT_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    MT_HUFFMAN_SYMBOLS = 288,   /* most symbols of an alphabet */
    MT_HUFFMAN_BITS = 15,       /* most bits of a code */
    MT_HUFFMAN_COUNT = 1 << 22, /* the sum of all counts must be less */
};

/* The lengths of a code for n symbols with these counts, none longer than
 * `limit` bits, 2^limit >= n; 0 for a symbol that does not occur. The code is
 * complete: at least two lengths are not 0. */
void mt_huffman_lengths(const uint32_t *count, size_t n, unsigned limit,
                        uint8_t *length);

/* The codes of these lengths, reversed. The lengths may come from a file: if
 * they are not those of a code, the bits are meaningless. */
void mt_huffman_codes(const uint8_t *length, size_t n, uint16_t *code);

#endif
