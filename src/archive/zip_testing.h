/*
 * For tests only: zip files as other programs write them, and invalid ones.
 *
 *     struct zip z = { 0 };
 *     zip_add(&z, (struct zip_part){ .name = "x.npy", .bytes = b, .n = n });
 *     zip_write(&z, "x.npz");
 */
#ifndef MT_ARCHIVE_ZIP_TESTING_H
#define MT_ARCHIVE_ZIP_TESTING_H

#include "ckpt/ckpt_testing.h"
#include "archive/zip.h"
#include "archive/zip_format.h"

struct zip_part {
    const char *name;
    const void *bytes;
    size_t n;
    bool deflate, zip64, other_header;
    uint16_t flags, method; /* method: set instead of the right one */
    uint32_t size;          /* claimed instead of n */
    uint32_t crc_error;
    uint32_t shift; /* added to the header's offset in the directory */
};

struct zip {
    unsigned char body[1 << 17], directory[1 << 14];
    size_t n_body, n_directory, count;
    enum { ZIP32, ZIP64, ZIP64_NEEDLESS } end;
    uint64_t wrong_offset; /* added in the 64-bit end */
};

static inline void zip_bytes(unsigned char *to, size_t *n, const void *bytes,
                             size_t size)
{
    if (size)
        memcpy(to + *n, bytes, size);
    *n += size;
}

static inline size_t zip_deflate(const void *bytes, size_t n,
                                 unsigned char *out, size_t room)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes,
                   .avail_in = (uInt)n,
                   .next_out = out,
                   .avail_out = (uInt)room };

    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, 0), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static inline void zip_add(struct zip *z, struct zip_part p)
{
    static unsigned char packed[1 << 16];
    unsigned char h[ZIP_LOCAL_SIZE] = { 0 }, e[ZIP_ENTRY_SIZE] = { 0 };
    unsigned char extra[28] = { 1, 0, 24, 0 };
    size_t stored =
        p.deflate ? zip_deflate(p.bytes, p.n, packed, sizeof packed) : p.n;
    uint32_t size = p.size ? p.size : (uint32_t)p.n;
    uint32_t crc = (uint32_t)crc32(0, p.bytes, (uInt)p.n) ^ p.crc_error;
    uint16_t method = p.method ? p.method : p.deflate ? 8 : 0;
    uint64_t at = z->n_body + p.shift;

    put_u64(extra + 4, size);
    put_u64(extra + 12, stored);
    put_u64(extra + 20, at);
    put_u32(h, ZIP_LOCAL);
    put_u16(h + LOCAL_FLAGS, p.flags);
    put_u16(h + LOCAL_METHOD, method);
    put_u16(h + LOCAL_NAME, (uint16_t)strlen(p.name));
    put_u16(h + LOCAL_EXTRA, p.zip64 ? 28 : 0);
    put_u32(e, ZIP_ENTRY);
    put_u16(e + DIR_FLAGS, p.flags);
    put_u16(e + DIR_METHOD, method);
    put_u32(e + DIR_CRC, crc);
    put_u32(e + DIR_STORED, p.zip64 ? ~0u : (uint32_t)stored);
    put_u32(e + DIR_SIZE, p.zip64 ? ~0u : size);
    put_u16(e + DIR_NAME, (uint16_t)strlen(p.name));
    put_u16(e + DIR_EXTRA, p.zip64 ? 28 : 0);
    put_u32(e + DIR_HEADER, p.zip64 ? ~0u : (uint32_t)at);
    zip_bytes(z->body, &z->n_body, h, sizeof h);
    zip_bytes(z->body, &z->n_body, p.name, strlen(p.name));
    if (p.other_header)
        z->body[z->n_body - 1] ^= 1;
    zip_bytes(z->body, &z->n_body, extra, p.zip64 ? 28 : 0);
    zip_bytes(z->body, &z->n_body, p.deflate ? packed : p.bytes, stored);
    zip_bytes(z->directory, &z->n_directory, e, sizeof e);
    zip_bytes(z->directory, &z->n_directory, p.name, strlen(p.name));
    zip_bytes(z->directory, &z->n_directory, extra, p.zip64 ? 28 : 0);
    z->count++;
}

static inline void zip_write(struct zip *z, const char *path)
{
    unsigned char end[ZIP_END_SIZE] = { 0 }, end64[ZIP_END64_SIZE] = { 0 };
    unsigned char locator[ZIP_LOCATOR64_SIZE] = { 0 };
    size_t at = z->n_body, n = at;

    zip_bytes(z->body, &n, z->directory, z->n_directory);
    put_u32(end64, ZIP_END64);
    put_u64(end64 + END64_LENGTH, ZIP_END64_SIZE - 12);
    put_u64(end64 + END64_HERE, z->count);
    put_u64(end64 + END64_COUNT, z->count);
    put_u64(end64 + END64_SIZE, z->n_directory);
    put_u64(end64 + END64_OFFSET, at + z->wrong_offset);
    put_u32(locator, ZIP_LOCATOR64);
    put_u64(locator + 8, n);
    put_u32(locator + 16, 1);
    put_u32(end, ZIP_END);
    put_u16(end + END_HERE, z->end == ZIP64 ? 0xffff : (uint16_t)z->count);
    put_u16(end + END_COUNT, z->end == ZIP64 ? 0xffff : (uint16_t)z->count);
    put_u32(end + END_SIZE, z->end == ZIP64 ? ~0u : (uint32_t)z->n_directory);
    put_u32(end + END_OFFSET, z->end == ZIP64 ? ~0u : (uint32_t)at);
    if (z->end != ZIP32) {
        zip_bytes(z->body, &n, end64, sizeof end64);
        zip_bytes(z->body, &n, locator, sizeof locator);
    }
    zip_bytes(z->body, &n, end, sizeof end);
    testing_put(path, z->body, n);
}

static inline mt_status zip_open(const char *path, struct mt_zip **out,
                                 struct mt_err *e)
{
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(path, &fd, &size, e);

    return status == MT_OK ? mt_zip_open(path, fd, size, NULL, out, e) : status;
}

/* Opens and reads all members: the first status that is not MT_OK. */
static inline mt_status zip_read_all(const char *path)
{
    struct mt_zip *z = NULL;
    mt_status status = zip_open(path, &z, &err);

    for (size_t i = 0; status == MT_OK && i < mt_zip_count(z); i++) {
        const struct mt_zip_member *m = mt_zip_member(z, i);
        struct mt_zip_stream *s = NULL;
        unsigned char *out = malloc((size_t)m->size + 1);

        ck_assert_ptr_nonnull(out);
        status = mt_zip_stream_open(z, m, &s, &err);
        if (status == MT_OK)
            status = mt_zip_stream_read(s, out, (size_t)m->size, &err);
        mt_zip_stream_close(s);
        free(out);
    }
    mt_zip_close(z);
    return status;
}

#endif
