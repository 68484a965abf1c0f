/*
 * Metrics: values reported in addition to the loss. A row for each: how a batch
 * adds to its sums, and the value of these sums.
 */
#ifndef MT_TRAIN_METRICS_H
#define MT_TRAIN_METRICS_H

#include "spec/kind.h"
#include "nn/model.h"

enum { MT_METRIC_SUMS = 4, MT_MAX_METRICS = 8 };

struct mt_ranking;

/* A metric's sums over samples; part of a checkpoint's position in
 * mid-epoch. */
struct mt_sums {
    double *v;      /* [mt_metric_sums()] */
    size_t columns; /* size of an output's last dimension, or classes */
    struct mt_ranking *ranking; /* ranking.h; NULL: not in an evaluation */
};

/* A batch's outputs and targets. */
struct mt_outcome {
    const float *y;       /* (rows, n) */
    const float *t;       /* (rows, n) for regression, or NULL */
    const int32_t *class; /* (rows) for classification, or NULL */
    size_t rows, n;
    int64_t ignore;       /* a class that does not count */
    float threshold;      /* as in mt_loss_type */
    const double *units; /* [n_units]: the factor from element i of a normalised
                            target to its own unit; n_units == 0: 1 */
    size_t n_units;
    double loss;          /* of all samples of the batch together, */
    double weight;        /* and how many samples these count as */
};

struct mt_metric {
    MT_TYPE_HEAD;
    bool classes;      /* for classification; false: for regression */
    bool binary; /* also for losses whose targets are probabilities */
    bool larger_better;
    bool whole; /* needs all samples of a set at once: only for evaluations, not
                   for training epochs */
    size_t per_column; /* sums for each column; 0: MT_METRIC_SUMS in all */
    bool square;       /* each column has a sum for each column, and one more */
    void (*add)(const struct mt_outcome *o, struct mt_sums *sums);
    double (*value)(const struct mt_sums *sums);

    /* Adds the sums of other samples; NULL: elementwise. */
    void (*merge)(struct mt_sums *sums, const double *others);
};

extern const struct mt_kind mt_metric_kind;

/* Row i of the table; NULL after the last. */
const struct mt_metric *mt_metric_at(size_t i);

const struct mt_metric *mt_metric_find(const char *name);

/* The confusion matrix, not in the table. Its sums are a row for each class of
 * the targets: the samples predicted as each class, and last those with an
 * output that is not finite. It has no value. */
extern const struct mt_metric mt_metric_confusion;

bool mt_metric_suits(const struct mt_metric *m, const struct mt_loss *loss);

/* The number of its sums for outputs of `columns` columns. */
static inline size_t mt_metric_sums(const struct mt_metric *m, size_t columns)
{
    return m->square       ? columns * (columns + 1)
           : m->per_column ? m->per_column * columns
                           : MT_METRIC_SUMS;
}

void mt_metric_merge(const struct mt_metric *m, struct mt_sums *sums,
                     const double *others);

/* Looks the names up and checks that each suits the loss. item is the list in
 * the spec, for messages. */
mt_status mt_metrics_read(const struct mt_json *doc, const struct mt_item *item,
                          const struct mt_strings *names, const struct mt_loss *loss,
                          const struct mt_metric **out, struct mt_err *err);

#endif
