/*
 * The bytes of a file, inflated if it is gzipped (as its first bytes show, not
 * its name), in bounded memory. Several gzip members in a row are one stream;
 * checksums and lengths are verified, and anything after the last member is an
 * error.
 */
#ifndef MT_DATA_GZSTREAM_H
#define MT_DATA_GZSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_gzstream;
struct sha256_ctx;

/* Reads size bytes of fd, which it closes (also where it fails). path names
 * it in messages and must outlive the stream. */
mt_status mt_gzstream_open(const char *path, int fd, uint64_t size,
                           struct mt_gzstream **out, struct mt_err *err);

/* The same of fd, a pipe or whatever else is read in one go, to its end; it
 * stays open. What was read is kept, to be read again, until
 * mt_gzstream_settle. */
mt_status mt_gzstream_open_pipe(const char *source, int fd,
                                struct mt_gzstream **out, struct mt_err *err);
void mt_gzstream_close(struct mt_gzstream *stream); /* NULL is allowed */

/* Reads n bytes; *got < n only at the end, which is known to be whole then. Of
 * a pipe fewer bytes come where it has no more at that time; *got == 0 is the
 * end. */
mt_status mt_gzstream_read(struct mt_gzstream *stream, void *out, size_t n,
                           size_t *got, struct mt_err *err);

/* Back to the first byte. */
mt_status mt_gzstream_rewind(struct mt_gzstream *stream, struct mt_err *err);

/* It will not be rewound. */
void mt_gzstream_settle(struct mt_gzstream *stream);

/* Would the next byte be read from a pipe, and perhaps be waited for? */
bool mt_gzstream_waits(const struct mt_gzstream *stream);

bool mt_gzstream_is_gzip(const struct mt_gzstream *stream);

/* More bytes than that the file cannot give. */
uint64_t mt_gzstream_limit(const struct mt_gzstream *stream);

/* SHA-256 of the file as it is stored: whole after the end was read. Not of
 * pipes. */
struct sha256_ctx *mt_gzstream_sha256(struct mt_gzstream *stream);

#endif
