/*
 * UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef MT_BASE_UTF8_H
#define MT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MT_UTF8_CODES = 0x110000 }; /* code points are less than this */

/* The length (1 ... 4) of the first character of text, and its code point; 0
 * if text does not start with a character. n > 0. */
size_t mt_utf8_decode(const char *text, size_t n, uint32_t *code);

static inline size_t mt_utf8_length(const char *text, size_t n)
{
    uint32_t code;

    return mt_utf8_decode(text, n, &code);
}

/* Writes the character and a NUL; returns its length. */
size_t mt_utf8_encode(uint32_t code, char out[5]);

bool mt_utf8_valid(const char *text, size_t n);

/* The start of any bytes, safe to print in a message: at most 40 bytes, with
 * '?' for anything that is not a printable character. */
struct mt_excerpt {
    char text[48];
};
struct mt_excerpt mt_excerpt(const char *text, size_t n);

#endif
