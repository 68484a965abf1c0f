/*
 * Augmentation: random changes of training pictures, with the names, arguments
 * and defaults of torchvision.transforms. `augment` in the spec is a list of
 * them, applied in order to each sample's values as they are in the file
 * (0 ... 255), before scale, mean and std.
 *
 * Every draw is a function of only the seed, the epoch, the sample's number and
 * the transform's place in the list: threads, batches and resumes change
 * nothing. Evaluation does not change samples, except that RandomCrop to
 * another size takes the middle.
 *
 * A transform is one row in the table of augment.c.
 */
#ifndef MT_DATA_AUGMENT_H
#define MT_DATA_AUGMENT_H

#include "base/philox.h"
#include "data/dataset.h"
#include "spec/kind.h"

/* A sample: planes of float, (channels, height, width). */
struct mt_planar {
    size_t channels, height, width;
    float *x;       /* this sample's values */
    float *scratch; /* at least as many floats, enough for every transform */
};

/* The random numbers of one transform for one sample of one epoch. */
struct mt_draws {
    struct mt_philox_key key;
    uint32_t epoch;
    uint64_t next;
};

/* Uniform in (low, high). */
double mt_draw_between(struct mt_draws *draws, double low, double high);

struct mt_transform_type {
    MT_TYPE_HEAD;

    /* Checks the arguments against the input shape, and changes it to the
     * output shape; object: in the spec, for messages. NULL: nothing to do. */
    mt_status (*prepare)(void *args, struct mt_planar *shape,
                         const struct mt_json *doc,
                         const struct mt_item *object, struct mt_err *err);

    /* Changes p->x in place, with p->scratch; draws NULL: evaluation, which may
     * only change the shape. */
    void (*apply)(const void *args, struct mt_draws *draws,
                  struct mt_planar *p);
};

extern const struct mt_kind mt_augment_kind;

/* Wraps x of each part in the transforms of list, the spec's `augment`. Samples
 * must be pictures: [height, width] or [1 or 3, height, width]. list NULL: does
 * nothing. */
mt_status mt_data_augment(const struct mt_data_request *request,
                          const struct mt_item *list, struct mt_dataset *data,
                          struct mt_err *err);

#endif
