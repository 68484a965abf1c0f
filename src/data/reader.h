/*
 * Samples that are not in memory: a column whose data is NULL has a reader,
 * which makes each sample when it is needed. Arrays in files have one
 * (stream.h), pictures another.
 *
 * To write one, begin its struct with a struct mt_reader and give its address
 * to mt_data_own (format.h), which closes it with the data set:
 *
 *     struct pictures { struct mt_reader reader; ... };
 *     static mt_status gather(const struct mt_reader *reader,
 *                             const struct mt_samples *samples,
 *                             const struct mt_normalization *norm,
 *                             enum mt_dtype to, void *out, struct mt_err *err)
 *     {
 *         const struct pictures *p = (const struct pictures *)reader;
 *
 *         for (size_t i = 0; i < samples->n; i++)
 *             ... mt_sample_number(samples, i) ...
 *     }
 */
#ifndef MT_DATA_READER_H
#define MT_DATA_READER_H

#include "data/dataset.h"

struct mt_reader {
    /* Fills out with the samples, dense, as float32 or int32; integers also as
     * int64, in their full range, and arrays also as float64. norm: applied to
     * float32; NULL: none. Called by several threads at once. If
     * samples->training is false, values are the same each time; else they may
     * also depend on the epoch. */
    mt_status (*gather)(const struct mt_reader *reader,
                        const struct mt_samples *samples,
                        const struct mt_normalization *norm, enum mt_dtype to,
                        void *out, struct mt_err *err);
    void (*close)(struct mt_reader *reader); /* NULL: nothing to do */

    bool look; /* only for MT_DATA_CHECK: in training samples are in memory */

    long long min, max; /* the range of integers; max < min: not known. Set
                           before mt_dataset_open's checks */
};

/* Inputs of a prediction that are read one after another, so that their number
 * is not known beforehand. It is the first member of an implementation's
 * struct; its reader is passed to mt_data_own, and only close is called. */
struct mt_feed {
    struct mt_reader reader;

    /* mt_dataset_next. Unless request->whole is set, it waits for only one
     * sample. data->warning is set at the end. */
    mt_status (*next)(struct mt_feed *feed, size_t max,
                      struct mt_column *column, size_t *n, struct mt_err *err);

    /* mt_dataset_append; NULL: the samples are not a series. */
    mt_status (*append)(struct mt_feed *feed, const double *y,
                        struct mt_err *err);
};

static inline size_t mt_sample_number(const struct mt_samples *samples,
                                      size_t i)
{
    return samples->rows ? samples->rows[i] : samples->first + i;
}

/* Normalises n elements from `at` on, of samples of `each` elements, of which
 * element number `first` is the first (norm NULL: only converts). gather.c */
void mt_normalize(const struct mt_normalization *norm, size_t each,
                  size_t first, enum mt_dtype from, const char *at, size_t n,
                  float *out);

#endif
