/* State dicts in safetensors: opened as any state file is, every tensor read
 * as it is and as float32. */
#include "base/file.h"
#include "ckpt/safetensors.h"
#include "ckpt/stateformat.h"
#include "statefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;
    const char *path = fuzz_write(&file, 0, bytes, n);
    struct mt_err err = MT_ERR_INIT;
    struct mt_state_opening opening = { .lost = 0 };
    struct mt_safetensors *st = NULL;
    mt_status status;
    uint64_t size;
    int fd;

    fuzz_statefile(path, NULL);
    /* by itself, so that no look at the first bytes keeps anything from it */
    status = mt_file_open(path, &fd, &size, &err);
    if (status != MT_OK)
        abort();
    status = mt_safetensors_open(path, fd, size, &opening, &st, &err);
    fuzz_said(status, &err);
    if (status == MT_OK)
        mt_safetensors_close(st);
    fuzz_all_closed();
    return 0;
}
