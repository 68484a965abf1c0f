/*
 * Data sets: rows of inputs x and targets y, read by one loader per format (a
 * row in the table of loaders, loaders.c), seen the same way by everyone else.
 *
 * A loader yields columns: typed, strided views of memory that the data set
 * owns (mapped or allocated). Values stay as they are in the file; scaling,
 * normalisation and conversion happen when a batch is gathered.
 */
#ifndef MT_DATA_DATASET_H
#define MT_DATA_DATASET_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/json.h"
#include "base/status.h"

/* One value per sample of `shape`, sample i at data + i * stride bytes. */
struct mt_column {
    const void *data;
    enum mt_dtype dtype; /* F32, F64, I32, I64, U8 */
    size_t stride;       /* bytes from sample to sample; may be less than a
                            sample's size (overlapping windows of text) */
    struct mt_shape shape; /* of one sample; rank 0: a scalar */
};

/* Float inputs become (x * scale - mean[f]) / std[f], in float32, where f is
 * the element for per-feature statistics (n == elements of a sample) or the
 * first dimension's index (n == shape.dim[0]); n == 0: neither mean nor std. */
struct mt_normalization {
    float scale; /* 1 where there is none */
    size_t n;
    const float *mean, *std;
};

/* The file contents a data set was made from, to recognize changed data. */
struct mt_fingerprint {
    const char *role;     /* "train[0]", "val", ... */
    uint64_t bytes;
    char sha256[64 + 1];
};

/* One part: the training file(s), or the validation file(s). */
struct mt_part {
    size_t samples;
    struct mt_column x, y;
    const char *source; /* for messages: "train.csv" */
};

struct mt_dataset {
    struct mt_arena arena; /* of all small things here */
    struct mt_part train;  /* of val_split, both parts live in here */
    struct mt_part val;    /* samples == 0 where there is none */

    /* Rows of `train` that are trained on and, with val_split, held out; NULL
     * means 0 ... samples-1. n_train + n_held == train.samples then. */
    const uint32_t *train_rows, *held_rows;
    size_t n_train, n_held;

    struct mt_normalization norm; /* of x; from the spec or the training rows */

    /* Classification: how many classes the data's labels need (largest label
     * + 1, or the number of distinct values), and their names where the file
     * has names rather than numbers 0 ... classes-1; 0 otherwise. */
    size_t classes;
    const char *const *class_names; /* NULL: the numbers themselves */

    size_t vocab; /* of token inputs: largest token + 1; 0 otherwise */

    size_t n_fingerprints;
    const struct mt_fingerprint *fingerprints;

    void (*release)(struct mt_dataset *data); /* unmaps; set by the loader */
    void *owned;                              /* the loader's own */
};

/* What a loader is asked for. */
struct mt_data_request {
    const struct mt_json *doc;
    const cJSON *spec;     /* the spec's "data" object */
    const char *dir;       /* relative paths start here; NULL: as they are */
    uint64_t seed;
    bool classification;   /* targets are classes (from the loss) */
    bool peek;             /* `mtrain check`: shapes are enough where that
                              saves time; may be ignored */

    /* From a checkpoint, to read further data the same way: NULL/0 to find out
     * afresh from the training data. */
    const struct mt_normalization *norm;
    const char *const *class_names;
    size_t classes;
    bool val_only; /* `eval`: training data need not be read (all of norm,
                      classes are given) unless val_split asks for it */
};

/* Reads the data set that request->spec describes. Checks that files exist,
 * are well-formed and agree with each other; every message names file and
 * place (line and column for CSV, sample for labels). */
mt_status mt_dataset_open(const struct mt_data_request *request,
                          struct mt_dataset **out, struct mt_err *err);
void mt_dataset_close(struct mt_dataset *data); /* NULL is allowed */

/* Batch keys that all formats share. */
struct mt_batching {
    size_t batch_size; /* default 32? as documented in dataset.c's key table */
    bool shuffle, drop_last;
};
mt_status mt_batching_read(const struct mt_json *doc, const cJSON *spec,
                           struct mt_batching *out, struct mt_err *err);

/* Copies samples rows[0 ... n-1] (NULL: first ... first+n-1) of the part into
 * out, dense, converted: float inputs get the normalisation (norm may be
 * NULL). Pure and thread-safe. */
void mt_gather_f32(const struct mt_column *column,
                   const struct mt_normalization *norm, const uint32_t *rows,
                   size_t first, size_t n, float *out);
void mt_gather_i32(const struct mt_column *column, const uint32_t *rows,
                   size_t first, size_t n, int32_t *out);

#endif
