/*
 * The bytes of a file, inflated if it is gzipped (which its first bytes tell,
 * not its name), in bounded memory. Several gzip members in a row are one
 * stream; checksums and lengths are verified, and anything behind the last
 * member is an error.
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

/* The same of n bytes in memory, which must outlive the stream. */
mt_status mt_gzstream_open_bytes(const char *source, const void *bytes,
                                 size_t n, struct mt_gzstream **out,
                                 struct mt_err *err);
void mt_gzstream_close(struct mt_gzstream *stream); /* NULL is allowed */

/* Reads n bytes; *got < n only at the end. The end is known to be whole once
 * *got < n. */
mt_status mt_gzstream_read(struct mt_gzstream *stream, void *out, size_t n,
                           size_t *got, struct mt_err *err);

/* Back to the first byte. */
mt_status mt_gzstream_rewind(struct mt_gzstream *stream, struct mt_err *err);

bool mt_gzstream_is_gzip(const struct mt_gzstream *stream);

/* More bytes than that the file cannot give. */
uint64_t mt_gzstream_limit(const struct mt_gzstream *stream);

/* SHA-256 of the file as it is stored: whole after the end was read. */
struct sha256_ctx *mt_gzstream_sha256(struct mt_gzstream *stream);

#endif
