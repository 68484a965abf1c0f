/*
 * Columns that stay in their file: samples of an array too large for memory are
 * read when they are needed. The file is not mapped: when a mapped file is
 * truncated, the process is killed, while a short read is an ordinary error.
 *
 * The file may change after it was checked. So integers, which may be used as
 * indices, are checked again: they must be in the range that the first pass
 * found.
 */
#ifndef MT_DATA_STREAM_H
#define MT_DATA_STREAM_H

#include "data/reader.h"

enum { MT_STREAM_BLOCK = 64 << 10 }; /* bytes read at once */

/* Dense elements, from byte `offset` on. */
struct mt_stream {
    struct mt_reader reader;
    int fd;
    const char *path; /* for messages */
    uint64_t offset;
    enum mt_dtype dtype;
    size_t each; /* elements of a sample */
};

/* Makes a stream of fd the reader of column; closing it closes fd. The stream
 * is in the arena. column->dtype and ->shape must be set. NULL: no memory. */
struct mt_stream *mt_stream_new(int fd, const char *path, uint64_t offset,
                                struct mt_column *column,
                                struct mt_arena *arena);

/* Reads the elements from sample `first` on, in blocks: *n elements at block, 0
 * at the end. */
struct mt_stream_walk {
    const struct mt_stream *stream;
    size_t at, end; /* elements */
    char block[MT_STREAM_BLOCK];
};
void mt_stream_start(struct mt_stream_walk *walk,
                     const struct mt_stream *stream, size_t first,
                     size_t samples);
mt_status mt_stream_next(struct mt_stream_walk *walk, size_t *n,
                         struct mt_err *err);

#endif
