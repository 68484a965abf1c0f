/*
 * A recorded graph as an ONNX model (https://onnx.ai/onnx/repo-docs/IR.html),
 * opset 17, for the ops of evaluation.
 *
 * The row of an op has a function `onnx`, which adds ONNX nodes for it and
 * names its outputs:
 *
 *     static void softmax_onnx(struct mt_onnx *o, const struct mt_node *node)
 *     {
 *         const char *y = MT_ONNX(o, "Softmax", mt_onnx_in(o, node, X));
 *
 *         mt_onnx_int(o, "axis", -1);
 *         mt_onnx_out(o, node, Y, y);
 *     }
 *
 * The batch size is free: the graph is recorded for two sizes, and dimensions
 * that differ depend on it. Names are those of ONNX values; they live as long
 * as the builder. If memory runs out, or something cannot be expressed, later
 * calls are harmless, and mt_onnx_finish reports it.
 */
#ifndef MT_GRAPH_ONNX_H
#define MT_GRAPH_ONNX_H

#include "graph/graph.h"

struct mt_onnx;

enum { MT_ONNX_OPSET = 17 };

/* Element types, as TensorProto.DataType numbers them. */
enum { MT_ONNX_FLOAT = 1, MT_ONNX_INT64 = 7, MT_ONNX_DOUBLE = 11 };

/* two: the same recording as g for another batch size. Both must be recorded
 * for evaluation, not finished, and outlive the builder. */
mt_status mt_onnx_new(struct mt_graph *g, struct mt_graph *two,
                      struct mt_onnx **out, struct mt_err *err);
void mt_onnx_free(struct mt_onnx *o); /* NULL is allowed */

/* --- for the ops -------------------------------------------------------- */

/* The name of a node's operand; NULL if it is absent. */
const char *mt_onnx_in(struct mt_onnx *o, const struct mt_node *node,
                       size_t input);

/* Names the node's output. */
void mt_onnx_out(struct mt_onnx *o, const struct mt_node *node, size_t output,
                 const char *name);

/* Adds a node that reads the n names (NULL: an absent operand) and has one
 * output, whose name it returns. Its attributes are added next, before another
 * node. */
const char *mt_onnx_node(struct mt_onnx *o, const char *op,
                         const char *const *in, size_t n);
#define MT_ONNX(o, op, ...)                                                    \
    mt_onnx_node(o, op, (const char *const[]){ __VA_ARGS__ },                  \
                 sizeof((const char *const[]){ __VA_ARGS__ }) /                \
                     sizeof(const char *))

void mt_onnx_int(struct mt_onnx *o, const char *key, int64_t value);
void mt_onnx_ints(struct mt_onnx *o, const char *key, const int64_t *values,
                  size_t n);
void mt_onnx_float(struct mt_onnx *o, const char *key, float value);
void mt_onnx_text(struct mt_onnx *o, const char *key, const char *value);
void mt_onnx_texts(struct mt_onnx *o, const char *key, const char *value);

/* Constants. A list is a vector of int64. */
const char *mt_onnx_floats(struct mt_onnx *o, const struct mt_shape *shape,
                           const float *values);
const char *mt_onnx_doubles(struct mt_onnx *o, const struct mt_shape *shape,
                            const double *values);
const char *mt_onnx_scalar(struct mt_onnx *o, float value);
const char *mt_onnx_index(struct mt_onnx *o, int64_t value);
const char *mt_onnx_list(struct mt_onnx *o, const int64_t *values, size_t n);

/* Zeroed memory for n values of up to 8 bytes each; NULL: no memory. */
void *mt_onnx_room(struct mt_onnx *o, size_t n);

/* A vector of n floats of this value. */
const char *mt_onnx_filled(struct mt_onnx *o, size_t n, float value);

/* The dimensions of a value; -1: it depends on the batch size. */
void mt_onnx_dims(const struct mt_onnx *o, const struct mt_value *v,
                  int64_t dims[MT_MAX_RANK]);

/* Reshapes `name` to these dimensions, of which one may be -1. */
const char *mt_onnx_reshape(struct mt_onnx *o, const char *name,
                            const int64_t *dims, size_t n);

/* Reshapes `name`, one value for each channel (dimension 1), so that it is
 * broadcast over a value of this rank. NULL stays NULL. */
const char *mt_onnx_channels(struct mt_onnx *o, const char *name,
                             size_t channels, int rank);

/* x * w + b, of which w and b may be NULL. */
const char *mt_onnx_affine(struct mt_onnx *o, const char *x, const char *w,
                           const char *b);

/* Notes that the node cannot be expressed: "layer "x": WHY". */
void mt_onnx_refuse(struct mt_onnx *o, const struct mt_node *node,
                    const char *why);

/* --- the model ---------------------------------------------------------- */

/* Declares a model's input; its first dimension is the batch. Returns name. */
const char *mt_onnx_input(struct mt_onnx *o, const char *name, int type,
                          const struct mt_shape *sample);

/* Names a leaf of the graph. */
void mt_onnx_give(struct mt_onnx *o, const struct mt_value *leaf,
                  const char *name);

/* Expresses all nodes that v needs, and declares it as the model's output. */
void mt_onnx_output(struct mt_onnx *o, const struct mt_value *v,
                    const char *name);

void mt_onnx_metadata(struct mt_onnx *o, const char *key, const char *value);

/* Called with the next n bytes of the file. */
typedef mt_status mt_onnx_put(void *ctx, const void *bytes, size_t n,
                              struct mt_err *err);

/* Calls put for all bytes of the file, in order, unless something could not be
 * expressed. The values of tensors are read only now, and not copied. */
mt_status mt_onnx_finish(struct mt_onnx *o, mt_onnx_put *put, void *ctx,
                         struct mt_err *err);

#endif
