/*
 * The elements of an array, a block at a time, in memory or in a state file of
 * any format. So files of any size are compared, copied and converted in little
 * memory, by many threads.
 *
 *     struct mt_block_stream *s;
 *     struct mt_block_rooms *rooms = mt_block_rooms_new(workers);
 *     mt_block_stream_open(&array, &s, err);
 *     for (size_t k = 0; k < mt_block_stream_blocks(s); k++)
 *         mt_block_stream_read(s, k, rooms, worker, out, err);
 *     mt_block_stream_close(s);
 *
 * An array with data is read from there. One without has a source: an entry of
 * an open state file. If the array's type is float32 and the entry's another
 * floating-point type, elements are converted: exactly from float16 and
 * bfloat16, rounded from float64.
 */
#ifndef MT_CKPT_BLOCKSTREAM_H
#define MT_CKPT_BLOCKSTREAM_H

#include "base/dtype.h"
#include "base/status.h"
#include "base/team.h"

enum { MT_BLOCK = 256 * 1024 }; /* elements of a block; the last has fewer */

struct mt_statefile;
struct mt_mean;
struct mt_state_format;

struct mt_source {
    struct mt_statefile *file; /* open as long as the array is in use */
    const struct mt_array *entry;  /* one of its arrays */
    const struct mt_mean *mean;    /* or what it is computed from, and how
                                      (mt_mean_source() of blockmean.h) */
    const struct mt_state_format *computed;
};

struct mt_block_stream;

/* Scratch memory of n workers for reading blocks. NULL: no memory. */
struct mt_block_rooms;
struct mt_block_rooms *mt_block_rooms_new(size_t n);
void mt_block_rooms_free(struct mt_block_rooms *rooms); /* NULL is allowed */

/* array must outlive the stream. */
mt_status mt_block_stream_open(const struct mt_array *array,
                               struct mt_block_stream **out,
                               struct mt_err *err);
void mt_block_stream_close(struct mt_block_stream *s); /* NULL is allowed */

size_t mt_block_stream_blocks(const struct mt_block_stream *s);
size_t mt_block_stream_elements(const struct mt_block_stream *s,
                                size_t k); /* of block k */
size_t mt_block_stream_room(
    const struct mt_block_stream *s); /* of the largest */

/* True: blocks can be read only once and in order, by one thread at a time.
 * False: any worker may read any block at any time. */
bool mt_block_stream_is_serial(const struct mt_block_stream *s);

/* Reads block k to out, which has room for it. Each worker uses its own
 * scratch. */
mt_status mt_block_stream_read(struct mt_block_stream *s, size_t k,
                               struct mt_block_rooms *rooms, size_t worker,
                               void *out, struct mt_err *err);

/* Can stored bytes be compared without unpacking them? */
bool mt_block_streams_alike(const struct mt_block_stream *a,
                            const struct mt_block_stream *b);

/* For two alike, whose arrays have the same shape: are the stored bytes of
 * block k the same? Then the elements are, too, since they are a function of
 * these bytes and the type. Checksums are verified, if the format has any. */
mt_status mt_block_streams_same(const struct mt_block_stream *a,
                                const struct mt_block_stream *b, size_t k,
                                struct mt_block_rooms *rooms, size_t worker,
                                bool *same, struct mt_err *err);

/* Calls use for all elements in order, some at a time; the team reads ahead.
 * Stops at the first failure. */
typedef mt_status mt_block_use(void *ctx, const void *elements, size_t n,
                               struct mt_err *err);
mt_status mt_block_stream_each(const struct mt_array *array,
                               struct mt_team *team, mt_block_use *use,
                               void *ctx, struct mt_err *err);

/* Reads all elements into out. */
mt_status mt_block_stream_read_all(const struct mt_array *array,
                                   struct mt_team *team, void *out,
                                   struct mt_err *err);

#endif
