/*
 * Layers: what a spec's "model.layers" is made of.
 *
 * A type of layer is a row (struct mt_layer_type) in its family's file, listed
 * in layers.c. Its keys drive reading, validation, hints, the schema and the
 * check of the manual. Its record function checks the input shape, declares or
 * finds the parameters, and records the ops:
 *
 *     static mt_status linear_record(struct mt_record *r, struct mt_layer *l,
 *                                    struct mt_value *const *in,
 *                                    struct mt_value **out, struct mt_err *err)
 *
 * It runs for every recording: the first, which declares the parameters and is
 * the only one that can fail because of shapes, and those for each batch size,
 * in training and in evaluation.
 */
#ifndef MT_NN_LAYER_H
#define MT_NN_LAYER_H

#include "spec/kind.h"
#include "graph/ops.h"
#include "nn/init.h"

struct mt_layer;
struct mt_record;

enum { MT_LAYER_INPUTS = 8 };

enum mt_layer_flags {
    MT_LAYER_CONTAINER = 1,   /* has "layers" */
    MT_LAYER_MANY_INPUTS = 2, /* reads two or more layers by "inputs" */
    MT_LAYER_TOKENS = 4,      /* reads int32 tokens, not floats */
    MT_LAYER_ADDS_INPUT = 8,  /* a container that adds its input to the output
                                 of its list */
};

/* What is known of all outputs of a type. */
enum mt_gives {
    MT_GIVES_ANY,
    MT_GIVES_ITS_INPUT,     /* numbers of the input, all or some of them */
    MT_GIVES_PROBABILITIES, /* at least 0, with a sum of 1 along a dimension */
    MT_GIVES_LOG_PROBABILITIES,
    MT_GIVES_FRACTIONS,    /* 0 to 1, each by itself */
    MT_GIVES_NO_NEGATIVES, /* at least 0 */
};

struct mt_layer_type {
    MT_TYPE_HEAD; /* keys: in addition to type, name, inputs and layers */
    unsigned flags;            /* enum mt_layer_flags */
    enum mt_gives gives;

    /* How often a container repeats its list; MT_SIZE_ABSENT, or a pointer that
     * is NULL: no repetition. */
    size_t (*repeat)(const struct mt_layer *layer);

    /* in: one value, or those of "inputs". Fills *out. */
    mt_status (*record)(struct mt_record *r, struct mt_layer *layer,
                        struct mt_value *const *in, struct mt_value **out,
                        struct mt_err *err);
};

/* The table of layers.c. */
const struct mt_type *mt_layer_at(size_t i);

/* What every layer has: type, name, inputs; containers: layers. */
extern const struct mt_kind mt_layer_kind;

struct mt_layer {
    const struct mt_layer_type *type;
    const char *name;     /* within its container: given, or the index */
    const char *path;     /* from the top, dotted: "blocks.0.attn" */
    const struct mt_item *object;  /* in the spec, for messages */
    void *args;           /* type->args_size bytes */
    struct mt_layer *parent;
    struct mt_layer *layers; /* of a container */
    size_t n_layers;

    /* Which values it reads: indices of earlier layers of its container,
     * MT_INPUT for what goes into the container. */
    size_t n_in;
    int in[MT_LAYER_INPUTS];

    struct mt_shape in_shape, out_shape; /* without the batch, once recorded */
    size_t first_tensor, end_tensor;     /* its tensors in the store */
    size_t total;                        /* of the root: number of layers */
};

enum { MT_INPUT = -1 };

/* A member of "tie". */
struct mt_tie {
    const struct mt_item *item; /* its key is the tied name */
    bool asked;                 /* a layer has a parameter of that name */
};

/* The state of recording. */
struct mt_record {
    struct mt_graph *graph;
    struct mt_store *store;
    const struct mt_json *doc;
    struct mt_arena *arena;     /* the model's */
    bool declaring;             /* the first recording */
    uint64_t seed;
    size_t classes, vocab;      /* what "auto" means; 0: unknown */
    struct mt_tie *ties;
    size_t n_ties;
    struct mt_names tie_names;  /* of the ties */
    struct mt_init **inits;     /* by tensor: its default initialisation */
    size_t n_inits;
    size_t tokens;              /* rows of the smallest table in which the input
                                   is looked up; 0: none */
    bool mixes_batch;           /* outputs of a sample depend on other samples
                                   of its batch, even in evaluation */
};

/* The tie of that name, or NULL; and adds a tie to ties, which has room. */
struct mt_tie *mt_record_tie(const struct mt_record *r, const char *name);
mt_status mt_record_add_tie(struct mt_record *r, const struct mt_item *item,
                            struct mt_err *err);

/* Reads a list of layers (and what they contain) into parent, a container; does
 * not check shapes. */
mt_status mt_layers_read(const struct mt_json *doc, const struct mt_item *list,
                         struct mt_layer *parent, struct mt_arena *arena,
                         struct mt_err *err);

/* Records the layers of a container in order; x is its input. */
mt_status mt_layers_record(struct mt_record *r, struct mt_layer *container,
                           struct mt_value *x, struct mt_value **out,
                           struct mt_err *err);

/* The layer that computes the k-th input of a layer: never a container, except
 * one that adds its input; NULL: it is the model's input. */
const struct mt_layer *mt_layer_source(const struct mt_layer *layer, size_t k);

/* The same for the output of a layer, a container or the root of a model. */
const struct mt_layer *mt_layer_result(const struct mt_layer *layer);

/* What is known of the outputs of a layer, a container or a model: never
 * MT_GIVES_ITS_INPUT. *by: the layer that ensures it; NULL: none. */
enum mt_gives mt_layer_gives(const struct mt_layer *layer,
                             const struct mt_layer **by);

/* --- for record functions ----------------------------------------------- */

/* The layer's parameter `<path>.<name>`: declared in the first recording,
 * found in later ones. init is copied. */
mt_status mt_layer_param(struct mt_record *r, struct mt_layer *layer,
                         const char *name, const struct mt_shape *shape,
                         const struct mt_init *init, struct mt_value **out,
                         struct mt_err *err);

/* The same for a buffer: state that is not learned (float32 or int64). Ops that
 * change it in training have `update` (graph/graph.h). */
mt_status mt_layer_buffer(struct mt_record *r, struct mt_layer *layer,
                          const char *name, enum mt_dtype dtype,
                          const struct mt_shape *shape,
                          const struct mt_init *init, struct mt_value **out,
                          struct mt_err *err);

/* The bound of torch's default uniform initialisation: 1 / sqrt(fan_in). */
struct mt_init mt_init_fan_in(size_t fan_in);

/* The random stream of this layer, for dropout. */
struct mt_philox_key mt_layer_stream(const struct mt_record *r,
                                     const struct mt_layer *layer);

/* Different streams, for several dropouts of one layer. */
struct mt_philox_key mt_layer_stream_of(const struct mt_record *r,
                                        const struct mt_layer *layer,
                                        const char *name);

/* "digits.json:7:5: model.layers[2] (Linear "fc"): MESSAGE; the input [64, 7,
 * 7] comes from layer "conv2" (Conv2d)". Shapes are without the batch. */
mt_status mt_layer_fail(const struct mt_record *r, const struct mt_layer *layer,
                        const struct mt_value *in, struct mt_err *err,
                        const char *fmt, ...) MT_PRINTF(5, 6);

/* The shape of a sample: v's without its first dimension. */
struct mt_shape mt_sample_shape(const struct mt_value *v);

/* Fails if `what` (such as "in_features") is given by the spec, as `given`, and
 * is not what follows from the input, `found`. It may be absent or "auto". */
mt_status mt_layer_check_size(const struct mt_record *r,
                              const struct mt_layer *layer,
                              const struct mt_value *in, const char *what,
                              size_t given, size_t found, struct mt_err *err);

#endif
