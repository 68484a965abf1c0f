/* IDX files: as they are, and the same bytes gzipped. The first byte says
 * whether they are to be images. */
#include <zlib.h>

#include "ckpt/ckpt_format.h"
#include "data/format.h"
#include "dataset.h"

static void read_idx(const struct fuzz_file *file, bool images)
{
    struct mt_data_request request = { .seed = 1 };
    struct mt_data_file named = { file->path, "train", NULL };
    struct mt_dataset *data = calloc(1, sizeof *data);
    struct mt_column column = { 0 };
    struct mt_err err = MT_ERR_INIT;
    size_t samples = 0;

    if (!data)
        abort();
    mt_status status =
        mt_idx_read(&request, &named, images, data, &column, &samples, &err);

    fuzz_said(status, &err);
    if (status == MT_OK)
        fuzz_gather(&column, NULL, samples);
    mt_dataset_close(data);
    fuzz_all_closed();
}

/* One stored block after another: the reader unpacks as from any gzip. */
static size_t gzip(const uint8_t *bytes, size_t n, uint8_t *out)
{
    static const uint8_t header[10] = { 0x1f, 0x8b, 8, [9] = 3 };
    uint32_t crc = (uint32_t)crc32(0, bytes, (uInt)n);
    size_t at = sizeof header, taken = 0;

    memcpy(out, header, sizeof header);
    do {
        size_t some = n - taken < 0xffff ? n - taken : 0xffff;

        out[at] = taken + some == n;
        put_u16(out + at + 1, (uint16_t)some);
        put_u16(out + at + 3, (uint16_t)~some);
        memcpy(out + at + 5, bytes + taken, some);
        at += 5 + some;
        taken += some;
    } while (taken < n);
    put_u32(out + at, crc);
    put_u32(out + at + 4, (uint32_t)n);
    return at + 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file plain, packed;
    uint8_t *out = n ? malloc(n + 64 + n / 0xffff * 5) : NULL;

    if (!out)
        return 0;
    fuzz_write(&plain, 0, bytes + 1, n - 1);
    read_idx(&plain, *bytes & 1);
    fuzz_write(&packed, 1, out, gzip(bytes + 1, n - 1, out));
    read_idx(&packed, *bytes & 1);
    free(out);
    return 0;
}
