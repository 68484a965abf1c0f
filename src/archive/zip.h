/*
 * The subset of zip that .npz and files of torch.save need: members stored or
 * deflated, in any order, with 64-bit sizes where needed. Nothing is ever
 * extracted to a path, so names are just names.
 *
 * Opening a file checks its directory and every local header: members neither
 * overlap nor leave the file, none is encrypted or split over disks, and none
 * claims more bytes than deflate could have made of what is stored. A member
 * is read as a stream, whose length and CRC-32 are checked at its end.
 *
 * Statuses: MT_INVALID for a file that is not a zip or uses features that are
 * not supported here; MT_DAMAGED for a member that fails its checks.
 */
#ifndef MT_ARCHIVE_ZIP_H
#define MT_ARCHIVE_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    MT_ZIP_MAX_MEMBERS = 1 << 20,
    MT_ZIP_MAX_DIRECTORY = 128 << 20, /* bytes */
    MT_ZIP_MAX_NAME = 4096,
};

struct mt_zip_member {
    const char *name; /* without a NUL inside */
    uint64_t size;    /* bytes, unpacked */
    uint64_t stored;  /* bytes in the file */
    uint64_t header;  /* offset of its local header */
    uint64_t data;    /* offset of its first byte */
    uint32_t crc;
    bool deflated;
};

struct mt_zip;

/* Does a file with these first n bytes look like a zip? 4 are enough. */
bool mt_zip_is(const void *head, size_t n);

/* For a file without a whole directory at its end, because it is cut or bytes
 * follow: intact members are found by going from header to header. */
struct mt_zip_salvage {
    void (*note)(void *ctx, const char *what); /* each piece of damage */
    void *ctx;
    size_t lost; /* members that were seen, but are not listed */
};

/* fd is open on the file, which has that size. This takes over fd, even if it
 * fails; path is for messages. salvage NULL: accept no damage. */
mt_status mt_zip_open(const char *path, int fd, uint64_t size,
                      struct mt_zip_salvage *salvage, struct mt_zip **out,
                      struct mt_err *err);
void mt_zip_close(struct mt_zip *zip); /* NULL is allowed */

/* In the order of the directory. */
size_t mt_zip_count(const struct mt_zip *zip);
const struct mt_zip_member *mt_zip_member(const struct mt_zip *zip, size_t i);
const char *mt_zip_path(const struct mt_zip *zip);

/* Reads n bytes of a member that is not deflated, from offset `at`; they must
 * be within it. Its checksum is not checked. */
mt_status mt_zip_read_stored(const struct mt_zip *zip,
                             const struct mt_zip_member *member, uint64_t at,
                             void *out, size_t n, struct mt_err *err);

struct mt_zip_stream;

mt_status mt_zip_stream_open(const struct mt_zip *zip,
                             const struct mt_zip_member *member,
                             struct mt_zip_stream **out, struct mt_err *err);
/* Reads the next n bytes; there must be that many. Reading the last byte of the
 * member also checks its length and CRC-32: `FILE: damaged: member "x.npy":
 * CRC-32 is ..., should be ...`. */
mt_status mt_zip_stream_read(struct mt_zip_stream *s, void *out, size_t n,
                             struct mt_err *err);
void mt_zip_stream_close(struct mt_zip_stream *s); /* NULL is allowed */

/* Writing: members are stored, and the file depends on nothing but their names
 * and bytes. It replaces path atomically. */
struct mt_zip_writer;

mt_status mt_zip_writer_open(const char *path, struct mt_zip_writer **out,
                             struct mt_err *err);
/* Starts a member of `size` bytes: mt_zip_put writes them, then mt_zip_end. */
mt_status mt_zip_begin(struct mt_zip_writer *w, const char *name, uint64_t size,
                       struct mt_err *err);
mt_status mt_zip_put(struct mt_zip_writer *w, const void *bytes, size_t n,
                     struct mt_err *err);
mt_status mt_zip_end(struct mt_zip_writer *w, struct mt_err *err);
/* Writes the directory and puts the file in its place. Frees w, whatever it
 * returns. bytes (may be NULL): the size of the file. */
mt_status mt_zip_commit(struct mt_zip_writer *w, uint64_t *bytes,
                        struct mt_err *err);
void mt_zip_abort(struct mt_zip_writer *w); /* NULL is allowed */

#endif
