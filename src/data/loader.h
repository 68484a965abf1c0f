/*
 * What a data format provides: one row in the table of loaders.c. To add a
 * format, write one file with its keys and its open function, and add its row.
 * The rest of this header is what mt_dataset_open and the loaders share; users
 * of data sets need dataset.h only.
 */
#ifndef MT_DATA_LOADER_H
#define MT_DATA_LOADER_H

#include <nettle/sha2.h>

#include "base/file.h"
#include "spec/keys.h"
#include "data/dataset.h"

/* The keys that all formats share, as read. */
struct mt_data_keys {
    const char *type;
    struct mt_strings train, val;
    double val_split;
    size_t batch_size;
    bool shuffle, drop_last;
    double scale;
    struct mt_reals mean, std;
};

extern const struct mt_key mt_data_common_keys[]; /* ends with a NULL name */

struct mt_loader {
    const char *type;          /* "csv" */
    const char *doc;           /* one line for the manual */
    const struct mt_key *keys; /* beside the common ones */
    size_t files;              /* that train names, and val; 0: neither */

    /* Fills data->train, ->val (samples, x, y, sources), ->fingerprints and
     * memory by mt_data_own; and, where the format knows them better than the
     * integers themselves tell, ->classes, ->class_names, ->vocab,
     * ->vocab_names. The split, the common normalisation (scale, mean, std)
     * and the checks that all formats share are done by mt_dataset_open around
     * it. */
    mt_status (*open)(const struct mt_data_request *request,
                      const struct mt_data_keys *keys, struct mt_dataset *data,
                      struct mt_err *err);

    /* Called once the rows are split: for what is computed from the training
     * rows alone, such as data->norm. NULL: nothing is. */
    mt_status (*finish)(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

    bool splits; /* open does val_split itself */
    bool tokens; /* integer inputs can be tokens, not pixels */
};

extern const struct mt_loader *const mt_loaders[]; /* NULL-terminated */

/* ---- files that the spec names (datafile.c) ---- */

struct mt_data_file {
    const char *path;  /* with request->dir before it, for messages too */
    const char *role;  /* "train", "val[1]" */
    const struct mt_item *item; /* what names it in the spec; NULL: something else */
};

/* Must the training data be read at all? Not for val_only with a file of its
 * own for validation. */
bool mt_data_wants_train(const struct mt_data_request *request,
                         const struct mt_data_keys *keys);

/* The n files that key ("train" or "val") must name; form says what they are,
 * for messages: "[images, labels]". A missing key is an error. */
mt_status mt_data_files(const struct mt_data_request *request,
                        struct mt_dataset *data, const char *key, size_t n,
                        const char *form, struct mt_data_file *files,
                        struct mt_err *err);

/* mt_file_open whose message also says which key named the file. */
mt_status mt_data_open_file(const struct mt_data_request *request,
                            const struct mt_data_file *file, int *fd,
                            uint64_t *size, struct mt_err *err);

/* mt_file_read likewise. */
mt_status mt_data_read_file(const struct mt_data_request *request,
                            const struct mt_data_file *file, size_t max,
                            struct mt_bytes *out, struct mt_err *err);

/* Fails at a key that this format has no use for, if it is given. */
mt_status mt_data_refuse(const struct mt_data_request *request, const char *key,
                         const char *why, struct mt_err *err);

/* Finishes sha and records it. */
mt_status mt_data_add_fingerprint(struct mt_dataset *data, const char *role,
                                  uint64_t bytes, struct sha256_ctx *sha,
                                  struct mt_err *err);

/* Memory that mt_dataset_close gives back. A slot is taken first, so that
 * nothing can leak between taking and owning. */
struct mt_owned {
    struct mt_owned *next;
    void *memory;             /* NULL: nothing yet */
    struct mt_stream *stream; /* whose file is to be closed, or NULL */
};
struct mt_owned *mt_data_own(struct mt_dataset *data); /* NULL: no memory */

/* Reads one IDX file into a column of samples; images: it has to have more
 * than one dimension (idx.c). */
mt_status mt_idx_read(const struct mt_data_request *request,
                      const struct mt_data_file *file, bool images,
                      struct mt_dataset *data, struct mt_column *column,
                      size_t *samples, struct mt_err *err);

/* Opens one .npy file as a column of samples (npy.c). */
mt_status mt_npy_read(const struct mt_data_request *request,
                      const struct mt_data_file *file, struct mt_dataset *data,
                      struct mt_column *column, size_t *samples,
                      struct mt_err *err);

/* ---- checks (check.c) ---- */

/* Samples beyond what the row numbers can count. */
mt_status mt_data_check_count(const char *source, size_t samples,
                              struct mt_err *err);

/* That a float column holds no NaN, no infinity and nothing that float32 does
 * not reach. */
mt_status mt_data_check_finite(const char *source,
                               const struct mt_column *column, size_t samples,
                               struct mt_err *err);

/* One pass over a column that is in a file: finds the range of integers, which
 * goes to its stream; finite: checks floats as above; sha (may be NULL): takes
 * the bytes. */
mt_status mt_data_scan(const char *source, const struct mt_column *column,
                       size_t samples, bool finite, struct sha256_ctx *sha,
                       struct mt_err *err);

/* Sets label_min ... token_max, and classes and vocab where the loader left
 * them 0; checks the targets of a classification. tokens: integer inputs may
 * be tokens. */
mt_status mt_data_check_integers(const struct mt_data_request *request,
                                 bool tokens, struct mt_dataset *data,
                                 struct mt_err *err);

/* That val looks like train. */
mt_status mt_data_check_parts(const struct mt_dataset *data,
                              struct mt_err *err);

/* ---- statistics of x (normalization.c) ---- */

/* From the keys scale, mean and std, or from request->norm. */
mt_status mt_data_read_norm(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err);

/* Sets data->norm from the training rows of a dense float32 [features] x:
 * "standard" (mean, population standard deviation) or "minmax" (smallest,
 * largest - smallest), summed in double in row order. A feature that never
 * changes gets 1 for its spread. */
mt_status mt_data_measure_norm(const char *how, struct mt_dataset *data,
                               struct mt_err *err);

static inline bool mt_dtype_is_integer(enum mt_dtype dtype)
{
    return dtype == MT_I32 || dtype == MT_I64 || dtype == MT_U8;
}

#endif
