#include "train/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "base/utf8.h"
#include "kernels/dispatch.h"
#include "kernels/dmath.h"
#include "train/incremental.h"

/* --- drawing ------------------------------------------------------------ */

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* Sets all but the k largest weights to 0; of equal ones at the limit the first
 * stay. sorted has room for n. */
static void keep_largest(double *p, size_t n, size_t k, double *sorted)
{
    size_t above = 0;
    double border;

    if (k == 0 || k >= n)
        return;
    memcpy(sorted, p, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, descending);
    border = sorted[k - 1];
    for (size_t i = 0; i < n; i++)
        above += p[i] > border;
    for (size_t i = 0; i < n; i++) {
        if (p[i] > border)
            continue;
        if (p[i] < border || above == k)
            p[i] = 0;
        else
            above++;
    }
}

/* The first token with u sum < p_0 + ... + p_token. */
size_t mt_sample(const float *logits, size_t n, const struct mt_sampling *s,
                 uint64_t i, double *p)
{
    size_t best = mt_argmax(logits, n), token = best;
    double sum = 0, mark, passed = 0;

    if (s->temperature == 0)
        return best;
    for (size_t k = 0; k < n; k++)
        p[k] = mt_dexp(((double)logits[k] - (double)logits[best]) /
                       s->temperature);
    keep_largest(p, n, s->top_k, p + n);
    for (size_t k = 0; k < n; k++)
        sum += p[k];
    mark =
        sum * mt_philox_uniform(mt_philox_key(s->seed, "generate", ""), 0, i);
    for (size_t k = 0; k < n; k++) {
        passed += p[k];
        if (p[k] > 0)
            token = k;
        if (passed > mark)
            break;
    }
    return token;
}

/* --- tokens ------------------------------------------------------------- */

struct text {
    struct mt_infer *m;
    size_t seq_len, vocab;
    int32_t *window; /* [seq_len]: the last tokens */
    size_t n;        /* how many there are */
    size_t classes;  /* of the model's output; vocab is at most this */
    float *logits;   /* [classes] */
    double *p;       /* [2 classes] */
    struct mt_incremental next; /* open once it was needed; has run on the
                                   window's first tokens, or on none */
    bool whole;                 /* the model must read all of each window */
};

static bool is_bytes(const struct mt_infer *m)
{
    return !m->facts.vocab_names;
}

static mt_status find_token(const struct mt_infer *m, const char *prompt,
                            size_t at, size_t *length, int32_t *token,
                            struct mt_err *err)
{
    uint32_t code;
    size_t n = strlen(prompt + at);

    if (is_bytes(m)) {
        *length = 1;
        *token = (unsigned char)prompt[at];
        return MT_OK;
    }
    *length = mt_utf8_decode(prompt + at, n, &code);
    if (!*length)
        return mt_fail(err, MT_INVALID, "prompt: byte %zu: not UTF-8", at);
    for (size_t i = 0; i < m->facts.vocab; i++) {
        const char *name = m->facts.vocab_names[i];

        if (strlen(name) == *length &&
            memcmp(name, prompt + at, *length) == 0) {
            *token = (int32_t)i;
            return MT_OK;
        }
    }
    if (mt_fitted_has_unknown(&m->facts)) {
        *token = (int32_t)m->facts.vocab - 1;
        return MT_OK;
    }
    return mt_fail(err, MT_INVALID,
                   "prompt: byte %zu: the character \"%s\" (U+%04X) is not in "
                   "the vocabulary of the checkpoint, the %zu characters of "
                   "its training text; data.unknown=" MT_UNKNOWN_TOKEN
                   " in training makes one token of all such characters",
                   at, mt_excerpt(prompt + at, *length).text, (unsigned)code,
                   m->facts.vocab);
}

/* A token's text, *n bytes; byte: memory for a single one. */
static const char *token_text(const struct text *t, size_t token, char *byte,
                              size_t *n)
{
    *n = 1;
    *byte = (char)token;
    if (is_bytes(t->m))
        return byte;
    *n = strlen(t->m->facts.vocab_names[token]);
    return t->m->facts.vocab_names[token];
}

static void push(struct text *t, int32_t token)
{
    if (t->n == t->seq_len) {
        memmove(t->window, t->window + 1, (t->n - 1) * sizeof *t->window);
        t->n--;
        t->next.known = 0; /* every position has changed */
    }
    t->window[t->n++] = token;
}

static mt_status push_prompt(struct text *t, const char *prompt,
                             size_t *unknown, struct mt_err *err)
{
    mt_status status;

    if (!*prompt)
        return mt_fail(err, MT_INVALID,
                       "prompt: expected at least one character");
    for (size_t at = 0, length; prompt[at]; at += length) {
        int32_t token = 0;

        if ((status = find_token(t->m, prompt, at, &length, &token, err)) !=
            MT_OK)
            return status;
        push(t, token);
        *unknown += mt_fitted_has_unknown(&t->m->facts) &&
                    (size_t)token == t->m->facts.vocab - 1;
    }
    return MT_OK;
}

/* --- the model ---------------------------------------------------------- */

/* Prepares the model's input shape with the window's length. */
static mt_status prepare(struct text *t, struct mt_err *err)
{
    struct mt_shape shape = t->m->model->x;
    char cause[1024];
    size_t n;

    if (shape.rank == 0 || shape.dim[0] != t->seq_len) {
        if (t->n == t->seq_len)
            return mt_infer_prepare(t->m, 1, &shape, err);
        return mt_fail(err, MT_MISMATCH,
                       "the model reads %zu tokens at a time, no fewer: the "
                       "prompt has %zu",
                       t->seq_len, t->n);
    }
    shape.dim[0] = t->n;
    if (mt_infer_prepare(t->m, 1, &shape, err) == MT_OK)
        return MT_OK;
    if (err->status == MT_NO_MEMORY || t->n == t->seq_len)
        return err->status;
    n = strlen(err->text);
    n = n < sizeof cause ? n : sizeof cause - 1;
    memcpy(cause, err->text, n);
    cause[n] = '\0';
    return mt_fail(err, MT_MISMATCH,
                   "the model reads %zu tokens at a time, no fewer: the prompt "
                   "has %zu (%s)",
                   t->seq_len, t->n, cause);
}

static mt_status fail_classes(const struct text *t, struct mt_err *err)
{
    struct mt_shape output = mt_sample_shape(t->m->program.y);

    return mt_fail(err, MT_MISMATCH,
                   "the model's output is %s for %zu tokens, which is not %zu "
                   "logits for each token",
                   mt_shape_text(&output).text, t->n, t->classes);
}

static struct mt_class_layout layout_of(const struct text *t,
                                        const struct mt_program *program)
{
    struct mt_shape output = mt_sample_shape(program->y);

    return mt_infer_classes(t->m, &output);
}

/* Opens t->next, if the model can go on from what is prepared. */
static bool open_next(struct text *t)
{
    struct mt_class_layout all = layout_of(t, &t->m->program), one;

    if (t->whole || t->next.one.graph)
        return !t->whole;
    t->whole = true;
    if (!mt_incremental_open(&t->next, t->m, t->seq_len))
        return false;
    one = layout_of(t, &t->next.one);
    if (one.classes == t->classes && one.rows == 1 &&
        all.classes == t->classes && all.rows == t->m->sample.dim[0])
        t->whole = false;
    else
        mt_incremental_close(&t->next);
    return !t->whole;
}

static mt_status gather(struct text *t, size_t n, struct mt_err *err)
{
    struct mt_column column = { t->window, MT_I32, n * sizeof *t->window,
                                mt_shape_of(1, n) };

    return mt_infer_gather(t->m, &column, err);
}

/* Runs a full window except its last token, without outputs: the last layers
 * have nothing to do. */
static bool know_window(struct text *t)
{
    struct mt_shape sample = mt_shape_of(1, t->n - 1);
    struct mt_err err = MT_ERR_INIT;

    if (t->whole || t->n < t->seq_len || t->n < 2 ||
        !mt_shape_equal(&t->m->model->x, &(struct mt_shape){ 1, { t->n } }))
        return false;
    if (mt_infer_prepare(t->m, 1, &sample, &err) != MT_OK || !open_next(t) ||
        gather(t, t->n - 1, &err) != MT_OK) {
        t->whole = true;
        return false;
    }
    mt_incremental_begin(&t->next, false);
    return true;
}

/* The logits after a window that was not run before. */
static mt_status run_window(struct text *t, struct mt_err *err)
{
    struct mt_class_layout layout;
    mt_status status;

    if ((status = prepare(t, err)) != MT_OK)
        return status;
    layout = layout_of(t, &t->m->program);
    if (layout.classes != t->classes)
        return fail_classes(t, err);
    if ((status = gather(t, t->n, err)) != MT_OK)
        return status;
    if (t->n < t->seq_len && open_next(t))
        mt_incremental_begin(&t->next, true);
    else
        mt_infer_run(t->m);
    mt_class_row(&layout, t->m->program.y->data, layout.rows - 1, t->logits);
    return MT_OK;
}

static void run_next(struct text *t)
{
    struct mt_class_layout layout = layout_of(t, &t->next.one);

    mt_class_row(&layout, mt_incremental_next(&t->next, t->window[t->n - 1]), 0,
                 t->logits);
}

/* Puts the logits of the token after the last one into t->logits. */
static mt_status run(struct text *t, struct mt_err *err)
{
    mt_status status = MT_OK;

    if ((t->next.known && t->next.known + 1 == t->n) || know_window(t))
        run_next(t);
    else
        status = run_window(t, err);
    if (status != MT_OK)
        return status;
    if (!mt_kernels()->all_finite(t->logits, t->vocab))
        return mt_fail(err, MT_INVALID, "the model's output is not finite");
    return MT_OK;
}

/* --- all ---------------------------------------------------------------- */

bool mt_generates(const struct mt_infer *m)
{
    return m->format && m->format->flags & MT_FORMAT_GENERATES;
}

static mt_status init(struct text *t, struct mt_infer *m, struct mt_err *err)
{
    struct mt_class_layout layout = mt_infer_classes(m, &m->model->output);

    *t = (struct text){ .m = m,
                        .seq_len = mt_shape_elements(&m->facts.x),
                        .vocab = m->facts.vocab,
                        .classes = layout.classes };
    if (!mt_generates(m))
        return mt_fail(err, MT_INVALID,
                       "the model was not trained on text, but on data of type "
                       "\"%s\"",
                       m->format ? m->format->name : "");
    if (layout.classes == 0 || t->vocab == 0 ||
        (is_bytes(m) && t->vocab != 256) || (m->tokens && t->vocab > m->tokens))
        return mt_fail(err, MT_INVALID,
                       "a vocabulary of %zu tokens does not suit the model: "
                       "its output is %s",
                       t->vocab, mt_shape_text(&m->model->output).text);
    t->vocab -= mt_fitted_has_unknown(&m->facts); /* it is the last one */
    if (t->vocab > t->classes)
        t->vocab = t->classes;
    t->window = calloc(t->seq_len, sizeof *t->window);
    t->logits = calloc(t->classes, sizeof *t->logits);
    t->p = calloc(t->classes, 2 * sizeof *t->p);
    return t->window && t->logits && t->p ? MT_OK : mt_fail_memory(err);
}

static mt_status generate(struct text *t, const struct mt_generation *g,
                          struct mt_err *err)
{
    mt_status status;

    for (size_t i = 0; i < g->length; i++) {
        const char *text;
        size_t token, n;
        char byte;

        if ((status = run(t, err)) != MT_OK)
            return status;
        token = mt_sample(t->logits, t->vocab, &g->sampling, i, t->p);
        push(t, (int32_t)token);
        text = token_text(t, token, &byte, &n);
        if ((status = g->emit(g->ctx, token, text, n, err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

mt_status mt_generate(struct mt_infer *m, struct mt_generation *g,
                      struct mt_err *err)
{
    struct text t;
    mt_status status = init(&t, m, err);

    if (status == MT_OK)
        status = push_prompt(&t, g->prompt, &g->unknown, err);
    if (status == MT_OK)
        status = generate(&t, g, err);
    mt_incremental_close(&t.next);
    free(t.window);
    free(t.logits);
    free(t.p);
    return status;
}
