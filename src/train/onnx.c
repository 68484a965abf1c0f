#include "train/onnx.h"

#include "train/infer.h"

/* --- normalisation ------------------------------------------------------ */

/* The shape in which statistics apply to a sample: one for all, one for each
 * index of its first dimension, or one for each element. */
static mt_status statistics_shape(const struct mt_fitted *f,
                                  struct mt_shape *out, struct mt_err *err)
{
    size_t n = f->norm.n;

    *out = (struct mt_shape){ .rank = 0 };
    if (n == 1)
        return MT_OK;
    *out = f->x;
    if (n == mt_shape_elements(&f->x))
        return MT_OK;
    for (int i = 1; i < out->rank; i++)
        out->dim[i] = 1;
    return out->rank && n == out->dim[0]
               ? MT_OK
               : mt_fail(err, MT_INVALID,
                         "the data's normalisation has %zu statistics for "
                         "samples of %s, which ONNX cannot express here",
                         n, mt_shape_text(&f->x).text);
}

/* (x scale - mean) / std in double, so that large numbers lose no digits; x
 * scale in float if there is neither mean nor std. */
static mt_status normalise(struct mt_onnx *o, const struct mt_fitted *f,
                           const char **x, struct mt_err *err)
{
    const struct mt_normalization *norm = &f->norm;
    const struct mt_shape scalar = { .rank = 0 };
    double scale = (double)norm->scale;
    struct mt_shape shape;

    if (norm->n == 0) {
        if (norm->scale != 1)
            *x = MT_ONNX(o, "Mul", *x, mt_onnx_scalar(o, norm->scale));
        return MT_OK;
    }
    mt_status status = statistics_shape(f, &shape, err);

    if (status != MT_OK)
        return status;
    *x = MT_ONNX(o, "Cast", *x);
    mt_onnx_int(o, "to", MT_ONNX_DOUBLE);
    if (norm->scale != 1)
        *x = MT_ONNX(o, "Mul", *x, mt_onnx_doubles(o, &scalar, &scale));
    *x = MT_ONNX(o, "Sub", *x, mt_onnx_doubles(o, &shape, norm->mean));
    *x = MT_ONNX(o, "Div", *x, mt_onnx_doubles(o, &shape, norm->std));
    *x = MT_ONNX(o, "Cast", *x);
    mt_onnx_int(o, "to", MT_ONNX_FLOAT);
    return MT_OK;
}

/* --- the model ---------------------------------------------------------- */

/* The data's sample in the shape that the model reads. */
static const char *reshaped(struct mt_onnx *o, const struct mt_infer *m,
                            const char *x)
{
    const struct mt_shape *shape = &m->model->x;
    int64_t dims[MT_MAX_RANK + 1] = { -1 };

    if (mt_shape_equal(shape, &m->facts.x))
        return x;
    for (int i = 0; i < shape->rank; i++)
        dims[i + 1] = (int64_t)shape->dim[i];
    return mt_onnx_reshape(o, x, dims, (size_t)shape->rank + 1);
}

static mt_status express(struct mt_onnx *o, const struct mt_infer *m,
                         const struct mt_program *p, struct mt_err *err)
{
    bool tokens = m->model->x_dtype == MT_I32;
    const char *x = mt_onnx_input(
        o, "input", tokens ? MT_ONNX_INT64 : MT_ONNX_FLOAT, &m->facts.x);
    mt_status status = tokens ? MT_OK : normalise(o, &m->facts, &x, err);

    if (status != MT_OK)
        return status;
    mt_onnx_give(o, p->x, reshaped(o, m, x));
    mt_onnx_output(o, p->y, "output");
    return MT_OK;
}

/* Numbers separated by commas, with all digits. */
static void add_numbers(struct mt_onnx *o, const char *key,
                        const double *values, size_t n, struct mt_strbuf *text)
{
    for (size_t i = 0; i < n; i++)
        mt_strbuf_printf(text, i ? ",%.17g" : "%.17g", values[i]);
    if (!text->failed)
        mt_onnx_metadata(o, key, text->text);
    text->len = 0;
}

/* Metadata: how outputs become targets in their own units. */
static mt_status add_target(struct mt_onnx *o, const struct mt_fitted *f,
                            struct mt_err *err)
{
    const struct mt_normalization *norm = &f->y_norm;
    struct mt_strbuf text = MT_STRBUF_INIT;

    if (norm->n == 0)
        return MT_OK;
    add_numbers(o, "mtrain.target_mean", norm->mean, norm->n, &text);
    add_numbers(o, "mtrain.target_std", norm->std, norm->n, &text);
    mt_status status = text.failed ? mt_fail_memory(err) : MT_OK;

    mt_strbuf_free(&text);
    return status;
}

/* The model is recorded for both: dimensions that differ are the batch. */
enum { ONE_BATCH = 2, OTHER_BATCH = 3 };

static mt_status export(const struct mt_infer *m, const char *digest,
                        mt_onnx_put *put, void *ctx, struct mt_err *err)
{
    struct mt_program one = { 0 }, other = { 0 };
    struct mt_onnx *o = NULL;
    mt_status status;

    if ((status = mt_model_record_graph(m->model, ONE_BATCH, &m->model->x, &one,
                                        err)) == MT_OK &&
        (status = mt_model_record_graph(m->model, OTHER_BATCH, &m->model->x,
                                        &other, err)) == MT_OK &&
        (status = mt_onnx_new(one.graph, other.graph, &o, err)) == MT_OK &&
        (status = express(o, m, &one, err)) == MT_OK &&
        (status = add_target(o, &m->facts, err)) == MT_OK) {
        if (digest)
            mt_onnx_metadata(o, "mtrain.digest", digest);
        status = mt_onnx_finish(o, put, ctx, err);
    }
    mt_onnx_free(o);
    mt_graph_free(one.graph);
    mt_graph_free(other.graph);
    return status;
}

mt_status mt_onnx_export(const struct mt_bundle *from, const char *source,
                         const char *digest, mt_onnx_put *put, void *ctx,
                         struct mt_err *err)
{
    struct mt_infer *m;
    mt_status status = mt_infer_open(from, source, NULL, &m, err);

    if (status != MT_OK)
        return status;
    status = export(m, digest, put, ctx, err);
    mt_infer_close(m);
    return status == MT_OK ? MT_OK : mt_context(err, "%s", source);
}
