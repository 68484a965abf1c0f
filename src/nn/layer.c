/* Reading layers from the spec, and helpers of record functions. */
#include "nn/layer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "base/nearest.h"
#include "kernels/dmath.h"

struct common_args {
    const char *name;
    struct mt_strings inputs;
    const struct mt_item *layers;
};

static const struct mt_key common_keys[] = {
    { "name", MT_KEY_STRING, offsetof(struct common_args, name),
      .doc = "its name in the state dict; default: its index",
      .schema = "\"pattern\":\"^[A-Za-z0-9_-]+$\"" },
    { "inputs", MT_KEY_STRINGS, offsetof(struct common_args, inputs),
      .doc = "names of earlier layers of the same list to read instead of the "
             "one before; \"input\" is what goes into the list" },
    { NULL },
};

static const struct mt_key container_keys[] = {
    { "layers", MT_KEY_JSON, offsetof(struct common_args, layers),
      .flags = MT_KEY_REQUIRED, .doc = "list of layers",
      .schema = "\"type\":\"array\",\"minItems\":1,"
                "\"items\":{\"$ref\":\"#/$defs/layer\"}" },
    { NULL },
};

static const struct mt_key *extra_keys(const struct mt_type *type)
{
    const struct mt_layer_type *layer = (const struct mt_layer_type *)type;

    return layer->flags & MT_LAYER_CONTAINER ? container_keys : NULL;
}

/* Adds how many layers "inputs" may name. */
static void add_schema(const struct mt_type *type, struct mt_strbuf *out)
{
    const struct mt_layer_type *layer = (const struct mt_layer_type *)type;

    if (layer->flags & MT_LAYER_MANY_INPUTS)
        mt_strbuf_printf(out, ",\"allOf\":[{\"required\":[\"inputs\"],"
                         "\"properties\":{\"inputs\":{\"type\":\"array\","
                         "\"minItems\":2,\"maxItems\":%d}}}]", MT_LAYER_INPUTS);
    else
        mt_strbuf_puts(out, ",\"allOf\":[{\"properties\":{\"inputs\":"
                            "{\"minItems\":1,\"maxItems\":1}}}]");
}

const struct mt_kind mt_layer_kind = {
    .name = "layer",
    .what = "layer",
    .at = mt_layer_at,
    .common = common_keys,
    .extra = extra_keys,
    .schema = add_schema,
};

enum { MAX_LAYERS = 10000 };

/* A list of layers that is being read. */
struct list {
    const struct mt_json *doc;
    struct mt_layer *parent;
    struct mt_arena *arena;
    struct mt_names names; /* of the layers so far */
};

/* --- names -------------------------------------------------------------- */

static const char *name_of(const void *parent, size_t i)
{
    return ((const struct mt_layer *)parent)->layers[i].name;
}

static bool is_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return *text && text[strspn(text, allowed)] == '\0';
}

static mt_status add_name(struct list *list, const struct mt_item *object,
                          const struct mt_layer *layer, struct mt_err *err)
{
    const struct mt_layer *parent = list->parent;
    const struct mt_item *item = mt_json_get(object, "name");

    if (!item)
        item = object;
    if (!is_name(layer->name))
        return mt_json_fail(list->doc, item, err,
                            "a layer's name has letters, digits, _ and - only, "
                            "got \"%s\"", layer->name);
    if (!parent->parent && (strcmp(layer->name, "optimizer") == 0))
        return mt_json_fail(list->doc, item, err,
                            "\"optimizer\" cannot name a layer: state dicts "
                            "keep the optimizer's tensors under it");
    if (strcmp(layer->name, "input") == 0)
        return mt_json_fail(list->doc, item, err,
                            "\"input\" cannot name a layer: \"inputs\" means "
                            "by it what goes into the list");
    if (mt_names_find(&list->names, layer->name, name_of, parent) !=
        SIZE_MAX)
        return mt_json_fail(list->doc, item, err,
                            "the name \"%s\" is taken by an earlier layer",
                            layer->name);
    return mt_names_add(&list->names, name_of, parent) ? MT_OK
                                                       : mt_fail_memory(err);
}

/* --- inputs ------------------------------------------------------------- */

static mt_status fail_input(const struct mt_json *doc, const struct mt_item *object,
                            const struct mt_layer *parent, size_t index,
                            const char *name, struct mt_err *err)
{
    struct mt_nearest search = mt_nearest_to(name);

    for (size_t i = 0; i < index; i++)
        mt_nearest_try(&search, parent->layers[i].name);
    mt_nearest_try(&search, "input");
    const char *near = search.best;

    return mt_json_fail(doc, mt_json_get(object, "inputs"), err,
                        "no earlier layer of this list is named \"%s\"%s%s%s",
                        name, near ? "; did you mean \"" : "",
                        near ? near : "", near ? "\"?" : "");
}

static mt_status read_inputs(const struct list *list,
                             const struct mt_item *object,
                             const struct mt_strings *inputs, size_t index,
                             struct mt_layer *layer, struct mt_err *err)
{
    bool many = layer->type->flags & MT_LAYER_MANY_INPUTS;

    if (inputs->n == 0) {
        if (many)
            return mt_json_fail(list->doc, object, err,
                                "%s needs \"inputs\", the names of two or more "
                                "earlier layers", layer->type->name);
        layer->n_in = 1;
        layer->in[0] = (int)index - 1;
        return MT_OK;
    }
    if (many ? inputs->n < 2 || inputs->n > MT_LAYER_INPUTS : inputs->n != 1)
        return mt_json_fail(list->doc, mt_json_get(object, "inputs"), err,
                            "%s reads %s, got %zu", layer->type->name,
                            many ? "2 to 8 layers" : "one layer", inputs->n);
    layer->n_in = inputs->n;
    for (size_t k = 0; k < inputs->n; k++) {
        const char *name = inputs->v[k];
        size_t found =
            mt_names_find(&list->names, name, name_of, list->parent);
        bool outer = strcmp(name, "input") == 0;

        if (!outer && found >= index)
            return fail_input(list->doc, object, list->parent, index, name,
                              err);
        layer->in[k] = outer ? MT_INPUT : (int)found;
    }
    return MT_OK;
}

/* --- reading ------------------------------------------------------------ */

/* Nested repeats multiply, so the total is limited. */
static mt_status count_layers(const struct mt_json *doc, const struct mt_item *item,
                              struct mt_layer *parent, size_t n,
                              struct mt_err *err)
{
    struct mt_layer *root = parent;

    while (root->parent)
        root = root->parent;
    if (n > MAX_LAYERS || root->total > MAX_LAYERS - n)
        return mt_json_fail(doc, item, err,
                            "the model has more than %d layers", MAX_LAYERS);
    root->total += n;
    return MT_OK;
}

static mt_status read_layer(struct list *list, const struct mt_item *object,
                            size_t index, struct mt_err *err)
{
    struct mt_layer *parent = list->parent, *layer = &parent->layers[index];
    const struct mt_type *type;
    struct common_args common;
    mt_status status =
        mt_kind_read(&mt_layer_kind, list->doc, object, &common, list->arena,
                     &type, &layer->args, err);

    if (status != MT_OK)
        return status;
    layer->type = (const struct mt_layer_type *)type;
    layer->object = object;
    layer->parent = parent;
    layer->name = common.name ? common.name
                              : mt_arena_printf(list->arena, "%zu", index);
    layer->path = !layer->name || !parent->path || !*parent->path
                      ? layer->name
                      : mt_arena_printf(list->arena, "%s.%s", parent->path,
                                        layer->name);
    if (!layer->path)
        return mt_fail_memory(err);
    status = add_name(list, object, layer, err);
    if (status == MT_OK)
        status = read_inputs(list, object, &common.inputs, index, layer, err);
    if (status != MT_OK || !(layer->type->flags & MT_LAYER_CONTAINER))
        return status;
    return mt_layers_read(list->doc, common.layers, layer, list->arena, err);
}

/* Each copy is a container, named by its number. */
static mt_status read_repeated(const struct mt_json *doc, const struct mt_item *list,
                               struct mt_layer *parent, size_t repeat,
                               struct mt_arena *arena, struct mt_err *err)
{
    mt_status status;

    if ((status = count_layers(doc, mt_json_get(parent->object, "repeat"),
                               parent, repeat, err)) != MT_OK)
        return status;
    parent->layers = mt_arena_calloc(arena, repeat, sizeof *parent->layers);
    if (!parent->layers)
        return mt_fail_memory(err);
    parent->n_layers = repeat;
    for (size_t i = 0; i < repeat; i++) {
        struct mt_layer *copy = &parent->layers[i];

        copy->type = parent->type;
        copy->object = parent->object;
        copy->parent = parent;
        copy->name = mt_arena_printf(arena, "%zu", i);
        copy->path = mt_arena_printf(arena, "%s.%zu", parent->path, i);
        copy->n_in = 1;
        copy->in[0] = (int)i - 1;
        if (!copy->name || !copy->path)
            return mt_fail_memory(err);
        if ((status = mt_layers_read(doc, list, copy, arena, err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

mt_status mt_layers_read(const struct mt_json *doc, const struct mt_item *list,
                         struct mt_layer *parent, struct mt_arena *arena,
                         struct mt_err *err)
{
    size_t n = mt_is_list(list) ? mt_item_count(list) : 0;
    mt_status status;

    if (!mt_is_list(list))
        return mt_json_fail(doc, list, err, "expected a list of layers, got %s",
                            mt_json_text(list).text);
    if (n == 0)
        return mt_json_fail(doc, list, err, "needs at least one layer");
    if ((status = count_layers(doc, list, parent, n, err)) != MT_OK)
        return status;
    if (parent->args && parent->type->repeat &&
        parent->type->repeat(parent) != MT_SIZE_ABSENT)
        return read_repeated(doc, list, parent, parent->type->repeat(parent),
                             arena, err);
    parent->layers = mt_arena_calloc(arena, n, sizeof *parent->layers);
    if (!parent->layers)
        return mt_fail_memory(err);

    struct list layers = { doc, parent, arena, MT_NAMES_INIT };
    const struct mt_item *item = list->child;

    for (; parent->n_layers < n && status == MT_OK; item = item->next) {
        status = read_layer(&layers, item, parent->n_layers, err);
        parent->n_layers += status == MT_OK;
    }
    mt_names_free(&layers.names);
    return status;
}

/* --- which layer reads which --------------------------------------------- */

const struct mt_layer *mt_layer_result(const struct mt_layer *layer)
{
    while (layer->n_layers &&
           !(layer->type && layer->type->flags & MT_LAYER_ADDS_INPUT))
        layer = &layer->layers[layer->n_layers - 1];
    return layer;
}

const struct mt_layer *mt_layer_source(const struct mt_layer *layer, size_t k)
{
    int in = layer->in[k];

    while (in == MT_INPUT) {
        layer = layer->parent;
        if (!layer->parent)
            return NULL;
        in = layer->in[0];
    }
    return mt_layer_result(&layer->parent->layers[in]);
}

enum mt_gives mt_layer_gives(const struct mt_layer *layer,
                             const struct mt_layer **by)
{
    const struct mt_layer *result = mt_layer_result(layer), *first;
    enum mt_gives gives = MT_GIVES_ANY;

    *by = result->type ? result : NULL;
    if (!result->type || result->type->gives != MT_GIVES_ITS_INPUT)
        return result->type ? result->type->gives : MT_GIVES_ANY;
    for (size_t k = 0; k < result->n_in; k++) {
        const struct mt_layer *source = mt_layer_source(result, k);
        enum mt_gives this = MT_GIVES_ANY;

        first = NULL;
        if (source)
            this = mt_layer_gives(source, &first);
        if (k > 0 && this != gives)
            return MT_GIVES_ANY;
        gives = this;
        *by = k == 0 ? first : *by;
    }
    return gives;
}

/* --- recording ---------------------------------------------------------- */

static mt_status record_layer(struct mt_record *r, struct mt_layer *layer,
                              struct mt_value *const *in,
                              struct mt_value **out, struct mt_err *err)
{
    bool tokens = layer->type->flags & MT_LAYER_TOKENS;
    mt_status status;

    if (!tokens && in[0]->dtype == MT_I32 &&
        !(layer->type->flags & MT_LAYER_CONTAINER))
        return mt_layer_fail(r, layer, in[0], err,
                             "%s reads floats, not tokens: put an Embedding "
                             "before it", layer->type->name);
    mt_graph_layer(r->graph, layer->path);
    layer->in_shape = mt_sample_shape(in[0]);
    layer->first_tensor = r->declaring ? r->store->n : layer->first_tensor;
    if ((status = layer->type->record(r, layer, in, out, err)) != MT_OK)
        return status;
    if (r->declaring)
        layer->end_tensor = r->store->n;
    layer->out_shape = mt_sample_shape(*out);
    mt_graph_layer(r->graph, "");
    return MT_OK;
}

mt_status mt_layers_record(struct mt_record *r, struct mt_layer *container,
                           struct mt_value *x, struct mt_value **out,
                           struct mt_err *err)
{
    struct mt_value **values = mt_graph_alloc(
        r->graph, container->n_layers * sizeof *values);
    mt_status status;

    if (!values)
        return mt_fail_memory(err);
    for (size_t i = 0; i < container->n_layers; i++) {
        struct mt_layer *layer = &container->layers[i];
        struct mt_value *in[MT_LAYER_INPUTS];

        for (size_t k = 0; k < layer->n_in; k++)
            in[k] = layer->in[k] == MT_INPUT ? x : values[layer->in[k]];
        if ((status = record_layer(r, layer, in, &values[i], err)) != MT_OK)
            return status;
    }
    *out = values[container->n_layers - 1];
    return MT_OK;
}

/* --- for record functions ----------------------------------------------- */

static mt_status declare(struct mt_record *r, const char *name,
                         enum mt_dtype dtype, const struct mt_shape *shape,
                         bool buffer, const struct mt_init *init,
                         struct mt_err *err)
{
    struct mt_tensor *t = mt_store_add(r->store, name, dtype, shape, buffer);
    struct mt_init *copy = mt_arena_alloc(r->arena, sizeof *copy);

    if (!t || !copy)
        return mt_fail_memory(err);
    *copy = *init;
    if (r->store->n > r->n_inits) {
        size_t n = 2 * r->store->n;
        struct mt_init **grown = mt_arena_calloc(r->arena, n, sizeof *grown);

        if (!grown)
            return mt_fail_memory(err);
        if (r->n_inits)
            memcpy(grown, r->inits, r->n_inits * sizeof *grown);
        r->inits = grown;
        r->n_inits = n;
    }
    r->inits[r->store->n - 1] = copy;
    return MT_OK;
}

static const char *tie_name(const void *record, size_t i)
{
    return ((const struct mt_record *)record)->ties[i].item->key;
}

struct mt_tie *mt_record_tie(const struct mt_record *r, const char *name)
{
    size_t i = mt_names_find(&r->tie_names, name, tie_name, r);

    return i < r->n_ties ? &r->ties[i] : NULL;
}

mt_status mt_record_add_tie(struct mt_record *r, const struct mt_item *item,
                            struct mt_err *err)
{
    r->ties[r->n_ties].item = item;
    if (!mt_names_add(&r->tie_names, tie_name, r))
        return mt_fail_memory(err);
    r->n_ties++;
    return MT_OK;
}

/* The parameter to which the one of that name is tied. */
static mt_status find_tied(struct mt_record *r, const char *name,
                           struct mt_tie *tie, const struct mt_shape *shape,
                           struct mt_tensor **out, struct mt_err *err)
{
    const char *stored = tie->item->text;
    struct mt_tensor *t = mt_store_find(r->store, stored);

    if (!t)
        return mt_json_fail(r->doc, tie->item, err,
                            "\"%s\" is not a parameter of an earlier layer",
                            stored);
    if (!mt_shape_equal(&t->shape, shape))
        return mt_json_fail(r->doc, tie->item, err,
                            "\"%s\" has shape %s, but \"%s\" has %s", name,
                            mt_shape_text(shape).text, stored,
                            mt_shape_text(&t->shape).text);
    tie->asked = true;
    *out = t;
    return MT_OK;
}

enum { MAX_NAME = 1024 };

/* A tensor of 2^40 values takes 4 TB: more is a mistake. */
#define MAX_ELEMENTS ((size_t)1 << 40)

/* "<path>.<name>"; fails if a tensor of this shape is too large. */
static mt_status full_name(const struct mt_record *r,
                           const struct mt_layer *layer, const char *name,
                           const struct mt_shape *shape, char full[MAX_NAME],
                           struct mt_err *err)
{
    size_t count;

    if (snprintf(full, MAX_NAME, "%s.%s", layer->path, name) >= MAX_NAME)
        return mt_layer_fail(r, layer, NULL, err, "its name is too long");
    if (!mt_shape_count(shape, &count) || count > MAX_ELEMENTS)
        return mt_layer_fail(r, layer, NULL, err, "%s of shape %s is too large",
                             name, mt_shape_text(shape).text);
    return MT_OK;
}

/* A later recording may have another input shape than the first: parameters
 * must still have the same shape. */
static mt_status check_same(const struct mt_record *r,
                            const struct mt_layer *layer, const char *name,
                            const struct mt_tensor *t,
                            const struct mt_shape *shape, struct mt_err *err)
{
    if (mt_shape_equal(&t->shape, shape))
        return MT_OK;
    return mt_layer_fail(r, layer, NULL, err,
                         "its %s is %s, but this input needs %s", name,
                         mt_shape_text(&t->shape).text,
                         mt_shape_text(shape).text);
}

mt_status mt_layer_param(struct mt_record *r, struct mt_layer *layer,
                         const char *name, const struct mt_shape *shape,
                         const struct mt_init *init, struct mt_value **out,
                         struct mt_err *err)
{
    char full[MAX_NAME];
    struct mt_tensor *t = NULL;
    mt_status status;

    if ((status = full_name(r, layer, name, shape, full, err)) != MT_OK)
        return status;
    struct mt_tie *tie = mt_record_tie(r, full);

    if (tie) {
        if ((status = find_tied(r, full, tie, shape, &t, err)) != MT_OK)
            return status;
    } else {
        if (r->declaring && (status = declare(r, full, MT_F32, shape, false,
                                              init, err)) != MT_OK)
            return status;
        t = mt_store_find(r->store, full);
        if ((status = check_same(r, layer, name, t, shape, err)) != MT_OK)
            return status;
    }
    *out = mt_graph_leaf(r->graph, t);
    return MT_OK;
}

mt_status mt_layer_buffer(struct mt_record *r, struct mt_layer *layer,
                          const char *name, enum mt_dtype dtype,
                          const struct mt_shape *shape,
                          const struct mt_init *init, struct mt_value **out,
                          struct mt_err *err)
{
    char full[MAX_NAME];
    mt_status status;

    if ((status = full_name(r, layer, name, shape, full, err)) != MT_OK)
        return status;
    if (r->declaring &&
        (status = declare(r, full, dtype, shape, true, init, err)) != MT_OK)
        return status;
    struct mt_tensor *t = mt_store_find(r->store, full);

    if ((status = check_same(r, layer, name, t, shape, err)) != MT_OK)
        return status;
    *out = mt_graph_leaf(r->graph, t);
    return MT_OK;
}

struct mt_init mt_init_fan_in(size_t fan_in)
{
    double bound = fan_in ? 1 / mt_dsqrt((double)fan_in) : 0;

    return (struct mt_init){ .type = "uniform_", .a = -bound, .b = bound };
}

struct mt_philox_key mt_layer_stream(const struct mt_record *r,
                                     const struct mt_layer *layer)
{
    return mt_philox_key(r->seed, "dropout", layer->path);
}

struct mt_philox_key mt_layer_stream_of(const struct mt_record *r,
                                        const struct mt_layer *layer,
                                        const char *name)
{
    char full[1280];

    snprintf(full, sizeof full, "%s.%s", layer->path, name);
    return mt_philox_key(r->seed, "dropout", full);
}

struct mt_shape mt_sample_shape(const struct mt_value *v)
{
    struct mt_shape shape = { .rank = v->shape.rank - 1 };

    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = v->shape.dim[i + 1];
    return shape;
}

/* Where a layer's first input comes from: "layer "1" (ReLU)", or the data. */
static void source_text(const struct mt_layer *layer, char *out, size_t size)
{
    while (layer->parent && layer->in[0] == MT_INPUT)
        layer = layer->parent;
    if (!layer->parent) {
        snprintf(out, size, "the model's input");
        return;
    }
    const struct mt_layer *from = &layer->parent->layers[layer->in[0]];

    snprintf(out, size, "layer \"%s\" (%s)", from->path, from->type->name);
}

mt_status mt_layer_fail(const struct mt_record *r, const struct mt_layer *layer,
                        const struct mt_value *in, struct mt_err *err,
                        const char *fmt, ...)
{
    char message[1024], source[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (!in)
        return mt_json_fail(r->doc, layer->object, err, "%s \"%s\": %s",
                            layer->type->name, layer->path, message);
    struct mt_shape shape = mt_sample_shape(in);

    source_text(layer, source, sizeof source);
    return mt_json_fail(r->doc, layer->object, err,
                        "%s \"%s\": %s; its input %s comes from %s",
                        layer->type->name, layer->path, message,
                        mt_shape_text(&shape).text, source);
}

mt_status mt_layer_check_size(const struct mt_record *r,
                              const struct mt_layer *layer,
                              const struct mt_value *in, const char *what,
                              size_t given, size_t found, struct mt_err *err)
{
    if (given == MT_SIZE_ABSENT || given == MT_SIZE_AUTO || given == found)
        return MT_OK;
    return mt_layer_fail(r, layer, in, err, "%s is %zu, but the input has %zu",
                         what, given, found);
}
