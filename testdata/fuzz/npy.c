/* Arrays of NumPy, in memory and left in their file, as inputs and as targets.
 * The first byte says how they are asked for. */
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;
    struct mt_data_request request = { .seed = 1 };
    char spec[256];

    if (!n)
        return 0;
    fuzz_write(&file, 0, bytes + 1, n - 1);
    request.resident = *bytes & 1 ? 1 : 0;
    request.classification = *bytes & 2;
    request.purpose = *bytes & 4 ? MT_DATA_CHECK : MT_DATA_TRAIN;
    snprintf(spec, sizeof spec,
             "{\"type\":\"npy\",\"train\":[\"%s\",\"%s\"]%s}", file.path,
             file.path, *bytes & 8 ? ",\"val_split\":0.5" : "");
    fuzz_dataset(&request, fuzz_spec(bytes[0], spec));
    return 0;
}
