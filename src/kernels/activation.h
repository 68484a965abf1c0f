/*
 * The table of activations: a name, its two kernels, and whether the
 * derivative is computed from the saved input or the saved output. To add one,
 * add its row to MT_ACTIVATIONS (dispatch.h) and its kernels, with their
 * formulas, to isa/activation.c. The tests of kernels and of gradients have it
 * then too, and do not compile without its check in dispatch_test.c.
 */
#ifndef MT_KERNELS_ACTIVATION_H
#define MT_KERNELS_ACTIVATION_H

#include "kernels/dispatch.h"

struct mt_activation {
    const char *name;
    bool saves_output; /* the derivative reads the output, not the input */
    size_t forward, backward; /* offsets of the kernels in struct mt_kernels */
};

/* The activation of that name, or NULL. */
const struct mt_activation *mt_activation_find(const char *name);

extern const struct mt_activation mt_activations[];
extern const size_t mt_activation_count;

bool mt_is_relu(const struct mt_activation *a);

/* Its kernels in the table in use. */
mt_unary *mt_activation_forward(const struct mt_activation *a);
mt_unary_grad *mt_activation_backward(const struct mt_activation *a);

#endif
