/* Strict UTF-8, for scanning and for printing. */
#include <string.h>

#include "base/json_internal.h"

size_t mt_json_utf8(const char *text, size_t n)
{
    /* The first byte's range, and that of the second: it is what excludes
     * overlong forms, surrogates, and what lies above U+10FFFF. */
    static const struct {
        unsigned char first, last, low, high, length;
    } rows[] = {
        { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    const unsigned char *u = (const unsigned char *)text;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = rows[i].length;

        if (u[0] < rows[i].first || u[0] > rows[i].last)
            continue;
        if (length > n)
            return 0;
        if (length > 1 && (u[1] < rows[i].low || u[1] > rows[i].high))
            return 0;
        for (size_t k = 2; k < length; k++)
            if ((u[k] & 0xc0) != 0x80)
                return 0;
        return length;
    }
    return 0;
}

bool mt_json_is_utf8(const char *text)
{
    size_t n = strlen(text);

    while (n) {
        size_t length = mt_json_utf8(text, n);

        if (!length)
            return false;
        text += length;
        n -= length;
    }
    return true;
}
