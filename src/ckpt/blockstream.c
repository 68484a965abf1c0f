#include "ckpt/blockstream.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "ckpt/statefile.h"
#include "ckpt/stateformat.h"

_Static_assert((int)MT_BLOCK == (int)CKPT_CHUNK_ELEMENTS,
               "a block of a .mtc is a chunk");

struct mt_block_stream {
    const struct mt_array *array;
    const struct mt_state_format *format; /* NULL: the array is in memory */
    void *blocks;                         /* of the format */
    enum mt_dtype stored;
};

/* --- rooms -------------------------------------------------------------- */

struct mt_block_rooms {
    size_t n;
    struct mt_block_room room[];
};

struct mt_block_rooms *mt_block_rooms_new(size_t n)
{
    struct mt_block_rooms *rooms =
        calloc(1, sizeof *rooms + n * sizeof *rooms->room);

    if (rooms)
        rooms->n = n;
    return rooms;
}

static void free_reader(struct mt_block_room *room)
{
    free(room->reader.bytes);
    mt_unpacker_free(&room->reader.unpacker);
    free(room->other);
    room->reader = (struct mt_chunk_reader){ 0 };
    room->other = NULL;
    room->raw = 0;
}

void mt_block_rooms_free(struct mt_block_rooms *rooms)
{
    for (size_t i = 0; rooms && i < rooms->n; i++) {
        free_reader(&rooms->room[i]);
        free(rooms->room[i].convert);
        free(rooms->room[i].terms);
        free(rooms->room[i].sum);
    }
    free(rooms);
}

mt_status mt_block_room_fit(struct mt_block_room *room, size_t raw,
                            struct mt_err *err)
{
    if (raw <= room->raw)
        return MT_OK;
    free_reader(room);
    room->reader.bytes = malloc(mt_chunk_room(raw));
    room->other = malloc(mt_chunk_room(raw));
    if (!room->reader.bytes || !room->other ||
        mt_unpacker_init(&room->reader.unpacker, raw, err) != MT_OK) {
        free_reader(room);
        return mt_fail_memory(err);
    }
    room->raw = raw;
    return MT_OK;
}

/* --- converting --------------------------------------------------------- */

static void convert_f64(const void *from, size_t n, float *out)
{
    const double *x = from;

    for (size_t i = 0; i < n; i++)
        out[i] = (float)x[i];
}

static void convert_f16(const void *from, size_t n, float *out)
{
    const uint16_t *x = from;

    for (size_t i = 0; i < n; i++)
        out[i] = mt_f16_to_f32(x[i]);
}

static void convert_bf16(const void *from, size_t n, float *out)
{
    const uint16_t *x = from;

    for (size_t i = 0; i < n; i++)
        out[i] = mt_bf16_to_f32(x[i]);
}

typedef void convert(const void *from, size_t n, float *out);

/* Converters from a type to float32; NULL: not a floating-point type. */
static convert *const converters[] = {
    [MT_F64] = convert_f64, [MT_F16] = convert_f16, [MT_BF16] = convert_bf16,
    [MT_OTHER] = NULL,
};

static mt_status convert_room(struct mt_block_room *room, size_t size,
                              struct mt_err *err)
{
    if (size <= room->convert_size)
        return MT_OK;
    free(room->convert);
    room->convert = malloc(size);
    room->convert_size = room->convert ? size : 0;
    return room->convert ? MT_OK : mt_fail_memory(err);
}

/* --- streams ------------------------------------------------------------ */

static mt_status open_entry(struct mt_block_stream *s, struct mt_err *err)
{
    const struct mt_array *array = s->array;
    struct mt_state_place place = mt_statefile_place(array->source);

    s->stored = place.array->dtype;
    if (s->stored == MT_OTHER)
        return mt_fail(err, MT_INVALID,
                       "%s: tensor \"%s\" cannot be read (%s)",
                       mt_statefile_path(array->source->file),
                       array->source->entry->name,
                       mt_array_type(place.array));
    if (s->stored != array->dtype &&
        (array->dtype != MT_F32 || !converters[s->stored]))
        return mt_fail(err, MT_MISMATCH,
                       "%s: tensor \"%s\": is %s, expected a floating-point "
                       "type",
                       mt_statefile_path(array->source->file),
                       place.array->name, mt_dtype_name(s->stored));
    s->format = place.format;
    return place.format->begin(place.handle, place.array, &s->blocks, err);
}

static mt_status open_mean(struct mt_block_stream *s, struct mt_err *err)
{
    const struct mt_source *source = s->array->source;

    s->format = source->computed;
    return s->format->begin((void *)(uintptr_t)source->mean, s->array,
                            &s->blocks, err);
}

mt_status mt_block_stream_open(const struct mt_array *array,
                               struct mt_block_stream **out, struct mt_err *err)
{
    struct mt_block_stream *s = calloc(1, sizeof *s);
    mt_status status = MT_OK;

    if (!s)
        return mt_fail_memory(err);
    s->array = array;
    s->stored = array->dtype;
    if (array->source && !array->data)
        status =
            array->source->computed ? open_mean(s, err) : open_entry(s, err);
    if (status != MT_OK) {
        free(s);
        return status;
    }
    *out = s;
    return MT_OK;
}

void mt_block_stream_close(struct mt_block_stream *s)
{
    if (s && s->format)
        s->format->end(s->blocks);
    free(s);
}

size_t mt_block_stream_blocks(const struct mt_block_stream *s)
{
    return mt_ckpt_chunk_count(s->array);
}

size_t mt_block_stream_elements(const struct mt_block_stream *s, size_t k)
{
    return mt_ckpt_chunk_elements(s->array, k);
}

size_t mt_block_stream_room(const struct mt_block_stream *s)
{
    return mt_ckpt_chunk_max(s->array);
}

bool mt_block_stream_is_serial(const struct mt_block_stream *s)
{
    if (s->format && s->format->is_serial)
        return s->format->is_serial(s->blocks);
    return s->format && s->format->serial;
}

mt_status mt_block_read(struct mt_block_stream *s, size_t k,
                        struct mt_block_room *room, void *out,
                        struct mt_err *err)
{
    size_t n = mt_block_stream_elements(s, k),
           size = mt_dtype_size(s->array->dtype);

    if (!s->format) {
        memcpy(out, (const char *)s->array->data + k * MT_BLOCK * size,
               n * size);
        return MT_OK;
    }
    if (s->stored == s->array->dtype)
        return s->format->block(s->blocks, k, room, out, err);

    mt_status status =
        convert_room(room, MT_BLOCK * mt_dtype_size(s->stored), err);

    if (status == MT_OK)
        status = s->format->block(s->blocks, k, room, room->convert, err);
    if (status == MT_OK)
        converters[s->stored](room->convert, n, out);
    return status;
}

mt_status mt_block_stream_read(struct mt_block_stream *s, size_t k,
                               struct mt_block_rooms *rooms, size_t worker,
                               void *out, struct mt_err *err)
{
    return mt_block_read(s, k, &rooms->room[worker], out, err);
}

bool mt_block_streams_alike(const struct mt_block_stream *a,
                            const struct mt_block_stream *b)
{
    return a->format && a->format == b->format && a->format->same &&
           a->stored == b->stored && a->array->dtype == b->array->dtype;
}

mt_status mt_block_streams_same(const struct mt_block_stream *a,
                                const struct mt_block_stream *b, size_t k,
                                struct mt_block_rooms *rooms, size_t worker,
                                bool *same, struct mt_err *err)
{
    return a->format->same(a->blocks, b->blocks, k, &rooms->room[worker], same,
                           err);
}

/* --- all of an array ---------------------------------------------------- */

enum { MAX_WINDOW = 32 };

/* Blocks that the team reads at once, and their results. */
struct window {
    struct mt_block_stream *stream;
    struct mt_block_rooms *rooms;
    size_t first, n, size; /* blocks; bytes of each */
    unsigned char *all;    /* memory for all blocks; if NULL, they go */
    unsigned char *own;    /* (window, size) here, one window at a time */
    struct {
        mt_status status;
        struct mt_err err;
    } * results; /* (window) */
};

/* Where block i of the window is. */
static unsigned char *block_at(const struct window *w, size_t i)
{
    return w->all ? w->all + (w->first + i) * w->size : w->own + i * w->size;
}

static void read_block(void *ctx, size_t task, size_t worker)
{
    struct window *w = ctx;

    w->results[task].status =
        mt_block_stream_read(w->stream, w->first + task, w->rooms, worker,
                             block_at(w, task), &w->results[task].err);
}

static void read_window(struct window *w, struct mt_team *team)
{
    if (!mt_block_stream_is_serial(w->stream)) {
        mt_team_run(team, w->n, read_block, w);
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        read_block(w, i, 0);
        if (w->results[i].status != MT_OK)
            return; /* later blocks are not used */
    }
}

/* Passes the blocks to use, if that is not NULL. */
static mt_status use_window(const struct window *w, mt_block_use *use,
                            void *ctx, struct mt_err *err)
{
    for (size_t i = 0; i < w->n; i++) {
        mt_status status = w->results[i].status;

        if (status != MT_OK) {
            *err = w->results[i].err;
            return status;
        }
        if (use)
            status =
                use(ctx, block_at(w, i),
                    mt_block_stream_elements(w->stream, w->first + i), err);
        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status each_window(struct window *w, size_t window,
                             struct mt_team *team, mt_block_use *use, void *ctx,
                             struct mt_err *err)
{
    size_t blocks = mt_block_stream_blocks(w->stream);

    for (w->first = 0; w->first < blocks; w->first += w->n) {
        size_t left = blocks - w->first;

        w->n = left < window ? left : window;
        read_window(w, team);
        mt_status status = use_window(w, use, ctx, err);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

/* Reads all blocks into out, or if that is NULL, window by window, for use. */
static mt_status read_blocks(const struct mt_array *array, struct mt_team *team,
                             void *out, mt_block_use *use, void *ctx,
                             struct mt_err *err)
{
    size_t workers = mt_team_size(team), blocks = mt_ckpt_chunk_count(array);
    size_t window = !out && 2 * workers < MAX_WINDOW ? 2 * workers : MAX_WINDOW;
    struct window w = { .size = mt_ckpt_chunk_max(array), .all = out };
    mt_status status;

    window = window < blocks ? window : blocks;
    w.rooms = mt_block_rooms_new(workers);
    if (!out)
        w.own = malloc(window * w.size);
    w.results = calloc(window, sizeof *w.results);
    if (!w.rooms || !(w.all || w.own) || !w.results)
        status = mt_fail_memory(err);
    else
        status = mt_block_stream_open(array, &w.stream, err);
    if (status == MT_OK)
        status = each_window(&w, window, team, use, ctx, err);
    mt_block_stream_close(w.stream);
    free(w.results);
    free(w.own);
    mt_block_rooms_free(w.rooms);
    return status;
}

mt_status mt_block_stream_each(const struct mt_array *array,
                               struct mt_team *team, mt_block_use *use,
                               void *ctx, struct mt_err *err)
{
    if (!mt_ckpt_chunk_count(array))
        return MT_OK;
    if (array->data)
        return use(ctx, array->data, mt_shape_elements(&array->shape), err);
    return read_blocks(array, team, NULL, use, ctx, err);
}

mt_status mt_block_stream_read_all(const struct mt_array *array,
                                   struct mt_team *team, void *out,
                                   struct mt_err *err)
{
    if (!mt_ckpt_chunk_count(array) || array->data == out)
        return MT_OK;
    if (!array->data)
        return read_blocks(array, team, out, NULL, NULL, err);
    memcpy(out, array->data, mt_array_bytes(array));
    return MT_OK;
}
