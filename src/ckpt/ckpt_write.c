#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/size.h"
#include "ckpt/blockstream.h"
#include "ckpt/chunk.h"
#include "ckpt/ckpt_format.h"
#include "ckpt/packed_internal.h"

/*
 * Workers take chunks in order and pack them into a ring of slots. A worker
 * that finishes packing while nobody is writing writes every packed chunk that
 * is next in file order; the others go on packing. Memory is bounded by the
 * ring, and the file's bytes do not depend on its size. An array without data
 * is read from its source by the worker that packs it; in order, if the source
 * can only be read in order. Each chunk of an array that grows (packed.h), with
 * what is kept of it, is used by one worker only.
 */
enum {
    MAX_RING = 64,
    MAX_TASKS = 1 << 20, /* most chunks passed to the team at once */
};

struct slot {
    struct mt_chunk chunk;
    const void *elements;           /* in memory, or in `raw` once read */
    struct mt_block_stream *stream; /* NULL: they are in memory */
    struct mt_packed_chunk *known;  /* of an array that grows, or NULL */
    unsigned char *raw;             /* max_raw, if any array has a source */
    unsigned char *bytes;           /* mt_chunk_room(max_raw) */
    size_t size;
    uint32_t payload_crc;
    struct mt_sha256 sha256;
    bool packed;
};

struct writer {
    const struct mt_array *arrays;
    size_t n;
    struct mt_team *team;
    size_t chunks, max_raw;
    struct mt_packer *packer; /* (team size) */
    bool sources;             /* some arrays have no data */
    struct mt_block_rooms *rooms;    /* (team size) */
    struct mt_block_stream **stream; /* (n) of these, while they are packed */

    pthread_mutex_t lock; /* of all from here to `writing` */
    pthread_cond_t moved; /* a chunk was written, or writing failed */
    struct slot slot[MAX_RING];
    size_t ring;                   /* slots in use */
    size_t next_array, next_chunk; /* to be packed */
    size_t taken, entered, written; /* chunks: by a worker, into a slot, to the
                                       file */
    mt_status status;               /* of writing */
    mt_status read_status;          /* of reading */
    struct mt_err read_err;
    bool writing; /* a worker is writing: what follows is its own */

    struct mt_replace *file;
    uint64_t offset;             /* bytes written so far */
    struct ckpt_place *place;    /* (n) */
    size_t hashed;               /* arrays whose hash is complete */
    struct mt_digest_array hash; /* of array number `hashed` */
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
    size_t workers = mt_team_size(w->team);

    for (size_t i = 0; i < w->n; i++) {
        size_t max = mt_ckpt_chunk_max(&w->arrays[i]);

        w->max_raw = max > w->max_raw ? max : w->max_raw;
        w->chunks += mt_ckpt_chunk_count(&w->arrays[i]);
        w->sources |= !w->arrays[i].data && w->arrays[i].source;
        if (w->arrays[i].packed &&
            !mt_packed_reserve(w->arrays[i].packed,
                               mt_ckpt_chunk_count(&w->arrays[i])))
            return mt_fail_memory(err);
    }
    w->ring = 2 * workers < MAX_RING ? 2 * workers : MAX_RING;
    w->ring = w->ring < w->chunks ? w->ring : w->chunks;
    mt_digest_array_init(&w->hash);

    w->place = calloc(w->n ? w->n : 1, sizeof *w->place);
    w->packer = calloc(workers, sizeof *w->packer);
    w->stream = calloc(w->n ? w->n : 1, sizeof *w->stream);
    w->rooms = mt_block_rooms_new(workers);
    if (!w->place || !w->packer || !w->stream || !w->rooms)
        return mt_fail_memory(err);
    for (size_t i = 0; i < workers; i++) {
        if (mt_packer_init(&w->packer[i], w->max_raw, err) != MT_OK)
            return MT_NO_MEMORY;
    }
    for (size_t i = 0; i < w->ring; i++) {
        w->slot[i].bytes = malloc(mt_chunk_room(w->max_raw));
        if (w->sources)
            w->slot[i].raw = malloc(w->max_raw ? w->max_raw : 1);
        if (!w->slot[i].bytes || (w->sources && !w->slot[i].raw))
            return mt_fail_memory(err);
    }
    return MT_OK;
}

static struct writer *writer_new(const struct mt_array *arrays, size_t n,
                                 struct mt_team *team, struct mt_err *err)
{
    struct writer *w = calloc(1, sizeof *w);

    if (!w) {
        mt_fail_memory(err);
        return NULL;
    }
    w->arrays = arrays;
    w->n = n;
    w->team = team;
    w->err = err;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->moved, NULL);
    return w;
}

static void writer_free(struct writer *w)
{
    for (size_t i = 0; w->packer && i < mt_team_size(w->team); i++)
        mt_packer_free(&w->packer[i]);
    for (size_t i = 0; w->stream && i < w->n; i++)
        mt_block_stream_close(w->stream[i]);
    mt_block_rooms_free(w->rooms);
    for (size_t i = 0; i < MAX_RING; i++) {
        free(w->slot[i].bytes);
        free(w->slot[i].raw);
    }
    free(w->stream);
    free(w->packer);
    free(w->place);
    mt_replace_abort(w->file);
    pthread_cond_destroy(&w->moved);
    pthread_mutex_destroy(&w->lock);
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

/* Completes the hashes of arrays before number i, all of whose chunks are
 * written. */
static void end_arrays(struct writer *w, size_t i)
{
    while (w->hashed < i) {
        mt_digest_array_end(&w->hash, &w->place[w->hashed].sha256);
        mt_block_stream_close(w->stream[w->hashed]);
        w->stream[w->hashed] = NULL;
        mt_digest_array_init(&w->hash);
        if (++w->hashed < w->n)
            w->place[w->hashed].offset = w->offset;
    }
}

static mt_status write_slot(struct writer *w, struct slot *s)
{
    end_arrays(w, s->chunk.array);
    mt_digest_array_add(&w->hash, &s->sha256);
    mt_chunk_place(s->bytes, s->payload_crc, w->offset);
    w->place[s->chunk.array].stored += s->size;
    return put(w, s->bytes, s->size);
}

static bool failed(const struct writer *w)
{
    return w->status != MT_OK || w->read_status != MT_OK;
}

/* Writes packed chunks as long as the next one is packed. Called with the lock,
 * which is released while writing. */
static void write_packed(struct writer *w)
{
    struct slot *s = &w->slot[w->written % w->ring];

    w->writing = true;
    while (s->packed && !failed(w)) {
        pthread_mutex_unlock(&w->lock);
        mt_status status = write_slot(w, s);

        pthread_mutex_lock(&w->lock);
        w->status = status;
        s->packed = false;
        s = &w->slot[++w->written % w->ring];
        pthread_cond_broadcast(&w->moved);
    }
    w->writing = false;
}

/* Reads a chunk from its source. */
static mt_status read_slot(struct writer *w, struct slot *s, size_t worker,
                           struct mt_err *err)
{
    s->elements = s->raw;
    return mt_block_stream_read(s->stream, s->chunk.number, w->rooms, worker,
                                s->raw, err);
}

/* The lock is held. */
static bool take_failure(struct writer *w, mt_status status,
                         const struct mt_err *err)
{
    if (status == MT_OK)
        return true;
    if (w->read_status == MT_OK) {
        w->read_status = status;
        w->read_err = *err;
    }
    pthread_cond_broadcast(&w->moved);
    return false;
}

/* Sets where the elements are. Sources that can only be read in order are read
 * here, with the lock. */
static bool fill_slot(struct writer *w, struct slot *s, size_t worker)
{
    const struct mt_array *a = &w->arrays[s->chunk.array];
    size_t step = (size_t)CKPT_CHUNK_ELEMENTS * mt_dtype_size(a->dtype);
    struct mt_block_stream **stream = &w->stream[s->chunk.array];
    struct mt_err err = MT_ERR_INIT;
    mt_status status = MT_OK;

    s->stream = NULL;
    s->known = a->packed && a->data ? &a->packed->chunk[s->chunk.number] : NULL;
    if (a->data) {
        s->elements = (const char *)a->data + s->chunk.number * step;
        return true;
    }
    if (!*stream)
        status = mt_block_stream_open(a, stream, &err);
    s->stream = *stream;
    if (status == MT_OK && mt_block_stream_is_serial(s->stream))
        status = read_slot(w, s, worker, &err);
    return take_failure(w, status, &err);
}

/* Is there a free slot for that chunk and, with sources, has the chunk before
 * it got one? */
static bool may_enter(const struct writer *w, size_t number)
{
    return number - w->written < w->ring &&
           (!w->sources || number == w->entered);
}

/* The next chunk, in a free slot. Called with the lock, which is released while
 * waiting for the slot: all chunks before this one have a worker, so it becomes
 * free. NULL if writing failed. */
static struct slot *take_chunk(struct writer *w, size_t worker)
{
    const struct mt_array *a = &w->arrays[w->next_array];
    size_t number = w->taken++, array, chunk;

    while (w->next_chunk == mt_ckpt_chunk_count(a)) {
        a = &w->arrays[++w->next_array];
        w->next_chunk = 0;
    }
    array = w->next_array;
    chunk = w->next_chunk++;
    while (!may_enter(w, number) && !failed(w))
        pthread_cond_wait(&w->moved, &w->lock);
    if (failed(w))
        return NULL;
    w->entered++;
    if (w->sources)
        pthread_cond_broadcast(&w->moved);
    struct slot *s = &w->slot[number % w->ring];

    s->chunk = mt_chunk_of(a, array, chunk);
    return fill_slot(w, s, worker) ? s : NULL;
}

static void pack_slot(struct slot *s, struct mt_packer *packer)
{
    size_t size = mt_dtype_size(s->chunk.dtype);

    if (s->known)
        mt_packed_hash(s->known, s->elements, s->chunk.elements, &s->sha256);
    else
        mt_digest_chunk(s->elements, s->chunk.elements, size, &s->sha256);
    mt_chunk_encode(&s->chunk, s->elements, s->known ? &s->known->planes : NULL,
                    packer, s->bytes, &s->size);
    s->payload_crc = mt_chunk_payload_crc(s->bytes);
}

/* Tasks may start in any order; each takes the next chunk. */
static void run_task(void *ctx, size_t task, size_t worker)
{
    struct writer *w = ctx;

    (void)task;
    pthread_mutex_lock(&w->lock);
    struct slot *s = take_chunk(w, worker);

    if (s) {
        struct mt_err err = MT_ERR_INIT;
        mt_status status = MT_OK;

        pthread_mutex_unlock(&w->lock);
        if (s->stream && !mt_block_stream_is_serial(s->stream))
            status = read_slot(w, s, worker, &err);
        if (status == MT_OK)
            pack_slot(s, &w->packer[worker]);
        pthread_mutex_lock(&w->lock);
        s->packed = take_failure(w, status, &err);
        if (!w->writing)
            write_packed(w);
    }
    pthread_mutex_unlock(&w->lock);
}

static mt_status write_chunks(struct writer *w)
{
    if (w->n)
        w->place[0].offset = w->offset;
    while (w->written < w->chunks && !failed(w)) {
        size_t left = w->chunks - w->written;

        mt_team_run(w->team, left < MAX_TASKS ? left : MAX_TASKS, run_task, w);
    }
    if (w->status == MT_OK && w->read_status != MT_OK) {
        *w->err = w->read_err;
        return w->read_status;
    }
    if (w->status == MT_OK)
        end_arrays(w, w->n);
    return w->status;
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
    struct writer *w = writer_new(arrays, n, team, err);

    if (!w)
        return MT_NO_MEMORY;
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
