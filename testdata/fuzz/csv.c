/* Tables, for regression and for classification; the first byte says with
 * which keys. */
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const headers[] = { "\"auto\"", "true", "false" };
    static struct fuzz_file file;
    struct mt_data_request request = { .seed = 1 };
    char spec[512];
    unsigned how;

    if (!n)
        return 0;
    how = *bytes;
    fuzz_write(&file, 0, bytes + 1, n - 1);
    request.classification = how & 1;
    request.purpose = how & 64 ? MT_DATA_CHECK : MT_DATA_TRAIN;
    snprintf(spec, sizeof spec,
             "{\"type\":\"csv\",\"train\":\"%s\",\"header\":%s,"
             "\"delimiter\":\"%s\"%s%s%s}",
             file.path, headers[(how >> 1) % 3], how & 8 ? ";" : ",",
             how & 16 ? ",\"normalize\":\"standard\"" : "",
             how & 32 ? ",\"target\":[0,-1]" : "",
             how & 128 ? ",\"val_split\":0.5" : "");
    fuzz_dataset(&request, fuzz_spec(bytes[0], spec));
    fuzz_predict(&file, how & 16 ? 1 : 2, how & 32 ? 5 : 0,
                 fuzz_spec(bytes[0], spec));
    return 0;
}
