/*
 * The recordings of a model for batches of several sizes. They share memory:
 * only one of them runs at a time.
 */
#ifndef MT_TRAIN_PROGRAMS_H
#define MT_TRAIN_PROGRAMS_H

#include "nn/model.h"

enum {
    MT_PROGRAMS = 4
}; /* parts of full batches have up to two sizes, those
      of the last batch two more */

struct mt_programs {
    struct mt_program of[MT_PROGRAMS];
    size_t n;
};

/* Records the model for batches of n samples, unless that is done or n is 0. */
mt_status mt_programs_add(struct mt_programs *programs, struct mt_model *model,
                          size_t n, bool training, size_t workers,
                          struct mt_err *err);

/* The one for n samples, which must exist. */
struct mt_program *mt_programs_find(struct mt_programs *programs, size_t n);

/* The memory that the largest one needs. */
size_t mt_programs_bytes(const struct mt_programs *programs);
void mt_programs_bind(struct mt_programs *programs, void *memory);
void mt_programs_free(struct mt_programs *programs);

#endif
