/*
 * For the targets that read data: a set is opened from a "data" object and
 * everything in it is gathered.
 */
#ifndef MT_TESTDATA_FUZZ_DATASET_H
#define MT_TESTDATA_FUZZ_DATASET_H

#include "data/dataset.h"
#include "fuzz.h"

static inline void fuzz_gather(const struct mt_column *column,
                               const struct mt_normalization *norm,
                               size_t samples)
{
    size_t each = mt_shape_elements(&column->shape);
    float *x = malloc(each * sizeof *x + 1);
    int32_t *v = malloc(each * sizeof *v + 1);

    if (!x || !v)
        abort();
    for (size_t i = 0; i < samples; i++) {
        struct mt_err err = MT_ERR_INIT;
        mt_status status = mt_gather_f32(column, norm,
                      &(const struct mt_samples){ NULL, i, 1 }, x, &err);

        fuzz_said(status, &err);
        fuzz_use(x, each * sizeof *x);
        status = mt_gather_i32(column,
                      &(const struct mt_samples){ NULL, i, 1 }, v, &err);
        if (status == MT_OK)
            fuzz_use(v, each * sizeof *v);
    }
    free(x);
    free(v);
}

static inline void fuzz_part(const struct mt_part *part,
                             const struct mt_normalization *norm)
{
    fuzz_gather(&part->x, norm, part->samples);
    fuzz_gather(&part->y, NULL, part->samples);
}

/* The "data" object how, which is always the same. */
static inline struct mt_json *fuzz_spec(uint8_t how, const char *spec)
{
    static struct mt_json *all[256];
    struct mt_err err = MT_ERR_INIT;

    if (!all[how] &&
        mt_json_parse("spec", spec, strlen(spec), &all[how], &err) != MT_OK)
        abort();
    return all[how];
}

static inline void fuzz_dataset(struct mt_data_request *request,
                                struct mt_json *spec)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_dataset *data = NULL;

    request->doc = spec;
    request->spec = mt_json_root(spec);
    mt_status status = mt_dataset_open(request, &data, &err);

    fuzz_said(status, &err);
    if (status == MT_OK) {
        long long ignore = -100;

        fuzz_part(&data->train, &data->fitted.norm);
        fuzz_part(&data->val, &data->fitted.norm);
        mt_dataset_check_labels(data, 3, &ignore, &err);
        mt_dataset_check_tokens(data, 3, &err);
        mt_dataset_close(data);
    }
    fuzz_all_closed();
}

/* The file as inputs of a model of samples of so many elements. */
static inline void fuzz_predict(const struct fuzz_file *file, size_t elements,
                                size_t tokens, struct mt_json *spec)
{
    const char *path = file->path;
    const struct mt_fitted fitted = { .x = mt_shape_of(1, elements),
                                      .norm = { .scale = 1 } };
    const struct mt_data_request request = { .purpose = MT_DATA_PREDICT,
                                             .doc = spec,
                                             .spec = mt_json_root(spec),
                                             .fitted = &fitted,
                                             .inputs = &path,
                                             .n_inputs = 1,
                                             .tokens = tokens };
    struct mt_err err = MT_ERR_INIT;
    struct mt_dataset *data = NULL;
    struct mt_column column;
    mt_status status = mt_dataset_open(&request, &data, &err);

    fuzz_said(status, &err);
    for (size_t n = 1; status == MT_OK && n;) {
        status = mt_dataset_next(data, 3, &column, &n, &err);
        fuzz_said(status, &err);
        if (status == MT_OK)
            fuzz_gather(&column, NULL, n);
    }
    mt_dataset_close(data);
    fuzz_all_closed();
}

#endif
