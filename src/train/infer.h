/*
 * A model for inference, from a checkpoint alone: the spec and what the
 * checkpoint keeps of its data (datastate.h) suffice, without data files or an
 * optimizer.
 *
 *     mt_infer_open(&bundle, "digits.mtc", team, &m, err);
 *     mt_infer_prepare(m, 64, &m->model->x, err);
 *     mt_infer_gather(m, &column, err);          or fill m->x otherwise
 *     y = mt_infer_run(m);                       (64, output elements)
 *     mt_infer_close(m);
 *
 * A sample's outputs have the same bits in any batch.
 */
#ifndef MT_TRAIN_INFER_H
#define MT_TRAIN_INFER_H

#include "data/format.h"
#include "nn/model.h"
#include "train/bundle.h"
#include "train/datastate.h"

struct mt_infer {
    struct mt_arena arena;
    struct mt_json *doc;
    struct mt_team *team;
    struct mt_model *model;
    struct mt_fitted facts; /* of the data it was trained on */
    const struct mt_format *format; /* of that data; NULL: an unknown one */
    size_t tokens;         /* inputs are tokens below this; 0: floats */

    /* of the last mt_infer_prepare */
    struct mt_program program;
    struct mt_shape sample;
    void *x; /* float or int32: the batch's inputs */
    void *workspace;
    size_t x_bytes, workspace_bytes; /* allocated */
};

/* source names the checkpoint in messages. The bundle must outlive *out. */
mt_status mt_infer_open(const struct mt_bundle *from, const char *source,
                        struct mt_team *team, struct mt_infer **out,
                        struct mt_err *err);

/* Only the layers and their shapes, to be shown: tensors' names and shapes are
 * checked, but no values read, and nothing can be prepared or run. */
mt_status mt_infer_describe(const struct mt_bundle *from, const char *source,
                            struct mt_infer **out, struct mt_err *err);
void mt_infer_close(struct mt_infer *m); /* NULL is allowed */

/* Prepares for batches of `batch` samples of that shape; does nothing if it
 * already is. */
mt_status mt_infer_prepare(struct mt_infer *m, size_t batch,
                           const struct mt_shape *sample, struct mt_err *err);

/* Fills m->x with the first samples of the column, normalised as in
 * training. */
mt_status mt_infer_gather(struct mt_infer *m, const struct mt_column *column,
                          struct mt_err *err);

/* The outputs of the batch; they are valid until the next call. */
const float *mt_infer_run(struct mt_infer *m);

/* Element i of a sample's output, y, in the unit of the data's target: where
 * targets are normalised, y std + mean. */
double mt_infer_value(const struct mt_infer *m, size_t i, float y);

/* --- classes ------------------------------------------------------------ */

/* How the outputs of a sample are scores of classes: `rows` distributions (one
 * for each token of a sequence, else 1) over `classes`; classes == 0: they are
 * not. Class c of row r is at [r / inner][c][r % inner], as the
 * loss's "dim" need not be the last. */
struct mt_class_layout {
    size_t rows, classes, inner;
};

struct mt_class_layout mt_infer_classes(const struct mt_infer *m,
                                        const struct mt_shape *output);

/* The logits of a row, contiguous. */
void mt_class_row(const struct mt_class_layout *layout, const float *y,
                  size_t row, float *out);

/* p_i = e^(x_i - max) / sum; the same bits everywhere. */
void mt_probabilities(const float *x, size_t n, double *p);

/* Of equal ones, the first. */
size_t mt_argmax(const float *x, size_t n);

/* A class's name; NULL: the data has no names. */
const char *mt_infer_class_name(const struct mt_infer *m, size_t class);

#endif
