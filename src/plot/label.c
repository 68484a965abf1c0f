#include "plot/label.h"

/* The least character of each length in bytes: lower ones are overlong. */
static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

static int length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first < 0xE0)
        return 2;
    if (first >= 0xE0 && first < 0xF0)
        return 3;
    return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

static int is_control(uint32_t c)
{
    /* C0, DEL, C1, marks of writing direction, line and paragraph ends */
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c < 0x2010) ||
           (c >= 0x2028 && c < 0x202F) || (c >= 0x2060 && c < 0x2070) ||
           c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
}

uint32_t mt_label_next(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    int n = length_of(*p);
    uint32_t c = n == 1 ? *p : n ? *p & (0x7Fu >> n) : MT_REPLACEMENT;

    if (*p == '\0')
        return 0;
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *text += i;
            return MT_REPLACEMENT;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *text += n ? n : 1;
    if ((n && c < least[n]) || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF ||
        is_control(c))
        return MT_REPLACEMENT;
    return c;
}

void mt_label_add(struct mt_strbuf *out, uint32_t c)
{
    if (c < 0x80) {
        mt_strbuf_putc(out, (char)c);
        return;
    }
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    mt_strbuf_putc(out, (char)((0xF00u >> n & 0xFF) | c >> (6 * (n - 1))));
    for (int i = n - 2; i >= 0; i--)
        mt_strbuf_putc(out, (char)(0x80 | (c >> (6 * i) & 0x3F)));
}

size_t mt_label_count(const char *text)
{
    size_t n = 0;

    while (mt_label_next(&text))
        n++;
    return n;
}

void mt_label_cut(struct mt_strbuf *out, const char *text, size_t max,
                  int ascii)
{
    size_t n = mt_label_count(text);
    size_t whole = n > max ? (max ? max - 1 : 0) : n;

    for (size_t i = 0; i < whole; i++) {
        uint32_t c = mt_label_next(&text);

        mt_label_add(out, ascii && c >= 0x80 ? '?' : c);
    }
    if (n > max && max)
        mt_label_add(out, ascii ? '.' : 0x2026);
}
