/* Texts by characters and by bytes; the first byte says how. */
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;
    struct mt_data_request request = { .seed = 1, .classification = true };
    char spec[256];

    if (!n)
        return 0;
    fuzz_write(&file, 0, bytes + 1, n - 1);
    snprintf(spec, sizeof spec,
             "{\"type\":\"text\",\"train\":\"%s\",\"tokenizer\":\"%s\","
             "\"seq_len\":%d%s}",
             file.path, *bytes & 1 ? "byte" : "char", 1 + (*bytes >> 2) % 16,
             *bytes & 2 ? ",\"val_split\":0.3" : "");
    fuzz_dataset(&request, fuzz_spec(bytes[0], spec));
    return 0;
}
