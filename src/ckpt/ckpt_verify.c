#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ckpt/ckpt_reader.h"

enum { MAX_WINDOW = 32, SCAN_BLOCK = 1 << 16 };

/* A chunk to check: it is read, unpacked, hashed. */
struct check {
    struct mt_chunk_job job;
    bool displaced; /* it does not begin or end where expected */
    struct mt_sha256 sha256;
};

struct verify {
    struct mt_ckpt *ckpt;
    struct mt_team *team;
    struct mt_chunk_reader *readers; /* (team size) */
    struct check *checks;            /* (window) */
    unsigned char *raw;              /* (window, max_raw) */
    size_t window, n, max_raw;

    size_t array;                /* being hashed */
    bool whole;                  /* it has no damage so far */
    struct mt_digest_array hash; /* of it */

    mt_ckpt_damage *report;
    void *ctx;
    bool damaged;
    struct mt_err *err; /* keeps the first damage */
};

static void found(struct verify *v, const struct mt_err *damage)
{
    if (!v->damaged && v->err)
        *v->err = *damage;
    v->damaged = true;
    if (v->report)
        v->report(v->ctx, damage->text);
}

static void run_check(void *ctx, size_t task, size_t worker)
{
    struct verify *v = ctx;
    struct check *c = &v->checks[task];

    mt_chunk_job_run(v->ckpt, &c->job, &v->readers[worker]);
    if (c->job.status == MT_OK)
        mt_digest_chunk(c->job.out, c->job.chunk.elements,
                        mt_dtype_size(c->job.chunk.dtype), &c->sha256);
}

/* Compares the hashes of the arrays before number i with the index. */
static void end_arrays(struct verify *v, size_t i)
{
    for (; v->array < i; v->array++) {
        const struct mt_sha256 *should = &v->ckpt->place[v->array].sha256;
        struct mt_sha256 is;

        mt_digest_array_end(&v->hash, &is);
        if (v->whole && memcmp(is.byte, should->byte, sizeof is.byte) != 0) {
            char a[MT_CKPT_DIGEST_TEXT], b[MT_CKPT_DIGEST_TEXT];
            struct mt_err damage;

            mt_digest_text(&is, a);
            mt_digest_text(should, b);
            mt_fail(&damage, MT_DAMAGED,
                    "%s: damaged: array \"%s\" at offset %llu: SHA-256 is %s, "
                    "should be %s",
                    v->ckpt->path, v->ckpt->arrays[v->array].name,
                    (unsigned long long)v->ckpt->place[v->array].offset, a, b);
            found(v, &damage);
        }
        mt_digest_array_init(&v->hash);
        v->whole = true;
    }
}

/* Runs the checks that have been collected and reports in order. */
static mt_status flush(struct verify *v)
{
    mt_team_run(v->team, v->n, run_check, v);
    for (size_t i = 0; i < v->n; i++) {
        struct check *c = &v->checks[i];

        end_arrays(v, c->job.chunk.array);
        if (c->job.status == MT_OK && c->displaced && v->whole)
            mt_chunk_job_damaged(v->ckpt, &c->job,
                                 "the chunks leave a hole or overlap");
        if (c->job.status == MT_OK) {
            mt_digest_array_add(&v->hash, &c->sha256);
        } else if (c->job.status == MT_DAMAGED) {
            v->whole = false;
            found(v, &c->job.err);
        } else {
            *v->err = c->job.err;
            return c->job.status;
        }
    }
    v->n = 0;
    return MT_OK;
}

/* Room for one more check, of chunk k of array i. */
static mt_status add_check(struct verify *v, size_t i, size_t k,
                           uint64_t offset, struct check **out)
{
    if (v->n == v->window) {
        mt_status status = flush(v);

        if (status != MT_OK)
            return status;
    }
    struct check *c = &v->checks[v->n];

    c->job.chunk = mt_chunk_of(&v->ckpt->arrays[i], i, k);
    c->job.offset = offset;
    c->job.out = v->raw + v->n * v->max_raw;
    c->job.status = MT_OK;
    c->displaced = false;
    v->n++;
    *out = c;
    return MT_OK;
}

/* The next header at or after `from` that looks like that of chunk k or a later
 * one of array i. */
struct landmark {
    bool found;
    size_t chunk;
    uint64_t offset;
};

static bool is_landmark(const struct verify *v, size_t i, size_t k,
                        const unsigned char *header, uint64_t room,
                        struct landmark *mark)
{
    const struct mt_array *a = &v->ckpt->arrays[i];
    size_t number = get_u32(header + CHUNK_NUMBER), size = 0;

    if (memcmp(header, mt_ckpt_chunk_magic, CKPT_CHUNK_MAGIC) != 0 ||
        number < k || number >= mt_ckpt_chunk_count(a))
        return false;
    struct mt_chunk chunk = mt_chunk_of(a, i, number);

    mark->chunk = number;
    return !mt_chunk_header_fault(&chunk, header, &size) && size <= room;
}

static mt_status find_landmark(const struct verify *v, size_t i, size_t k,
                               uint64_t from, uint64_t end,
                               struct landmark *mark)
{
    size_t room = end - from < SCAN_BLOCK ? (size_t)(end - from) : SCAN_BLOCK;
    unsigned char *block = malloc(room + 1);
    mt_status status = block ? MT_OK : mt_fail_memory(v->err);

    mark->found = false;
    while (status == MT_OK && from < end && !mark->found) {
        size_t n = end - from < room ? (size_t)(end - from) : room;

        status =
            mt_file_pread(v->ckpt->fd, v->ckpt->path, from, block, n, v->err);
        for (size_t at = 0; status == MT_OK && at < n; at += CKPT_ALIGN) {
            mark->offset = from + at;
            mark->found =
                is_landmark(v, i, k, block + at, end - mark->offset, mark);
            if (mark->found)
                break;
        }
        from += n;
    }
    free(block);
    return status;
}

/* Chunks k to last of array i cannot be found. */
static mt_status add_lost(struct verify *v, size_t i, size_t k, size_t last,
                          uint64_t offset, const char *fault)
{
    struct check *c;
    char what[256];
    mt_status status = add_check(v, i, k, offset, &c);

    if (status != MT_OK)
        return status;
    if (last > k)
        snprintf(what, sizeof what, "%s; chunks %zu to %zu are lost", fault, k,
                 last);
    else
        snprintf(what, sizeof what, "%s", fault);
    mt_chunk_job_damaged(v->ckpt, &c->job, what);
    return MT_OK;
}

/* Chunk k is not at offset. Finds where to continue: *k and *offset move there,
 * or *k to the end of the array if nothing more of it is recognized. */
static mt_status skip_damage(struct verify *v, size_t i, uint64_t scan,
                             const char *fault, size_t *k, uint64_t *offset)
{
    const struct ckpt_place *place = &v->ckpt->place[i];
    size_t chunks = mt_ckpt_chunk_count(&v->ckpt->arrays[i]);
    struct landmark mark = { .chunk = chunks };
    mt_status status =
        find_landmark(v, i, *k, scan, place->offset + place->stored, &mark);

    if (status != MT_OK)
        return status;
    if (!mark.found)
        mark = (struct landmark){ .chunk = chunks, .offset = *offset };
    if (mark.chunk > *k)
        status = add_lost(v, i, *k, mark.chunk - 1, *offset, fault);
    *k = mark.chunk;
    *offset = mark.offset;
    return status;
}

/* Follows the chunks of array i from header to header. If one is broken,
 * continues at the next that is recognized. */
static mt_status check_array(struct verify *v, size_t i)
{
    const struct ckpt_place *place = &v->ckpt->place[i];
    size_t chunks = mt_ckpt_chunk_count(&v->ckpt->arrays[i]);
    uint64_t offset = place->offset, end = place->offset + place->stored;
    uint64_t scan =
        offset; /* there is no header left to find before this */
    bool displaced = false;

    for (size_t k = 0; k < chunks;) {
        struct check *c;
        mt_status status = add_check(v, i, k, offset, &c);

        if (status != MT_OK)
            return status;
        const char *fault = mt_chunk_job_find(v->ckpt, &c->job, end);

        if (c->job.status != MT_OK)
            return flush(v);
        if (fault) {
            size_t missing = k;

            v->n--;
            status = skip_damage(v, i, scan, fault, &k, &offset);
            if (status != MT_OK)
                return status;
            displaced = k == missing;
            continue;
        }
        c->displaced =
            displaced || (k + 1 == chunks && c->job.size != end - offset);
        displaced = false;
        scan = offset + CKPT_CHUNK_HEADER;
        offset += c->job.size;
        k++;
    }
    return MT_OK;
}

static mt_status verify_init(struct verify *v)
{
    size_t workers = mt_team_size(v->team);

    for (size_t i = 0; i < v->ckpt->n; i++) {
        size_t max = mt_ckpt_chunk_max(&v->ckpt->arrays[i]);

        v->max_raw = max > v->max_raw ? max : v->max_raw;
    }
    v->window = 4 * workers < MAX_WINDOW ? 4 * workers : MAX_WINDOW;
    v->whole = true;
    mt_digest_array_init(&v->hash);
    v->checks = calloc(v->window, sizeof *v->checks);
    v->raw = calloc(v->window, v->max_raw ? v->max_raw : 1);
    if (!v->checks || !v->raw)
        return mt_fail_memory(v->err);
    return mt_chunk_readers_new(workers, v->max_raw, &v->readers, v->err);
}

mt_status mt_ckpt_verify(const char *path, mt_ckpt_damage *report, void *ctx,
                         struct mt_team *team, struct mt_err *err)
{
    struct verify v = {
        .report = report, .ctx = ctx, .team = team, .err = err
    };
    mt_status status = mt_ckpt_open(path, &v.ckpt, err);

    if (status != MT_OK) {
        if (status == MT_DAMAGED && report)
            report(ctx, err->text);
        return status;
    }
    status = verify_init(&v);
    for (size_t i = 0; i < v.ckpt->n && status == MT_OK; i++)
        status = check_array(&v, i);
    if (status == MT_OK)
        status = flush(&v);
    if (status == MT_OK)
        end_arrays(&v, v.ckpt->n);
    if (status == MT_OK && v.damaged)
        status = MT_DAMAGED;
    mt_chunk_readers_free(v.readers, mt_team_size(team));
    free(v.raw);
    free(v.checks);
    mt_ckpt_close(v.ckpt);
    return status;
}
