/* The .mtc container: opened, verified, every array read. */
#include <nettle/sha2.h>
#include <zlib.h>

#include "ckpt/chunk.h"
#include "ckpt/ckpt_format.h"
#include "ckpt/container.h"
#include "fuzz.h"

/* ---- repairing checksums, so that what lies behind them is reached ---- */

/* Each chunk whose size is believable gets its CRC-32. */
static void repair_chunks(uint8_t *bytes, size_t n)
{
    for (size_t at = CKPT_HEADER; at + CKPT_CHUNK_HEADER <= n;
         at += CKPT_ALIGN) {
        uint8_t *p = bytes + at;
        size_t size = 0;

        if (memcmp(p, mt_ckpt_chunk_magic, CKPT_CHUNK_MAGIC))
            continue;
        for (size_t i = 0; i < MT_PLANES_MAX && i < p[CHUNK_PLANES]; i++)
            size += get_u32(p + CHUNK_STORED + 4 * i);
        if (size <= n - at - CKPT_CHUNK_HEADER &&
            p[CHUNK_PLANES] <= MT_PLANES_MAX)
            mt_chunk_place(p, mt_chunk_payload_crc(p), at);
    }
}

/* The index's CRC-32 and the footer's sizes and CRC-32. */
static void repair_ends(uint8_t *bytes, size_t n)
{
    uint8_t *footer = bytes + n - CKPT_FOOTER;
    uint64_t at = get_u64(footer + FOOTER_INDEX_AT);
    uint64_t size = get_u64(footer + FOOTER_INDEX_SIZE);

    put_u32(bytes + HEADER_CRC, (uint32_t)crc32(0, bytes, HEADER_CRC));
    put_u64(footer + FOOTER_FILE_SIZE, n);
    if (at < n && size <= n - at)
        put_u32(footer + FOOTER_INDEX_CRC,
                (uint32_t)crc32(0, bytes + at, (uInt)size));
    put_u32(footer + FOOTER_CRC, (uint32_t)crc32(0, footer, FOOTER_CRC));
}

/* The digest: of the count, and of each entry up to its hash. An index that
 * cannot be walked gets none. */
static void repair_digest(uint8_t *bytes, size_t n)
{
    uint8_t *footer = bytes + n - CKPT_FOOTER;
    uint64_t at = get_u64(footer + FOOTER_INDEX_AT), end;
    struct sha256_ctx sha;

    if (at % CKPT_ALIGN || at + 8 > n - CKPT_FOOTER)
        return;
    end = at + get_u64(footer + FOOTER_INDEX_SIZE);
    if (end < at || end > n - CKPT_FOOTER)
        return;
    put_u64(footer + FOOTER_ARRAYS, get_u64(bytes + at));
    sha256_init(&sha);
    sha256_update(&sha, 8, bytes + at);
    for (uint64_t p = at + 8; p + ENTRY_MIN <= end;) {
        uint64_t q = p + 2 + get_u16(bytes + p);

        if (q >= end)
            return;
        q += 1 + bytes[q];
        if (q >= end)
            return;
        q += 1 + (uint64_t)8 * bytes[q];
        if (q + ENTRY_TAIL > end)
            return;
        sha256_update(&sha, (size_t)(q - p) + 32, bytes + p);
        p = q + ENTRY_TAIL;
    }
    sha256_digest(&sha, SHA256_DIGEST_SIZE, footer + FOOTER_DIGEST);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t max,
                               unsigned seed)
{
    n = LLVMFuzzerMutate(bytes, n, max);
    if (n < CKPT_HEADER + CKPT_FOOTER || seed % 16 == 0)
        return n;
    repair_chunks(bytes, n);
    repair_digest(bytes, n);
    repair_ends(bytes, n);
    return n;
}

/* ---- the target ---- */

static void read_all(const struct mt_ckpt *ckpt)
{
    for (size_t i = 0; i < mt_ckpt_count(ckpt); i++) {
        const struct mt_array *a = mt_ckpt_array(ckpt, i);
        size_t bytes = mt_array_bytes(a);
        unsigned char *out = malloc(bytes + 1);
        struct mt_err err = MT_ERR_INIT;

        if (!out || mt_ckpt_find(ckpt, a->name) != a)
            abort();
        mt_status status = mt_ckpt_read(ckpt, a, out, NULL, &err);

        fuzz_said(status, &err);
        if (status == MT_OK)
            fuzz_use(out, bytes);
        free(out);
    }
}

static void count_damage(void *ctx, const char *what)
{
    ++*(size_t *)ctx;
    fuzz_use(what, strlen(what));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;
    const char *path = fuzz_write(&file, 0, bytes, n);
    struct mt_err err = MT_ERR_INIT;
    struct mt_ckpt *ckpt = NULL;
    size_t damage = 0;
    mt_status opened = mt_ckpt_open(path, &ckpt, &err);

    fuzz_said(opened, &err);
    if (opened == MT_OK)
        read_all(ckpt);
    mt_ckpt_close(opened == MT_OK ? ckpt : NULL);

    err = (struct mt_err)MT_ERR_INIT;
    mt_status status = mt_ckpt_verify(path, count_damage, &damage, NULL, &err);

    fuzz_said(status, &err);
    if ((status == MT_DAMAGED) != (damage > 0) ||
        (opened != MT_OK && status != opened))
        abort();
    fuzz_all_closed();
    return 0;
}
