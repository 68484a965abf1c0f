/* State files: the checkpoint itself, read chunk by chunk. */
#include <stdlib.h>

#include "ckpt/stateformat.h"

/* One array of an open checkpoint, and where its chunks begin. */
struct blocks {
    const struct mt_ckpt *ckpt;
    size_t array, n;
    uint64_t offset[]; /* (n + 1): of the chunks, and the end of the array */
};

static mt_status open_mtc(const char *path, int fd, uint64_t size,
                          struct mt_state_opening *opening, void **handle,
                          struct mt_err *err)
{
    (void)opening; /* damage is found when arrays are read */
    struct mt_ckpt *ckpt = NULL;
    mt_status status = mt_ckpt_take(path, fd, size, &ckpt, err);

    *handle = ckpt;
    return status;
}

static void close_mtc(void *handle)
{
    mt_ckpt_close(handle);
}

static size_t count_mtc(const void *handle)
{
    return mt_ckpt_count(handle);
}

static const struct mt_array *array_mtc(const void *handle, size_t i)
{
    return mt_ckpt_array(handle, i);
}

static struct mt_chunk_job job_of(const struct blocks *b, size_t k)
{
    return (struct mt_chunk_job){
        .chunk = mt_chunk_of(&b->ckpt->arrays[b->array], b->array, k),
        .offset = b->offset[k],
    };
}

/* Chunks are found from header to header. */
static mt_status find_chunks(struct blocks *b, struct mt_err *err)
{
    uint64_t end = b->offset[b->n];

    for (size_t k = 0; k + 1 < b->n; k++) {
        struct mt_chunk_job job = job_of(b, k);
        const char *fault = mt_chunk_job_find(b->ckpt, &job, end);

        if (fault)
            mt_chunk_job_damaged(b->ckpt, &job, fault);
        if (job.status != MT_OK) {
            *err = job.err;
            return job.status;
        }
        b->offset[k + 1] = b->offset[k] + job.size;
    }
    return MT_OK;
}

static mt_status begin_mtc(void *handle, const struct mt_array *array,
                           void **out, struct mt_err *err)
{
    const struct mt_ckpt *ckpt = handle;
    size_t n = mt_ckpt_chunk_count(array);
    struct blocks *b = malloc(sizeof *b + (n + 1) * sizeof *b->offset);

    if (!b)
        return mt_fail_memory(err);
    b->ckpt = ckpt;
    b->array = (size_t)(array - ckpt->arrays);
    b->n = n;
    b->offset[0] = ckpt->place[b->array].offset;
    b->offset[n] = b->offset[0] + ckpt->place[b->array].stored;
    mt_status status = find_chunks(b, err);

    if (status != MT_OK) {
        free(b);
        return status;
    }
    *out = b;
    return MT_OK;
}

static void end_mtc(void *blocks)
{
    free(blocks);
}

/* Makes the job for chunk k from its offsets. A chunk larger than any can be is
 * refused before it is read. */
static mt_status place_chunk(const struct blocks *b, size_t k,
                             struct mt_chunk_job *job, struct mt_err *err)
{
    uint64_t size = b->offset[k + 1] - b->offset[k];
    size_t raw = job->chunk.elements * mt_dtype_size(job->chunk.dtype);

    job->size = (size_t)size;
    if (size >= CKPT_CHUNK_HEADER && size <= mt_chunk_room(raw))
        return MT_OK;
    mt_chunk_job_damaged(b->ckpt, job,
                         "the last chunk does not end with its array's place");
    *err = job->err;
    return job->status;
}

static mt_status finish(const struct mt_chunk_job *job, struct mt_err *err)
{
    if (job->status != MT_OK && err)
        *err = job->err;
    return job->status;
}

static mt_status block_mtc(void *blocks, size_t k, struct mt_block_room *room,
                           void *out, struct mt_err *err)
{
    const struct blocks *b = blocks;
    const struct mt_array *array = &b->ckpt->arrays[b->array];
    struct mt_chunk_job job = job_of(b, k);
    mt_status status = place_chunk(b, k, &job, err);

    if (status == MT_OK)
        status = mt_block_room_fit(room, mt_ckpt_chunk_max(array), err);
    if (status != MT_OK)
        return status;
    job.out = out;
    mt_chunk_job_run(b->ckpt, &job, &room->reader);
    return finish(&job, err);
}

static mt_status same_mtc(void *blocks_a, void *blocks_b, size_t k,
                          struct mt_block_room *room, bool *same,
                          struct mt_err *err)
{
    const struct blocks *a = blocks_a, *b = blocks_b;
    struct mt_chunk_job job_a = job_of(a, k), job_b = job_of(b, k);
    mt_status status = place_chunk(a, k, &job_a, err);

    if (status == MT_OK)
        status = place_chunk(b, k, &job_b, err);
    if (status == MT_OK)
        status = mt_block_room_fit(
            room, mt_ckpt_chunk_max(&a->ckpt->arrays[a->array]), err);
    if (status != MT_OK)
        return status;
    *same = mt_chunk_jobs_same(a->ckpt, &job_a, b->ckpt, &job_b, &room->reader,
                               room->other);
    status = finish(&job_a, err);
    return status == MT_OK ? finish(&job_b, err) : status;
}

const struct mt_state_format mt_state_mtc = {
    .name = "mtc",
    .ending = ".mtc",
    .is = mt_ckpt_is,
    .open = open_mtc,
    .close = close_mtc,
    .count = count_mtc,
    .array = array_mtc,
    .begin = begin_mtc,
    .block = block_mtc,
    .end = end_mtc,
    .same = same_mtc,
};
