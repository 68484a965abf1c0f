/*
 * The graph: values and the nodes that compute them, recorded once per batch
 * shape and run many times.
 *
 *     struct mt_graph *g = mt_graph_new(training, err);
 *     x = mt_graph_input(g, "x", MT_F32, &shape);
 *     w = mt_graph_leaf(g, tensor);
 *     y = mt_linear(g, x, w, b);                      (ops.h)
 *     loss = mt_mse_loss(g, y, t, ...);
 *     mt_graph_backward(g, loss);        records the gradients' nodes
 *     mt_graph_keep(g, y);               y outlives the run
 *     mt_graph_finish(g, workers, err);  fuses and plans the memory
 *     mt_graph_bind(g, memory);
 *     mt_graph_run(g, team, step);       any number of times
 *
 * Recording functions do not check shapes: the layers do (nn/), and a wrong one
 * here is a bug. If memory runs out while recording, the graph is marked, later
 * calls are harmless, and mt_graph_finish reports it.
 *
 * A run allocates nothing, takes no lock and cannot fail.
 */
#ifndef MT_GRAPH_GRAPH_H
#define MT_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/team.h"
#include "graph/tensor.h"

struct mt_deferred;
struct mt_node;
struct mt_graph;
struct mt_onnx;
struct mt_sequence;

struct mt_value {
    const char *name;         /* of a leaf; NULL: it is computed */
    enum mt_dtype dtype;      /* MT_F32, or MT_I32 for classes and tokens */
    struct mt_shape shape;
    struct mt_node *producer; /* NULL for leaves */
    struct mt_tensor *tensor; /* parameters and buffers; NULL for others */
    struct mt_value *view_of; /* shares that value's memory, reshaped */
    bool requires_grad;
    bool keep;                /* readable after the run */
    void *data;               /* of a leaf, set by its owner; of a computed
                                 value, by the plan; of a parameter's gradient,
                                 its tensor's */

    struct mt_value *grad;    /* recorded by mt_graph_backward, or NULL */
    struct mt_node *reader;   /* one of its readers, and their number, */
    size_t readers;           /* for fusing */
    struct mt_value *again;   /* if `forward`: the same value, recomputed in
                                 backward, or NULL */
    bool forward;             /* computed by a forward node */
    bool deferred;            /* computed by its readers (deferred.h) */
    const struct mt_tensor *handed; /* the parameter whose gradient it is, if
                                       that can be handed over; or NULL */
    enum { MT_UNASKED, MT_KEPT, MT_AGAIN } choice; /* recompute.c */
    int along; /* sequence.c: the sequence's dimension */

    /* the memory plan's (plan.c) */
    struct mt_value *shares;  /* computed in place of that value */
    size_t bytes, place;      /* in the activations' arena */
    size_t born, dies;        /* index of the producer and the last reader */
    bool fixed;               /* data is set, no place is needed */
};

enum { MT_NODE_INPUTS = 8, MT_NODE_OUTPUTS = 4 };

/* Takes gradients of parameters from a run instead of their being stored. */
enum {
    MT_TAKE_FLOATS = 16,
    MT_TAKE_READS = 4,
};

struct mt_taker {
    /* n values, from the tensor's element `at` on, both multiples of
     * MT_TAKE_FLOATS. Threads call it at the same time. No node that follows
     * reads the tensor: it may be changed. */
    void (*take)(void *ctx, const struct mt_tensor *tensor, size_t at,
                 const float *g, size_t n);
    /* Puts the arrays of the tensor's shape that `take` reads into out, which
     * is all NULL: they are prefetched. */
    void (*reads)(void *ctx, const struct mt_tensor *tensor,
                  const float *out[MT_TAKE_READS]);
    void *ctx;
};

/* The samples of a step's batch that a run works on. Random numbers depend on
 * the step and the place in the batch, so that they are the same if a batch is
 * cut into parts. */
struct mt_turn {
    uint32_t step;
    size_t first, samples; /* of the batch; samples 0: all of it */
    double *statistics;    /* NULL: running statistics are updated; else they
                              are stored here instead, mt_graph_statistics
                              numbers */
    const struct mt_sequence *sequence; /* NULL: samples are whole; else pieces
                                           of sequences (sequence.h) */
    void (*after)(void *ctx, size_t node); /* is called when a node has run; */
    void *ctx;                             /* or NULL */
    const struct mt_taker *taker; /* of the gradients that the graph hands over;
                                     NULL: all are stored */
};

/* What a running node may use. */
struct mt_run {
    struct mt_team *team;
    struct mt_turn turn;
    double *statistics; /* of this node; NULL as in turn */
    void *memory;       /* with a sequence: what this node keeps of it */
    bool no_outputs;    /* with a sequence: only fill memory */
    void *scratch;      /* as many bytes as the op asked for */
};

struct mt_op {
    const char *name;
    void (*run)(const struct mt_node *node, const struct mt_run *run);

    /* Records the nodes that compute the gradients of inputs from those of the
     * outputs (NULL: an output has none), and sets d_in[i] for each input i
     * with mt_wants_grad(node, i). NULL: not differentiable. */
    void (*grad)(struct mt_graph *g, const struct mt_node *node,
                 struct mt_value *const *d_out, struct mt_value **d_in);

    /* Bytes of scratch a run takes with this many workers; NULL: none. */
    size_t (*scratch)(const struct mt_node *node, size_t workers);

    /* `next` is the only reader of node's output 0: fuses its work into node
     * and returns true, or returns false. NULL: never fuses. */
    bool (*absorb)(struct mt_graph *g, struct mt_node *node,
                   const struct mt_node *next);

    /* Records a node that recomputes node's output 0, with the same bits, from
     * `in` (its inputs or values equal to them) and its other outputs. NULL: is
     * never recomputed. */
    struct mt_value *(*again)(struct mt_graph *g, const struct mt_node *node,
                              struct mt_value *const *in);

    /* For a normalisation (deferred.h): from now on node's output 0 is to be
     * the coefficients of each channel. Sets d->relu. d NULL: nothing changes.
     * Returns false if its readers cannot do what it does. */
    bool (*defer)(const struct mt_node *node, struct mt_deferred *d);

    /* Where it is described how node reads input k, if it can normalise what it
     * reads; else NULL. NULL: it never can. */
    struct mt_deferred *(*deferred)(const struct mt_node *node, size_t k);

    /* Expresses the node in ONNX (onnx.h). NULL: it does not occur in
     * evaluation, or cannot be expressed. */
    void (*onnx)(struct mt_onnx *o, const struct mt_node *node);

    /* For an op that keeps running statistics: how many numbers a run finds,
     * two for each channel; and the update by these. Such a node runs even if
     * nothing reads its outputs. */
    size_t (*statistics)(const struct mt_node *node);
    void (*update)(const struct mt_node *node, const double *statistics);

    /* For sequences (sequence.h). Sets out[i] to the dimension of output i
     * along which the sequence runs, given those of the inputs (-1: the input
     * does not depend on it; at least one does); outputs that it does not set
     * must not be read. False, or NULL: an output depends on later
     * positions. */
    bool (*along)(const struct mt_node *node, const int *in, int *out);
    /* Bytes that a node keeps of up to `context` positions. */
    size_t (*memory)(const struct mt_node *node, size_t context);

    /* Whether the node can pass output 0 to a taker, as a gradient, piece by
     * piece, and whether that pays. NULL: it cannot. */
    bool (*hands_over)(const struct mt_node *node);

    bool keeps_inner; /* absorb also takes an activation of a value with other
                         readers, which then is output 1 */
    bool in_place; /* output 0 may overwrite input 0 if that dies here */
};

struct mt_node {
    const struct mt_op *op;
    const char *layer;        /* for messages: the layer that recorded it */
    size_t number;            /* its index among the nodes, for fusing */
    size_t waits;             /* it follows the first so many (hand_over.c) */
    size_t n_in, n_out;
    struct mt_value *in[MT_NODE_INPUTS]; /* NULL: an optional operand, such as a
                                            bias, is absent */
    struct mt_value *out[MT_NODE_OUTPUTS];
    void *args;               /* the op's own, in the graph's arena */
};

mt_status mt_graph_new(bool training, struct mt_graph **out,
                       struct mt_err *err);
void mt_graph_free(struct mt_graph *g); /* NULL is allowed */

bool mt_graph_training(const struct mt_graph *g);

/* Did memory run out while it was recorded? Then shapes are meaningless, and
 * mt_graph_finish fails. */
bool mt_graph_failed(const struct mt_graph *g);

/* --- leaves ------------------------------------------------------------- */

/* A leaf whose data pointer the caller sets before each run. */
struct mt_value *mt_graph_input(struct mt_graph *g, const char *name,
                                enum mt_dtype dtype,
                                const struct mt_shape *shape);

/* The leaf of a stored tensor: the same one each time. */
struct mt_value *mt_graph_leaf(struct mt_graph *g, struct mt_tensor *tensor);

/* An independent copy of a leaf, in arena: its own memory, the same name, shape
 * and values, no gradient. A computed value is refused: its copy would silently
 * be detached from the graph. */
mt_status mt_value_clone(const struct mt_value *value, struct mt_arena *arena,
                         struct mt_value **out, struct mt_err *err);

/* --- recording (for ops) ------------------------------------------------ */

/* Sets the layer's name for nodes recorded from here on. */
void mt_graph_layer(struct mt_graph *g, const char *name);

/* size zeroed bytes that live as long as the graph. */
void *mt_graph_alloc(struct mt_graph *g, size_t size);

/* A node without outputs yet; args is copied (size bytes). */
struct mt_node *mt_graph_node(struct mt_graph *g, const struct mt_op *op,
                              const void *args, size_t size);
/* Adds the node's next operand; ops name them by enums. NULL: absent. */
void mt_node_input(struct mt_node *node, struct mt_value *value);
struct mt_value *mt_node_output(struct mt_graph *g, struct mt_node *node,
                                enum mt_dtype dtype,
                                const struct mt_shape *shape);

/* The same memory with another shape of as many elements. */
struct mt_value *mt_graph_view(struct mt_graph *g, struct mt_value *x,
                               const struct mt_shape *shape);

bool mt_wants_grad(const struct mt_node *node, size_t input);

/* --- after recording ---------------------------------------------------- */

/* Records the gradient of loss (a scalar) with respect to every parameter that
 * requires one; sets has_grad of the tensors that it reaches. Returns the
 * scalar leaf of the loss's own gradient, which is 1 unless changed. */
struct mt_value *mt_graph_backward(struct mt_graph *g, struct mt_value *loss);

void mt_graph_keep(struct mt_graph *g, struct mt_value *value);

/* Before mt_graph_finish: runs may have a taker. */
void mt_graph_may_hand_over(struct mt_graph *g);

/* Fuses nodes, defers normalisations, drops what nothing reads, and plans the
 * memory for this many workers (mt_graph_bytes). */
mt_status mt_graph_finish(struct mt_graph *g, size_t workers,
                          struct mt_err *err);

/* Would a taker get this parameter's gradient? */
bool mt_graph_hands_over(const struct mt_graph *g,
                         const struct mt_tensor *tensor);

/* Bytes of working memory for activations and scratch. */
size_t mt_graph_bytes(const struct mt_graph *g);

/* Bytes that the graph itself takes: nodes, values and their lists. */
size_t mt_graph_own_bytes(const struct mt_graph *g);

/* Puts the graph's activations into memory (aligned to 64 bytes, owned by the
 * caller), and uses the memory that tensors have now. Graphs that do not run at
 * the same time may share it. */
void mt_graph_bind(struct mt_graph *g, void *memory);

void mt_graph_run(const struct mt_graph *g, struct mt_team *team,
                  uint32_t step);

/* The same for a part of a batch. */
void mt_graph_run_part(const struct mt_graph *g, struct mt_team *team,
                       const struct mt_turn *turn);

/* How many statistics a run finds; and the update of the running statistics by
 * those of one run. Parts of a batch must be taken in order. */
size_t mt_graph_statistics(const struct mt_graph *g);
void mt_graph_update(const struct mt_graph *g, const double *statistics);

/* Runs node after node, up to the first whose outputs are not all finite;
 * returns that, or NULL. For messages after a run went wrong. */
const struct mt_node *mt_graph_find_non_finite(const struct mt_graph *g,
                                               struct mt_team *team,
                                               const struct mt_turn *turn);

/* The last node that writes to this memory, plus 1; 0: none does. For a graph
 * that is bound. */
size_t mt_graph_last_writer(const struct mt_graph *g, const void *first,
                            const void *end);

size_t mt_graph_node_count(const struct mt_graph *g);
const struct mt_node *mt_graph_node_at(const struct mt_graph *g, size_t i);

/* Nodes [0, forward) are the forward pass. */
size_t mt_graph_forward_count(const struct mt_graph *g);

#endif
