/*
 * Shared by opening, reading and verifying a checkpoint. For the files of this
 * folder only.
 */
#ifndef MT_CKPT_CKPT_READER_H
#define MT_CKPT_CKPT_READER_H

#include "base/arena.h"
#include "ckpt/chunk.h"
#include "ckpt/ckpt_format.h"

struct mt_ckpt {
    char *path;
    int fd;
    struct mt_ckpt_info info;
    size_t n;
    struct mt_array *arrays;  /* (n) */
    struct ckpt_place *place; /* (n) */
    uint32_t *by_name;        /* (n) numbers of the arrays, sorted by name */
    struct mt_arena arena;    /* of all the above except path */
};

/* A worker's memory for reading chunks. */
struct mt_chunk_reader {
    unsigned char *bytes; /* room for the largest chunk */
    struct mt_unpacker unpacker;
};

/* One for each worker of the team; max_raw: bytes of the largest chunk. */
mt_status mt_chunk_readers_new(size_t n, size_t max_raw,
                               struct mt_chunk_reader **out,
                               struct mt_err *err);
void mt_chunk_readers_free(struct mt_chunk_reader *readers, size_t n);

/* A chunk to read. A job whose status is not MT_OK has failed. */
struct mt_chunk_job {
    struct mt_chunk chunk;
    uint64_t offset;
    size_t size; /* in the file */
    void *out;
    mt_status status;
    struct mt_err err;
};

/* Reads, checks and unpacks; the message names file, array, chunk, offset. */
void mt_chunk_job_run(const struct mt_ckpt *ckpt, struct mt_chunk_job *job,
                      struct mt_chunk_reader *reader);

/* Fails the job: "FILE: damaged: array "...", chunk ... at offset ...: WHAT".
 */
void mt_chunk_job_damaged(const struct mt_ckpt *ckpt, struct mt_chunk_job *job,
                          const char *what);

/* Reads the header at job->offset and sets job->size. Returns what is wrong if
 * the chunk is not there or reaches beyond `end`; fails the job if the file
 * cannot be read. */
const char *mt_chunk_job_find(const struct mt_ckpt *ckpt,
                              struct mt_chunk_job *job, uint64_t end);

/* Have chunks of two files the same stored bytes? Nothing is unpacked. If they
 * have, both are checked (mt_chunk_check); otherwise neither is. `bytes` has
 * room for b (mt_chunk_room()). On failure one of the jobs has failed. */
bool mt_chunk_jobs_same(const struct mt_ckpt *ckpt_a, struct mt_chunk_job *a,
                        const struct mt_ckpt *ckpt_b, struct mt_chunk_job *b,
                        struct mt_chunk_reader *reader, unsigned char *bytes);

#endif
