/* clang-format off */
/*
 * Data sets: train, resume, eval, predict, check and init all read data through
 * mt_dataset_open. A request names the spec's "data" object and the purpose;
 * one format (a row in the table of formats.c, format.h) reads the files; all
 * other code sees parts, columns and samples.
 *
 *     request                format                parts: columns x and y,
 *     purpose, spec,  ---->  csv, idx,  ---->      in memory, or from a
 *     seed                   npy, ...              reader (reader.h)
 *        ^                      |                       |
 *        | a checkpoint's       | what follows from     | samples, by number
 *        |                      v the training data     v
 *        +----------------  struct mt_fitted        mt_gather_f32, _f64, _i32:
 *                                                   converted, normalised
 *
 * What follows from the training data (statistics, classes, vocabulary, names)
 * is one struct, mt_fitted, which is saved in checkpoints (train/datastate.h).
 * Without one, a data set fits it to its training part; with that of a
 * checkpoint, other data is read in the same way.
 *
 *     struct mt_data_request request = { .doc = doc, .spec = data_object,
 *                                        .seed = 1, .classification = true };
 *     struct mt_samples some = { .rows = rows, .n = 32 };
 *
 *     mt_dataset_open(&request, &data, err);
 *     mt_gather_f32(&data->train.x, &data->fitted.norm, &some, x, err);
 *     mt_gather_i32(&data->train.y, &some, y, err);
 *     mt_dataset_close(data);
 *
 * Samples to predict from have no targets, and are read one after another;
 * their number need not be known (a table, standard input):
 *
 *     request.purpose = MT_DATA_PREDICT;
 *     request.fitted = &fitted;
 *     mt_dataset_open(&request, &data, err);
 *     while (mt_dataset_next(data, 64, &column, &n, err) == MT_OK && n > 0)
 *         mt_gather_f32(&column, &fitted.norm, &(struct mt_samples){ .n = n },
 *                       x, err);
 *
 * The columns of each format, with the shape of one sample in brackets:
 *
 *     csv        x float64 [features]; y float64 [targets], or the class of
 *                the one target, int32 []
 *     idx        x uint8 [rows, cols] (what the header says); y uint8 []
 *     npy, npz   x and y of the files' types, with the files' shapes without
 *                the first dimension
 *     text       x and y uint8 or int32 [seq_len]
 *     images     x uint8 [channels, height, width], from a reader; y int32 []
 *     cifar      x uint8 [3, 32, 32]; y uint8 []
 *     synthetic  x float32 [input]; y float32 [output] or int32 []; for
 *                tokens x and y int32 [seq_len]
 *
 * Messages about a file's contents begin with the place in it:
 *
 *     train.csv:17:5: column "age": expected a number, got "abc"
 *                           line 17, character 5 of that line, both from 1:
 *                           where the field begins
 *     x.npy: sample 3, element 17: NaN is not allowed      both from 0
 *     labels.gz: sample 3: ...
 *     val.txt: byte 41 (line 2): ...                       byte from 0
 *
 * Messages about the spec begin with the place in the spec
 * (digits.json:7:15: data.val_split: ...).
 */
/* clang-format on */
#ifndef MT_DATA_DATASET_H
#define MT_DATA_DATASET_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/status.h"
#include "spec/tree.h"

struct mt_reader; /* reader.h */
struct mt_feed;

/* An array of `shape` for each sample: in memory, for sample i at data + i *
 * stride bytes, or supplied by a reader. */
struct mt_column {
    const void *data;      /* NULL: the reader supplies it */
    enum mt_dtype dtype;   /* F32, F64, I32, I64, U8 */
    size_t stride;         /* bytes from sample to sample; may be less than a
                              sample's size (overlapping windows of text) */
    struct mt_shape shape; /* of one sample; rank 0: a scalar */

    const struct mt_reader *reader; /* if data is NULL */
    size_t first; /* the reader's number for the column's sample 0 */
};

/* Float inputs become (x * scale - mean[f]) / std[f], computed in double and
 * rounded to float32, so that large numbers lose no digits before the mean is
 * subtracted. f is the element if n == elements of a sample, the index in the
 * first dimension if n == shape.dim[0], or 0 if n == 1. n == 0: neither mean
 * nor std, and x * scale in float32. */
struct mt_normalization {
    float scale; /* 1: none */
    size_t n;
    const double *mean, *std;
};

/* The contents of a file that a data set was read from, to recognize changed
 * data: the bytes as stored, compressed or not. */
struct mt_fingerprint {
    const char *role; /* "train"; "train[0]" if the spec has a list; "val" */
    uint64_t bytes;
    char sha256[64 + 1];
};

/* One part: the training file(s), or the validation file(s). */
struct mt_part {
    size_t samples;
    struct mt_column x, y;
    const char *source;   /* for messages: "train.csv", the file of x */
    const char *y_source; /* the file of y, which may be the same */
    const char *const *names; /* [samples], if each sample is a file; NULL:
                                 samples have only numbers */
};

/* What samples are used for. */
enum mt_split {
    MT_SPLIT_TRAIN,
    MT_SPLIT_VAL,
    MT_SPLIT_TEST, /* only for `eval --split test` */
    MT_SPLITS,
};

extern const char *const mt_split_names[]; /* train, val, test; then NULL */

/* The samples of a split, in ascending order (mt_subset_rows). Splits may share
 * a part. */
struct mt_subset {
    const struct mt_part *part;
    size_t n;             /* 0: there is no such split */
    const uint32_t *rows; /* [n]; NULL: from 0 on, except */
    const uint32_t *others; /* [n_others] these, in ascending order */
    size_t n_others;
};

/* The row numbers of n of its samples, from its sample `first` on; room[n] may
 * be used for them. NULL: they are first ... first+n-1. */
const uint32_t *mt_subset_rows(const struct mt_subset *set, size_t first,
                               size_t n, uint32_t *room);

/* The name of the token for characters that have none. */
#define MT_UNKNOWN_TOKEN "<unk>"

/* What follows from the training data: fitted to it, or read from a
 * checkpoint. */
struct mt_fitted {
    struct mt_shape x, y;         /* of one sample */
    enum mt_dtype x_dtype;
    struct mt_normalization norm; /* of x; from the spec or the training rows */
    struct mt_normalization y_norm; /* of y: a mean and a spread for each of its
                                       elements; n == 0: none */

    /* Classification: the number of classes in the data (largest label + 1, or
     * the number of distinct values), and their names if the file has names
     * rather than numbers 0 ... classes-1; 0 otherwise. */
    size_t classes;
    const char *const *class_names; /* NULL: the numbers themselves */

    /* Training samples of each of the model's classes, if the loss weighs
     * classes by them (train/balance.h); NULL: not counted. */
    size_t n_class_counts;
    const uint64_t *class_counts;

    /* Of integer inputs that can be tokens (text, synthetic tokens, npy):
     * largest token of the training data + 1, or the tokenizer's whole
     * vocabulary; 0 otherwise, and if a token is negative. */
    size_t vocab;
    const char *const *vocab_names; /* with tokenizer "char": each token's
                                       character in UTF-8; NULL otherwise */

    /* Of tables with a header: the columns that x is made from, in their order,
     * and the column of each element of y. NULL: there are no names. */
    size_t n_features;
    const char *const *feature_names, *const *target_names;

    /* What only the format itself interprets: the text of a JSON object, and
     * arrays. Other formats ignore them. */
    const char *format;           /* the name of the format; NULL: none */
    const char *facts;            /* NULL: none */
    size_t n_arrays;
    const struct mt_array *arrays;
};

/* Is the last token of the vocabulary that of unknown characters? */
bool mt_fitted_has_unknown(const struct mt_fitted *f);

struct mt_dataset {
    struct mt_arena arena; /* of all small things here */
    struct mt_part train;  /* includes what val_split and test_split hold out,
                              except for text, whose tail is `val` and `test` */
    struct mt_part val, test; /* samples == 0: there is none */

    struct mt_subset subset[MT_SPLITS];
    bool series; /* samples follow one another: only a tail may be held out */

    struct mt_fitted fitted;

    /* Smallest and largest target over train and val, if targets are integers;
     * 0 and -1 otherwise. A negative one is only valid if the loss ignores it:
     * see mt_dataset_check_labels. */
    long long label_min, label_max;

    long long token_min, token_max; /* over train and val; 0, -1 if none */

    size_t n_fingerprints;
    struct mt_fingerprint *fingerprints; /* in the arena */

    const char *warning; /* what the user should know, or NULL */
    const char *note;    /* what was guessed and could be wrong, or NULL */

    /* Bytes that samples take in memory, and the most while they were read;
     * with MT_DATA_CHECK, what they would take in training. */
    size_t held, most;

    struct mt_owned *owned; /* memory and readers (format.h) */
    void *state;            /* the format's own, from open on */

    /* MT_DATA_PREDICT: */
    struct mt_feed *feed; /* supplies samples whose number is not known
                             (reader.h); NULL: they are those of val, */
    size_t given;         /* of which so many were returned */
};

/* What the samples are for. */
enum mt_data_purpose {
    MT_DATA_TRAIN,
    MT_DATA_EVAL, /* one split only: if that is a file of its own, training data
                     is not read, and train.samples is 0. A split that does not
                     exist is an error */
    MT_DATA_PREDICT, /* the inputs of the request, without targets, for
                        mt_dataset_next. `fitted` must be given */
    MT_DATA_CHECK,   /* a quick look: only shapes, if that saves time; no
                        fingerprints, no search for NaN in arrays */
};

struct mt_data_request {
    enum mt_data_purpose purpose;
    enum mt_split split; /* to evaluate on */
    const struct mt_json *doc;
    const struct mt_item *spec; /* the spec's "data" object */
    const char *dir;     /* of relative paths; NULL: the current directory */
    uint64_t seed;
    bool classification;       /* targets are classes (from the loss), */
    bool probabilities;        /* or probabilities, 0 ... 1 */
    bool fractions;            /* every target must be in 0 ... 1 */

    /* What to predict from: a file, of any format that recognizes its first
     * bytes; "-": a table, from standard input; for models of pictures, any
     * number of files and folders. */
    const char *const *inputs;
    size_t n_inputs;
    size_t tokens; /* inputs are token numbers below this; 0: floats */
    bool whole;    /* mt_dataset_next waits until it has max samples */
    bool ahead;    /* only the last sample of a series; for mt_dataset_append */

    size_t resident;     /* the most bytes of an array to hold in memory; larger
                            ones stay in their file. 0: 256 MiB */
    const struct mt_fitted *fitted; /* a checkpoint's; copied. NULL: fit it to
                                       the training data */
};

/* Reads the data set that request->spec describes. Checks that files exist,
 * are well-formed and agree with each other; every message names file and
 * place (line and column for CSV, sample for labels). */
mt_status mt_dataset_open(const struct mt_data_request *request,
                          struct mt_dataset **out, struct mt_err *err);
void mt_dataset_close(struct mt_dataset *data); /* NULL is allowed */

/* The next samples to predict from, at most max > 0; *n == 0 at the end. From
 * standard input only those that are available, unless request->whole. The
 * column is valid until the next call. data->val.names has the names of
 * samples, in their order, if they have names; data->warning is set at the
 * end. */
mt_status mt_dataset_next(struct mt_dataset *data, size_t max,
                          struct mt_column *column, size_t *n,
                          struct mt_err *err);

/* With request->ahead: appends a row to the table, made of the targets y, in
 * their own unit. mt_dataset_next then returns the sample that ends in the last
 * row. MT_NON_FINITE: y is not finite. That the features are the targets is
 * checked when the data set is opened (MT_MISMATCH). */
mt_status mt_dataset_append(struct mt_dataset *data, const double *y,
                            struct mt_err *err);

/* Fails unless all targets, of train and val, are in 0 ... classes-1 or equal
 * *ignore (NULL: none is ignored). Names the first that is not, with its file
 * and sample. Targets that are not integers are not checked. */
mt_status mt_dataset_check_labels(const struct mt_dataset *data, size_t classes,
                                  const long long *ignore, struct mt_err *err);

/* The same for inputs that are token numbers: 0 ... vocab-1. */
mt_status mt_dataset_check_tokens(const struct mt_dataset *data, size_t vocab,
                                  struct mt_err *err);

/* Batch keys that all formats share. */
struct mt_batching {
    size_t batch_size; /* default 32 */
    bool shuffle;      /* default true */
    bool drop_last;    /* default false: the last batch may be smaller */
};
mt_status mt_batching_read(const struct mt_json *doc, const struct mt_item *spec,
                           struct mt_batching *out, struct mt_err *err);

/* Samples by their numbers, and what they are gathered for. */
struct mt_samples {
    const uint32_t *rows; /* [n]; NULL: first ... first+n-1 */
    size_t first, n;      /* first is ignored if there are rows */

    /* For training: a reader may change them at random, as a function of only
     * the seed, the epoch and the sample's number. */
    bool training;
    uint64_t epoch;       /* finished epochs */
};

/* Copies the samples of the column into out, dense and converted, and applies
 * the normalisation (norm may be NULL). Thread-safe. For columns in memory it
 * makes no system call and cannot fail; a reader fails if its file can no
 * longer be read (MT_IO), or changed since it was opened (MT_INVALID).
 *
 * Conversion to float32 rounds to nearest, ties to even; conversion to int32
 * truncates and clamps, and NaN gives 0 (mt_dataset_open refuses such
 * labels). */
mt_status mt_gather_f32(const struct mt_column *column,
                        const struct mt_normalization *norm,
                        const struct mt_samples *samples, float *out,
                        struct mt_err *err);
mt_status mt_gather_f64(const struct mt_column *column,
                        const struct mt_samples *samples, double *out,
                        struct mt_err *err);
mt_status mt_gather_i32(const struct mt_column *column,
                        const struct mt_samples *samples, int32_t *out,
                        struct mt_err *err);

#endif
