/*
 * Conversion between this machine's byte order and little-endian, the order in
 * files: single numbers at any address, and whole arrays.
 */
#ifndef MT_BASE_ENDIAN_H
#define MT_BASE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

#define MT_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static inline void put_u16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

static inline void put_u32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

static inline void put_u64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

static inline uint16_t get_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static inline uint64_t get_u64(const unsigned char *p)
{
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

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
