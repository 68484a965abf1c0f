/*
 * What a file of torch.save holds: its state dicts, optimizers, and objects.
 *
 * An entry is a dictionary from names to tensors, at any depth; its path is
 * made of the keys that lead to it, "model" or "ema.shadow"; that of the whole
 * file's value is "". Fewer than half of its values may be something else: what
 * an early stopping keeps, a best score among settings, is none. A dictionary
 * with "state" and "param_groups" is an
 * optimizer's. A dictionary above an entry or an optimizer is no entry itself,
 * so a tensor beside them, such as a random state, is none of a model's.
 */
#ifndef MT_CKPT_TORCHSCAN_H
#define MT_CKPT_TORCHSCAN_H

#include "ckpt/torchvalue.h"

enum {
    MT_TORCH_MAX_DEPTH = 64,
    MT_TORCH_MAX_STEPS = 1 << 22, /* values looked at, shared ones each time */
};

struct mt_torch_found {
    const char *path;
    const struct mt_pickle *value;
    const char *needs; /* of an object: the function or class */
    bool floats;       /* of an entry: it has a tensor of floats */
    struct mt_torch_found *next;
};

struct mt_torch_scan {
    struct mt_torch_found *entries, *optimizers, *objects;
    struct mt_torch_found **last_entry, **last_optimizer, **last_object;
    size_t n_entries, n_optimizers, n_objects;
    size_t steps;
    struct mt_arena *arena;
    const char *source;
};

/* All memory is of arena; source names the file in messages. */
mt_status mt_torch_scan(const char *source, const struct mt_pickle *root,
                        struct mt_arena *arena, struct mt_torch_scan *out,
                        struct mt_err *err);

/* The value under a key of a dictionary, or NULL. */
const struct mt_pickle *mt_torch_get(const struct mt_torch_value *dict,
                                     const char *key);

#endif
