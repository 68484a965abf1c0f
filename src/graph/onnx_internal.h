/* The builder of an ONNX model, for onnx.c and onnx_file.c. */
#ifndef MT_GRAPH_ONNX_INTERNAL_H
#define MT_GRAPH_ONNX_INTERNAL_H

#include "base/strbuf.h"
#include "graph/onnx.h"

/* A tensor of the file: its fields, and its elements, which are not copied. */
struct mt_onnx_constant {
    struct mt_onnx_constant *next;
    const void *values;
    size_t n, size; /* elements, and bytes of one */
    struct mt_strbuf head;
};

struct mt_onnx {
    struct mt_arena arena;
    struct mt_graph *g, *two;
    const char **names; /* of g's values, by their number (born) */
    struct mt_strbuf nodes, inputs, outputs, metadata; /* fields */
    struct mt_onnx_constant *constants,
        **end;             /* in order; where the next one goes */
    struct mt_strbuf node; /* the present node, for its attributes */
    bool open;             /* there is a present node */
    size_t n_names;
    const char *layer; /* of the present op */
    bool failed;       /* memory ran out */
    bool refused;
    char why[512];
};

#endif
