#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "archive/zip_format.h"

enum { NEEDED = 20, NEEDED64 = 45, EXTRA64_MAX = 4 + 3 * 8, MOST = 1 << 30 };

struct mt_zip_writer {
    struct mt_replace *file;
    uint64_t offset; /* bytes written so far */
    uint64_t count;
    struct mt_strbuf directory;
    char *name; /* of the open member; NULL: none is open */
    uint64_t header, size, given;
    uint32_t crc;
};

static bool is_ascii(const char *text)
{
    while (*text && !(*text & 0x80))
        text++;
    return !*text;
}

/* The value, or the mark that it is in a 64-bit record. */
static uint32_t full32(uint64_t value)
{
    return value >= ZIP_FULL32 ? ZIP_FULL32 : (uint32_t)value;
}

/* Writes the extra field with the values that need 64 bits; returns its
 * size. */
static size_t put_extra64(const uint64_t *values, size_t n,
                          unsigned char out[EXTRA64_MAX])
{
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        if (full32(values[i]) != ZIP_FULL32)
            continue;
        put_u64(out + 4 + length, values[i]);
        length += 8;
    }
    put_u16(out, ZIP_EXTRA64);
    put_u16(out + 2, (uint16_t)length);
    return length ? 4 + length : 0;
}

static mt_status put(struct mt_zip_writer *w, const void *bytes, size_t n,
                     struct mt_err *err)
{
    mt_status status = mt_replace_write(w->file, bytes, n, err);

    if (status == MT_OK)
        w->offset += n;
    return status;
}

mt_status mt_zip_writer_open(const char *path, struct mt_zip_writer **out,
                             struct mt_err *err)
{
    struct mt_zip_writer *w = calloc(1, sizeof *w);
    mt_status status;

    if (!w)
        return mt_fail_memory(err);
    status = mt_replace_open(path, &w->file, err);
    if (status != MT_OK) {
        free(w);
        return status;
    }
    *out = w;
    return MT_OK;
}

mt_status mt_zip_begin(struct mt_zip_writer *w, const char *name, uint64_t size,
                       struct mt_err *err)
{
    unsigned char h[ZIP_LOCAL_SIZE] = { 0 }, extra[EXTRA64_MAX];
    uint64_t sizes[] = { size, size };
    size_t n_extra = put_extra64(sizes, 2, extra);
    mt_status status;

    w->name = strdup(name);
    if (!w->name)
        return mt_fail_memory(err);
    w->header = w->offset;
    w->size = size;
    w->given = 0;
    w->crc = 0;
    put_u32(h, ZIP_LOCAL);
    put_u16(h + 4, n_extra ? NEEDED64 : NEEDED);
    put_u16(h + LOCAL_FLAGS, is_ascii(name) ? 0 : ZIP_UTF8);
    put_u16(h + LOCAL_DATE, ZIP_DATE);
    put_u32(h + LOCAL_STORED, full32(size));
    put_u32(h + LOCAL_SIZE, full32(size));
    put_u16(h + LOCAL_NAME, (uint16_t)strlen(name));
    put_u16(h + LOCAL_EXTRA, (uint16_t)n_extra);
    status = put(w, h, sizeof h, err);
    if (status == MT_OK)
        status = put(w, name, strlen(name), err);
    return status == MT_OK ? put(w, extra, n_extra, err) : status;
}

mt_status mt_zip_put(struct mt_zip_writer *w, const void *bytes, size_t n,
                     struct mt_err *err)
{
    const unsigned char *p = bytes;
    mt_status status = put(w, bytes, n, err);

    w->given += n;
    for (; n > MOST; p += MOST, n -= MOST)
        w->crc = (uint32_t)crc32(w->crc, p, MOST);
    w->crc = (uint32_t)crc32(w->crc, p, (uInt)n);
    return status;
}

static void add_entry(struct mt_zip_writer *w)
{
    unsigned char e[ZIP_ENTRY_SIZE] = { 0 }, extra[EXTRA64_MAX];
    uint64_t values[] = { w->size, w->size, w->header };
    size_t n_extra = put_extra64(values, 3, extra);
    uint16_t needed = n_extra ? NEEDED64 : NEEDED;

    put_u32(e, ZIP_ENTRY);
    put_u16(e + 4, needed);
    put_u16(e + DIR_NEEDED, needed);
    put_u16(e + DIR_FLAGS, is_ascii(w->name) ? 0 : ZIP_UTF8);
    put_u16(e + DIR_DATE, ZIP_DATE);
    put_u32(e + DIR_CRC, w->crc);
    put_u32(e + DIR_STORED, full32(w->size));
    put_u32(e + DIR_SIZE, full32(w->size));
    put_u16(e + DIR_NAME, (uint16_t)strlen(w->name));
    put_u16(e + DIR_EXTRA, (uint16_t)n_extra);
    put_u32(e + DIR_HEADER, full32(w->header));
    mt_strbuf_add(&w->directory, e, sizeof e);
    mt_strbuf_puts(&w->directory, w->name);
    mt_strbuf_add(&w->directory, extra, n_extra);
}

mt_status mt_zip_end(struct mt_zip_writer *w, struct mt_err *err)
{
    unsigned char crc[4];
    mt_status status;

    if (w->given != w->size)
        return mt_fail(
            err, MT_INVALID, "member \"%s\": %llu bytes, expected %llu",
            w->name, (unsigned long long)w->given, (unsigned long long)w->size);
    put_u32(crc, w->crc);
    status =
        mt_replace_patch(w->file, w->header + LOCAL_CRC, crc, sizeof crc, err);
    add_entry(w);
    w->count++;
    free(w->name);
    w->name = NULL;
    return status;
}

/* Writes the end of the directory, which begins at `begin`, preceded by the
 * 64-bit form if the short one cannot hold the numbers. */
static mt_status put_end(struct mt_zip_writer *w, uint64_t begin,
                         struct mt_err *err)
{
    unsigned char e[ZIP_END64_SIZE + ZIP_LOCATOR64_SIZE + ZIP_END_SIZE] = { 0 };
    unsigned char *l = e + ZIP_END64_SIZE, *s = l + ZIP_LOCATOR64_SIZE;
    uint64_t size = w->offset - begin;
    bool full = w->count >= ZIP_FULL16 || full32(size) == ZIP_FULL32 ||
                full32(begin) == ZIP_FULL32;
    uint16_t count = w->count >= ZIP_FULL16 ? ZIP_FULL16 : (uint16_t)w->count;

    put_u32(e, ZIP_END64);
    put_u64(e + END64_LENGTH, ZIP_END64_SIZE - 12);
    put_u16(e + 12, NEEDED64);
    put_u16(e + 14, NEEDED64);
    put_u64(e + END64_HERE, w->count);
    put_u64(e + END64_COUNT, w->count);
    put_u64(e + END64_SIZE, size);
    put_u64(e + END64_OFFSET, begin);
    put_u32(l, ZIP_LOCATOR64);
    put_u64(l + 8, w->offset);
    put_u32(l + 16, 1);
    put_u32(s, ZIP_END);
    put_u16(s + END_HERE, count);
    put_u16(s + END_COUNT, count);
    put_u32(s + END_SIZE, full32(size));
    put_u32(s + END_OFFSET, full32(begin));
    return full ? put(w, e, sizeof e, err) : put(w, s, ZIP_END_SIZE, err);
}

mt_status mt_zip_commit(struct mt_zip_writer *w, uint64_t *bytes,
                        struct mt_err *err)
{
    uint64_t begin = w->offset;
    mt_status status = w->directory.failed
                           ? mt_fail_memory(err)
                           : put(w, w->directory.text, w->directory.len, err);

    if (status == MT_OK)
        status = put_end(w, begin, err);
    if (status == MT_OK) {
        struct mt_replace *file = w->file;

        w->file = NULL;
        status = mt_replace_commit(file, err);
    }
    if (status == MT_OK && bytes)
        *bytes = w->offset;
    mt_zip_abort(w);
    return status;
}

void mt_zip_abort(struct mt_zip_writer *w)
{
    if (!w)
        return;
    mt_replace_abort(w->file);
    mt_strbuf_free(&w->directory);
    free(w->name);
    free(w);
}
