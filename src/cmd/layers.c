#include "cmd/layers.h"

#include <stdio.h>
#include <string.h>

#include "spec/tree.h"

size_t mt_layer_parameters(const struct mt_model *m,
                           const struct mt_layer *layer)
{
    size_t n = 0;

    for (size_t t = layer->first_tensor; t < layer->end_tensor; t++) {
        if (!m->store.tensors[t]->buffer)
            n += m->store.tensors[t]->count;
    }
    return n;
}

static bool is_frozen(const struct mt_model *m, const struct mt_layer *layer)
{
    for (size_t t = layer->first_tensor; t < layer->end_tensor; t++) {
        if (m->store.tensors[t]->requires_grad)
            return false;
    }
    return mt_layer_parameters(m, layer) > 0;
}

static double share(const struct mt_model *m, size_t parameters)
{
    size_t all = mt_model_parameters(m, false);

    return all ? (double)parameters / (double)all : 0;
}

/* --- the table ---------------------------------------------------------- */

struct widths {
    size_t name, type, shape;
};

static void widen(size_t *width, const char *text)
{
    size_t n = strlen(text);

    *width = n > *width ? n : *width;
}

static void measure(const struct mt_layer *container, struct widths *w)
{
    for (size_t i = 0; i < container->n_layers; i++) {
        const struct mt_layer *l = &container->layers[i];

        widen(&w->name, l->path);
        widen(&w->type, l->type->name);
        widen(&w->shape, mt_shape_text(&l->out_shape).text);
        measure(l, w);
    }
}

static void print_row(const struct widths *w, const char *name,
                      const char *type, const char *shape)
{
    printf("%-*s  %-*s  %-*s", (int)w->name, name, (int)w->type, type,
           (int)w->shape, shape);
}

static void print_rows(const struct mt_model *m,
                       const struct mt_layer *container,
                       const struct widths *w)
{
    for (size_t i = 0; i < container->n_layers; i++) {
        const struct mt_layer *l = &container->layers[i];
        size_t n = mt_layer_parameters(m, l);

        struct mt_shape_text shape = mt_shape_text(&l->out_shape);

        if (l->n_layers) { /* its layers count */
            printf("%-*s  %-*s  %s\n", (int)w->name, l->path, (int)w->type,
                   l->type->name, shape.text);
        } else {
            print_row(w, l->path, l->type->name, shape.text);
            printf("  %12zu  %5.1f%%%s\n", n, 100 * share(m, n),
                   is_frozen(m, l) ? "  frozen" : "");
        }
        print_rows(m, l, w);
    }
}

void mt_layers_print(const struct mt_model *m)
{
    struct widths w = { strlen("layer"), strlen("type"), strlen("output") };
    size_t all = mt_model_parameters(m, false);

    measure(&m->root, &w);
    print_row(&w, "layer", "type", "output");
    printf("  %12s  %6s\n", "parameters", "share");
    print_rows(m, &m->root, &w);
    print_row(&w, "total", "", "");
    printf("  %12zu  %5.1f%%\n", all, 100 * share(m, all));
}

/* --- JSON --------------------------------------------------------------- */

static void add_row(const struct mt_model *m, const struct mt_layer *l,
                    struct mt_strbuf *out)
{
    size_t n = mt_layer_parameters(m, l);

    mt_strbuf_puts(out, "{\"name\":");
    mt_json_add_string(out, l->path);
    mt_strbuf_printf(out, ",\"type\":\"%s\"", l->type->name);
    if (l->n_layers)
        mt_strbuf_puts(out, ",\"container\":true");
    mt_strbuf_puts(out, ",\"inputs\":[");
    for (size_t k = 0; k < l->n_in; k++) {
        const struct mt_layer *from = mt_layer_source(l, k);

        mt_strbuf_puts(out, k ? "," : "");
        mt_json_add_string(out, from ? from->path : "input");
    }
    mt_strbuf_puts(out, "],\"output\":");
    mt_shape_print(&l->out_shape, out);
    mt_strbuf_printf(out, ",\"params\":%zu,\"share\":", n);
    mt_json_add_number(out, share(m, n));
    mt_strbuf_puts(out, is_frozen(m, l) ? ",\"frozen\":true}" : "}");
}

static void add_rows(const struct mt_model *m,
                     const struct mt_layer *container, struct mt_strbuf *out)
{
    for (size_t i = 0; i < container->n_layers; i++) {
        const struct mt_layer *l = &container->layers[i];

        if (container->parent || i)
            mt_strbuf_putc(out, ',');
        add_row(m, l, out);
        add_rows(m, l, out);
    }
}

void mt_layers_add_json(const struct mt_model *m, struct mt_strbuf *out)
{
    mt_strbuf_putc(out, '[');
    add_rows(m, &m->root, out);
    mt_strbuf_putc(out, ']');
}

/* --- Graphviz ----------------------------------------------------------- */

/* Names of layers have letters, digits, _, - and dots: "/..." is free for
 * nodes that are no layers. */
static void print_id(const struct mt_layer *l)
{
    if (!l)
        printf("\"/input\"");
    else
        printf("\"%s%s\"", l->path, l->n_layers ? "/sum" : "");
}

static void indent(int depth)
{
    printf("%*s", 2 * depth, "");
}

static void print_node(const struct mt_model *m, const struct mt_layer *l,
                       int depth)
{
    size_t n = mt_layer_parameters(m, l);

    indent(depth);
    print_id(l);
    printf(" [label=\"%s\\n%s\\n%s", l->type->name, l->path,
           mt_shape_text(&l->out_shape).text);
    if (n)
        printf("\\n%s%s", mt_count(n, "parameter").text,
               is_frozen(m, l) ? ", frozen" : "");
    printf("\"%s];\n", n ? ", fillcolor=\"#dbe9f6\"" : "");
}

static void print_nodes(const struct mt_model *m,
                        const struct mt_layer *container, int depth)
{
    for (size_t i = 0; i < container->n_layers; i++) {
        const struct mt_layer *l = &container->layers[i];

        if (!l->n_layers) {
            print_node(m, l, depth);
            continue;
        }
        indent(depth);
        printf("subgraph \"cluster_%s\" {\n", l->path);
        indent(depth + 1);
        printf("label=\"%s %s %s\";\n", l->path, l->type->name,
               mt_shape_text(&l->out_shape).text);
        print_nodes(m, l, depth + 1);
        if (l->type->flags & MT_LAYER_ADDS_INPUT) {
            indent(depth + 1);
            print_id(l);
            printf(" [shape=circle, label=\"+\", width=0.3, "
                   "fixedsize=true];\n");
        }
        indent(depth);
        printf("}\n");
    }
}

static void print_edge(const struct mt_layer *from, const struct mt_layer *to)
{
    printf("  ");
    print_id(from);
    printf(" -> ");
    print_id(to);
    printf(";\n");
}

static void print_edges(const struct mt_layer *container)
{
    for (size_t i = 0; i < container->n_layers; i++) {
        const struct mt_layer *l = &container->layers[i];

        print_edges(l);
        for (size_t k = 0; k < l->n_in && !l->n_layers; k++)
            print_edge(mt_layer_source(l, k), l);
        if (l->n_layers && l->type->flags & MT_LAYER_ADDS_INPUT) {
            print_edge(mt_layer_result(&l->layers[l->n_layers - 1]), l);
            print_edge(mt_layer_source(l, 0), l);
        }
    }
}

static void print_title(const char *title)
{
    putchar('"');
    for (; *title; title++) {
        if (*title == '"' || *title == '\\')
            putchar('\\');
        putchar(*title);
    }
    putchar('"');
}

void mt_layers_print_dot(const struct mt_model *m, const char *title)
{
    printf("digraph ");
    print_title(title);
    printf(" {\n"
           "  graph [fontname=\"Helvetica\", fontsize=11, color=\"#888888\", "
           "style=rounded, labeljust=l];\n"
           "  node [fontname=\"Helvetica\", fontsize=11, shape=box, "
           "style=\"rounded,filled\", fillcolor=\"#f4f4f4\", "
           "color=\"#888888\"];\n"
           "  edge [color=\"#555555\", arrowsize=0.7];\n"
           "  \"/input\" [shape=ellipse, label=\"input\\n%s\"];\n",
           mt_shape_text(&m->x).text);
    print_nodes(m, &m->root, 1);
    printf("  \"/loss\" [shape=ellipse, label=\"%s\"];\n", m->loss.type->name);
    print_edges(&m->root);
    printf("  ");
    print_id(mt_layer_result(&m->root));
    printf(" -> \"/loss\";\n}\n");
}
