/*
 * For the targets of state files: opens one as any is, and reads every tensor
 * as it is and as float32.
 */
#ifndef MT_TESTDATA_FUZZ_STATEFILE_H
#define MT_TESTDATA_FUZZ_STATEFILE_H

#include "ckpt/statefile.h"
#include "fuzz.h"

static inline void fuzz_entry(struct mt_statefile *file,
                              const struct mt_array *entry)
{
    size_t bytes = mt_array_bytes(entry);
    /* What is not read may say that it has any shape. */
    size_t n = entry->dtype == MT_OTHER ? 0 : mt_shape_elements(&entry->shape);
    void *out = malloc(bytes + 1);
    float *values = malloc(n * sizeof *values + 1);
    struct mt_err err = MT_ERR_INIT;

    if (!out || !values ||
        mt_statefile_find(file, entry->name) != entry)
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

static inline void fuzz_statefile(const char *path,
                                  const struct mt_state_options *options)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_statefile *state = NULL;
    mt_status status = mt_statefile_open(path, options, &state, &err);

    fuzz_said(status, &err);
    for (size_t i = 0; status == MT_OK && i < mt_statefile_count(state); i++)
        fuzz_entry(state, mt_statefile_array(state, i));
    mt_statefile_close(status == MT_OK ? state : NULL);
    fuzz_all_closed();
}

#endif
