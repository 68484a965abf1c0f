/* Deflate both ways: the input as a stream, which our reader takes only if zlib
 * takes it, too, and reads the same; and as bytes to pack, which zlib reads. */
#include <zlib.h>

#include "ckpt/deflate.h"
#include "ckpt/inflate.h"
#include "fuzz.h"

enum { MOST = 1 << 17 };

static bool zlib_reads(const uint8_t *in, size_t size, uint8_t *out, size_t n)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in,
                   .avail_in = (uInt)size,
                   .next_out = out,
                   .avail_out = (uInt)n };

    if (inflateInit2(&z, -15) != Z_OK)
        abort();
    int result = inflate(&z, Z_FINISH);

    inflateEnd(&z);
    return result == Z_STREAM_END && !z.avail_in && !z.avail_out;
}

/* The first three bytes say how many it should make. */
static void read_stream(const uint8_t *bytes, size_t n)
{
    static struct mt_inflater inflater;
    static uint8_t theirs[MOST];
    size_t makes =
        n < 3 ? 0
              : (bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16) %
                    MOST;
    uint8_t *out = malloc(makes + 1);

    if (makes && out && mt_inflate(&inflater, bytes + 3, n - 3, out, makes)) {
        fuzz_use(out, makes);
        if (!zlib_reads(bytes + 3, n - 3, theirs, makes) ||
            memcmp(theirs, out, makes) != 0)
            abort();
    }
    free(out);
}

static void write_stream(const uint8_t *bytes, size_t n,
                         enum mt_deflate_way way)
{
    static struct mt_inflater inflater;
    struct mt_deflater *d = mt_deflater_new();
    size_t room = n + n / 8 + 512; /* whatever it is, no block grows by more */
    uint8_t *out = malloc(room + MT_DEFLATE_SLACK), *back = malloc(n);

    if (!d || !out || !back)
        abort();
    size_t size = mt_deflate(d, way, bytes, n, out, room);

    fuzz_use(out, size);
    if (!size || !zlib_reads(out, size, back, n) || memcmp(back, bytes, n) != 0)
        abort();
    memset(back, 0, n);
    if (way == MT_DEFLATE_HUFFMAN &&
        (!mt_inflate(&inflater, out, size, back, n) ||
         memcmp(back, bytes, n) != 0))
        abort();
    mt_deflater_free(d);
    free(out);
    free(back);
}

/* The same in blocks; the first byte says how long they are. */
static void write_blocks(const uint8_t *bytes, size_t n,
                         enum mt_deflate_way way)
{
    size_t part = 1 + bytes[0] % 200u * 160u, blocks = n / part + 1;
    struct mt_deflater *d = mt_deflater_new();
    uint8_t *out = malloc(n + blocks * MT_DEFLATE_OVERHEAD + MT_DEFLATE_SLACK);
    uint8_t *back = malloc(n);
    struct mt_deflate_stream s = { .out = out };

    if (!d || !out || !back)
        abort();
    for (size_t i = 0; i < n; i += part) {
        size_t size = n - i < part ? n - i : part;

        mt_deflate_block(d, &s, way, bytes + i, size, i + size == n);
    }
    if (!zlib_reads(out, (size_t)(s.out - out), back, n) ||
        memcmp(back, bytes, n) != 0)
        abort();
    mt_deflater_free(d);
    free(out);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    read_stream(bytes, n);
    for (int way = MT_DEFLATE_HUFFMAN; n && way <= MT_DEFLATE_TEXT; way++)
        write_stream(bytes, n, (enum mt_deflate_way)way);
    for (int way = MT_DEFLATE_HUFFMAN; n && way <= MT_DEFLATE_STORED; way++)
        write_blocks(bytes, n, (enum mt_deflate_way)way);
    return 0;
}
