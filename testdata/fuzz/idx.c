/* IDX files: as they are, and the same bytes gzipped. The first byte says
 * whether they are to be images. */
#include <zlib.h>

#include "data/loader.h"
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
    mt_status status = mt_idx_read(&request, &named, images, data, &column,
                                   &samples, &err);

    fuzz_said(status, &err);
    if (status == MT_OK)
        fuzz_gather(&column, NULL, samples);
    mt_dataset_close(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file plain, packed;
    z_stream z = { 0 };
    size_t room = n + n / 100 + 64;
    uint8_t *out = malloc(room);

    if (!n || !out || deflateInit2(&z, 1, Z_DEFLATED, 31, 8, 0) != Z_OK) {
        free(out);
        return 0;
    }
    fuzz_write(&plain, bytes + 1, n - 1);
    read_idx(&plain, *bytes & 1);
    z.next_in = (Bytef *)(uintptr_t)(bytes + 1);
    z.avail_in = (uInt)(n - 1);
    z.next_out = out;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    fuzz_write(&packed, out, room - z.avail_out);
    read_idx(&packed, *bytes & 1);
    free(out);
    return 0;
}
