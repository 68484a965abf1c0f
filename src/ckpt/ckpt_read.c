#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ckpt/ckpt_reader.h"

/* Chunks are found one after the other, from header to header, and then read
 * and unpacked by the team, a window of them at a time. */
enum { MAX_WINDOW = 64 };

struct reading {
    const struct mt_ckpt *ckpt;
    struct mt_chunk_reader *readers; /* (team size) */
    struct mt_chunk_job *jobs;       /* (window) */
    size_t window, n_jobs;
    size_t array, next_chunk;
    uint64_t offset; /* where the next chunk should be */
    unsigned char *out;
};

mt_status mt_chunk_readers_new(size_t n, size_t max_raw,
                               struct mt_chunk_reader **out, struct mt_err *err)
{
    struct mt_chunk_reader *readers = calloc(n, sizeof *readers);

    if (!readers)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        readers[i].bytes = malloc(mt_chunk_room(max_raw));
        if (!readers[i].bytes ||
            mt_unpacker_init(&readers[i].unpacker, max_raw, err) != MT_OK) {
            mt_chunk_readers_free(readers, n);
            return mt_fail_memory(err);
        }
    }
    *out = readers;
    return MT_OK;
}

void mt_chunk_readers_free(struct mt_chunk_reader *readers, size_t n)
{
    for (size_t i = 0; readers && i < n; i++) {
        free(readers[i].bytes);
        mt_unpacker_free(&readers[i].unpacker);
    }
    free(readers);
}

void mt_chunk_job_damaged(const struct mt_ckpt *ckpt, struct mt_chunk_job *job,
                          const char *what)
{
    job->status =
        mt_fail(&job->err, MT_DAMAGED,
                "%s: damaged: array \"%s\", chunk %zu at offset %llu: %s",
                ckpt->path, ckpt->arrays[job->chunk.array].name,
                job->chunk.number, (unsigned long long)job->offset, what);
}

const char *mt_chunk_job_find(const struct mt_ckpt *ckpt,
                              struct mt_chunk_job *job, uint64_t end)
{
    unsigned char header[CKPT_CHUNK_HEADER];
    const char *fault;

    if (job->offset >= end || end - job->offset < sizeof header)
        return "there is no chunk";
    job->status = mt_file_pread(ckpt->fd, ckpt->path, job->offset, header,
                                sizeof header, &job->err);
    if (job->status != MT_OK)
        return NULL;
    fault = mt_chunk_header_fault(&job->chunk, header, &job->size);
    if (!fault && job->size > end - job->offset)
        fault = "the chunk reaches beyond its array's place";
    return fault;
}

void mt_chunk_job_run(const struct mt_ckpt *ckpt, struct mt_chunk_job *job,
                      struct mt_chunk_reader *reader)
{
    struct mt_err inner = MT_ERR_INIT;

    if (job->status != MT_OK)
        return;
    job->status = mt_file_pread(ckpt->fd, ckpt->path, job->offset,
                                reader->bytes, job->size, &job->err);
    if (job->status != MT_OK)
        return;
    job->status =
        mt_chunk_decode(&job->chunk, reader->bytes, job->size, job->offset,
                        &reader->unpacker, job->out, &inner);
    if (job->status == MT_DAMAGED)
        mt_chunk_job_damaged(ckpt, job, inner.text);
    else if (job->status != MT_OK)
        job->err = inner;
}

static bool read_chunk(const struct mt_ckpt *ckpt, struct mt_chunk_job *job,
                       unsigned char *bytes)
{
    job->status = mt_file_pread(ckpt->fd, ckpt->path, job->offset, bytes,
                                job->size, &job->err);
    return job->status == MT_OK;
}

static bool check_chunk(const struct mt_ckpt *ckpt, struct mt_chunk_job *job,
                        const unsigned char *bytes, uint32_t payload_crc)
{
    struct mt_err inner = MT_ERR_INIT;

    job->status = mt_chunk_check(&job->chunk, bytes, job->size, job->offset,
                                 payload_crc, &inner);
    if (job->status != MT_OK)
        mt_chunk_job_damaged(ckpt, job, inner.text);
    return job->status == MT_OK;
}

bool mt_chunk_jobs_same(const struct mt_ckpt *ckpt_a, struct mt_chunk_job *a,
                        const struct mt_ckpt *ckpt_b, struct mt_chunk_job *b,
                        struct mt_chunk_reader *reader, unsigned char *bytes)
{
    size_t size;

    if (a->size != b->size || !read_chunk(ckpt_a, a, reader->bytes) ||
        !read_chunk(ckpt_b, b, bytes) ||
        mt_chunk_header_fault(&a->chunk, reader->bytes, &size) ||
        size != a->size || !mt_chunk_same(reader->bytes, bytes))
        return false;
    uint32_t crc = mt_chunk_payload_crc(reader->bytes);

    return check_chunk(ckpt_a, a, reader->bytes, crc) &&
           check_chunk(ckpt_b, b, bytes, crc);
}

static void run_job(void *ctx, size_t task, size_t worker)
{
    struct reading *r = ctx;

    mt_chunk_job_run(r->ckpt, &r->jobs[task], &r->readers[worker]);
}

/* Makes the job for the next chunk; false if the chain of headers breaks
 * there (the job has failed then). */
static bool add_job(struct reading *r)
{
    const struct mt_array *a = &r->ckpt->arrays[r->array];
    const struct ckpt_place *place = &r->ckpt->place[r->array];
    uint64_t end = place->offset + place->stored;
    size_t step = (size_t)CKPT_CHUNK_ELEMENTS * mt_dtype_size(a->dtype);
    bool last = r->next_chunk + 1 == mt_ckpt_chunk_count(a);
    struct mt_chunk_job *job = &r->jobs[r->n_jobs++];

    job->chunk = mt_chunk_of(a, r->array, r->next_chunk);
    job->offset = r->offset;
    job->out = r->out + r->next_chunk * step;
    job->status = MT_OK;
    r->next_chunk++;
    if (last && r->next_chunk == 1) {
        job->size = (size_t)(end - r->offset); /* its header is checked later */
        return true;
    }
    const char *fault = mt_chunk_job_find(r->ckpt, job, end);

    if (!fault && job->status == MT_OK && last && job->size != end - r->offset)
        fault = "the last chunk does not end with its array's place";
    if (fault)
        mt_chunk_job_damaged(r->ckpt, job, fault);
    r->offset += job->size;
    return job->status == MT_OK;
}

static mt_status read_chunks(struct reading *r, size_t chunks,
                             struct mt_team *team, struct mt_err *err)
{
    while (r->next_chunk < chunks) {
        r->n_jobs = 0;
        while (r->n_jobs < r->window && r->next_chunk < chunks) {
            if (!add_job(r))
                break;
        }
        mt_team_run(team, r->n_jobs, run_job, r);
        for (size_t i = 0; i < r->n_jobs; i++) {
            if (r->jobs[i].status != MT_OK) {
                *err = r->jobs[i].err;
                return r->jobs[i].status;
            }
        }
    }
    return MT_OK;
}

mt_status mt_ckpt_read(const struct mt_ckpt *ckpt, const struct mt_array *array,
                       void *out, struct mt_team *team, struct mt_err *err)
{
    size_t chunks = mt_ckpt_chunk_count(array), workers = mt_team_size(team);
    struct reading r = {
        .ckpt = ckpt,
        .window = 16 * workers < MAX_WINDOW ? 16 * workers : MAX_WINDOW,
        .array = (size_t)(array - ckpt->arrays),
        .out = out,
    };
    mt_status status;

    if (!chunks)
        return MT_OK;
    if (r.window > chunks)
        r.window = chunks;
    r.offset = ckpt->place[r.array].offset;
    r.jobs = calloc(r.window, sizeof *r.jobs);
    if (!r.jobs)
        return mt_fail_memory(err);
    status = mt_chunk_readers_new(workers, mt_ckpt_chunk_max(array), &r.readers,
                                  err);
    if (status == MT_OK)
        status = read_chunks(&r, chunks, team, err);
    mt_chunk_readers_free(r.readers, workers);
    free(r.jobs);
    return status;
}
