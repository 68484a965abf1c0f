#include "nn/model.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/globs.h"

struct model_args {
    struct mt_sizes input;
    struct mt_strings freeze;
    const struct mt_item *layers, *tie, *init;
};

const struct mt_key mt_model_keys[] = {
    { "input", MT_KEY_SIZES, offsetof(struct model_args, input), .min = 1,
      .doc = "a sample's shape, without the batch; default: as in the data" },
    { "layers", MT_KEY_JSON, offsetof(struct model_args, layers),
      .flags = MT_KEY_REQUIRED, .doc = "list of layers",
      .schema = "\"type\":\"array\",\"minItems\":1,"
                "\"items\":{\"$ref\":\"#/$defs/layer\"}" },
    { "freeze", MT_KEY_STRINGS, offsetof(struct model_args, freeze),
      .flags = MT_KEY_NULL, .doc = "globs of parameters that are not trained" },
    { "init", MT_KEY_JSON, offsetof(struct model_args, init),
      .doc = "list of rules {\"params\": GLOB, \"type\": \"normal_\", ...}; the "
             "last match wins",
      .schema = "\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/init\"}" },
    { "tie", MT_KEY_JSON, offsetof(struct model_args, tie),
      .doc = "{\"parameter\": \"earlier parameter\"}: one tensor for both",
      .schema = "\"type\":\"object\","
                "\"additionalProperties\":{\"type\":\"string\"}" },
    { NULL },
};

/* --- reading ------------------------------------------------------------ */

static mt_status read_input(struct mt_model *m, const struct mt_item *object,
                            const struct mt_model_request *request,
                            const struct mt_sizes *input, struct mt_err *err)
{
    struct mt_shape shape = { .rank = (int)input->n };
    size_t count;

    m->x = request->x;
    if (input->n == 0)
        return MT_OK;
    memcpy(shape.dim, input->v, input->n * sizeof *shape.dim);
    if (!mt_shape_count(&shape, &count) ||
        count != mt_shape_elements(&request->x))
        return mt_json_fail(m->doc, mt_json_get(object, "input"), err,
                            "%s has another number of elements than a sample "
                            "of the data, %s", mt_shape_text(&shape).text,
                            mt_shape_text(&request->x).text);
    m->x = shape;
    return MT_OK;
}

static mt_status read_rules(struct mt_model *m, const struct mt_item *list,
                            struct mt_err *err)
{
    size_t n = list ? mt_item_count(list) : 0;
    mt_status status;

    if (list && !mt_is_list(list))
        return mt_json_fail(m->doc, list, err, "expected a list of rules, "
                            "got %s", mt_json_text(list).text);
    m->rules = mt_arena_calloc(&m->arena, n + 1, sizeof *m->rules);
    if (!m->rules)
        return mt_fail_memory(err);

    const struct mt_item *item = list ? list->child : NULL;

    for (; m->n_rules < n; m->n_rules++, item = item->next) {
        if ((status = mt_init_read(m->doc, item, &m->arena,
                                   &m->rules[m->n_rules], err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status read_ties(struct mt_model *m, const struct mt_item *object,
                           struct mt_err *err)
{
    struct mt_record *r = &m->record;
    mt_status status = MT_OK;

    if (!object)
        return MT_OK;
    if (!mt_is_object(object))
        return mt_json_fail(m->doc, object, err,
                            "expected an object like "
                            "{\"head.weight\": \"tok.weight\"}, got %s",
                            mt_json_text(object).text);
    r->ties =
        mt_arena_calloc(&m->arena, mt_item_count(object) + 1, sizeof *r->ties);
    if (!r->ties)
        return mt_fail_memory(err);
    for (const struct mt_item *item = object->child; item && status == MT_OK;
         item = item->next) {
        if (!mt_is_string(item))
            return mt_json_fail(m->doc, item, err,
                                "expected a parameter's name, got %s",
                                mt_json_text(item).text);
        status = mt_record_add_tie(r, item, err);
    }
    for (size_t i = 0; i < r->n_ties && status == MT_OK; i++) {
        const struct mt_item *item = r->ties[i].item;

        if (mt_record_tie(r, item->text))
            status = mt_json_fail(m->doc, item, err,
                                  "\"%s\" is tied itself: name the parameter "
                                  "that it is tied to",
                                  item->text);
    }
    return status;
}

static mt_status read_layers(struct mt_model *m, const struct mt_item *layers,
                             struct mt_err *err)
{
    m->root.path = "";
    m->root.name = "";
    m->root.object = layers;
    return mt_layers_read(m->doc, layers, &m->root, &m->arena, err);
}

/* Does the first layer that reads the model's input take tokens? */
static bool reads_tokens(const struct mt_layer *container)
{
    for (size_t i = 0; i < container->n_layers; i++) {
        const struct mt_layer *l = &container->layers[i];

        for (size_t k = 0; k < l->n_in; k++) {
            if (l->in[k] == MT_INPUT)
                return l->n_layers ? reads_tokens(l)
                                   : l->type->flags & MT_LAYER_TOKENS;
        }
    }
    return false;
}

/* --- declaring ---------------------------------------------------------- */

static struct mt_shape batch_shape(size_t batch, const struct mt_shape *sample)
{
    struct mt_shape shape = { .rank = sample->rank + 1, .dim = { batch } };

    memcpy(shape.dim + 1, sample->dim,
           (size_t)sample->rank * sizeof *shape.dim);
    return shape;
}

/* If memory ran out, an error is not a fault of the spec. */
static mt_status fault_of(const struct mt_graph *graph, mt_status status,
                          struct mt_err *err)
{
    return status != MT_OK && mt_graph_failed(graph) ? mt_fail_memory(err)
                                                     : status;
}

static mt_status record_into(struct mt_model *m, struct mt_graph *graph,
                             size_t batch, struct mt_program *p,
                             struct mt_err *err)
{
    struct mt_shape shape = batch_shape(batch, &m->x);

    m->record.graph = graph;
    *p = (struct mt_program){ .graph = graph, .batch = batch };
    p->x = mt_graph_input(graph, "input", m->x_dtype, &shape);
    mt_status status =
        mt_layers_record(&m->record, &m->root, p->x, &p->y, err);

    if (status != MT_OK)
        return fault_of(graph, status, err);
    m->output = mt_sample_shape(p->y);
    p->scores = p->y;
    status = m->loss.type->record(&m->record, &m->loss, &p->scores, &m->y,
                                  &p->t, &p->loss, err);
    return fault_of(graph, status, err);
}

/* The first recording, which declares the tensors and is discarded. */
static mt_status declare(struct mt_model *m, struct mt_err *err)
{
    struct mt_graph *graph;
    struct mt_program program;
    mt_status status;

    if ((status = mt_graph_new(true, &graph, err)) != MT_OK)
        return status;
    m->record.declaring = true;
    status = record_into(m, graph, 1, &program, err);
    m->record.declaring = false;
    mt_graph_free(graph);
    if (status == MT_OK && m->store.n == 0)
        return mt_json_fail(m->doc, m->root.object, err,
                            "no layer has parameters: there is nothing to "
                            "train");
    return status;
}

/* Every glob must match something: otherwise a typo would go unnoticed. */
static mt_status check_globs(const struct mt_model *m,
                             const struct mt_strings *globs, const struct mt_item *item,
                             struct mt_err *err)
{
    for (size_t i = 0; i < globs->n; i++) {
        bool plain = mt_glob_is_plain(globs->v[i]);
        bool found = plain && mt_store_find(&m->store, globs->v[i]);

        for (size_t t = 0; t < m->store.n && !found && !plain; t++)
            found = fnmatch(globs->v[i], m->store.tensors[t]->name, 0) == 0;
        if (!found)
            return mt_json_fail(m->doc, item, err,
                                "\"%s\" matches no parameter of the model",
                                globs->v[i]);
    }
    return MT_OK;
}

static bool add_globs(struct mt_globs *to, const struct mt_strings *globs,
                      size_t number)
{
    bool added = true;

    for (size_t i = 0; i < globs->n && added; i++)
        added = mt_globs_add(to, globs->v[i], number);
    return added;
}

static mt_status freeze(struct mt_model *m, const struct mt_item *object,
                        const struct mt_strings *globs, struct mt_err *err)
{
    struct mt_globs frozen = MT_GLOBS_INIT;
    mt_status status;

    if ((status = check_globs(m, globs, mt_json_get(object, "freeze"), err)) !=
        MT_OK)
        return status;
    if (!add_globs(&frozen, globs, 0))
        status = mt_fail_memory(err);
    for (size_t t = 0; t < m->store.n && status == MT_OK; t++) {
        struct mt_tensor *tensor = m->store.tensors[t];

        if (mt_globs_find(&frozen, tensor->name) == 0)
            tensor->requires_grad = false;
    }
    mt_globs_free(&frozen);
    return status;
}

static void count_parameters(struct mt_model *m)
{
    for (size_t t = 0; t < m->store.n; t++) {
        const struct mt_tensor *tensor = m->store.tensors[t];

        m->parameters += tensor->buffer ? 0 : tensor->count;
        m->trainable += tensor->requires_grad ? tensor->count : 0;
    }
}

/* The rule of each parameter is the last one that matches it, or its layer's
 * own. */
static mt_status assign_rules(struct mt_model *m, struct mt_err *err)
{
    struct mt_globs globs = MT_GLOBS_INIT;
    bool added = true;

    m->rule_of = mt_arena_calloc(&m->arena, m->store.n + 1, sizeof *m->rule_of);
    for (size_t i = 0; i < m->n_rules && added; i++)
        added = add_globs(&globs, &m->rules[m->n_rules - 1 - i].params, i);
    for (size_t t = 0; t < m->store.n && m->rule_of && added; t++) {
        const struct mt_tensor *tensor = m->store.tensors[t];
        size_t i =
            tensor->buffer ? SIZE_MAX : mt_globs_find(&globs, tensor->name);

        m->rule_of[t] =
            i < m->n_rules ? &m->rules[m->n_rules - 1 - i] : m->record.inits[t];
    }
    mt_globs_free(&globs);
    return m->rule_of && added ? MT_OK : mt_fail_memory(err);
}

/* A rule must support the shapes of the parameters for which it is used. */
static mt_status check_shapes(const struct mt_model *m, const struct mt_item *list,
                              struct mt_err *err)
{
    for (size_t t = 0; t < m->store.n; t++) {
        const struct mt_tensor *tensor = m->store.tensors[t];
        const struct mt_init *rule = m->rule_of[t];
        struct mt_err own = MT_ERR_INIT;

        if (rule == m->record.inits[t] ||
            mt_init_check(rule, &tensor->shape, tensor->name, &own) == MT_OK)
            continue;
        return mt_json_fail(m->doc, mt_item_at(list,
                                                       (int)(rule - m->rules)),
                            err, "%s", own.text);
    }
    return MT_OK;
}

static mt_status check_rules(const struct mt_model *m, const struct mt_item *list,
                             struct mt_err *err)
{
    const struct mt_item *item = list ? list->child : NULL;
    mt_status status;

    for (size_t i = 0; i < m->n_rules; i++, item = item->next) {
        if ((status = check_globs(m, &m->rules[i].params,
                                  mt_json_get(item, "params"), err)) != MT_OK)
            return status;
    }
    return list ? check_shapes(m, list, err) : MT_OK;
}

/* Every name in "tie" must be that of a layer's parameter. */
static mt_status check_ties(const struct mt_model *m, struct mt_err *err)
{
    for (size_t i = 0; i < m->record.n_ties; i++) {
        if (!m->record.ties[i].asked)
            return mt_json_fail(m->doc, m->record.ties[i].item, err,
                                "the model has no parameter \"%s\"",
                                m->record.ties[i].item->key);
    }
    return MT_OK;
}

static mt_status build(struct mt_model *m,
                       const struct mt_model_request *request,
                       struct mt_err *err)
{
    const struct mt_item *root = mt_json_root(m->doc);
    const struct mt_item *object = mt_json_get(root, "model");
    const struct mt_key *const tables[] = { mt_model_keys };
    struct model_args args;
    mt_status status;

    if ((status = mt_keys_check(m->doc, object, tables, 1, err)) != MT_OK ||
        (status = mt_keys_read(m->doc, object, mt_model_keys, &args, &m->arena,
                               err)) != MT_OK ||
        (status = read_input(m, object, request, &args.input, err)) != MT_OK ||
        (status = read_rules(m, args.init, err)) != MT_OK ||
        (status = read_ties(m, args.tie, err)) != MT_OK ||
        (status = mt_loss_read(m->doc, mt_json_get(root, "loss"), &m->arena,
                               &m->loss, err)) != MT_OK ||
        (status = read_layers(m, args.layers, err)) != MT_OK)
        return status;
    m->x_dtype = request->tokens && reads_tokens(&m->root) ? MT_I32 : MT_F32;
    m->record.store = &m->store;
    m->record.doc = m->doc;
    m->record.arena = &m->arena;
    m->record.seed = request->seed;
    m->record.classes = request->classes;
    m->record.vocab = request->vocab;
    if ((status = declare(m, err)) != MT_OK ||
        (status = check_ties(m, err)) != MT_OK ||
        (status = freeze(m, object, &args.freeze, err)) != MT_OK ||
        (status = assign_rules(m, err)) != MT_OK ||
        (status = check_rules(m, args.init, err)) != MT_OK)
        return status;
    count_parameters(m);
    return mt_store_allocate(&m->store, err);
}

mt_status mt_model_new(const struct mt_model_request *request,
                       struct mt_model **out, struct mt_err *err)
{
    struct mt_model *m = calloc(1, sizeof *m);
    mt_status status;

    if (!m)
        return mt_fail_memory(err);
    m->doc = request->doc;
    m->y = request->y;
    m->store.memory = request->memory;
    if ((status = build(m, request, err)) != MT_OK) {
        mt_model_free(m);
        return status;
    }
    *out = m;
    return MT_OK;
}

void mt_model_free(struct mt_model *m)
{
    if (!m)
        return;
    mt_names_free(&m->record.tie_names);
    mt_store_free(&m->store);
    mt_arena_free(&m->arena);
    free(m);
}

/* --- values ------------------------------------------------------------- */

mt_status mt_model_init(struct mt_model *m, struct mt_team *team,
                        struct mt_err *err)
{
    mt_status status;

    for (size_t t = 0; t < m->store.n; t++) {
        const struct mt_tensor *tensor = m->store.tensors[t];

        if (tensor->dtype == MT_F32 &&
            (status =
                 mt_init_fill(m->rule_of[t], &tensor->shape, m->record.seed,
                              tensor->name, team, tensor->data, err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

mt_status mt_model_clone(const struct mt_model *m, struct mt_model **out,
                         struct mt_err *err)
{
    struct mt_model_request request = {
        .doc = m->doc,
        .x = m->x,
        .y = m->y,
        .tokens = m->x_dtype == MT_I32,
        .classes = m->record.classes,
        .vocab = m->record.vocab,
        .seed = m->record.seed,
        .memory = m->store.memory,
    };
    mt_status status;

    if ((status = mt_model_new(&request, out, err)) != MT_OK)
        return status;
    mt_store_copy(&(*out)->store, &m->store);
    return MT_OK;
}

size_t mt_model_parameters(const struct mt_model *m, bool trainable_only)
{
    return trainable_only ? m->trainable : m->parameters;
}

/* --- programs ----------------------------------------------------------- */

mt_status mt_model_record(struct mt_model *m, size_t batch, bool training,
                          size_t workers, struct mt_program *out,
                          struct mt_err *err)
{
    struct mt_graph *graph;
    mt_status status;

    if ((status = mt_graph_new(training, &graph, err)) != MT_OK)
        return status;
    if ((status = record_into(m, graph, batch, out, err)) != MT_OK)
        goto fail;
    if (training)
        out->one = mt_graph_backward(graph, out->loss);
    if (training && m->hands_over)
        mt_graph_may_hand_over(graph);
    mt_graph_keep(graph, out->y);
    mt_graph_keep(graph, out->scores);
    mt_graph_keep(graph, out->loss);
    if ((status = mt_graph_finish(graph, workers, err)) != MT_OK)
        goto fail;
    return MT_OK;
fail:
    mt_graph_free(graph);
    *out = (struct mt_program){ 0 }; /* so that it is not freed twice */
    return status;
}

mt_status mt_model_record_graph(struct mt_model *m, size_t batch,
                                const struct mt_shape *sample,
                                struct mt_program *out, struct mt_err *err)
{
    struct mt_shape shape = batch_shape(batch, sample);
    struct mt_graph *graph;
    mt_status status;

    if ((status = mt_graph_new(false, &graph, err)) != MT_OK)
        return status;
    m->record.graph = graph;
    *out = (struct mt_program){ .graph = graph, .batch = batch };
    out->x = mt_graph_input(graph, "input", m->x_dtype, &shape);
    status = mt_layers_record(&m->record, &m->root, out->x, &out->y, err);
    status = fault_of(graph, status, err);
    if (status != MT_OK) {
        mt_graph_free(graph);
        *out = (struct mt_program){ 0 };
    }
    return status;
}

mt_status mt_model_record_outputs(struct mt_model *m, size_t batch,
                                  const struct mt_shape *sample, size_t workers,
                                  struct mt_program *out, struct mt_err *err)
{
    mt_status status = mt_model_record_graph(m, batch, sample, out, err);

    if (status != MT_OK)
        return status;
    mt_graph_keep(out->graph, out->y);
    status = mt_graph_finish(out->graph, workers, err);
    if (status != MT_OK) {
        mt_graph_free(out->graph);
        *out = (struct mt_program){ 0 };
    }
    return status;
}
