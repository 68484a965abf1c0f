/*
 * What a data format provides: one row in the table of formats.c. To add a
 * format, write one file with its keys and its functions, and add its row.
 * The rest of this header is what mt_dataset_open and the formats share; users
 * of data sets need dataset.h only.
 *
 *     mt_dataset_open                      (dataset.c)
 *         keys of "data", the format's own ones (args)
 *         format->part, or ->open          files -> columns, fitted
 *         checks that all share            (check.c)
 *         the splits                       (split.c)
 *         format->fit                      inputs that training rows decide
 *         scale, mean, std                 (normalization.c)
 *         format->finish                   what needs the training rows
 *
 * and, of what is to be predicted from,
 *
 *         format->knows                    whose file is it?  (inputs.c)
 *         keys of "data", if it is the format of the spec; else the defaults
 *         format->inputs                   files -> x of data->val
 *         that x suits the model
 *
 * A format finds in data->fitted what a checkpoint knows already (request->
 * fitted, copied), and sets there what it does not: `classes` and the other
 * counts are 0 and the pointers NULL where something is still to be fitted.
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
    const struct mt_item *augment; /* list of random changes, or NULL */
    const void *args; /* what the format's own keys say */
};

extern const struct mt_key mt_data_common_keys[]; /* ends with a NULL name */

/* Which samples val_split and test_split hold out. */
enum mt_hold { MT_HOLD_RANDOM, MT_HOLD_STRATIFIED, MT_HOLD_TAIL };

enum mt_format_flags {
    MT_FORMAT_TABLE = 1,     /* columns, which may have names */
    MT_FORMAT_GENERATES = 2, /* a sequence that `predict` continues */
    MT_FORMAT_TOKENS = 4,    /* integer inputs can be tokens, not pixels */
    MT_FORMAT_SPLITS = 8,    /* open holds out the tail itself */
    MT_FORMAT_PICTURES = 16, /* samples are picture files; its models predict
                                from any number of these, and of folders */
};

enum { MT_FILES_ANY = 99 }; /* files: one or more */

struct mt_format {
    MT_TYPE_HEAD;              /* keys: in addition to the common ones */
    unsigned flags;            /* enum mt_format_flags */
    size_t files;              /* that train names, and val; 0: neither */

    /* Reads the files that key, "train" or "val", names: sets all of part,
     * which is data->train or ->val, ->fingerprints (mt_data_hashes), and
     * memory and readers by mt_data_own; and of data->fitted what the format
     * knows and the integers do not show: classes, class_names, vocab,
     * vocab_names, names of columns, its own facts. */
    mt_status (*part)(const struct mt_data_request *request,
                      const struct mt_data_keys *keys, const char *key,
                      struct mt_dataset *data, struct mt_part *part,
                      struct mt_err *err);

    /* In place of it, where parts depend on each other: sets data->train,
     * ->val, of text ->test. */
    mt_status (*open)(const struct mt_data_request *request,
                      const struct mt_data_keys *keys, struct mt_dataset *data,
                      struct mt_err *err);

    /* Called once the rows are split: for inputs whose shape or values follow
     * from the training rows. NULL: none do. */
    mt_status (*fit)(const struct mt_data_request *request,
                     const struct mt_data_keys *keys, struct mt_dataset *data,
                     struct mt_err *err);

    /* Called last: for statistics of the training rows, data->fitted.norm.
     * NULL: none. */
    mt_status (*finish)(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

    /* To predict from (MT_DATA_PREDICT): sets data->val except y, from the
     * files request->inputs, of which only the first is there if samples are
     * not pictures; or data->feed. data->val.source is set. Inputs of other
     * shapes than the model's are refused, or cropped by the spec's "augment",
     * later. NULL: only files of other formats are predicted from. */
    mt_status (*inputs)(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

    /* Is a file one of this format that begins with these n bytes (unpacked, if
     * it is gzipped)? Any model predicts from it then. NULL: cannot be
     * recognised; for a model of the format, a file that no format recognises
     * is one of its files, for other models a table (csv). */
    bool (*knows)(const unsigned char *head, size_t n);
};

extern const struct mt_kind mt_data_kind; /* the table of formats.c */

const struct mt_format *mt_format_find(const char *name); /* NULL: none */

/* ---- files that the spec names (datafile.c) ---- */

struct mt_data_file {
    const char *path;  /* with request->dir before it, for messages too */
    const char *role;  /* "train", "val[1]" */
    const struct mt_item *item; /* what names it in the spec; NULL: something else */
};

/* Must the training data be read at all? Not for an evaluation that has a file
 * of its own. */
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

/* Are the contents of files to be recognized later, by fingerprints? */
bool mt_data_hashes(const struct mt_data_request *request);

/* The file to predict from, and whether it is standard input, which no format
 * but csv reads. */
struct mt_data_file mt_data_input(const struct mt_data_request *request);
bool mt_data_piped(const struct mt_data_request *request);

/* Fails at a key that this format has no use for, if it is given. */
mt_status mt_data_refuse(const struct mt_data_request *request, const char *key,
                         const char *why, struct mt_err *err);

/* Finishes sha and records it. role lives as long as data. */
mt_status mt_data_add_fingerprint(struct mt_dataset *data, const char *role,
                                  uint64_t bytes, struct sha256_ctx *sha,
                                  struct mt_err *err);

/* Counts the memory that samples take as long as they are used, and the memory
 * used in addition to read them; in a look, what training would take. */
void mt_data_takes(struct mt_dataset *data, size_t held, size_t beside);

/* Memory and readers that mt_dataset_close gives back. A slot is taken first,
 * so that nothing can leak between taking and owning. */
struct mt_owned {
    struct mt_owned *next;
    void *memory;             /* NULL: nothing yet */
    struct mt_reader *reader; /* to be closed, or NULL */
};
struct mt_owned *mt_data_own(struct mt_dataset *data); /* NULL: no memory */
void mt_data_release(struct mt_dataset *data); /* all of them */

/* The n bytes of an .npy file, which become the data's, as a column of samples
 * (npy.c); place names them in messages. peek: values need no check. */
mt_status mt_npy_take(const char *place, unsigned char *bytes, size_t n,
                      bool peek, struct mt_dataset *data,
                      struct mt_column *column, size_t *samples,
                      struct mt_err *err);

/* ---- inputs to predict from (inputs.c) ---- */

/* *doc: a spec {"type": ...} of the format that reads the inputs; NULL: that of
 * request->spec does. */
mt_status mt_inputs_choose(const struct mt_data_request *request,
                           struct mt_json **doc, struct mt_err *err);

/* format->inputs, and what is the same for all formats. */
mt_status mt_inputs_open(const struct mt_data_request *request,
                         const struct mt_data_keys *keys,
                         const struct mt_format *format,
                         struct mt_dataset *data, struct mt_err *err);

/* Of csv (csvinputs.c). */
mt_status mt_csv_inputs(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

/* ---- what is held out (split.c) ---- */

/* Sets the subsets of data->train that val_split and test_split make. */
mt_status mt_data_split(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

/* ---- checks (check.c) ---- */

/* Samples beyond what the row numbers can count. */
mt_status mt_data_check_count(const char *source, size_t samples,
                              struct mt_err *err);

/* That a float column in memory holds no NaN, no infinity and nothing that float32 does
 * not reach. */
mt_status mt_data_check_finite(const char *source,
                               const struct mt_column *column, size_t samples,
                               struct mt_err *err);

/* One pass over a stream: finds the range of integers, which goes to its
 * reader; finite: checks floats as above; sha (may be NULL): takes the bytes. */
mt_status mt_data_scan(const char *source, struct mt_stream *stream,
                       size_t samples, bool finite, struct sha256_ctx *sha,
                       struct mt_err *err);

/* Sets label_min ... token_max, and classes and vocab where the format left
 * them 0; checks the targets of a classification. tokens: integer inputs may
 * be tokens. */
mt_status mt_data_check_integers(const struct mt_data_request *request,
                                 bool tokens, struct mt_dataset *data,
                                 struct mt_err *err);

/* That val looks like train. */
mt_status mt_data_check_parts(const struct mt_dataset *data,
                              struct mt_err *err);

/* ---- what is fitted (fitted.c) ---- */

/* Copies all of from into the arena. */
mt_status mt_fitted_copy(const struct mt_fitted *from, struct mt_arena *arena,
                         struct mt_fitted *to, struct mt_err *err);

/* ---- statistics of x and y (normalization.c) ---- */

/* From the keys scale, mean and std, or as it is in request->fitted. */
mt_status mt_data_read_norm(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err);

/* Sets data->fitted.y_norm from the key target_normalize. */
mt_status mt_data_target_norm(const struct mt_data_request *request,
                              const struct mt_data_keys *keys,
                              struct mt_dataset *data, struct mt_err *err);

/* Of each element of the column, over the samples of the set (rows NULL: 0 ...
 * n-1): mean and population standard deviation, or with minmax the smallest and
 * largest - smallest, summed in double in the order of the rows. An element
 * that never changes gets 1 for its spread. what: "feature", for messages. */
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
