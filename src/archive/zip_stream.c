#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/utf8.h"
#include "archive/zip_format.h"

enum { INPUT = 64 << 10, MOST = 1 << 30, RAW_DEFLATE = -15 };

struct mt_zip_stream {
    const struct mt_zip *zip;
    const struct mt_zip_member *member;
    uint64_t taken; /* bytes of the file */
    uint64_t given; /* bytes to the caller */
    uint32_t crc;   /* of these */
    z_stream inflate;
    bool ready;
    unsigned char input[INPUT];
};

static mt_status damaged(const struct mt_zip_stream *s, const char *what,
                         struct mt_err *err)
{
    const struct mt_zip_member *m = s->member;

    return mt_fail(err, MT_DAMAGED,
                   "%s: damaged: member \"%s\" at offset %llu: %s",
                   s->zip->path, mt_excerpt(m->name, strlen(m->name)).text,
                   (unsigned long long)m->data, what);
}

mt_status mt_zip_stream_open(const struct mt_zip *zip,
                             const struct mt_zip_member *member,
                             struct mt_zip_stream **out, struct mt_err *err)
{
    struct mt_zip_stream *s = calloc(1, sizeof *s);

    if (!s)
        return mt_fail_memory(err);
    s->zip = zip;
    s->member = member;
    s->ready =
        member->deflated && inflateInit2(&s->inflate, RAW_DEFLATE) == Z_OK;
    if (member->deflated && !s->ready) {
        free(s);
        return mt_fail_memory(err);
    }
    *out = s;
    return MT_OK;
}

void mt_zip_stream_close(struct mt_zip_stream *s)
{
    if (s && s->ready)
        inflateEnd(&s->inflate);
    free(s);
}

mt_status mt_zip_read_stored(const struct mt_zip *zip,
                             const struct mt_zip_member *member, uint64_t at,
                             void *out, size_t n, struct mt_err *err)
{
    return mt_file_pread(zip->fd, zip->path, member->data + at, out, n, err);
}

static mt_status read_stored(struct mt_zip_stream *s, void *out, size_t n,
                             struct mt_err *err)
{
    mt_status status = mt_file_pread(s->zip->fd, s->zip->path,
                                     s->member->data + s->taken, out, n, err);

    s->taken += n;
    return status;
}

static mt_status fill_input(struct mt_zip_stream *s, struct mt_err *err)
{
    uint64_t left = s->member->stored - s->taken;
    size_t n = left < INPUT ? (size_t)left : INPUT;
    mt_status status = mt_file_pread(
        s->zip->fd, s->zip->path, s->member->data + s->taken, s->input, n, err);

    s->taken += n;
    s->inflate.next_in = s->input;
    s->inflate.avail_in = (uInt)n;
    return status;
}

/* Inflates until out is full or the stream ends. */
static mt_status inflate_some(struct mt_zip_stream *s, void *out, size_t n,
                              bool *ended, struct mt_err *err)
{
    z_stream *z = &s->inflate;

    z->next_out = out;
    z->avail_out = (uInt)n;
    *ended = false;
    while (!*ended) {
        if (!z->avail_in && s->taken < s->member->stored) {
            mt_status status = fill_input(s, err);

            if (status != MT_OK)
                return status;
        }
        int code = inflate(z, Z_NO_FLUSH);

        *ended = code == Z_STREAM_END;
        if (code == Z_MEM_ERROR)
            return mt_fail_memory(err);
        if (!*ended && !z->avail_out)
            return MT_OK;
        if (code == Z_BUF_ERROR && s->taken == s->member->stored)
            return damaged(s, "its deflated bytes are cut short", err);
        if (code != Z_OK && code != Z_BUF_ERROR && !*ended)
            return damaged(s, "its deflated bytes are wrong", err);
    }
    return z->avail_out ? damaged(s, "it ends before its size", err) : MT_OK;
}

static mt_status read_deflated(struct mt_zip_stream *s, void *out, size_t n,
                               struct mt_err *err)
{
    unsigned char *to = out;
    bool ended = false;

    while (n) {
        size_t some = n < MOST ? n : MOST;
        mt_status status = inflate_some(s, to, some, &ended, err);

        if (status != MT_OK)
            return status;
        to += some;
        n -= some;
        if (ended && n)
            return damaged(s, "it ends before its size", err);
    }
    return MT_OK;
}

/* The deflate stream must end here, and with it what is stored. */
static mt_status check_deflate_end(struct mt_zip_stream *s, struct mt_err *err)
{
    z_stream *z = &s->inflate;
    unsigned char more;

    for (;;) {
        if (!z->avail_in && s->taken < s->member->stored) {
            mt_status status = fill_input(s, err);

            if (status != MT_OK)
                return status;
        }
        z->next_out = &more;
        z->avail_out = 1;
        int code = inflate(z, Z_NO_FLUSH);

        if (!z->avail_out)
            return damaged(s, "it goes on beyond its size", err);
        if (code == Z_STREAM_END)
            break;
        if (code == Z_MEM_ERROR)
            return mt_fail_memory(err);
        if (code != Z_OK)
            return damaged(s, "its deflated bytes do not end", err);
    }
    if (z->avail_in || s->taken < s->member->stored)
        return damaged(s, "bytes follow its deflated bytes", err);
    return MT_OK;
}

static mt_status check_end(struct mt_zip_stream *s, struct mt_err *err)
{
    char what[64];

    if (s->member->deflated) {
        mt_status status = check_deflate_end(s, err);

        if (status != MT_OK)
            return status;
    }
    if (s->crc == s->member->crc)
        return MT_OK;
    snprintf(what, sizeof what, "CRC-32 is %08x, should be %08x", s->crc,
             s->member->crc);
    return damaged(s, what, err);
}

static uint32_t add_crc(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n > MOST; p += MOST, n -= MOST)
        crc = (uint32_t)crc32(crc, p, MOST);
    return (uint32_t)crc32(crc, p, (uInt)n);
}

mt_status mt_zip_stream_read(struct mt_zip_stream *s, void *out, size_t n,
                             struct mt_err *err)
{
    mt_status status;

    if (!n)
        return MT_OK;
    if (n > s->member->size - s->given)
        return damaged(s, "it ends before its size", err);
    status = s->member->deflated ? read_deflated(s, out, n, err)
                                 : read_stored(s, out, n, err);
    if (status != MT_OK)
        return status;
    s->crc = add_crc(s->crc, out, n);
    s->given += n;
    return s->given == s->member->size ? check_end(s, err) : MT_OK;
}
