/*
 * A model: the layers and the loss of a spec, and the tensors that they
 * declare.
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

/* What a model is made from. */
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
    struct mt_record record; /* shared by all recordings */
    struct mt_init *rules;   /* of "init" */
    size_t n_rules;
    const struct mt_init **rule_of; /* the rule of each tensor */
    size_t parameters, trainable; /* floats: all, and those not frozen */
    bool hands_over; /* training recordings may hand over gradients (graph.h) */
};

/* The keys of the spec's "model" object. */
extern const struct mt_key mt_model_keys[];

mt_status mt_model_new(const struct mt_model_request *request,
                       struct mt_model **out, struct mt_err *err);
void mt_model_free(struct mt_model *model); /* NULL is allowed */

/* Fills every tensor with its initial values, a function of the seed and the
 * tensor's name, shape and rule. team may be NULL. */
mt_status mt_model_init(struct mt_model *model, struct mt_team *team,
                        struct mt_err *err);

/* An independent copy with its own memory: the same spec and values. */
mt_status mt_model_clone(const struct mt_model *model, struct mt_model **out,
                         struct mt_err *err);

size_t mt_model_parameters(const struct mt_model *model, bool trainable_only);

/* One recording: the model for one batch size, in training (with backward) or
 * in evaluation. */
struct mt_program {
    struct mt_graph *graph; /* to be freed by mt_graph_free */
    size_t batch;
    struct mt_value *x, *t; /* set their data before each run */
    struct mt_value *y, *loss; /* readable after a run */
    struct mt_value *scores; /* y with the classes in the last dimension */
    struct mt_value *one;   /* the gradient of the loss; NULL in evaluation */
};

mt_status mt_model_record(struct mt_model *model, size_t batch, bool training,
                          size_t workers, struct mt_program *out,
                          struct mt_err *err);

/* Only records, in evaluation and without targets and loss: the graph is not
 * finished and cannot be run (for graph/onnx.h). */
mt_status mt_model_record_graph(struct mt_model *model, size_t batch,
                                const struct mt_shape *sample,
                                struct mt_program *out, struct mt_err *err);

/* The same in evaluation, without targets and loss (t and loss are NULL), for
 * samples of another shape: a shorter sequence than in training. Fails if
 * parameters of the model depend on that shape. */
mt_status mt_model_record_outputs(struct mt_model *model, size_t batch,
                                  const struct mt_shape *sample,
                                  size_t workers, struct mt_program *out,
                                  struct mt_err *err);

#endif
