#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/size.h"
#include "ckpt/blockstream.h"
#include "ckpt/chunk.h"
#include "ckpt/ckpt_format.h"

/*
 * Chunks are packed in windows: while the team packs one window, one of its
 * tasks writes the window before. Memory is bounded by two windows, and the
 * file's bytes do not depend on their size.
 */
enum { MAX_WINDOW = 32 };

struct slot {
    struct mt_chunk chunk;
    const void *elements;           /* in memory, or in `raw` once it is read */
    struct mt_block_stream *stream; /* NULL: they are in memory */
    unsigned char *raw;             /* max_raw, where an array has a source */
    unsigned char *bytes;           /* mt_chunk_room(max_raw) */
    size_t size;
    uint32_t payload_crc;
    struct mt_sha256 sha256;
    mt_status status;
    struct mt_err err;
};

struct window {
    struct slot slot[MAX_WINDOW];
    size_t n;
};

struct writer {
    const struct mt_array *arrays;
    size_t n;
    struct mt_team *team;
    struct mt_replace *file;
    uint64_t offset;          /* bytes written so far */
    struct ckpt_place *place; /* (n) */

    size_t next_array, next_chunk; /* to be packed */
    size_t hashed;                 /* arrays whose hash is complete */
    struct mt_digest_array hash;   /* of array number `hashed` */

    size_t max_raw, window_size;
    struct window window[2];
    struct window *packing, *writing;
    struct mt_packer *packer; /* (team size) */

    /* Arrays that come from files: the one of next_array, and those that the
     * window is done with. */
    bool sources;
    struct mt_block_rooms *rooms; /* (team size) */
    struct mt_block_stream *stream, *done[MAX_WINDOW + 1];
    size_t n_done;

    mt_status status; /* of the window that is being written */
    struct mt_err *err;
};

static mt_status check_array(const struct mt_array *array, size_t i,
                             struct mt_err *err)
{
    const char *fault = mt_ckpt_name_fault(array->name, strlen(array->name));
    uint64_t bytes;

    if (fault)
        return mt_fail(err, MT_INVALID, "array %zu: the name \"%s\" %s", i,
                       array->name, fault);
    if (array->shape.rank < 0 || array->shape.rank > MT_MAX_RANK)
        return mt_fail(err, MT_INVALID,
                       "array \"%s\": has %d dimensions, at most %d allowed",
                       array->name, array->shape.rank, MT_MAX_RANK);
    if (!mt_ckpt_dtype_allowed(array->dtype))
        return mt_fail(err, MT_INVALID,
                       "array \"%s\": a checkpoint cannot hold %s (only "
                       "float32, float64, int32, int64, uint8)",
                       array->name, mt_dtype_name(array->dtype));
    if (!mt_ckpt_array_bytes(array, &bytes))
        return mt_fail(err, MT_INVALID, "array \"%s\": %s is too large",
                       array->name, mt_shape_text(&array->shape).text);
    if (bytes && !array->data && !array->source)
        return mt_fail(err, MT_INVALID, "array \"%s\": has no data",
                       array->name);
    return MT_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static mt_status check_unique(const struct mt_array *arrays, size_t n,
                              struct mt_err *err)
{
    mt_status status = MT_OK;
    const char **names = calloc(n ? n : 1, sizeof *names);

    if (!names)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        names[i] = arrays[i].name;
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n && status == MT_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            status = mt_fail(err, MT_INVALID,
                             "array \"%s\": the name is there twice", names[i]);
    }
    free(names);
    return status;
}

static size_t entry_size(const struct mt_array *array)
{
    return 2 + strlen(array->name) + 1 + strlen(mt_dtype_name(array->dtype)) +
           1 + 8 * (size_t)array->shape.rank + ENTRY_TAIL;
}

static mt_status check_arrays(const struct mt_array *arrays, size_t n,
                              uint64_t *raw_bytes, struct mt_err *err)
{
    uint64_t sum = 0, bytes = 0;
    size_t index = 8;

    if (n > MT_CKPT_MAX_ARRAYS)
        return mt_fail(err, MT_INVALID, "%zu arrays, at most %d allowed", n,
                       MT_CKPT_MAX_ARRAYS);
    for (size_t i = 0; i < n; i++) {
        mt_status status = check_array(&arrays[i], i, err);

        if (status != MT_OK)
            return status;
        mt_ckpt_array_bytes(&arrays[i], &bytes);
        if (bytes > INT64_MAX - sum ||
            mt_ckpt_chunk_count(&arrays[i]) > UINT32_MAX)
            return mt_fail(err, MT_INVALID, "array \"%s\": %s is too large",
                           arrays[i].name,
                           mt_shape_text(&arrays[i].shape).text);
        sum += bytes;
        index += entry_size(&arrays[i]);
    }
    if (index > CKPT_MAX_INDEX)
        return mt_fail(err, MT_INVALID,
                       "too many arrays: their index takes %zu bytes, at most "
                       "%d allowed",
                       index, CKPT_MAX_INDEX);
    *raw_bytes = sum;
    return check_unique(arrays, n, err);
}

static mt_status writer_init(struct writer *w, struct mt_err *err)
{
    size_t workers = mt_team_size(w->team), chunks = 0;

    for (size_t i = 0; i < w->n; i++) {
        size_t max = mt_ckpt_chunk_max(&w->arrays[i]);

        w->max_raw = max > w->max_raw ? max : w->max_raw;
        chunks += mt_ckpt_chunk_count(&w->arrays[i]);
        w->sources |= !w->arrays[i].data && w->arrays[i].source;
    }
    w->window_size = 2 * workers < MAX_WINDOW ? 2 * workers : MAX_WINDOW;
    if (w->window_size > chunks)
        w->window_size = chunks ? chunks : 1;
    w->packing = &w->window[0];
    w->writing = &w->window[1];
    mt_digest_array_init(&w->hash);

    w->place = calloc(w->n ? w->n : 1, sizeof *w->place);
    w->packer = calloc(workers, sizeof *w->packer);
    w->rooms = mt_block_rooms_new(workers);
    if (!w->place || !w->packer || !w->rooms)
        return mt_fail_memory(err);
    for (size_t i = 0; i < workers; i++) {
        if (mt_packer_init(&w->packer[i], w->max_raw, err) != MT_OK)
            return MT_NO_MEMORY;
    }
    for (size_t i = 0; i < 2 * w->window_size; i++) {
        struct slot *s = &w->window[i % 2].slot[i / 2];

        s->bytes = malloc(mt_chunk_room(w->max_raw));
        if (w->sources)
            s->raw = malloc(w->max_raw ? w->max_raw : 1);
        if (!s->bytes || (w->sources && !s->raw))
            return mt_fail_memory(err);
    }
    return MT_OK;
}

static void close_done(struct writer *w)
{
    while (w->n_done)
        mt_block_stream_close(w->done[--w->n_done]);
}

static void writer_free(struct writer *w)
{
    close_done(w);
    mt_block_stream_close(w->stream);
    mt_block_rooms_free(w->rooms);
    for (size_t i = 0; w->packer && i < mt_team_size(w->team); i++)
        mt_packer_free(&w->packer[i]);
    for (size_t i = 0; i < 2 * MAX_WINDOW; i++) {
        free(w->window[i % 2].slot[i / 2].bytes);
        free(w->window[i % 2].slot[i / 2].raw);
    }
    free(w->packer);
    free(w->place);
    mt_replace_abort(w->file);
    free(w);
}

static mt_status put(struct writer *w, const void *bytes, size_t n)
{
    mt_status status = mt_replace_write(w->file, bytes, n, w->err);

    if (status == MT_OK)
        w->offset += n;
    return status;
}

static mt_status write_header(struct writer *w)
{
    unsigned char p[CKPT_HEADER] = { 0 };

    memcpy(p, mt_ckpt_magic, CKPT_MAGIC);
    put_u16(p + HEADER_MAJOR, CKPT_MAJOR);
    put_u16(p + HEADER_MINOR, CKPT_MINOR);
    put_u32(p + HEADER_CRC, (uint32_t)crc32(0, p, HEADER_CRC));
    return put(w, p, sizeof p);
}

/* Completes the arrays before number i: no chunk of theirs is to come. */
static void end_arrays(struct writer *w, size_t i)
{
    while (w->hashed < i) {
        mt_digest_array_end(&w->hash, &w->place[w->hashed].sha256);
        mt_digest_array_init(&w->hash);
        if (++w->hashed < w->n)
            w->place[w->hashed].offset = w->offset;
    }
}

static mt_status write_window(struct writer *w)
{
    for (size_t i = 0; i < w->writing->n; i++) {
        struct slot *s = &w->writing->slot[i];

        if (s->status != MT_OK) {
            if (w->err)
                *w->err = s->err;
            return s->status;
        }
        end_arrays(w, s->chunk.array);
        mt_digest_array_add(&w->hash, &s->sha256);
        mt_chunk_place(s->bytes, s->payload_crc, w->offset);
        w->place[s->chunk.array].stored += s->size;
        mt_status status = put(w, s->bytes, s->size);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static void read_slot(struct slot *s, struct mt_block_rooms *rooms,
                      size_t worker)
{
    s->elements = s->raw;
    s->status = mt_block_stream_read(s->stream, s->chunk.number, rooms, worker,
                                     s->raw, &s->err);
}

static void pack_slot(struct slot *s, struct mt_packer *packer)
{
    size_t size = mt_dtype_size(s->chunk.dtype);

    s->status =
        mt_chunk_encode(&s->chunk, s->elements, packer, s->bytes, &s->size);
    if (s->status != MT_OK) {
        mt_fail_memory(&s->err);
        return;
    }
    s->payload_crc = mt_chunk_payload_crc(s->bytes);
    mt_digest_chunk(s->elements, s->chunk.elements, size, &s->sha256);
}

/* Task 0 writes the window before, the others pack a chunk each. */
static void run_task(void *ctx, size_t task, size_t worker)
{
    struct writer *w = ctx;

    if (task == 0) {
        w->status = write_window(w);
        return;
    }
    struct slot *s = &w->packing->slot[task - 1];

    if (s->stream && !mt_block_stream_is_serial(s->stream))
        read_slot(s, w->rooms, worker);
    if (s->status == MT_OK)
        pack_slot(s, &w->packer[worker]);
}

/* The next chunk of the array. What can only be read in order is read here. */
static mt_status fill_slot(struct writer *w, struct slot *s)
{
    const struct mt_array *a = &w->arrays[w->next_array];
    size_t step = (size_t)CKPT_CHUNK_ELEMENTS * mt_dtype_size(a->dtype);

    mt_status status = !a->data && !w->stream
                           ? mt_block_stream_open(a, &w->stream, w->err)
                           : MT_OK;

    if (status != MT_OK)
        return status;
    s->status = MT_OK;
    s->stream = w->stream;
    s->chunk = mt_chunk_of(a, w->next_array, w->next_chunk);
    if (!s->stream)
        s->elements = (const char *)a->data + w->next_chunk * step;
    else if (mt_block_stream_is_serial(s->stream))
        read_slot(s, w->rooms, 0);
    w->next_chunk++;
    return MT_OK;
}

/* Takes the next chunks into the window; none are left when it stays empty. */
static mt_status fill_window(struct writer *w)
{
    struct window *win = w->packing;

    win->n = 0;
    while (win->n < w->window_size && w->next_array < w->n) {
        const struct mt_array *a = &w->arrays[w->next_array];

        if (w->next_chunk == mt_ckpt_chunk_count(a)) {
            if (w->stream) /* each but the first has a chunk in here */
                w->done[w->n_done++] = w->stream;
            w->stream = NULL;
            w->next_array++;
            w->next_chunk = 0;
            continue;
        }
        mt_status status = fill_slot(w, &win->slot[win->n]);

        if (status != MT_OK)
            return status;
        win->n++;
    }
    return MT_OK;
}

static mt_status write_chunks(struct writer *w)
{
    if (w->n)
        w->place[0].offset = w->offset;
    do {
        mt_status status = fill_window(w);

        if (status != MT_OK)
            return status;
        mt_team_run(w->team, 1 + w->packing->n, run_task, w);
        close_done(w);
        if (w->status != MT_OK)
            return w->status;
        struct window *packed = w->packing;

        w->packing = w->writing;
        w->writing = packed;
    } while (w->writing->n);
    end_arrays(w, w->n);
    return MT_OK;
}

static mt_status write_index(struct writer *w, uint64_t *size, uint32_t *crc)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    unsigned char identity[MT_IDENTITY_MAX], tail[ENTRY_TAIL], count[8];
    static const unsigned char zeros[CKPT_ALIGN];
    mt_status status;

    put_u64(count, w->n);
    mt_strbuf_add(&out, count, sizeof count);
    for (size_t i = 0; i < w->n; i++) {
        size_t n = mt_digest_identity(&w->arrays[i], identity);

        mt_strbuf_add(&out, identity, n);
        memcpy(tail + ENTRY_SHA256, w->place[i].sha256.byte,
               sizeof w->place[i].sha256.byte);
        tail[ENTRY_FLAGS] = 0;
        put_u64(tail + ENTRY_OFFSET, w->place[i].offset);
        put_u64(tail + ENTRY_STORED, w->place[i].stored);
        mt_strbuf_add(&out, tail, sizeof tail);
    }
    *size = out.len;
    mt_strbuf_add(&out, zeros, (size_t)mt_ckpt_align(out.len) - out.len);
    if (out.failed) {
        status = mt_fail_memory(w->err);
    } else {
        *crc = (uint32_t)crc32(0, (const Bytef *)out.text, (uInt)*size);
        status = put(w, out.text, out.len);
    }
    mt_strbuf_free(&out);
    return status;
}

static void state_digest(const struct writer *w, struct mt_sha256 *out)
{
    struct mt_digest_state d;

    mt_digest_state_init(&d, w->n);
    for (size_t i = 0; i < w->n; i++)
        mt_digest_state_add(&d, &w->arrays[i], &w->place[i].sha256);
    mt_digest_state_end(&d, out);
}

static mt_status write_end(struct writer *w, struct mt_sha256 *digest)
{
    unsigned char p[CKPT_FOOTER] = { 0 };
    uint64_t index_at = w->offset, index_size = 0;
    uint32_t crc = 0;
    mt_status status = write_index(w, &index_size, &crc);

    if (status != MT_OK)
        return status;
    state_digest(w, digest);
    memcpy(p, mt_ckpt_footer_magic, CKPT_MAGIC);
    put_u64(p + FOOTER_INDEX_AT, index_at);
    put_u64(p + FOOTER_INDEX_SIZE, index_size);
    put_u64(p + FOOTER_FILE_SIZE, w->offset + sizeof p);
    put_u64(p + FOOTER_ARRAYS, w->n);
    memcpy(p + FOOTER_DIGEST, digest->byte, sizeof digest->byte);
    put_u32(p + FOOTER_INDEX_CRC, crc);
    put_u32(p + FOOTER_CRC, (uint32_t)crc32(0, p, FOOTER_CRC));
    return put(w, p, sizeof p);
}

mt_status mt_ckpt_write(const char *path, const struct mt_array *arrays,
                        size_t n, struct mt_team *team,
                        struct mt_ckpt_info *info, struct mt_err *err)
{
    struct mt_sha256 digest;
    uint64_t raw_bytes = 0;
    struct mt_replace *file;
    mt_status status = check_arrays(arrays, n, &raw_bytes, err);

    if (status != MT_OK) {
        mt_context(err, "%s", path);
        return status;
    }
    struct writer *w = calloc(1, sizeof *w);

    if (!w)
        return mt_fail_memory(err);
    w->arrays = arrays;
    w->n = n;
    w->team = team;
    w->err = err;
    if ((status = writer_init(w, err)) != MT_OK ||
        (status = mt_replace_open(path, &w->file, err)) != MT_OK ||
        (status = write_header(w)) != MT_OK ||
        (status = write_chunks(w)) != MT_OK ||
        (status = write_end(w, &digest)) != MT_OK)
        goto out;
    file = w->file;
    w->file = NULL;
    status = mt_replace_commit(file, err);
    if (status == MT_OK && info) {
        info->bytes = w->offset;
        info->raw_bytes = raw_bytes;
        mt_digest_text(&digest, info->digest);
    }
out:
    writer_free(w);
    return status;
}
