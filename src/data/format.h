/*
 * What a data format provides: one row in the table of formats.c. To add a
 * format, write one file with its keys and its functions, and add its row. The
 * rest of this header is shared by mt_dataset_open and the formats; users of
 * data sets only need dataset.h.
 *
 *     mt_dataset_open                      (dataset.c)
 *         keys of "data", with the format's own (args)
 *         format->part, or ->open          files -> columns, fitted
 *         checks that all share            (check.c)
 *         the splits                       (split.c)
 *         format->fit                      inputs that depend on training rows
 *         scale, mean, std                 (normalization.c)
 *         format->finish                   statistics of training rows
 *
 * and to predict,
 *
 *         format->knows                    which format is it?  (inputs.c)
 *         keys of "data", if it is the format of the spec; else the defaults
 *         format->inputs                   files -> x of data->val
 *         checks that x suits the model
 *
 * A format finds in data->fitted what a checkpoint knows already (a copy of
 * request->fitted), and sets the rest: `classes` and the other counts are 0 and
 * the pointers NULL where something is still to be fitted.
 */
#ifndef MT_DATA_FORMAT_H
#define MT_DATA_FORMAT_H

#include <nettle/sha2.h>

#include "base/file.h"
#include "data/dataset.h"
#include "spec/kind.h"

struct mt_stream; /* stream.h */

/* The keys that all formats share, as read. */
struct mt_data_keys {
    struct mt_strings train, val;
    double val_split, test_split;
    int split; /* enum mt_hold */
    size_t batch_size;
    bool shuffle, drop_last;
    double scale;
    struct mt_reals mean, std;
    int target_normalize;          /* 0: "standard"; -1: not at all */
    const struct mt_item *augment; /* list of transforms (augment.h), or NULL */
    const void *args; /* of the format's own keys */
};

extern const struct mt_key mt_data_common_keys[]; /* ends with a NULL name */

/* Which samples val_split and test_split hold out. */
enum mt_hold { MT_HOLD_RANDOM, MT_HOLD_STRATIFIED, MT_HOLD_TAIL };

enum mt_format_flags {
    MT_FORMAT_TABLE = 1,     /* columns, which may have names */
    MT_FORMAT_GENERATES = 2, /* a sequence that `predict` continues */
    MT_FORMAT_TOKENS = 4,    /* integer inputs can be tokens, not pixels */
    MT_FORMAT_SPLITS = 8,    /* open holds out the tail itself */
    MT_FORMAT_PICTURES = 16, /* samples are picture files; predictions take any
                                number of these, and of folders */
};

enum { MT_FILES_ANY = 99 }; /* files: one or more */

struct mt_format {
    MT_TYPE_HEAD;              /* keys: in addition to the common ones */
    unsigned flags;            /* enum mt_format_flags */
    size_t files;              /* that train, and val, name; 0: none */

    /* Reads the files that key, "train" or "val", names. Sets all of part,
     * which is data->train or ->val, and ->fingerprints (mt_data_hashes), with
     * memory and readers of mt_data_own; and what the integers themselves do
     * not show of data->fitted: classes, class_names, vocab, vocab_names, names
     * of columns, its own facts. */
    mt_status (*part)(const struct mt_data_request *request,
                      const struct mt_data_keys *keys, const char *key,
                      struct mt_dataset *data, struct mt_part *part,
                      struct mt_err *err);

    /* Instead of `part`, if parts depend on each other: sets data->train,
     * ->val, and for text ->test. */
    mt_status (*open)(const struct mt_data_request *request,
                      const struct mt_data_keys *keys, struct mt_dataset *data,
                      struct mt_err *err);

    /* Called once the rows are split: for inputs whose shape or values depend
     * on the training rows. NULL: none do. */
    mt_status (*fit)(const struct mt_data_request *request,
                     const struct mt_data_keys *keys, struct mt_dataset *data,
                     struct mt_err *err);

    /* Called last: for statistics of the training rows, data->fitted.norm.
     * NULL: none. */
    mt_status (*finish)(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

    /* For predictions (MT_DATA_PREDICT): sets data->val except y, or
     * data->feed, from the files request->inputs (just one, unless samples are
     * pictures). data->val.source is already set. Inputs of another shape than
     * the model's are refused later, or cropped by the spec's "augment". NULL:
     * files of this format cannot be predicted from. */
    mt_status (*inputs)(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

    /* Is a file that begins with these n bytes (inflated, if it is gzipped) one
     * of this format? Then any model predicts from it. NULL: files cannot be
     * recognized; a file that no format recognizes is taken to be of the
     * model's format if that has NULL here, else for a table (csv). */
    bool (*knows)(const unsigned char *head, size_t n);
};

extern const struct mt_kind mt_data_kind; /* the table of formats.c */

const struct mt_format *mt_format_find(const char *name); /* NULL: none */

/* ---- files that the spec names (datafile.c) ---- */

struct mt_data_file {
    const char *path;  /* with request->dir before it, for messages too */
    const char *role;  /* "train", "val[1]" */
    const struct mt_item *item; /* its name in the spec; NULL: not from there */
};

/* Must the training data be read at all? Not for an evaluation on a file of its
 * own. */
bool mt_data_wants_train(const struct mt_data_request *request,
                         const struct mt_data_keys *keys);

/* The n files that key ("train" or "val") must name; form, for messages, says
 * what they are: "[images, labels]". A missing key is an error. */
mt_status mt_data_files(const struct mt_data_request *request,
                        struct mt_dataset *data, const char *key, size_t n,
                        const char *form, struct mt_data_file *files,
                        struct mt_err *err);

/* mt_file_open(), with a message that also says which key names the file. */
mt_status mt_data_open_file(const struct mt_data_request *request,
                            const struct mt_data_file *file, int *fd,
                            uint64_t *size, struct mt_err *err);

/* The same with mt_file_read(). */
mt_status mt_data_read_file(const struct mt_data_request *request,
                            const struct mt_data_file *file, size_t max,
                            struct mt_bytes *out, struct mt_err *err);

/* Are fingerprints of the files' contents wanted? */
bool mt_data_hashes(const struct mt_data_request *request);

/* The file to predict from, and whether it is standard input, which only csv
 * reads. */
struct mt_data_file mt_data_input(const struct mt_data_request *request);
bool mt_data_piped(const struct mt_data_request *request);

/* Fails if a key that this format cannot use is given. */
mt_status mt_data_refuse(const struct mt_data_request *request, const char *key,
                         const char *why, struct mt_err *err);

/* Finishes sha and records it. role must live as long as data. */
mt_status mt_data_add_fingerprint(struct mt_dataset *data, const char *role,
                                  uint64_t bytes, struct sha256_ctx *sha,
                                  struct mt_err *err);

/* Counts memory: `held` by samples as long as they are used, `beside` in
 * addition while they are read; with MT_DATA_CHECK, what training would
 * take. */
void mt_data_takes(struct mt_dataset *data, size_t held, size_t beside);

/* Memory and readers that mt_dataset_close frees. The entry is allocated first,
 * so that nothing can leak before it is owned. */
struct mt_owned {
    struct mt_owned *next;
    void *memory;             /* NULL: nothing yet */
    struct mt_reader *reader; /* to be closed, or NULL */
};
struct mt_owned *mt_data_own(struct mt_dataset *data); /* NULL: no memory */
void mt_data_release(struct mt_dataset *data); /* all of them */

/* Makes a column of samples from the n bytes of an .npy file, which data then
 * owns (npy.c); place names them in messages. peek: do not check values. */
mt_status mt_npy_take(const char *place, unsigned char *bytes, size_t n,
                      bool peek, struct mt_dataset *data,
                      struct mt_column *column, size_t *samples,
                      struct mt_err *err);

/* ---- inputs to predict from (inputs.c) ---- */

/* *doc: a spec {"type": ...} of the format that reads the inputs; NULL: it is
 * that of request->spec. */
mt_status mt_inputs_choose(const struct mt_data_request *request,
                           struct mt_json **doc, struct mt_err *err);

/* Calls format->inputs, and does what is the same for all formats. */
mt_status mt_inputs_open(const struct mt_data_request *request,
                         const struct mt_data_keys *keys,
                         const struct mt_format *format,
                         struct mt_dataset *data, struct mt_err *err);

/* mt_format.inputs of csv (csvinputs.c). */
mt_status mt_csv_inputs(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

/* ---- what is held out (split.c) ---- */

/* Sets the subsets of data->train that val_split and test_split make. */
mt_status mt_data_split(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

/* ---- checks (check.c) ---- */

/* Fails if there are more samples than row numbers can count. */
mt_status mt_data_check_count(const char *source, size_t samples,
                              struct mt_err *err);

/* Fails if a float column in memory has NaN, an infinity, or a value that is
 * infinite as float32. */
mt_status mt_data_check_finite(const char *source,
                               const struct mt_column *column, size_t samples,
                               struct mt_err *err);

/* One pass over a stream: sets the range of integers in its reader; finite:
 * checks floats as above; sha (may be NULL) takes the bytes. */
mt_status mt_data_scan(const char *source, struct mt_stream *stream,
                       size_t samples, bool finite, struct sha256_ctx *sha,
                       struct mt_err *err);

/* Sets label_min ... token_max, and classes and vocab if the format left them
 * 0; checks the targets of a classification. tokens: integer inputs may be
 * tokens. */
mt_status mt_data_check_integers(const struct mt_data_request *request,
                                 bool tokens, struct mt_dataset *data,
                                 struct mt_err *err);

/* Fails unless the parts have the same shapes and types. */
mt_status mt_data_check_parts(const struct mt_dataset *data,
                              struct mt_err *err);

/* ---- what is fitted (fitted.c) ---- */

/* Copies all of from into the arena. */
mt_status mt_fitted_copy(const struct mt_fitted *from, struct mt_arena *arena,
                         struct mt_fitted *to, struct mt_err *err);

/* ---- statistics of x and y (normalization.c) ---- */

/* Sets data->fitted.norm from the keys scale, mean and std, or from
 * request->fitted. */
mt_status mt_data_read_norm(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err);

/* Sets data->fitted.y_norm from the key target_normalize. */
mt_status mt_data_target_norm(const struct mt_data_request *request,
                              const struct mt_data_keys *keys,
                              struct mt_dataset *data, struct mt_err *err);

/* For each element of the column, over the samples of the set: mean and
 * population standard deviation, summed in double in the order of the rows; or
 * with minmax smallest and largest - smallest. An element that never changes
 * gets the spread 1. what: "feature", for messages. */
mt_status mt_data_measure(bool minmax, const char *what,
                          const struct mt_subset *set,
                          const struct mt_column *column,
                          struct mt_arena *arena, struct mt_normalization *out,
                          struct mt_err *err);

static inline bool mt_dtype_is_integer(enum mt_dtype dtype)
{
    return dtype == MT_I32 || dtype == MT_I64 || dtype == MT_U8;
}

#endif
