/* Files of torch.save: an input that begins as a zip file or a pickle is one.
 * Any other is the pickle of a zip file that is made here, after a byte of
 * options, so that it is reached without a zip file's checksums. */
#include <zlib.h>

#include "ckpt/ckpt_format.h"
#include "ckpt/pickle.h"
#include "statefile.h"

/* A stored member "a/NAME", at *n of the body and *m of the directory. */
static void add(uint8_t *body, size_t *n, uint8_t *directory, size_t *m,
                const char *name, const uint8_t *bytes, size_t size)
{
    size_t length = strlen(name), at = *n;
    uint8_t *h = body + at, *e = directory + *m;
    uint32_t crc = (uint32_t)crc32(0, bytes, (uInt)size);

    memset(h, 0, 30);
    memset(e, 0, 46);
    put_u32(h, 0x04034b50);
    put_u32(h + 14, crc);
    put_u32(h + 18, (uint32_t)size);
    put_u32(h + 22, (uint32_t)size);
    put_u16(h + 26, (uint16_t)length);
    put_u32(e, 0x02014b50);
    memcpy(e + 16, h + 14, 14);
    put_u32(e + 42, (uint32_t)at);
    memcpy(h + 30, name, length);
    memcpy(e + 46, name, length);
    memcpy(h + 30 + length, bytes, size);
    *n += 30 + length + size;
    *m += 46 + length;
}

/* Returns the size of the zip file in out. */
static size_t make(const uint8_t *bytes, size_t n, uint8_t *out)
{
    static const uint8_t storage[64];
    uint8_t directory[200];
    size_t at = 0, m = 0;

    add(out, &at, directory, &m, "a/data.pkl", bytes, n);
    add(out, &at, directory, &m, "a/data/0", storage, sizeof storage);
    memcpy(out + at, directory, m);
    memset(out + at + m, 0, 22);
    put_u32(out + at + m, 0x06054b50);
    put_u16(out + at + m + 8, 2);
    put_u16(out + at + m + 10, 2);
    put_u32(out + at + m + 12, (uint32_t)m);
    put_u32(out + at + m + 16, (uint32_t)at);
    return at + m + 22;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;
    static uint8_t made[(1 << 16) + 600];
    if (n && *bytes != 'P' && *bytes != 0x80 && n <= 1 << 16) {
        struct mt_state_options options = { .skip_objects = *bytes & 1,
                                            .salvage = *bytes & 2 };
        size_t size = make(bytes + 1, n - 1, made);

        fuzz_statefile(fuzz_write(&file, 0, made, size), &options);
    } else {
        fuzz_statefile(fuzz_write(&file, 0, bytes, n), NULL);
    }
    return 0;
}
