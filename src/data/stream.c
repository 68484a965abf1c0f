#include "data/stream.h"

#include <unistd.h>

#include "base/file.h"
#include "data/convert.h"

void mt_stream_start(struct mt_stream_walk *walk,
                     const struct mt_stream *stream, size_t first,
                     size_t samples)
{
    walk->stream = stream;
    walk->at = first * stream->each;
    walk->end = walk->at + samples * stream->each;
}

mt_status mt_stream_next(struct mt_stream_walk *walk, size_t *n,
                         struct mt_err *err)
{
    const struct mt_stream *s = walk->stream;
    size_t size = mt_dtype_size(s->dtype);
    size_t left = walk->end - walk->at, room = sizeof walk->block / size;
    uint64_t offset = s->offset + (uint64_t)walk->at * size;

    *n = left < room ? left : room;
    walk->at += *n;
    return mt_file_pread(s->fd, s->path, offset, walk->block, *n * size, err);
}

/* How many of the samples from number i on follow one another in the file. */
static size_t run_length(const struct mt_samples *samples, size_t i)
{
    size_t k = 1;

    while (i + k < samples->n &&
           mt_sample_number(samples, i + k) == mt_sample_number(samples, i) + k)
        k++;
    return k;
}

/* Integers, which may be used as indices, must be in the range that was
 * checked. at: the number of the first element. */
static mt_status check_range(const struct mt_stream *s, size_t at,
                             const int32_t *v, size_t n, struct mt_err *err)
{
    const struct mt_reader *r = &s->reader;

    for (size_t i = 0; i < n; i++)
        if (v[i] < mt_cut_i32(r->min) || v[i] > mt_cut_i32(r->max))
            return mt_fail(err, MT_INVALID,
                           "%s: sample %zu, element %zu: the file was changed "
                           "while it was in use: %ld; expected %lld to %lld",
                           s->path, (at + i) / s->each, (at + i) % s->each,
                           (long)v[i], r->min, r->max);
    return MT_OK;
}

/* Samples first ... first+n-1. */
static mt_status read_run(const struct mt_stream *s, size_t first, size_t n,
                          const struct mt_normalization *norm,
                          enum mt_dtype to, char *out, struct mt_err *err)
{
    struct mt_stream_walk walk;
    mt_status status = MT_OK;
    size_t some = 1;

    mt_stream_start(&walk, s, first, n);
    while (status == MT_OK && walk.at < walk.end) {
        size_t at = walk.at;

        status = mt_stream_next(&walk, &some, err);
        if (status != MT_OK)
            break;
        if (to == MT_F32)
            mt_normalize(norm, s->each, at, s->dtype, walk.block, some,
                         (float *)(void *)out);
        else
            mt_convert(s->dtype, walk.block, some, to, out);
        if (to == MT_I32)
            status =
                check_range(s, at, (const int32_t *)(void *)out, some, err);
        out += some * mt_dtype_size(to);
    }
    return status;
}

static mt_status stream_gather(const struct mt_reader *reader,
                               const struct mt_samples *samples,
                               const struct mt_normalization *norm,
                               enum mt_dtype to, void *out, struct mt_err *err)
{
    const struct mt_stream *s = (const struct mt_stream *)reader;
    size_t bytes = s->each * mt_dtype_size(to);
    mt_status status = MT_OK;

    for (size_t i = 0, k; i < samples->n && status == MT_OK; i += k) {
        k = run_length(samples, i);
        status = read_run(s, mt_sample_number(samples, i), k, norm,
                          to, (char *)out + i * bytes, err);
    }
    return status;
}

static void stream_close(struct mt_reader *reader)
{
    close(((struct mt_stream *)reader)->fd);
}

struct mt_stream *mt_stream_new(int fd, const char *path, uint64_t offset,
                                struct mt_column *column,
                                struct mt_arena *arena)
{
    struct mt_stream *s = mt_arena_alloc(arena, sizeof *s);

    if (!s)
        return NULL;
    *s = (struct mt_stream){
        .reader = { stream_gather, stream_close, .min = 0, .max = -1 },
        .fd = fd,
        .path = path,
        .offset = offset,
        .dtype = column->dtype,
        .each = mt_shape_elements(&column->shape),
    };
    column->reader = &s->reader;
    return s;
}
