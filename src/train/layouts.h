/*
 * How other programs name a model's tensors: Keras, JAX, Hugging Face and
 * PyTorch have names of their own for the same parts of a layer, and write the
 * index of a layer differently.
 */
#ifndef MT_TRAIN_LAYOUTS_H
#define MT_TRAIN_LAYOUTS_H

#include <stdbool.h>

#include "base/arena.h"

/* A canonical name, only for comparing: the same for
 * "h.0.attn.c_attn.weight" and "h0.self_attn.in_proj_weight". NULL: no memory.
 */
const char *mt_layout_name(const char *name, struct mt_arena *arena);

/* Does the name say that it is a matrix [in, out], as in Keras and JAX? */
bool mt_layout_is_kernel(const char *name);

#endif
