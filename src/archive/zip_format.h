/*
 * The bytes of a zip file, for zip_read.c, zip_stream.c and zip_write.c.
 *
 *     for each member: a local header, its name, an extra field, its bytes
 *     for each member: a directory entry, its name, an extra field
 *     the end of the directory, preceded by its 64-bit form where needed
 *
 * Integers are little-endian.
 */
#ifndef MT_ARCHIVE_ZIP_FORMAT_H
#define MT_ARCHIVE_ZIP_FORMAT_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "base/endian.h"
#include "archive/zip.h"

enum {
    ZIP_LOCAL = 0x04034b50, /* signatures */
    ZIP_ENTRY = 0x02014b50,
    ZIP_END = 0x06054b50,
    ZIP_END64 = 0x06064b50,
    ZIP_LOCATOR64 = 0x07064b50,

    ZIP_LOCAL_SIZE = 30,
    ZIP_ENTRY_SIZE = 46,
    ZIP_END_SIZE = 22,
    ZIP_END64_SIZE = 56,
    ZIP_LOCATOR64_SIZE = 20,
    ZIP_MAX_COMMENT = 0xffff,

    ZIP_MAX_RATIO = 1032, /* of deflate: 258 bytes from 2 bits */

    ZIP_STORED = 0, /* methods */
    ZIP_DEFLATED = 8,

    ZIP_ENCRYPTED = 1 << 0, /* flags */
    ZIP_PATCHED = 1 << 5,
    ZIP_STRONGLY_ENCRYPTED = 1 << 6,
    ZIP_UTF8 = 1 << 11,
    ZIP_MASKED = 1 << 13,

    ZIP_EXTRA64 = 1,       /* the extra field with 64-bit sizes */
    ZIP_DATE = 1 << 5 | 1, /* 1 January 1980, at midnight */
};

#define ZIP_FULL16 0xffffu /* the value is in the 64-bit record */
#define ZIP_FULL32 0xffffffffu

/* The offset of each field in a local header: */
enum {
    LOCAL_FLAGS = 6,
    LOCAL_METHOD = 8,
    LOCAL_DATE = 12,
    LOCAL_CRC = 14,
    LOCAL_STORED = 18,
    LOCAL_SIZE = 22,
    LOCAL_NAME = 26,
    LOCAL_EXTRA = 28,
};

/* in a directory entry: */
enum {
    DIR_NEEDED = 6,
    DIR_FLAGS = 8,
    DIR_METHOD = 10,
    DIR_DATE = 14,
    DIR_CRC = 16,
    DIR_STORED = 20,
    DIR_SIZE = 24,
    DIR_NAME = 28,
    DIR_EXTRA = 30,
    DIR_COMMENT = 32,
    DIR_DISK = 34,
    DIR_HEADER = 42,
};

/* in the end of the directory: */
enum {
    END_DISK = 4,
    END_START_DISK = 6,
    END_HERE = 8,
    END_COUNT = 10,
    END_SIZE = 12,
    END_OFFSET = 16,
    END_COMMENT = 20,
};

/* in the 64-bit end of the directory: */
enum {
    END64_LENGTH = 4,
    END64_DISK = 16,
    END64_START_DISK = 20,
    END64_HERE = 24,
    END64_COUNT = 32,
    END64_SIZE = 40,
    END64_OFFSET = 48,
};

struct mt_zip {
    char *path;
    int fd;
    uint64_t size;
    size_t n;
    struct mt_zip_member *members; /* (n) */
    struct mt_arena arena;
};

/* The message for a member. */
mt_status mt_zip_fail_member(const struct mt_zip *z,
                             const struct mt_zip_member *m, const char *what,
                             struct mt_err *err);

/* Takes the 64-bit values for those that are full: unpacked size, stored size,
 * place of the header, in this order. */
bool mt_zip_take_extra64(const unsigned char *extra, size_t n,
                         struct mt_zip_member *m);

/* Can a member with these flags be read, and do its sizes fit each other? */
mt_status mt_zip_check_features(const struct mt_zip *z,
                                const struct mt_zip_member *m, unsigned flags,
                                unsigned method, struct mt_err *err);
mt_status mt_zip_check_sizes(const struct mt_zip *z,
                             const struct mt_zip_member *m, struct mt_err *err);

/* Finds the members without the directory. If there are none, err is left as
 * it is: it says why the directory could not be read. */
mt_status mt_zip_find_members(struct mt_zip *z, struct mt_zip_salvage *salvage,
                              struct mt_err *err);

#endif
