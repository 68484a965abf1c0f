#include "data/gzstream.h"

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"

enum { CHUNK = 128 << 10 };

struct mt_gzstream {
    const char *path;
    const unsigned char *bytes; /* all of it; NULL: fd */
    int fd;
    uint64_t size, offset; /* of the file; how far it was read */
    struct sha256_ctx sha;
    bool gzipped;
    bool in_member; /* of gzip: its end has not been seen */
    z_stream z;     /* next_in and avail_in are used for plain files too */
    size_t room;    /* at most CHUNK */
    unsigned char chunk[];
};

/* The next n bytes of the file. */
static mt_status take(struct mt_gzstream *s, unsigned char *to, size_t n,
                      struct mt_err *err)
{
    mt_status status = MT_OK;

    if (s->bytes)
        memcpy(to, s->bytes + s->offset, n);
    else
        status = mt_file_pread(s->fd, s->path, s->offset, to, n, err);
    if (status != MT_OK)
        return status;
    sha256_update(&s->sha, n, to);
    s->offset += n;
    return MT_OK;
}

/* Fills the chunk, which is used up; leaves it empty at the file's end. */
static mt_status fill(struct mt_gzstream *s, struct mt_err *err)
{
    uint64_t left = s->size - s->offset;
    size_t n = left < s->room ? (size_t)left : s->room;
    mt_status status = take(s, s->chunk, n, err);

    s->z.next_in = s->chunk;
    s->z.avail_in = status == MT_OK ? (uInt)n : 0;
    return status;
}

mt_status mt_gzstream_rewind(struct mt_gzstream *s, struct mt_err *err)
{
    sha256_init(&s->sha);
    s->offset = 0;
    s->in_member = s->gzipped;
    if (s->gzipped && inflateReset(&s->z) != Z_OK)
        return mt_fail_memory(err);
    return fill(s, err);
}

/* fd or bytes */
static mt_status open_stream(const char *path, int fd, const void *bytes,
                             uint64_t size, struct mt_gzstream **out,
                             struct mt_err *err)
{
    size_t room = size < CHUNK ? (size_t)size : CHUNK;
    struct mt_gzstream *s = calloc(1, sizeof *s + room);
    mt_status status;

    if (!s) {
        if (fd >= 0)
            close(fd);
        return mt_fail_memory(err);
    }
    s->path = path;
    s->bytes = bytes;
    s->fd = fd;
    s->size = size;
    s->room = room;
    status = mt_gzstream_rewind(s, err);
    if (status == MT_OK && s->z.avail_in >= 2 && s->chunk[0] == 0x1f &&
        s->chunk[1] == 0x8b) {
        /* 16: a gzip header and trailer, no other kind */
        if (inflateInit2(&s->z, 16 + MAX_WBITS) == Z_OK)
            s->gzipped = s->in_member = true;
        else
            status = mt_fail_memory(err);
    }
    if (status != MT_OK) {
        mt_gzstream_close(s);
        return status;
    }
    *out = s;
    return MT_OK;
}

mt_status mt_gzstream_open(const char *path, int fd, uint64_t size,
                           struct mt_gzstream **out, struct mt_err *err)
{
    return open_stream(path, fd, NULL, size, out, err);
}

mt_status mt_gzstream_open_bytes(const char *source, const void *bytes,
                                 size_t n, struct mt_gzstream **out,
                                 struct mt_err *err)
{
    return open_stream(source, -1, bytes ? bytes : "", n, out, err);
}

void mt_gzstream_close(struct mt_gzstream *s)
{
    if (!s)
        return;
    if (s->gzipped)
        inflateEnd(&s->z);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

bool mt_gzstream_is_gzip(const struct mt_gzstream *s)
{
    return s->gzipped;
}

uint64_t mt_gzstream_limit(const struct mt_gzstream *s)
{
    /* Deflate makes at most 258 bytes of 2 bits. */
    if (!s->gzipped)
        return s->size;
    return s->size > UINT64_MAX / 1032 ? UINT64_MAX : s->size * 1032;
}

struct sha256_ctx *mt_gzstream_sha256(struct mt_gzstream *s)
{
    return &s->sha;
}

static unsigned long long position(const struct mt_gzstream *s)
{
    return s->offset - s->z.avail_in;
}

static mt_status read_plain(struct mt_gzstream *s, unsigned char *out, size_t n,
                            size_t *got, struct mt_err *err)
{
    size_t take = n < s->z.avail_in ? n : s->z.avail_in;

    (void)err;
    memcpy(out, s->z.next_in, take);
    s->z.next_in += take;
    s->z.avail_in -= (uInt)take;
    *got = take;
    return MT_OK;
}

/* Tapes and blocks are padded with zeros, which gzip ignores after a member;
 * all that is left must be zeros then. */
static mt_status skip_padding(struct mt_gzstream *s, struct mt_err *err)
{
    if (s->in_member || s->z.avail_in == 0 || *s->z.next_in)
        return MT_OK;
    for (;;) {
        while (s->z.avail_in && !*s->z.next_in) {
            s->z.next_in++;
            s->z.avail_in--;
        }
        if (s->z.avail_in)
            return mt_fail(err, MT_INVALID,
                           "%s: damaged gzip data at byte %llu: expected "
                           "nothing but zeros after the padding begins",
                           s->path, position(s));
        if (s->offset == s->size)
            return MT_OK;
        mt_status status = fill(s, err);

        if (status != MT_OK)
            return status;
    }
}

static mt_status read_gzip(struct mt_gzstream *s, unsigned char *out, size_t n,
                           size_t *got, struct mt_err *err)
{
    size_t room = n < 1 << 30 ? n : 1 << 30;
    int result;

    if (!s->in_member) {
        if (inflateReset(&s->z) != Z_OK)
            return mt_fail_memory(err);
        s->in_member = true;
    }
    s->z.next_out = out;
    s->z.avail_out = (uInt)room;
    result = inflate(&s->z, Z_NO_FLUSH);
    *got = room - s->z.avail_out;
    if (result == Z_STREAM_END)
        s->in_member = false;
    else if (result == Z_MEM_ERROR)
        return mt_fail_memory(err);
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return mt_fail(err, MT_INVALID,
                       "%s: damaged gzip data at byte %llu: %s", s->path,
                       position(s), s->z.msg ? s->z.msg : "no zlib message");
    return MT_OK;
}

mt_status mt_gzstream_read(struct mt_gzstream *s, void *out, size_t n,
                           size_t *got, struct mt_err *err)
{
    unsigned char *to = out;

    *got = 0;
    while (*got < n) {
        size_t some = 0;
        mt_status status = MT_OK;

        if (s->z.avail_in == 0 && !s->gzipped && n - *got >= s->room) {
            uint64_t left = s->size - s->offset;

            some = n - *got < left ? n - *got : (size_t)left;
            *got += some;
            return take(s, to + *got - some, some, err);
        }
        if (s->z.avail_in == 0 && s->offset < s->size)
            status = fill(s, err);
        if (status == MT_OK && s->gzipped)
            status = skip_padding(s, err);
        if (status != MT_OK)
            return status;
        if (s->z.avail_in == 0 && !s->in_member)
            return MT_OK;
        status = (s->gzipped ? read_gzip : read_plain)(s, to + *got, n - *got,
                                                       &some, err);
        if (status != MT_OK)
            return status;
        *got += some;
        /* zlib may hold output back, but not when nothing comes any more. */
        if (some == 0 && s->in_member && s->z.avail_in == 0 &&
            s->offset == s->size)
            return mt_fail(err, MT_INVALID,
                           "%s: the gzip data is cut short: it ends at byte "
                           "%llu in the middle of a member",
                           s->path, position(s));
    }
    return MT_OK;
}
