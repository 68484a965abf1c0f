#include "data/stream.h"

#include "base/file.h"

void mt_stream_start(struct mt_stream_walk *walk,
                     const struct mt_column *column, size_t first,
                     size_t samples)
{
    size_t each = mt_shape_elements(&column->shape);

    walk->column = column;
    walk->at = first * each;
    walk->end = walk->at + samples * each;
}

mt_status mt_stream_next(struct mt_stream_walk *walk, size_t *n,
                         struct mt_err *err)
{
    const struct mt_column *column = walk->column;
    size_t size = mt_dtype_size(column->dtype);
    size_t left = walk->end - walk->at, room = sizeof walk->block / size;
    uint64_t offset = column->offset + (uint64_t)walk->at * size;

    *n = left < room ? left : room;
    walk->at += *n;
    return mt_file_pread(column->stream->fd, column->stream->path, offset,
                         walk->block, *n * size, err);
}
