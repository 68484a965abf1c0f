/* Zip files of NumPy arrays, and single arrays, as state dicts. */
#include "statefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;

    fuzz_statefile(fuzz_write(&file, 0, bytes, n), NULL);
    return 0;
}
