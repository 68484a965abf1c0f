/*
 * Finds what a file of torch.save contains: state dicts, optimizers, and
 * objects.
 *
 * An entry is a dictionary from names to tensors, at any depth; its path
 * consists of the keys that lead to it, "model" or "ema.shadow"; that of the
 * file's own value is "". Fewer than half of its values may be something else:
 * the state of early stopping, a best score among settings, is not an entry. A
 * dictionary with "state" and "param_groups" is an optimizer. A dictionary that
 * contains an entry or an optimizer is not an entry itself, so a tensor beside
 * them, such as a random state, does not belong to a model.
 *
 * Values may be shared: tied weights, one state dict under two names. Values
 * that contain none of these are visited once, others once for each path, up to
 * limits that no training program reaches.
 */
#ifndef MT_CKPT_TORCHSCAN_H
#define MT_CKPT_TORCHSCAN_H

#include "ckpt/torchvalue.h"

enum {
    MT_TORCH_MAX_DEPTH = 64,
    /* Limits for repeated visits of shared values (enough for 300 visits of a
     * dictionary of 400), and for state dicts and optimizers found by them. */
    MT_TORCH_SHARED_STEPS = 1 << 17,
    MT_TORCH_SHARED_FOUND = 1 << 12,
    MT_TORCH_OBJECTS = 50,
    MT_TORCH_LONGEST_PATH = 1600,
};

/* The last of the keys that lead to a value; up is the path of its
 * container. */
struct mt_torch_path {
    const struct mt_torch_path *up; /* NULL: the whole file's value */
    const struct mt_pickle *key;    /* or NULL: item `index` of a list */
    size_t index;
    int depth;
};

/* "a.b.c"; the beginning of a long one is cut off. */
struct mt_torch_path_text {
    char text[MT_TORCH_LONGEST_PATH + 1];
};
struct mt_torch_path_text mt_torch_path_text(const struct mt_torch_path *path);

struct mt_torch_found {
    const struct mt_torch_path *path;
    const struct mt_pickle *value;
    const char *needs; /* of an object: the function or class */
    bool floats;       /* of an entry: it has a tensor of floats */
    struct mt_torch_found *next;
};

struct mt_torch_list {
    struct mt_torch_found *first, **last;
    size_t n;
};

struct mt_torch_scan {
    struct mt_torch_list entries, optimizers;
    struct mt_torch_list objects; /* n of them; the first MT_TORCH_OBJECTS are
                                     listed */
    size_t steps; /* visits of values */
    size_t n_values, n_pushes;
    unsigned char *marks; /* (n_values + 1) what is known of each value */
    struct mt_arena *arena;
    const char *source;
};

/* All memory is taken from arena; source names the file in messages. */
mt_status mt_torch_scan(const char *source, const struct mt_pickle_doc *doc,
                        struct mt_arena *arena, struct mt_torch_scan *out,
                        struct mt_err *err);

/* The value under a key of a dictionary, or NULL. */
const struct mt_pickle *mt_torch_get(const struct mt_torch_value *dict,
                                     const char *key);

#endif
