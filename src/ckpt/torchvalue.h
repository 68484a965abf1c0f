/*
 * What values of a pickle mean to PyTorch. Nothing is called: only the few
 * functions and classes that torch.load(weights_only=True) allows are known, by
 * name.
 */
#ifndef MT_CKPT_TORCHVALUE_H
#define MT_CKPT_TORCHVALUE_H

#include "base/dtype.h"
#include "ckpt/pickle.h"
#include "ckpt/strided.h"

/* The type of a storage's and of a tensor's elements. */
struct mt_torch_type {
    const char *storage; /* "Float" of torch.FloatStorage; NULL: none */
    const char *name;    /* "float32" of torch.float32 */
    enum mt_dtype dtype; /* MT_OTHER: not read */
    size_t size;         /* bytes of an element */
};

/* A storage as a tensor refers to it. */
struct mt_torch_storage {
    const char *key; /* n bytes: its name in the file */
    size_t n;
    uint64_t bytes; /* its expected size */
    const struct mt_torch_type *type;
};

struct mt_torch_tensor {
    struct mt_torch_storage storage;
    const struct mt_torch_type *type;
    uint64_t offset; /* of its first element in the storage, in elements */
    struct mt_shape shape;
    struct mt_strides strides;
    const char *odd; /* why it cannot be read ("sparse"), and then at most the
                        shape is known; or NULL */
};

enum mt_torch_meaning {
    MT_TORCH_PLAIN,  /* a number, a text, or anything without interest */
    MT_TORCH_DICT,   /* pairs */
    MT_TORCH_LIST,   /* mt_pickle_at(); also tuples */
    MT_TORCH_TENSOR, /* tensor */
    MT_TORCH_OBJECT, /* unknown: needs */
};

struct mt_torch_value {
    enum mt_torch_meaning meaning;
    const struct mt_pickle *list;       /* of LIST */
    const struct mt_pickle_list *pairs; /* of DICT: key, value, ...; or NULL */
    const struct mt_pickle *pair_list;  /* or a list of pairs; or NULL */
    /* Of DICT and LIST: the value that has the items, which others may
     * share. */
    const struct mt_pickle *container;
    struct mt_torch_tensor tensor;
    const char *needs; /* the function or class of OBJECT */
};

/* The storage of a persistent value; *odd: why it cannot be read; else it is
 * not set. */
mt_status mt_torch_storage(const char *source, const struct mt_pickle *v,
                           struct mt_torch_storage *out, const char **odd,
                           struct mt_err *err);

/* source names the file in messages. MT_INVALID: a tensor is described in a way
 * that no version of PyTorch uses. */
mt_status mt_torch_understand(const char *source, const struct mt_pickle *v,
                              struct mt_torch_value *out, struct mt_err *err);

/* The pairs of a dictionary. In a list of pairs, an item that is not a pair
 * counts as None: None. */
size_t mt_torch_pairs(const struct mt_torch_value *dict);
void mt_torch_pair(const struct mt_torch_value *dict, size_t i,
                   const struct mt_pickle **key,
                   const struct mt_pickle **value);

/* May a pickle name this, "module.name"? */
bool mt_torch_knows(const char *global);

#endif
