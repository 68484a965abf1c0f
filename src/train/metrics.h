/*
 * Metrics: values reported in addition to the loss. One row each: how a batch
 * adds to the sums, and the value that the sums give.
 */
#ifndef MT_TRAIN_METRICS_H
#define MT_TRAIN_METRICS_H

#include "spec/kind.h"
#include "nn/model.h"

enum { MT_METRIC_SUMS = 4, MT_MAX_METRICS = 8 };

struct mt_ranking;

/* A metric's sums over samples; part of a checkpoint's position in mid-epoch. */
struct mt_sums {
    double *v;      /* mt_metric_sums() of them */
    size_t columns; /* outputs of a sample in its last dimension, or classes */
    struct mt_ranking *ranking; /* ranking.h; NULL: not of an evaluation */
};

/* A batch's outputs and targets. */
struct mt_outcome {
    const float *y;       /* (rows, n) */
    const float *t;       /* (rows, n) of regression, or NULL */
    const int32_t *class; /* (rows) of classification, or NULL */
    size_t rows, n;
    int64_t ignore;       /* a class that does not count */
    float threshold;      /* as in mt_loss_type */
    const double *units; /* [n_units]: what 1 of element i of a target is in its
                            own unit; n_units == 0: 1 */
    size_t n_units;
    double loss;          /* of all samples of the batch together, */
    double weight;        /* and how many they count as */
};

struct mt_metric {
    MT_TYPE_HEAD;
    bool classes;      /* of classification; false: of regression */
    bool binary; /* of losses whose targets are probabilities too */
    bool larger_better;
    bool whole; /* needs all samples of a set at once: evaluations have it, the
                   epoch that is trained does not */
    size_t per_column; /* sums of each column; 0: MT_METRIC_SUMS in all */
    bool square;       /* a sum for each column of each, and one more */
    void (*add)(const struct mt_outcome *o, struct mt_sums *sums);
    double (*value)(const struct mt_sums *sums);

    /* Adds the sums of other samples; NULL: number by number. */
    void (*merge)(struct mt_sums *sums, const double *others);
};

extern const struct mt_kind mt_metric_kind;

/* Row i of the table; NULL after the last. */
const struct mt_metric *mt_metric_at(size_t i);

const struct mt_metric *mt_metric_find(const char *name);

/* The confusion matrix, not in the table: its sums are a row for each class of
 * the targets, with the samples taken for each class, and last those with an
 * output that is not finite. It has no value. */
extern const struct mt_metric mt_metric_confusion;

bool mt_metric_suits(const struct mt_metric *m, const struct mt_loss *loss);

/* How many sums it has for outputs of so many columns. */
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
