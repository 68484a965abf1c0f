#include "ckpt/packed_internal.h"

#include <stdlib.h>
#include <string.h>

#include "ckpt/ckpt_format.h"

static void forget(struct mt_packed_chunk *c)
{
    mt_packed_planes_free(&c->planes);
    c->hashed = 0;
}

void mt_packed_free(struct mt_packed *p)
{
    for (size_t k = 0; k < p->n; k++)
        forget(&p->chunk[k]);
    free(p->chunk);
    *p = (struct mt_packed){ 0 };
}

void mt_packed_cut(struct mt_packed *p, size_t n)
{
    for (size_t k = 0; k < p->n; k++) {
        size_t first = k * CKPT_CHUNK_ELEMENTS,
               left = n > first ? n - first : 0;

        if (left < p->chunk[k].hashed)
            forget(&p->chunk[k]);
    }
}

bool mt_packed_reserve(struct mt_packed *p, size_t n)
{
    if (n <= p->n)
        return true;

    struct mt_packed_chunk *grown = realloc(p->chunk, n * sizeof *grown);

    if (!grown)
        return false;
    memset(grown + p->n, 0, (n - p->n) * sizeof *grown);
    p->chunk = grown;
    p->n = n;
    return true;
}

void mt_packed_hash(struct mt_packed_chunk *c, const void *elements, size_t n,
                    struct mt_sha256 *out)
{
    if (!c->hashed)
        sha256_init(&c->hash);
    mt_digest_add(&c->hash, (const uint64_t *)elements + c->hashed,
                  n - c->hashed, sizeof(uint64_t));
    c->hashed = n;
    mt_digest_so_far(&c->hash, out);
}
