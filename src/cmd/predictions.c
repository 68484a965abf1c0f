#include "cmd/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/tree.h"

mt_status mt_predictions_init(struct mt_predictions *out,
                              const struct mt_infer *model, bool json, bool all,
                              struct mt_err *err)
{
    const struct mt_shape *output = &model->model->output;

    *out = (struct mt_predictions){ .model = model, .json = json, .all = all };
    out->outputs = mt_shape_elements(output);
    out->layout = mt_infer_classes(model, output);
    out->binary = mt_loss_of_probabilities(&model->model->loss);
    if (out->binary)
        out->layout = (struct mt_class_layout){ out->outputs, 2, 1 };
    out->logits = calloc(out->layout.classes + 1, sizeof *out->logits);
    out->p = calloc(out->layout.classes + 1, sizeof *out->p);
    if (out->logits && out->p)
        return MT_OK;
    mt_predictions_free(out);
    return mt_fail_memory(err);
}

void mt_predictions_free(struct mt_predictions *p)
{
    free(p->logits);
    free(p->p);
    p->logits = NULL;
    p->p = NULL;
}

/* --- values ------------------------------------------------------------- */

/* The shortest decimal that reads back to the same float32. */
static void add_float(struct mt_strbuf *line, double value, bool json)
{
    float v = (float)value;
    char text[32];

    if (json && !isfinite(v)) {
        mt_strbuf_puts(line, "null");
        return;
    }
    if (isnan(v)) { /* the sign of a NaN differs between CPUs */
        mt_strbuf_puts(line, "nan");
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    mt_strbuf_puts(line, text);
}

/* Output i of a sample. Where targets are normalised it is the shortest decimal
 * that is not further from the value than half the distance of the model's
 * float32 output from its neighbours. */
static void add_output(const struct mt_predictions *p, size_t i, float y,
                       struct mt_strbuf *line)
{
    const struct mt_normalization *norm = &p->model->facts.y_norm;
    double v = mt_infer_value(p->model, i, y), near;
    char text[32];

    if (!norm->n || !isfinite(v)) {
        add_float(line, v, p->json);
        return;
    }
    near = 0x1p-25 * fabs((double)y) * norm->std[i % norm->n];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (fabs(strtod(text, NULL) - v) <= near)
            break;
    }
    mt_strbuf_puts(line, text);
}

/* RFC 4180: quotes where the text has a delimiter, a quote or a line's end. */
static void add_field(struct mt_strbuf *line, const char *text)
{
    if (!strpbrk(text, ",\"\r\n") && *text != ' ' && *text) {
        mt_strbuf_puts(line, text);
        return;
    }
    mt_strbuf_putc(line, '"');
    for (; *text; text++) {
        if (*text == '"')
            mt_strbuf_putc(line, '"');
        mt_strbuf_putc(line, *text);
    }
    mt_strbuf_putc(line, '"');
}

/* --- classes -------------------------------------------------------------- */

enum { NO_CLASS = -1 };

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return false;
    }
    return true;
}

/* Fills p->p for row `row`; *probability is the one to print. */
static long judge(struct mt_predictions *p, const float *y, size_t row,
                  double *probability)
{
    const struct mt_loss_type *loss = p->model->model->loss.type;
    long class;

    if (p->binary) {
        p->p[1] = mt_loss_probability(&p->model->model->loss, y[row]);
        p->p[0] = 1 - p->p[1];
        *probability = p->p[1];
        return isfinite(y[row]) ? y[row] > loss->threshold : NO_CLASS;
    }
    mt_class_row(&p->layout, y, row, p->logits);
    mt_probabilities(p->logits, p->layout.classes, p->p);
    class = (long)mt_argmax(p->logits, p->layout.classes);
    *probability = p->p[class];
    return all_finite(p->logits, p->layout.classes) ? class : NO_CLASS;
}

/* key: as a member's name, which JSON has in quotes. */
static void add_class(const struct mt_predictions *p, size_t class, bool key,
                      struct mt_strbuf *line)
{
    const char *name = p->binary ? NULL : mt_infer_class_name(p->model, class);

    if (name && p->json)
        mt_json_add_string(line, name);
    else if (name)
        add_field(line, name);
    else
        mt_strbuf_printf(line, p->json && key ? "\"%zu\"" : "%zu", class);
}

static void add_judged(const struct mt_predictions *p, long class,
                       struct mt_strbuf *line)
{
    if (class == NO_CLASS)
        mt_strbuf_puts(line, p->json ? "null" : "nan");
    else
        add_class(p, (size_t)class, false, line);
}

/* --- CSV ---------------------------------------------------------------- */

/* The name of the target that output i is for, or NULL. */
static const char *target_name(const struct mt_predictions *p, size_t i)
{
    const struct mt_fitted *f = &p->model->facts;

    return f->target_names && p->outputs == mt_shape_elements(&f->y)
               ? f->target_names[i]
               : NULL;
}

/* "class_2", or the target's name in place of the number. */
static void add_title(const struct mt_predictions *p, const char *title,
                      size_t row, struct mt_strbuf *line)
{
    const char *name = p->binary ? target_name(p, row) : NULL;
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_strbuf_puts(&text, title);
    if (p->layout.rows > 1 && name)
        mt_strbuf_printf(&text, "_%s", name);
    else if (p->layout.rows > 1)
        mt_strbuf_printf(&text, "_%zu", row);
    add_field(line, text.text ? text.text : "");
    line->failed |= text.failed;
    mt_strbuf_free(&text);
}

/* class,probability; with a number after each where there are several. */
static void class_header(const struct mt_predictions *p, size_t row,
                         struct mt_strbuf *line)
{
    mt_strbuf_puts(line, row ? "," : "");
    add_title(p, "class", row, line);
    mt_strbuf_putc(line, ',');
    add_title(p, "probability", row, line);
    for (size_t c = 0; p->all && c < p->layout.classes; c++) {
        char number[24];
        const char *name = p->binary ? NULL : mt_infer_class_name(p->model, c);

        snprintf(number, sizeof number, "%zu", c);
        mt_strbuf_putc(line, ',');
        add_title(p, name ? name : number, row, line);
    }
}

static void value_header(const struct mt_predictions *p, size_t i,
                         struct mt_strbuf *line)
{
    const char *name = target_name(p, i);

    if (i)
        mt_strbuf_putc(line, ',');
    if (name)
        add_field(line, name);
    else if (p->outputs == 1)
        mt_strbuf_puts(line, "output");
    else
        mt_strbuf_printf(line, "output_%zu", i);
}

void mt_predictions_header(const struct mt_predictions *p,
                           struct mt_strbuf *line)
{
    if (p->paths)
        mt_strbuf_puts(line, "path,");
    for (size_t row = 0; row < p->layout.rows; row++)
        class_header(p, row, line);
    for (size_t i = 0; !p->layout.rows && i < p->outputs; i++)
        value_header(p, i, line);
    mt_strbuf_putc(line, '\n');
}

static void csv_line(struct mt_predictions *p, const float *y,
                     struct mt_strbuf *line)
{
    for (size_t row = 0; row < p->layout.rows; row++) {
        double probability;
        long class = judge(p, y, row, &probability);

        if (row)
            mt_strbuf_putc(line, ',');
        add_judged(p, class, line);
        mt_strbuf_putc(line, ',');
        add_float(line, probability, false);
        for (size_t c = 0; p->all && c < p->layout.classes; c++) {
            mt_strbuf_putc(line, ',');
            add_float(line, p->p[c], false);
        }
    }
    for (size_t i = 0; !p->layout.rows && i < p->outputs; i++) {
        if (i)
            mt_strbuf_putc(line, ',');
        add_output(p, i, y[i], line);
    }
}

/* --- JSON --------------------------------------------------------------- */

static void add_distribution(const struct mt_predictions *p,
                             struct mt_strbuf *line)
{
    mt_strbuf_putc(line, '{');
    for (size_t c = 0; c < p->layout.classes; c++) {
        if (c)
            mt_strbuf_putc(line, ',');
        add_class(p, c, true, line);
        mt_strbuf_putc(line, ':');
        add_float(line, p->p[c], true);
    }
    mt_strbuf_putc(line, '}');
}

/* The members of a JSON line. */
enum member { CLASS, PROBABILITY, DISTRIBUTION };

static void add_member(struct mt_predictions *p, const float *y,
                       enum member member, struct mt_strbuf *line)
{
    bool many = p->layout.rows > 1;

    if (many)
        mt_strbuf_putc(line, '[');
    for (size_t row = 0; row < p->layout.rows; row++) {
        double probability;
        long class = judge(p, y, row, &probability);

        if (row)
            mt_strbuf_putc(line, ',');
        if (member == CLASS)
            add_judged(p, class, line);
        else if (member == PROBABILITY)
            add_float(line, probability, true);
        else
            add_distribution(p, line);
    }
    if (many)
        mt_strbuf_putc(line, ']');
}

/* A vector is a list, a scalar is one number, [2, 3] are two lists of three. */
static void add_values(const struct mt_predictions *p, int dim, const float *y,
                       size_t at, struct mt_strbuf *line)
{
    const struct mt_shape *shape = &p->model->model->output;
    size_t inner = 1;

    if (dim == shape->rank) {
        add_output(p, at, y[at], line);
        return;
    }
    for (int d = dim + 1; d < shape->rank; d++)
        inner *= shape->dim[d];
    mt_strbuf_putc(line, '[');
    for (size_t i = 0; i < shape->dim[dim]; i++) {
        if (i)
            mt_strbuf_putc(line, ',');
        add_values(p, dim + 1, y, at + i * inner, line);
    }
    mt_strbuf_putc(line, ']');
}

static void json_line(struct mt_predictions *p, size_t sample, const float *y,
                      struct mt_strbuf *line)
{
    mt_strbuf_printf(line, "{\"sample\":%zu,", sample);
    if (p->paths) {
        mt_strbuf_puts(line, "\"path\":");
        mt_json_add_string(line, p->paths[sample]);
        mt_strbuf_putc(line, ',');
    }
    if (!p->layout.rows) {
        mt_strbuf_puts(line, "\"output\":");
        add_values(p, 0, y, 0, line);
    } else {
        mt_strbuf_puts(line, "\"class\":");
        add_member(p, y, CLASS, line);
        mt_strbuf_puts(line, ",\"probability\":");
        add_member(p, y, PROBABILITY, line);
        if (p->all) {
            mt_strbuf_puts(line, ",\"probabilities\":");
            add_member(p, y, DISTRIBUTION, line);
        }
    }
    mt_strbuf_putc(line, '}');
}

void mt_predictions_add(struct mt_predictions *p, size_t sample, const float *y,
                        struct mt_strbuf *line)
{
    if (!p->json && p->paths) {
        add_field(line, p->paths[sample]);
        mt_strbuf_putc(line, ',');
    }
    if (p->json)
        json_line(p, sample, y, line);
    else
        csv_line(p, y, line);
    mt_strbuf_putc(line, '\n');
}
