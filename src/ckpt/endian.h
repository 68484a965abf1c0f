/*
 * Whole arrays between this machine's byte order and the files' (little).
 */
#ifndef MT_CKPT_ENDIAN_H
#define MT_CKPT_ENDIAN_H

#include <stddef.h>

#define MT_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* Reverses the bytes of each of n elements. */
static inline void mt_swap_bytes(void *elements, size_t n, size_t size)
{
    unsigned char *p = elements;

    for (size_t i = 0; i < n; i++, p += size) {
        for (size_t j = 0; j < size / 2; j++) {
            unsigned char byte = p[j];

            p[j] = p[size - 1 - j];
            p[size - 1 - j] = byte;
        }
    }
}

#endif
