/*
 * The layers of a model, as a table, as JSON and as a graph.
 */
#ifndef MT_CMD_LAYERS_H
#define MT_CMD_LAYERS_H

#include "base/strbuf.h"
#include "nn/model.h"

/* Values of the parameters that a layer declared itself (a container: that
 * its layers did); tied ones count where they are stored. */
size_t mt_layer_parameters(const struct mt_model *m,
                           const struct mt_layer *layer);

/* Prints name, type, output of a sample, parameters and their share to stdout;
 * the last line is the sum. */
void mt_layers_print(const struct mt_model *m);

/* [{"name","type","inputs","output","params","share"}, ...] in order; a
 * container comes before its layers and has "container": true. */
void mt_layers_add_json(const struct mt_model *m, struct mt_strbuf *out);

/* The model as a graph for Graphviz, to stdout: layers are nodes, containers
 * frames, and the edges go from the layers that compute to those that read. */
void mt_layers_print_dot(const struct mt_model *m, const char *title);

#endif
