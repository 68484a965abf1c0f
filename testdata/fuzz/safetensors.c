/* State dicts in safetensors: opened as any state file is, every tensor read
 * as it is and as float32. */
#include "ckpt/safetensors.h"
#include "ckpt/statefile.h"
#include "fuzz.h"

static void read_entry(struct mt_statefile *file,
                       const struct mt_state_entry *entry)
{
    size_t bytes = mt_array_bytes(&entry->array);
    size_t n = mt_shape_elements(&entry->array.shape);
    void *out = malloc(bytes + 1);
    float *values = malloc(n * sizeof *values + 1);
    struct mt_err err = MT_ERR_INIT;

    if (!out || !values ||
        mt_statefile_find(file, entry->section, entry->key) != entry)
        abort();
    mt_status status = mt_statefile_read(file, entry, out, &err);

    fuzz_said(status, &err);
    if (status == MT_OK)
        fuzz_use(out, bytes);
    err = (struct mt_err)MT_ERR_INIT;
    status = mt_statefile_read_f32(file, entry, values, &err);
    fuzz_said(status, &err);
    if (status == MT_OK)
        fuzz_use(values, n * sizeof *values);
    free(values);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct fuzz_file file;
    const char *path = fuzz_write(&file, bytes, n);
    struct mt_err err = MT_ERR_INIT;
    struct mt_statefile *state = NULL;
    struct mt_safetensors *st = NULL;
    mt_status status = mt_statefile_open(path, &state, &err);

    fuzz_said(status, &err);
    if (status == MT_OK) {
        for (size_t i = 0; i < mt_statefile_count(state); i++)
            read_entry(state, mt_statefile_entry(state, i));
        mt_statefile_close(state);
    }
    /* by itself, so that no look at the first bytes keeps anything from it */
    err = (struct mt_err)MT_ERR_INIT;
    status = mt_safetensors_open(path, &st, &err);
    fuzz_said(status, &err);
    if (status == MT_OK)
        mt_safetensors_close(st);
    return 0;
}
