#include "data/gzstream.h"

#include <assert.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/interrupt.h"

enum { CHUNK = 128 << 10 };

/* The size of a pipe whose end has not been seen. */
#define UNKNOWN UINT64_MAX

struct mt_gzstream {
    const char *path;
    int fd;
    uint64_t size, offset; /* of the file; of what was read */
    struct sha256_ctx sha;
    bool gzipped;
    bool in_member; /* within a gzip member */
    z_stream z;     /* next_in and avail_in are used for plain files too */

    bool piped, settled;
    unsigned char *kept; /* the first bytes of a pipe, n_kept of them */
    size_t n_kept, kept_room;

    size_t room; /* at most CHUNK */
    unsigned char chunk[];
};

/* ---- pipes ---- */

/* Reads what the pipe has, at most a chunk; waits if it has nothing. */
static mt_status read_pipe(struct mt_gzstream *s, unsigned char *to, size_t *n,
                           struct mt_err *err)
{
    int times = 0;
    ssize_t got;

    do
        got = read(s->fd, to, CHUNK);
    while (got < 0 && mt_call_again(&times));
    if (got < 0)
        return mt_fail_errno(err, errno, s->path, "cannot be read");
    if (got == 0)
        s->size = s->settled ? s->offset : s->n_kept;
    *n = (size_t)got;
    return MT_OK;
}

static mt_status keep_more(struct mt_gzstream *s, struct mt_err *err)
{
    size_t n = 0;
    mt_status status;

    if (s->kept_room - s->n_kept < CHUNK) {
        size_t room = 2 * s->kept_room + CHUNK;
        unsigned char *grown = realloc(s->kept, room);

        if (!grown)
            return mt_fail_memory(err);
        s->kept = grown;
        s->kept_room = room;
    }
    status = read_pipe(s, s->kept + s->n_kept, &n, err);
    s->n_kept += n;
    return status;
}

/* Fills the chunk from a pipe, *n bytes: first with those that were kept. */
static mt_status take_piped(struct mt_gzstream *s, size_t *n,
                            struct mt_err *err)
{
    mt_status status = MT_OK;

    if (!s->settled && s->offset == s->n_kept && s->size == UNKNOWN)
        status = keep_more(s, err);
    if (status != MT_OK)
        return status;
    if (s->offset < s->n_kept) {
        *n = s->n_kept - s->offset;
        *n = *n < s->room ? *n : s->room;
        memcpy(s->chunk, s->kept + s->offset, *n);
    } else if (s->size == UNKNOWN) {
        free(s->kept);
        s->kept = NULL;
        s->n_kept = 0;
        status = read_pipe(s, s->chunk, n, err);
    }
    s->offset += *n;
    return status;
}

void mt_gzstream_settle(struct mt_gzstream *s)
{
    s->settled = true;
}

bool mt_gzstream_waits(const struct mt_gzstream *s)
{
    return s->piped && s->z.avail_in == 0 && s->offset >= s->n_kept &&
           s->size == UNKNOWN;
}

/* ---- all ---- */

/* The next n bytes of the file. */
static mt_status take(struct mt_gzstream *s, unsigned char *to, size_t n,
                      struct mt_err *err)
{
    mt_status status = mt_file_pread(s->fd, s->path, s->offset, to, n, err);

    if (status != MT_OK)
        return status;
    sha256_update(&s->sha, n, to);
    s->offset += n;
    return MT_OK;
}

/* Refills the chunk, which is used up; at the end of the file it stays
 * empty. */
static mt_status fill(struct mt_gzstream *s, struct mt_err *err)
{
    uint64_t left = s->size - s->offset;
    size_t n = s->piped ? 0 : left < s->room ? (size_t)left : s->room;
    mt_status status =
        s->piped ? take_piped(s, &n, err) : take(s, s->chunk, n, err);

    s->z.next_in = s->chunk;
    s->z.avail_in = status == MT_OK ? (uInt)n : 0;
    return status;
}

mt_status mt_gzstream_rewind(struct mt_gzstream *s, struct mt_err *err)
{
    assert(!s->settled);
    sha256_init(&s->sha);
    s->offset = 0;
    s->in_member = s->gzipped;
    if (s->gzipped && inflateReset(&s->z) != Z_OK)
        return mt_fail_memory(err);
    return fill(s, err);
}

static mt_status open_stream(const char *path, int fd, bool piped,
                             uint64_t size, struct mt_gzstream **out,
                             struct mt_err *err)
{
    size_t room = size < CHUNK ? (size_t)size : CHUNK;
    struct mt_gzstream *s = calloc(1, sizeof *s + room);
    mt_status status = MT_OK;

    if (!s) {
        if (!piped)
            close(fd);
        return mt_fail_memory(err);
    }
    s->path = path;
    s->fd = fd;
    s->piped = piped;
    s->size = size;
    s->room = room;
    while (status == MT_OK && piped && s->n_kept < 2 && s->size == UNKNOWN)
        status = keep_more(s, err);
    if (status == MT_OK)
        status = mt_gzstream_rewind(s, err);
    if (status == MT_OK && s->z.avail_in >= 2 && s->chunk[0] == 0x1f &&
        s->chunk[1] == 0x8b) {
        /* 16: only gzip headers and trailers */
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
    return open_stream(path, fd, false, size, out, err);
}

mt_status mt_gzstream_open_pipe(const char *source, int fd,
                                struct mt_gzstream **out, struct mt_err *err)
{
    return open_stream(source, fd, true, UNKNOWN, out, err);
}

void mt_gzstream_close(struct mt_gzstream *s)
{
    if (!s)
        return;
    if (s->gzipped)
        inflateEnd(&s->z);
    if (!s->piped)
        close(s->fd);
    free(s->kept);
    free(s);
}

bool mt_gzstream_is_gzip(const struct mt_gzstream *s)
{
    return s->gzipped;
}

uint64_t mt_gzstream_limit(const struct mt_gzstream *s)
{
    /* Deflate makes at most 258 bytes from 2 bits. */
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

/* Tapes and block devices pad files with zeros, which gzip ignores after a
 * member; all that is left must be zeros then. */
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

        if (*got && mt_gzstream_waits(s))
            return MT_OK;
        if (s->z.avail_in == 0 && !s->gzipped && !s->piped &&
            n - *got >= s->room) {
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
        /* zlib may hold output back, but not at the end of its input. */
        if (some == 0 && s->in_member && s->z.avail_in == 0 &&
            s->offset == s->size)
            return mt_fail(err, MT_INVALID,
                           "%s: the gzip data is cut short: it ends at byte "
                           "%llu in the middle of a member",
                           s->path, position(s));
    }
    return MT_OK;
}
