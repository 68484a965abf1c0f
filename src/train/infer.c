#include "train/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "base/size.h"
#include "kernels/dmath.h"
#include "train/settings.h"
#include "train/state.h"

/* --- opening ------------------------------------------------------------ */

static bool is_integer(enum mt_dtype dtype)
{
    return dtype == MT_I32 || dtype == MT_I64 || dtype == MT_U8;
}

static mt_status build_model(struct mt_infer *m, enum mt_memory memory,
                             struct mt_err *err)
{
    const struct mt_fitted *facts = &m->facts;
    const struct mt_item *root = mt_json_root(m->doc);
    struct mt_settings settings;
    struct mt_loss loss;
    mt_status status;

    /* also checks that the sections are there */
    if ((status = mt_settings_read(m->doc, &m->arena, &settings, err)) !=
            MT_OK ||
        (status = mt_loss_read(m->doc, mt_json_get(root, "loss"), &m->arena,
                               &loss, err)) != MT_OK)
        return status;

    struct mt_model_request request = {
        .doc = m->doc,
        .x = facts->x,
        .y = facts->y,
        .tokens = is_integer(facts->x_dtype),
        .classes = facts->classes,
        .vocab = facts->vocab,
        .seed = settings.seed,
        .memory = memory,
    };

    if (!loss.type->classification && !request.classes)
        request.classes = mt_shape_elements(&request.y);
    return mt_model_new(&request, &m->model, err);
}

static mt_status build(struct mt_infer *m, const struct mt_bundle *from,
                       const char *source, enum mt_memory memory,
                       struct mt_err *err)
{
    mt_status status;

    if ((status = mt_state_spec(from, source, &m->doc, err)) != MT_OK)
        return status;
    const struct mt_item *data = mt_json_get(mt_json_root(m->doc), "data");
    const struct mt_item *type = mt_json_get(data, "type");

    m->format = mt_format_find(mt_is_string(type) ? type->text : "");
    if (mt_data_state_read(from, &m->arena, &m->facts, err) != MT_OK)
        return mt_context(err, "%s", source);
    if ((status = build_model(m, memory, err)) != MT_OK)
        return status;
    if (m->model->x_dtype == MT_I32)
        m->tokens = m->model->record.tokens;
    if (mt_state_restore_model(&m->model->store, from, err) != MT_OK)
        return mt_context(err, "%s", source);
    return MT_OK;
}

static mt_status open_with(const struct mt_bundle *from, const char *source,
                           struct mt_team *team, enum mt_memory memory,
                           struct mt_infer **out, struct mt_err *err)
{
    struct mt_infer *m = calloc(1, sizeof *m);
    mt_status status;

    if (!m)
        return mt_fail_memory(err);
    m->team = team;
    if ((status = build(m, from, source, memory, err)) != MT_OK) {
        mt_infer_close(m);
        return status;
    }
    *out = m;
    return MT_OK;
}

mt_status mt_infer_open(const struct mt_bundle *from, const char *source,
                        struct mt_team *team, struct mt_infer **out,
                        struct mt_err *err)
{
    return open_with(from, source, team, MT_MEMORY_VALUES, out, err);
}

mt_status mt_infer_describe(const struct mt_bundle *from, const char *source,
                            struct mt_infer **out, struct mt_err *err)
{
    return open_with(from, source, NULL, MT_MEMORY_NONE, out, err);
}

void mt_infer_close(struct mt_infer *m)
{
    if (!m)
        return;
    mt_graph_free(m->program.graph);
    mt_model_free(m->model);
    if (m->doc)
        mt_json_free(m->doc);
    free(m->x);
    free(m->workspace);
    mt_arena_free(&m->arena);
    free(m);
}

/* --- running ------------------------------------------------------------ */

/* Makes sure that there are so many bytes, aligned; the contents are lost. */
static mt_status take(void **memory, size_t *taken, size_t bytes,
                      struct mt_err *err)
{
    if (*memory && bytes <= *taken)
        return MT_OK;
    free(*memory);
    *taken = 0;
    *memory = mt_pages_alloc(bytes);
    if (!*memory)
        return mt_fail_memory(err);
    *taken = bytes;
    return MT_OK;
}

static mt_status prepare(struct mt_infer *m, size_t batch,
                         const struct mt_shape *sample, struct mt_err *err)
{
    size_t bytes;
    mt_status status;

    if (!mt_size_mul(batch, mt_shape_elements(sample), &bytes) ||
        !mt_size_mul(bytes, sizeof(float), &bytes))
        return mt_fail_memory(err);
    if ((status = mt_model_record_outputs(m->model, batch, sample,
                                          mt_team_size(m->team), &m->program,
                                          err)) != MT_OK ||
        (status = take(&m->x, &m->x_bytes, bytes, err)) != MT_OK)
        return status;
    return take(&m->workspace, &m->workspace_bytes,
                mt_graph_bytes(m->program.graph), err);
}

mt_status mt_infer_prepare(struct mt_infer *m, size_t batch,
                           const struct mt_shape *sample, struct mt_err *err)
{
    mt_status status;

    if (m->program.graph && m->program.batch == batch &&
        mt_shape_equal(&m->sample, sample))
        return MT_OK;
    mt_graph_free(m->program.graph);
    m->program = (struct mt_program){ 0 };
    if ((status = prepare(m, batch, sample, err)) != MT_OK) {
        mt_graph_free(m->program.graph);
        m->program = (struct mt_program){ 0 };
        return status;
    }
    m->sample = *sample;
    m->program.x->data = m->x;
    mt_graph_bind(m->program.graph, m->workspace);
    return MT_OK;
}

mt_status mt_infer_gather(struct mt_infer *m, const struct mt_column *column,
                          struct mt_err *err)
{
    struct mt_samples samples = { .n = m->program.batch };

    if (m->model->x_dtype == MT_I32)
        return mt_gather_i32(column, &samples, m->x, err);
    return mt_gather_f32(column, &m->facts.norm, &samples, m->x, err);
}

const float *mt_infer_run(struct mt_infer *m)
{
    mt_graph_run(m->program.graph, m->team, 0);
    return m->program.y->data;
}

double mt_infer_value(const struct mt_infer *m, size_t i, float y)
{
    const struct mt_normalization *norm = &m->facts.y_norm;

    if (!norm->n)
        return (double)y;
    return (double)y * norm->std[i % norm->n] + norm->mean[i % norm->n];
}

/* --- classes ------------------------------------------------------------ */

struct mt_class_layout mt_infer_classes(const struct mt_infer *m,
                                        const struct mt_shape *output)
{
    struct mt_class_layout layout = { .inner = 1 };

    layout.classes = mt_loss_classes(&m->model->loss, output);
    if (!layout.classes)
        return layout;
    layout.rows = mt_shape_elements(output) / layout.classes;
    for (int d = mt_loss_class_dim(&m->model->loss, output->rank + 1);
         d < output->rank; d++)
        layout.inner *= output->dim[d];
    return layout;
}

void mt_class_row(const struct mt_class_layout *l, const float *y, size_t row,
                  float *out)
{
    const float *at =
        y + row / l->inner * l->inner * l->classes + row % l->inner;

    for (size_t c = 0; c < l->classes; c++)
        out[c] = at[c * l->inner];
}

void mt_probabilities(const float *x, size_t n, double *p)
{
    double max = (double)x[mt_argmax(x, n)], sum = 0;

    for (size_t i = 0; i < n; i++) {
        p[i] = mt_dexp((double)x[i] - max);
        sum += p[i];
    }
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

size_t mt_argmax(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++) {
        if (x[i] > x[best])
            best = i;
    }
    return best;
}

const char *mt_infer_class_name(const struct mt_infer *m, size_t class)
{
    const struct mt_fitted *f = &m->facts;

    return f->class_names && class < f->classes ? f->class_names[class] : NULL;
}
