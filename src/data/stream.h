/*
 * Columns that stay in their file: an array too large to be held in memory is
 * read piece by piece, when its samples are asked for. It is not mapped:
 * truncating a mapped file kills its reader, while a read that comes short is
 * an error like any other.
 *
 * The file may change after it was checked. So what is used as an index later,
 * integers, is held to the range that the first pass over the file found.
 */
#ifndef MT_DATA_STREAM_H
#define MT_DATA_STREAM_H

#include "data/reader.h"

enum { MT_STREAM_BLOCK = 64 << 10 }; /* bytes that are read at once */

/* Dense elements, from the byte `offset` on. */
struct mt_stream {
    struct mt_reader reader;
    int fd;
    const char *path; /* for messages */
    uint64_t offset;
    enum mt_dtype dtype;
    size_t each; /* elements of a sample */
};

/* Gives column a stream of fd, which is closed with it; the stream is in the
 * arena. column->dtype and ->shape are set. NULL: no memory. */
struct mt_stream *mt_stream_new(int fd, const char *path, uint64_t offset,
                                struct mt_column *column,
                                struct mt_arena *arena);

/* A walk over the elements, from sample `first` on, in blocks: *n elements at
 * block, 0 at the end. */
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
