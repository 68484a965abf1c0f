/*
 * Printing predictions: CSV or JSON lines, one for each sample.
 */
#ifndef MT_CMD_PREDICTIONS_H
#define MT_CMD_PREDICTIONS_H

#include "base/strbuf.h"
#include "train/infer.h"

struct mt_predictions {
    const struct mt_infer *model;
    struct mt_class_layout layout; /* of the model's output; if the targets of
                                      the loss are probabilities, each output is
                                      a classifier of two classes */
    bool binary;                   /* the targets are probabilities */
    size_t outputs;                /* elements of a sample's output */
    bool json, all;                /* all: every class's probability */
    const char *const *paths;      /* of each sample, or NULL */
    float *logits;                 /* [classes] */
    double *p;                     /* [classes] */
};

/*
 * A loss of classes gives the class with the highest score, and its probability
 * by softmax. BCELoss and BCEWithLogitsLoss give, for each output, the
 * probability of 1, and 1 as the class where that is above 1/2: as accuracy
 * has it. Where an output is not finite there is no class. Other losses give
 * the outputs as they are.
 */

mt_status mt_predictions_init(struct mt_predictions *out,
                              const struct mt_infer *model, bool json, bool all,
                              struct mt_err *err);
void mt_predictions_free(struct mt_predictions *p);

/* Appends the header line of a CSV. */
void mt_predictions_header(const struct mt_predictions *p,
                           struct mt_strbuf *line);

/* Appends the line of sample number `sample`, whose outputs are y. */
void mt_predictions_add(struct mt_predictions *p, size_t sample, const float *y,
                        struct mt_strbuf *line);

#endif
