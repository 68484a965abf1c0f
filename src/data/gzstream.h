/*
 * The bytes of a file, inflated if it is gzipped (by its first bytes, not its
 * name), in bounded memory. Several gzip members in a row are one stream;
 * checksums and lengths are verified. After the last member only zeros may
 * follow.
 */
#ifndef MT_DATA_GZSTREAM_H
#define MT_DATA_GZSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_gzstream;
struct sha256_ctx;

/* Reads size bytes of fd, which it closes (even if it fails). path names it in
 * messages and must outlive the stream. */
mt_status mt_gzstream_open(const char *path, int fd, uint64_t size,
                           struct mt_gzstream **out, struct mt_err *err);

/* The same from a pipe, or anything else that can be read only once, to its
 * end; fd stays open. Until mt_gzstream_settle, what was read is kept for a
 * rewind. */
mt_status mt_gzstream_open_pipe(const char *source, int fd,
                                struct mt_gzstream **out, struct mt_err *err);
void mt_gzstream_close(struct mt_gzstream *stream); /* NULL is allowed */

/* Reads n bytes; *got < n only at the end, once checksums are verified. A pipe
 * may also return fewer if it has no more at the moment; *got == 0 is its
 * end. */
mt_status mt_gzstream_read(struct mt_gzstream *stream, void *out, size_t n,
                           size_t *got, struct mt_err *err);

/* Back to the first byte. */
mt_status mt_gzstream_rewind(struct mt_gzstream *stream, struct mt_err *err);

/* It will not be rewound any more. */
void mt_gzstream_settle(struct mt_gzstream *stream);

/* Would the next byte be read from a pipe, which may have to be waited for? */
bool mt_gzstream_waits(const struct mt_gzstream *stream);

bool mt_gzstream_is_gzip(const struct mt_gzstream *stream);

/* An upper bound on the bytes that the file can yield. */
uint64_t mt_gzstream_limit(const struct mt_gzstream *stream);

/* SHA-256 of the file as stored: complete after the end was read. Not for
 * pipes. */
struct sha256_ctx *mt_gzstream_sha256(struct mt_gzstream *stream);

#endif
