#include "train/balance.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/size.h"
#include "train/session_internal.h"

enum { BLOCK = 1024, UNEQUAL = 8, MOST_SHOWN = 10 };

/* --- counting ------------------------------------------------------------- */

/* The targets of the training samples, one block of samples after the other. */
typedef void visit_fn(void *ctx, const struct mt_session *s, const void *y,
                      size_t n);

static mt_status each_target(const struct mt_session *s, visit_fn *visit,
                             void *ctx, struct mt_err *err)
{
    const struct mt_subset *set = &s->data->subset[MT_SPLIT_TRAIN];
    size_t each = mt_shape_elements(&set->part->y.shape), taken;
    bool classes = s->model->loss.type->classification;
    size_t block = each < BLOCK ? BLOCK / each : 1;
    mt_status status = MT_OK;
    void *y = NULL;

    if (mt_size_mul(block * sizeof(float), each, &taken))
        y = malloc(taken);
    if (!y)
        return mt_fail_memory(err);
    for (size_t at = 0; at < set->n && status == MT_OK; at += block) {
        struct mt_samples some = {
            .first = at,
            .n = set->n - at < block ? set->n - at : block,
        };
        uint32_t numbers[BLOCK];

        some.rows = mt_subset_rows(set, at, some.n, numbers);
        status = classes ? mt_gather_i32(&set->part->y, &some, y, err)
                         : mt_gather_f32(&set->part->y, NULL, &some, y, err);
        if (status == MT_OK)
            visit(ctx, s, y, some.n * each);
    }
    free(y);
    return status;
}

/* ctx: uint64_t [classes]. Classes are known to be in range, or ignored. */
static void count_classes(void *ctx, const struct mt_session *s, const void *y,
                          size_t n)
{
    int64_t ignored = *mt_loss_ignored(&s->model->loss);
    const int32_t *class = y;
    uint64_t *counts = ctx;

    for (size_t i = 0; i < n; i++) {
        if (class[i] != ignored)
            counts[class[i]]++;
    }
}

/* ctx: uint64_t [2]. A probability above 1/2 counts as 1. */
static void count_binary(void *ctx, const struct mt_session *s, const void *y,
                         size_t n)
{
    const float *p = y;
    uint64_t *counts = ctx;

    (void)s;
    for (size_t i = 0; i < n; i++)
        counts[p[i] > 0.5f]++;
}

/* --- weights -------------------------------------------------------------- */

static const char *class_name(const struct mt_session *s, size_t class,
                              char number[24])
{
    const struct mt_fitted *f = &s->data->fitted;

    if (f->class_names && class < f->classes)
        return f->class_names[class];
    if (f->vocab_names && class < f->vocab && f->classes == f->vocab)
        return f->vocab_names[class];
    snprintf(number, 24, "%zu", class);
    return number;
}

static mt_status check_counts(const struct mt_session *s, size_t classes,
                              const struct mt_item *item, struct mt_err *err)
{
    const struct mt_fitted *f = &s->data->fitted;
    char number[24];

    if (f->n_class_counts != classes)
        return mt_json_fail(s->doc, item, err,
                            "the checkpoint has counts of "
                            "%zu classes, but the model has %zu",
                            f->n_class_counts, classes);
    for (size_t c = 0; c < classes; c++) {
        if (f->class_counts[c] < 1)
            return mt_json_fail(s->doc, item, err,
                                "\"balanced\" needs samples "
                                "of every class, but the training part has "
                                "none of class \"%s\"; data.split=stratified "
                                "shares each class out, or give the weights as "
                                "numbers",
                                class_name(s, c, number));
    }
    return MT_OK;
}

static mt_status count(struct mt_session *s, size_t classes,
                       const struct mt_item *item, struct mt_err *err)
{
    struct mt_fitted *f = &s->data->fitted;
    uint64_t *counts;
    mt_status status;

    if (!mt_session_samples(s, MT_SPLIT_TRAIN))
        return mt_json_fail(s->doc, item, err,
                            "\"balanced\" needs the samples "
                            "of each class in training, which this checkpoint "
                            "does not have; give the weights as numbers");
    counts = mt_arena_calloc(&s->data->arena, classes, sizeof *counts);
    if (!counts)
        return mt_fail_memory(err);
    status = each_target(s, count_classes, counts, err);
    f->class_counts = counts;
    f->n_class_counts = classes;
    return status;
}

mt_status mt_balance_loss(struct mt_session *s, struct mt_err *err)
{
    struct mt_loss *loss = &s->model->loss;
    const struct mt_item *item = mt_json_get(loss->object, "weight");
    size_t classes = mt_loss_classes(loss, &s->model->output);
    mt_status status = MT_OK;

    if (!mt_loss_is_balanced(loss))
        return MT_OK;
    if (!s->data->fitted.class_counts)
        status = count(s, classes, item, err);
    if (status == MT_OK)
        status = check_counts(s, classes, item, err);
    return status == MT_OK ? mt_loss_balance(loss, s->data->fitted.class_counts,
                                             classes, &s->arena, err)
                           : status;
}

/* --- shares --------------------------------------------------------------- */

struct share {
    size_t class;
    uint64_t samples;
};

static int descending(const void *a, const void *b)
{
    const struct share *x = a, *y = b;

    if (x->samples != y->samples)
        return x->samples < y->samples ? 1 : -1;
    return x->class < y->class ? -1 : 1;
}

/* The first shares; if there are too many to list, also the last. */
static void add_shares(const struct mt_session *s, const struct share *shares,
                       size_t n, struct mt_strbuf *out)
{
    uint64_t all = 0;
    char number[24];

    for (size_t i = 0; i < n; i++)
        all += shares[i].samples;
    for (size_t i = 0; i < n; i++) {
        if (n > MOST_SHOWN && i == MOST_SHOWN - 1) {
            mt_strbuf_puts(out, ", ...");
            i = n - 1;
        }
        mt_strbuf_printf(out, "%s%s %.3g %%", i ? ", " : "",
                         class_name(s, shares[i].class, number),
                         100 * (double)shares[i].samples / (double)all);
    }
}

/* The number of classes, one of which each sample has; 0: samples have none, or
 * several. */
static size_t classes_of_sample(const struct mt_session *s)
{
    const struct mt_loss *loss = &s->model->loss;

    if (mt_shape_elements(&s->data->fitted.y) != 1)
        return 0;
    if (mt_loss_of_probabilities(loss))
        return 2;
    return loss->type->classification ? s->data->fitted.classes : 0;
}

mt_status mt_balance_shares(const struct mt_session *s, struct mt_strbuf *out,
                            struct mt_err *err)
{
    size_t n = classes_of_sample(s);
    uint64_t *counts = calloc(n + 1, sizeof *counts);
    struct share *shares = calloc(n + 1, sizeof *shares);
    mt_status status = counts && shares ? MT_OK : mt_fail_memory(err);

    if (status == MT_OK && n)
        status = each_target(s,
                             s->model->loss.type->classification ? count_classes
                                                                 : count_binary,
                             counts, err);
    for (size_t i = 0; status == MT_OK && i < n; i++)
        shares[i] = (struct share){ i, counts[i] };
    if (status == MT_OK && n > 1) {
        qsort(shares, n, sizeof *shares, descending);
        if (shares[0].samples / UNEQUAL >= shares[n - 1].samples)
            add_shares(s, shares, n, out);
    }
    free(counts);
    free(shares);
    return status;
}
