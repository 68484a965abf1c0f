/* clang-format off */
/*
 * The door to samples: train, resume, eval, predict, check and init all read
 * data through mt_dataset_open. A request names the spec's "data" object and
 * the purpose; one format (a row in the table of formats.c, format.h) reads the
 * files; everyone else sees parts, columns and samples.
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
 * is one struct, mt_fitted, which checkpoints keep (train/datastate.h). Opened
 * without one, a data set fits it afresh from its training part; with that of a
 * checkpoint, further data is read the same way.
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
 * Samples to predict from have no targets, and come one after another; how many
 * there are need not be known (a table, standard input):
 *
 *     request.purpose = MT_DATA_PREDICT;
 *     request.fitted = &fitted;
 *     mt_dataset_open(&request, &data, err);
 *     while (mt_dataset_next(data, 64, &column, &n, err) == MT_OK && n > 0)
 *         mt_gather_f32(&column, &fitted.norm, &(struct mt_samples){ .n = n },
 *                       x, err);
 *
 * What the formats yield, the shape of one sample in brackets:
 *
 *     csv        x float64 [features]; y float64 [targets], or the class of
 *                the one target, int32 []
 *     idx        x uint8 [rows, cols] (what the header says); y uint8 []
 *     npy, npz   x and y of the files' types, shaped as the files without
 *                their first dimension
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
 * and those about the spec with the place in the spec
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

/* One value per sample of `shape`: in memory, sample i at data + i * stride
 * bytes, or given by a reader. */
struct mt_column {
    const void *data;      /* NULL: a reader's */
    enum mt_dtype dtype;   /* F32, F64, I32, I64, U8 */
    size_t stride;         /* bytes from sample to sample; may be less than a
                              sample's size (overlapping windows of text) */
    struct mt_shape shape; /* of one sample; rank 0: a scalar */

    const struct mt_reader *reader; /* where data is NULL */
    size_t first; /* the reader's number of the column's sample 0 */
};

/* Float inputs become (x * scale - mean[f]) / std[f], each operation in double
 * and the result rounded to float32, so that no digit of a large number is
 * lost before its mean is subtracted. f is the element for per-feature
 * statistics (n == elements of a sample), the first dimension's index (n ==
 * shape.dim[0]), or 0 for all (n == 1). n == 0: neither mean nor std, and x *
 * scale in float32. */
struct mt_normalization {
    float scale; /* 1 where there is none */
    size_t n;
    const double *mean, *std;
};

/* The file contents a data set was made from, to recognize changed data: the
 * bytes as they are stored, compressed or not. */
struct mt_fingerprint {
    const char *role; /* "train" of a string, "train[0]" of a list, "val" */
    uint64_t bytes;
    char sha256[64 + 1];
};

/* One part: the training file(s), or the validation file(s). */
struct mt_part {
    size_t samples;
    struct mt_column x, y;
    const char *source;   /* for messages: "train.csv", the file of x */
    const char *y_source; /* the file of y; the same one where there is one */
    const char *const *names; /* [samples], of formats that have a file for
                                 each sample; NULL: they have numbers only */
};

/* What samples are used for. */
enum mt_split {
    MT_SPLIT_TRAIN,
    MT_SPLIT_VAL,
    MT_SPLIT_TEST, /* looked at by `eval --split test` only */
    MT_SPLITS,
};

extern const char *const mt_split_names[]; /* train, val, test; then NULL */

/* The samples of a split, which may share their part with others, in ascending
 * order: mt_subset_rows says which they are. */
struct mt_subset {
    const struct mt_part *part;
    size_t n;             /* 0: there is no such split */
    const uint32_t *rows; /* [n]; NULL: from 0 on, without */
    const uint32_t *others; /* [n_others]: these, in ascending order */
    size_t n_others;
};

/* The numbers of n of its samples, from its sample `first` on; room[n]: for
 * where they are in no memory yet. NULL: first ... first+n-1. */
const uint32_t *mt_subset_rows(const struct mt_subset *set, size_t first,
                               size_t n, uint32_t *room);

/* The name of the token for characters that have none. */
#define MT_UNKNOWN_TOKEN "<unk>"

/* What follows from the training data: found there, or a checkpoint's. */
struct mt_fitted {
    struct mt_shape x, y;         /* of one sample */
    enum mt_dtype x_dtype;
    struct mt_normalization norm; /* of x; from the spec or the training rows */
    struct mt_normalization y_norm; /* of y: a mean and a spread for each of its
                                       elements; n == 0: none */

    /* Classification: how many classes the data's labels need (largest label
     * + 1, or the number of distinct values), and their names where the file
     * has names rather than numbers 0 ... classes-1; 0 otherwise. */
    size_t classes;
    const char *const *class_names; /* NULL: the numbers themselves */

    /* Training samples of each class that the model distinguishes, where the
     * loss weighs classes by them (train/balance.h); NULL: not counted. */
    size_t n_class_counts;
    const uint64_t *class_counts;

    /* Of integer inputs that can be tokens (text, synthetic tokens, npy):
     * largest token of the training data + 1, or the tokenizer's whole
     * vocabulary; 0 otherwise, and where a token is negative. */
    size_t vocab;
    const char *const *vocab_names; /* of tokenizer "char": each token's
                                       character in UTF-8; NULL otherwise */

    /* Of tables with a header: the columns that x is made of, in their order,
     * and the column of each element of y. NULL where there are no names. */
    size_t n_features;
    const char *const *feature_names, *const *target_names;

    /* What only the format itself understands: the text of a JSON object, and
     * arrays; the code that stores them does not interpret them. Not read by
     * another format. */
    const char *format;           /* the name of the format; NULL: nothing */
    const char *facts;            /* NULL: none */
    size_t n_arrays;
    const struct mt_array *arrays;
};

/* Is the last token of the vocabulary that of unknown characters? */
bool mt_fitted_has_unknown(const struct mt_fitted *f);

struct mt_dataset {
    struct mt_arena arena; /* of all small things here */
    struct mt_part train;  /* what val_split and test_split hold out of it
                              stays in here, except of text, whose tail is
                              `val` and `test` */
    struct mt_part val, test; /* samples == 0 where there is none */

    struct mt_subset subset[MT_SPLITS];
    bool series; /* samples follow one another: only a tail may be held out */

    struct mt_fitted fitted;

    /* Smallest and largest target over train and val, where targets are
     * integers; 0 and -1 otherwise. A negative one is only right where the
     * loss ignores it: see mt_dataset_check_labels. */
    long long label_min, label_max;

    long long token_min, token_max; /* over train and val; 0, -1 if none */

    size_t n_fingerprints;
    struct mt_fingerprint *fingerprints; /* in the arena */

    const char *warning; /* what the user should know, or NULL */
    const char *note;    /* what was found out and could be otherwise, or NULL */

    /* Bytes that samples take in memory, and took at most while they were read;
     * in a look: that they would take in training. */
    size_t held, most;

    struct mt_owned *owned; /* memory and readers (format.h) */
    void *state;            /* the format's own, from open on */

    /* MT_DATA_PREDICT: */
    struct mt_feed *feed; /* of samples whose number is not known (reader.h);
                             NULL: they are val's, */
    size_t given;         /* of which so many were given out */
};

/* What the samples are for. */
enum mt_data_purpose {
    MT_DATA_TRAIN,
    MT_DATA_EVAL, /* one split only: training data is not read where that is a
                     validation file; train.samples is 0 then. A split that is
                     not there is an error */
    MT_DATA_PREDICT, /* the inputs of the request, without targets, for
                        mt_dataset_next. `fitted` must be given */
    MT_DATA_CHECK,   /* a look: shapes are enough where that saves time. No
                        fingerprints, no search for NaN in arrays */
};

struct mt_data_request {
    enum mt_data_purpose purpose;
    enum mt_split split; /* to evaluate on */
    const struct mt_json *doc;
    const struct mt_item *spec; /* the spec's "data" object */
    const char *dir;     /* relative paths start here; NULL: as they are */
    uint64_t seed;
    bool classification;       /* targets are classes (from the loss), */
    bool probabilities;        /* or probabilities, 0 ... 1 */
    bool fractions;            /* every target must be in 0 ... 1 */

    /* What to predict from: a file, of whatever format knows it by its first
     * bytes; "-" is a table, from standard input; of a model of pictures, any
     * number of files and folders. */
    const char *const *inputs;
    size_t n_inputs;
    size_t tokens; /* inputs are token numbers below this; 0: floats */
    bool whole;    /* mt_dataset_next waits for all samples that it may give */
    bool ahead;    /* of a series: its last sample, and mt_dataset_append */

    size_t resident;     /* bytes of an array that are held in memory; larger
                            ones stay in their file. 0: 256 MiB */
    const struct mt_fitted *fitted; /* a checkpoint's; copied. NULL: fit afresh
                                       from the training data */
};

/* Reads the data set that request->spec describes. Checks that files exist,
 * are well-formed and agree with each other; every message names file and
 * place (line and column for CSV, sample for labels). */
mt_status mt_dataset_open(const struct mt_data_request *request,
                          struct mt_dataset **out, struct mt_err *err);
void mt_dataset_close(struct mt_dataset *data); /* NULL is allowed */

/* The next samples to predict from, at most max > 0; *n == 0 at the end. From
 * standard input as many come as are there, unless all are asked for. The
 * column lives until the next call. data->val.names has the names of samples,
 * in their order, where these have some; data->warning is set at the end. */
mt_status mt_dataset_next(struct mt_dataset *data, size_t max,
                          struct mt_column *column, size_t *n,
                          struct mt_err *err);

/* Where the request says `ahead`: the table has one row more, whose targets are
 * y, in their own unit. mt_dataset_next gives the sample that ends in the last
 * row, each time. MT_NON_FINITE: y cannot be a row. That the features are the
 * targets is seen to when the set is opened (MT_MISMATCH). */
mt_status mt_dataset_append(struct mt_dataset *data, const double *y,
                            struct mt_err *err);

/* That all targets, of train and of val, are in 0 ... classes-1 or equal
 * *ignore (NULL: none is ignored). Names the first that is not, with its file
 * and sample. Only for integer targets; true of all others. */
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
    size_t first, n;      /* first is not looked at where there are rows */

    /* To be trained on: a reader may change them at random, as a function of
     * the seed, the epoch and the sample's number alone. */
    bool training;
    uint64_t epoch;       /* finished epochs */
};

/* Copies the samples of the column into out, dense, converted; then the
 * normalisation is applied (norm may be NULL). Thread-safe. Of columns in
 * memory it makes no system call and cannot fail; a reader fails where its file
 * can no longer be read (MT_IO), or has something else in it than when it was
 * opened (MT_INVALID).
 *
 * Numbers that float32 does not hold exactly are rounded to nearest, even;
 * those that int32 does not hold are cut toward zero and to its ends, and NaN
 * gives 0 (neither comes out of mt_dataset_open for labels). */
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
