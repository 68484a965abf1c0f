/*
 * A model: the layers and the loss of a spec, and the tensors they declared.
 *
 *     mt_model_new(&request, &model, err);       shapes are checked here
 *     mt_model_init(model, team, err);           or values from a checkpoint
 *     mt_model_record(model, 64, true, workers, &program, err);
 *     program.x->data = batch; program.t->data = targets;
 *     mt_graph_run(program.graph, team, step);
 */
#ifndef MT_NN_MODEL_H
#define MT_NN_MODEL_H

#include "nn/layer.h"
#include "nn/loss.h"

/* What a model takes from the data. */
struct mt_model_request {
    const struct mt_json *doc; /* the whole spec; must outlive the model */
    struct mt_shape x, y;      /* of a sample's input and target */
    bool tokens;               /* inputs are integers that can be tokens */
    size_t classes, vocab;     /* 0: unknown */
    uint64_t seed;
    enum mt_memory memory; /* of its tensors */
};

struct mt_model {
    struct mt_arena arena;
    const struct mt_json *doc;
    struct mt_store store;
    struct mt_layer root;    /* a container of the spec's layers */
    struct mt_loss loss;
    struct mt_shape x, y;    /* of a sample; x as the model's "input" says */
    struct mt_shape output;
    enum mt_dtype x_dtype;   /* MT_F32, or MT_I32 for tokens */
    struct mt_record record; /* what all recordings share */
    struct mt_init *rules;   /* of "init" */
    size_t n_rules;
    const struct mt_init **rule_of; /* each tensor's */
    size_t parameters, trainable; /* floats in all, and of those not frozen */
};

/* The keys of the spec's "model" object. */
extern const struct mt_key mt_model_keys[];

mt_status mt_model_new(const struct mt_model_request *request,
                       struct mt_model **out, struct mt_err *err);
void mt_model_free(struct mt_model *model); /* NULL is allowed */

/* Fills every tensor with its initial values: a function of the seed and the
 * tensor's name, shape and rule. team: draws them; may be NULL. */
mt_status mt_model_init(struct mt_model *model, struct mt_team *team,
                        struct mt_err *err);

/* An independent copy: own memory, same spec, same values, nothing shared. */
mt_status mt_model_clone(const struct mt_model *model, struct mt_model **out,
                         struct mt_err *err);

size_t mt_model_parameters(const struct mt_model *model, bool trainable_only);

/* One recording: the model for one batch size, in training (with backward) or
 * in evaluation. */
struct mt_program {
    struct mt_graph *graph; /* mt_graph_free it */
    size_t batch;
    struct mt_value *x, *t; /* set their data before each run */
    struct mt_value *y, *loss; /* readable after it */
    struct mt_value *scores; /* y with the classes in the last dimension */
    struct mt_value *one;   /* the gradient of the loss; NULL in evaluation */
};

mt_status mt_model_record(struct mt_model *model, size_t batch, bool training,
                          size_t workers, struct mt_program *out,
                          struct mt_err *err);

/* Only recorded, in evaluation and without targets and loss, to walk the graph,
 * which is never run (graph/onnx.h). */
mt_status mt_model_record_graph(struct mt_model *model, size_t batch,
                                const struct mt_shape *sample,
                                struct mt_program *out, struct mt_err *err);

/* The same in evaluation, without targets and loss (t and loss are NULL), for
 * samples of a shape of their own: a shorter sequence than in training. A
 * model whose parameters depend on that shape refuses another one. */
mt_status mt_model_record_outputs(struct mt_model *model, size_t batch,
                                  const struct mt_shape *sample,
                                  size_t workers, struct mt_program *out,
                                  struct mt_err *err);

#endif
