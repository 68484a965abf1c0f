#include "ckpt/digest.h"

#include <string.h>

#include "ckpt/ckpt_format.h"
#include "base/endian.h"

size_t mt_digest_identity(const struct mt_array *array,
                          unsigned char out[MT_IDENTITY_MAX])
{
    const char *dtype = mt_dtype_name(array->dtype);
    size_t name_len = strlen(array->name), dtype_len = strlen(dtype);
    unsigned char *p = out;

    put_u16(p, (uint16_t)name_len);
    p += 2;
    memcpy(p, array->name, name_len);
    p += name_len;
    *p++ = (unsigned char)dtype_len;
    memcpy(p, dtype, dtype_len);
    p += dtype_len;
    *p++ = (unsigned char)array->shape.rank;
    for (int i = 0; i < array->shape.rank; i++, p += 8)
        put_u64(p, array->shape.dim[i]);
    return (size_t)(p - out);
}

static void digest_end(struct sha256_ctx *ctx, struct mt_sha256 *out)
{
    sha256_digest(ctx, sizeof out->byte, out->byte);
}

void mt_digest_add(struct sha256_ctx *ctx, const void *elements, size_t n,
                   size_t element_size)
{
    const unsigned char *p = elements;
    size_t left = n * element_size;
    unsigned char block[4096];

    if (!MT_BIG_ENDIAN || element_size == 1)
        sha256_update(ctx, left, p);
    for (; MT_BIG_ENDIAN && element_size > 1 && left;) {
        size_t part = left < sizeof block ? left : sizeof block;

        memcpy(block, p, part);
        mt_swap_bytes(block, part / element_size, element_size);
        sha256_update(ctx, part, block);
        p += part;
        left -= part;
    }
}

void mt_digest_so_far(const struct sha256_ctx *ctx, struct mt_sha256 *out)
{
    struct sha256_ctx copy = *ctx;

    digest_end(&copy, out);
}

void mt_digest_chunk(const void *elements, size_t n, size_t element_size,
                     struct mt_sha256 *out)
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    mt_digest_add(&ctx, elements, n, element_size);
    digest_end(&ctx, out);
}

void mt_digest_array_init(struct mt_digest_array *d)
{
    sha256_init(&d->ctx);
}

void mt_digest_array_add(struct mt_digest_array *d,
                         const struct mt_sha256 *chunk)
{
    sha256_update(&d->ctx, sizeof chunk->byte, chunk->byte);
}

void mt_digest_array_end(struct mt_digest_array *d, struct mt_sha256 *out)
{
    digest_end(&d->ctx, out);
}

void mt_digest_state_init(struct mt_digest_state *d, uint64_t n_arrays)
{
    unsigned char count[8];

    put_u64(count, n_arrays);
    sha256_init(&d->ctx);
    sha256_update(&d->ctx, sizeof count, count);
}

void mt_digest_state_add(struct mt_digest_state *d,
                         const struct mt_array *array,
                         const struct mt_sha256 *hash)
{
    unsigned char identity[MT_IDENTITY_MAX];

    sha256_update(&d->ctx, mt_digest_identity(array, identity), identity);
    sha256_update(&d->ctx, sizeof hash->byte, hash->byte);
}

void mt_digest_state_end(struct mt_digest_state *d, struct mt_sha256 *out)
{
    digest_end(&d->ctx, out);
}

void mt_digest_text(const struct mt_sha256 *hash, char out[MT_CKPT_DIGEST_TEXT])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof hash->byte; i++) {
        out[2 * i] = hex[hash->byte[i] >> 4];
        out[2 * i + 1] = hex[hash->byte[i] & 15];
    }
    out[2 * sizeof hash->byte] = '\0';
}
