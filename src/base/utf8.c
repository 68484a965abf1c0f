#include "base/utf8.h"

#include <string.h>

size_t mt_utf8_decode(const char *text, size_t n, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)text;
    size_t len;
    uint32_t c;

    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    if (p[0] >= 0xc0 && p[0] < 0xe0)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] < 0xf0)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] < 0xf8)
        len = 4;
    else
        return 0;
    if (len > n)
        return 0;
    c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c >= MT_UTF8_CODES || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return len;
}

size_t mt_utf8_encode(uint32_t code, char out[5])
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[len] | code);
    out[len] = '\0';
    return len;
}

bool mt_utf8_valid(const char *text, size_t n)
{
    uint32_t code;

    while (n) {
        size_t len = mt_utf8_decode(text, n, &code);

        if (!len)
            return false;
        text += len;
        n -= len;
    }
    return true;
}

struct mt_excerpt mt_excerpt(const char *text, size_t n)
{
    struct mt_excerpt out = { { 0 } };
    size_t used = 0;

    while (n) {
        uint32_t code = 0;
        size_t len = mt_utf8_decode(text, n, &code), step = len ? len : 1;

        if (used + step > 40) {
            memcpy(out.text + used, "...", 4);
            break;
        }
        if (len && code >= 0x20 && !(code >= 0x7f && code < 0xa0)) {
            memcpy(out.text + used, text, len);
            used += len;
        } else {
            out.text[used++] = '?';
        }
        text += step;
        n -= step;
    }
    return out;
}
