/*
 * A format of state files: a row of the table in statefile.c. For the files of
 * this folder only.
 */
#ifndef MT_CKPT_STATEFORMAT_H
#define MT_CKPT_STATEFORMAT_H

#include "ckpt/blockstream.h"
#include "ckpt/ckpt_reader.h"
#include "ckpt/statefile.h"

/* A worker's scratch memory, allocated as needed. */
struct mt_block_room {
    struct mt_chunk_reader reader;
    size_t raw;           /* bytes of the largest chunk that reader can read */
    unsigned char *other; /* like reader.bytes, for a second chunk */
    unsigned char *convert;
    size_t convert_size;
    double *terms, *sum; /* (MT_BLOCK) of a mean */
};

/* Allocates reader and other for chunks of up to `raw` bytes. */
mt_status mt_block_room_fit(struct mt_block_room *room, size_t raw,
                            struct mt_err *err);

/* Input and output of a format's open. */
struct mt_state_opening {
    struct mt_state_options options;
    size_t lost; /* arrays that are left out, each of them noted */
};

/* Passes a sentence to the options' note, if there is one. */
void mt_state_note(struct mt_state_opening *o, bool damage, const char *fmt,
                   ...) MT_PRINTF(3, 4);

struct mt_state_format {
    const char *name, *ending;
    bool serial;   /* blocks must be read in order, see blockstream.h */
    bool (*is)(const void *head, size_t n);
    /* takes over fd, open on the file, even if it fails; path is for
     * messages */
    mt_status (*open)(const char *path, int fd, uint64_t size,
                      struct mt_state_opening *opening, void **handle,
                      struct mt_err *err);
    void (*close)(void *handle);
    size_t (*count)(const void *handle);
    const struct mt_array *(*array)(const void *handle, size_t i);
    /* see mt_statefile_groups(); NULL: none */
    const struct mt_state_group *(*groups)(const void *handle, size_t *n);
    /* Blocks of one of its arrays, as in blockstream.h, but in the file's type.
     * `blocks` is from begin. */
    mt_status (*begin)(void *handle, const struct mt_array *array,
                       void **blocks, struct mt_err *err);
    mt_status (*block)(void *blocks, size_t k, struct mt_block_room *room,
                       void *out, struct mt_err *err);
    void (*end)(void *blocks);
    /* Must these blocks be read in order? NULL: see `serial`. */
    bool (*is_serial)(const void *blocks);
    /* NULL: stored bytes cannot be compared */
    mt_status (*same)(void *blocks_a, void *blocks_b, size_t k,
                      struct mt_block_room *room, bool *same,
                      struct mt_err *err);
    /* NULL: cannot be written */
    mt_status (*write)(const char *path, const struct mt_array *arrays,
                       size_t n, struct mt_team *team, uint64_t *bytes,
                       struct mt_err *err);
};

/* Reads block k of a stream with this scratch memory (mt_block_stream_read). */
mt_status mt_block_read(struct mt_block_stream *s, size_t k,
                        struct mt_block_room *room, void *out,
                        struct mt_err *err);

extern const struct mt_state_format mt_state_mtc, mt_state_safetensors,
    mt_state_torch, mt_state_npz, mt_state_npy;

/* The format of an open file, its handle, and the handle's own array for an
 * entry. */
struct mt_state_place {
    const struct mt_state_format *format;
    void *handle;
    const struct mt_array *array;
};
struct mt_state_place mt_statefile_place(const struct mt_source *source);

#endif
