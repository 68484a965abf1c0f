#include "base/protobuf.h"

#include <string.h>

enum { VARINT = 0, LENGTH = 2, FIXED32 = 5 };

/* 7 bits per byte, the lowest first; the top bit says that more follow. */
static void put_varint(struct mt_strbuf *out, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        mt_strbuf_putc(out, (char)(value | 128));
    mt_strbuf_putc(out, (char)value);
}

static void put_key(struct mt_strbuf *out, unsigned field, unsigned type)
{
    put_varint(out, (uint64_t)field << 3 | type);
}

void mt_pb_int(struct mt_strbuf *out, unsigned field, int64_t value)
{
    put_key(out, field, VARINT);
    put_varint(out, (uint64_t)value);
}

void mt_pb_float(struct mt_strbuf *out, unsigned field, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_key(out, field, FIXED32);
    for (int i = 0; i < 4; i++)
        mt_strbuf_putc(out, (char)(bits >> 8 * i));
}

void mt_pb_begin_bytes(struct mt_strbuf *out, unsigned field, size_t n)
{
    put_key(out, field, LENGTH);
    put_varint(out, n);
}

void mt_pb_bytes(struct mt_strbuf *out, unsigned field, const void *bytes,
                 size_t n)
{
    mt_pb_begin_bytes(out, field, n);
    if (n)
        mt_strbuf_add(out, bytes, n);
}

void mt_pb_string(struct mt_strbuf *out, unsigned field, const char *text)
{
    mt_pb_bytes(out, field, text, strlen(text));
}

void mt_pb_message(struct mt_strbuf *out, unsigned field,
                   struct mt_strbuf *message)
{
    out->failed |= message->failed;
    mt_pb_bytes(out, field, message->text, message->len);
    message->len = 0;
}
