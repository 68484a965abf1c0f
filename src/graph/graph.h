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
 * Recording functions never return NULL for a reason of shape: shapes are
 * checked by the layers (nn/), and a wrong one here is a bug. If memory runs
 * out while recording, the graph is marked, functions go on harmlessly, and
 * mt_graph_finish reports it.
 *
 * A run allocates nothing, takes no lock and can not fail.
 */
#ifndef MT_GRAPH_GRAPH_H
#define MT_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/team.h"
#include "graph/tensor.h"

struct mt_node;
struct mt_graph;
struct mt_onnx;
struct mt_sequence;

struct mt_value {
    const char *name;         /* of a leaf; NULL where it is computed */
    enum mt_dtype dtype;      /* MT_F32, or MT_I32 for classes and tokens */
    struct mt_shape shape;
    struct mt_node *producer; /* NULL for leaves */
    struct mt_tensor *tensor; /* parameters and buffers; NULL for others */
    struct mt_value *view_of; /* shares that value's memory, reshaped */
    bool requires_grad;
    bool keep;                /* readable after the run */
    void *data;               /* leaves: set by the owner; computed: by the
                                 plan; a parameter's gradient: its tensor's */

    struct mt_value *grad;    /* recorded by mt_graph_backward, or NULL */
    struct mt_node *reader;   /* one of its readers, and how many there are: */
    size_t readers;           /* for fusing */
    struct mt_value *again;   /* the same, computed a second time in backward,
                                 if it is one of `forward`'s */
    bool forward;
    enum { MT_UNASKED, MT_KEPT, MT_AGAIN } choice; /* recompute.c */
    int along; /* sequence.c: the sequence's dimension */

    /* the memory plan's (plan.c) */
    struct mt_value *shares;  /* computed in place of that value */
    size_t bytes, place;      /* in the activations' arena */
    size_t born, dies;        /* index of the producer and the last reader */
    bool fixed;               /* data is set, no place needed */
};

enum { MT_NODE_INPUTS = 8, MT_NODE_OUTPUTS = 4 };

/* Which samples of a step's batch a run works on. Random numbers are drawn by
 * step and by place in the batch, so that a batch that is cut into parts draws
 * the same ones whoever works on them. */
struct mt_turn {
    uint32_t step;
    size_t first, samples; /* of the batch; samples 0: all of it */
    double *statistics;    /* NULL: running statistics are updated. Otherwise
                              mt_graph_statistics numbers, filled in place of
                              that */
    const struct mt_sequence *sequence; /* NULL: samples are whole, else pieces
                                           of sequences (sequence.h) */
};

/* What a running node may use. */
struct mt_run {
    struct mt_team *team;
    struct mt_turn turn;
    double *statistics; /* where this node's begin, or NULL as in turn */
    void *memory;       /* of a sequence: what this node remembers */
    bool no_outputs;    /* of a sequence: nothing else is asked of this node */
    void *scratch;      /* as many bytes as the op asked for */
};

struct mt_op {
    const char *name;
    void (*run)(const struct mt_node *node, const struct mt_run *run);

    /* Records the nodes that compute, from the gradients of the outputs (NULL
     * where none flows), the gradients of those inputs i for which
     * mt_wants_grad(node, i), into d_in[i]. NULL: not differentiable. */
    void (*grad)(struct mt_graph *g, const struct mt_node *node,
                 struct mt_value *const *d_out, struct mt_value **d_in);

    /* Bytes of scratch a run takes with this many workers; NULL: none. */
    size_t (*scratch)(const struct mt_node *node, size_t workers);

    /* `next` is the only reader of node's output 0: takes its work over and
     * returns true, or leaves it. NULL: never. */
    bool (*absorb)(struct mt_graph *g, struct mt_node *node,
                   const struct mt_node *next);

    /* Records a node that computes node's output 0 again, the same bits, from
     * `in`, its inputs or what equals them, and its other outputs. NULL: not to
     * be computed twice. */
    struct mt_value *(*again)(struct mt_graph *g, const struct mt_node *node,
                              struct mt_value *const *in);

    /* Expresses the node in ONNX (onnx.h). NULL: not of evaluation, or it
     * cannot be expressed. */
    void (*onnx)(struct mt_onnx *o, const struct mt_node *node);

    /* Of an op that keeps running statistics: how many numbers they take in a
     * run, two for each channel; and the update by them. Such a node runs even
     * if nothing reads its outputs. */
    size_t (*statistics)(const struct mt_node *node);
    void (*update)(const struct mt_node *node, const double *statistics);

    /* Along a sequence (sequence.h). Sets out[i] to the dimension of output i
     * that the sequence runs along, from those of the inputs (-1: it does not
     * depend on it; at least one does); outputs that it leaves must not be
     * read. False, or NULL: an output depends on later positions. */
    bool (*along)(const struct mt_node *node, const int *in, int *out);
    /* Bytes that a node remembers of up to `context` positions. */
    size_t (*memory)(const struct mt_node *node, size_t context);

    bool in_place; /* output 0 may take input 0's memory if that dies here */
};

struct mt_node {
    const struct mt_op *op;
    const char *layer;        /* for messages: the layer that recorded it */
    size_t number;            /* its place among the nodes while they fuse */
    size_t n_in, n_out;
    struct mt_value *in[MT_NODE_INPUTS]; /* NULL: an operand that the op can do
                                            without, such as a bias */
    struct mt_value *out[MT_NODE_OUTPUTS];
    void *args;               /* the op's own, in the graph's arena */
};

mt_status mt_graph_new(bool training, struct mt_graph **out,
                       struct mt_err *err);
void mt_graph_free(struct mt_graph *g); /* NULL is allowed */

bool mt_graph_training(const struct mt_graph *g);

/* Did memory run out while it was recorded? Then shapes are not what they
 * would be, and mt_graph_finish fails. */
bool mt_graph_failed(const struct mt_graph *g);

/* --- leaves ------------------------------------------------------------- */

/* A leaf whose data pointer the caller sets before each run. */
struct mt_value *mt_graph_input(struct mt_graph *g, const char *name,
                                enum mt_dtype dtype,
                                const struct mt_shape *shape);

/* The leaf of a stored tensor: the same one each time it is asked for. */
struct mt_value *mt_graph_leaf(struct mt_graph *g, struct mt_tensor *tensor);

/* An independent copy of a leaf: own memory, same name, shape and values, no
 * gradient, nothing shared. A computed value is refused: a copy of it would
 * silently leave the graph that produced it. The copy lives in arena. */
mt_status mt_value_clone(const struct mt_value *value, struct mt_arena *arena,
                         struct mt_value **out, struct mt_err *err);

/* --- recording (for ops) ------------------------------------------------ */

/* Names the layer for nodes recorded from here on. */
void mt_graph_layer(struct mt_graph *g, const char *name);

/* size bytes that live as long as the graph; zeroed. */
void *mt_graph_alloc(struct mt_graph *g, size_t size);

/* A node without outputs yet; args is copied (size bytes). */
struct mt_node *mt_graph_node(struct mt_graph *g, const struct mt_op *op,
                              const void *args, size_t size);
/* The node's next operand; ops name them by enums. NULL: not there. */
void mt_node_input(struct mt_node *node, struct mt_value *value);
struct mt_value *mt_node_output(struct mt_graph *g, struct mt_node *node,
                                enum mt_dtype dtype,
                                const struct mt_shape *shape);

/* The same memory seen with another shape of as many elements. */
struct mt_value *mt_graph_view(struct mt_graph *g, struct mt_value *x,
                               const struct mt_shape *shape);

bool mt_wants_grad(const struct mt_node *node, size_t input);

/* --- after recording ---------------------------------------------------- */

/* Records the gradient of loss (a scalar) with respect to every parameter that
 * requires one; sets has_grad on those tensors that it reaches. Returns the
 * scalar leaf that holds the loss's own gradient, 1 unless changed. */
struct mt_value *mt_graph_backward(struct mt_graph *g, struct mt_value *loss);

void mt_graph_keep(struct mt_graph *g, struct mt_value *value);

/* Fuses, drops nodes that nothing reads, and plans the memory for this many
 * workers; mt_graph_bytes says how much it takes. */
mt_status mt_graph_finish(struct mt_graph *g, size_t workers,
                          struct mt_err *err);

/* Bytes of working memory for activations and scratch. */
size_t mt_graph_bytes(const struct mt_graph *g);

/* Bytes that the graph itself takes: nodes, values and their lists. */
size_t mt_graph_own_bytes(const struct mt_graph *g);

/* Lays the graph's activations into memory (aligned to 64 bytes, owned by the
 * caller), and takes the memory that tensors have now. Graphs that do not run
 * at the same time may share it. */
void mt_graph_bind(struct mt_graph *g, void *memory);

void mt_graph_run(const struct mt_graph *g, struct mt_team *team,
                  uint32_t step);

/* The same for a part of a batch. */
void mt_graph_run_part(const struct mt_graph *g, struct mt_team *team,
                       const struct mt_turn *turn);

/* How many statistics a run finds; and the update of the running ones by those
 * of one. Parts are to be taken in their order. */
size_t mt_graph_statistics(const struct mt_graph *g);
void mt_graph_update(const struct mt_graph *g, const double *statistics);

/* Runs node after node and stops after the first whose outputs are not all
 * finite; returns it, or NULL. For messages after a run went wrong. */
const struct mt_node *mt_graph_find_non_finite(const struct mt_graph *g,
                                               struct mt_team *team,
                                               const struct mt_turn *turn);

size_t mt_graph_node_count(const struct mt_graph *g);
const struct mt_node *mt_graph_node_at(const struct mt_graph *g, size_t i);

/* Nodes [0, forward) are the forward pass. */
size_t mt_graph_forward_count(const struct mt_graph *g);

#endif
