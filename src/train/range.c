#include "train/range.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "train/session_internal.h"

/* --- targets -------------------------------------------------------------- */

static mt_status check_part(const struct mt_part *part, struct mt_err *err)
{
    size_t each = mt_shape_elements(&part->y.shape);
    float *y = malloc(each * sizeof *y);
    mt_status status = y ? MT_OK : mt_fail_memory(err);

    for (size_t i = 0; i < part->samples && status == MT_OK; i++) {
        struct mt_samples one = { .first = i, .n = 1 };

        status = mt_gather_f32(&part->y, NULL, &one, y, err);
        for (size_t k = 0; k < each && status == MT_OK; k++)
            if (!(y[k] >= 0 && y[k] <= 1))
                status = mt_fail(err, MT_INVALID,
                                 "%s: sample %zu: the target is %g; the loss "
                                 "needs targets of 0 to 1",
                                 part->y_source, i, (double)y[k]);
    }
    free(y);
    return status;
}

mt_status mt_range_check_targets(const struct mt_session *s, struct mt_err *err)
{
    const struct mt_part *parts[] = { &s->data->train, &s->data->val,
                                      &s->data->test };
    mt_status status = MT_OK;

    if (!mt_loss_of_probabilities(&s->model->loss))
        return MT_OK;
    for (size_t i = 0; i < 3 && status == MT_OK; i++) {
        if (parts[i]->samples)
            status = check_part(parts[i], err);
    }
    return status;
}

/* --- outputs -------------------------------------------------------------- */

static bool is_outside(float y)
{
    return y < 0 || (y > 1 && isfinite(y));
}

/* Within a block there is no early exit, so that it is vectorized. */
size_t mt_range_find(const struct mt_loss *loss, const float *y, size_t n)
{
    enum { BLOCK = 256 };

    if (loss->type->wants != MT_WANTS_PROBABILITIES)
        return n;
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t end = n - i < BLOCK ? n : i + BLOCK;
        bool bad = false;

        for (size_t j = i; j < end; j++)
            bad |= (y[j] < 0) | (y[j] > 1);
        for (size_t j = i; bad && j < end; j++) {
            if (is_outside(y[j]))
                return j;
        }
    }
    return n;
}

/* Output i of them is outside. */
static mt_status fail_outside(const struct mt_session *s,
                              const struct mt_program *p,
                              const struct mt_rows *rows, size_t i,
                              struct mt_err *err)
{
    size_t each = mt_shape_elements(&p->scores->shape) / p->batch;
    bool early = s->batches == 0 || s->at.step == 0; /* 0: only evaluated */
    char element[40] = "", step[40] = "";

    if (each > 1)
        snprintf(element, sizeof element, ", element %zu", i % each);
    if (s->batches)
        snprintf(step, sizeof step, "step %llu: ",
                 (unsigned long long)s->at.step + 1);
    return mt_fail(err, early ? MT_INVALID : MT_OUT_OF_RANGE,
                   "%s%s: sample %zu%s: the output is %g, but %s needs outputs "
                   "of 0 to 1: end the model with a Sigmoid layer, or use "
                   "BCEWithLogitsLoss, which applies it itself",
                   step, rows->part->source,
                   rows->rows ? (size_t)rows->rows[i / each]
                              : rows->first + i / each,
                   element, (double)((const float *)p->scores->data)[i],
                   s->model->loss.type->name);
}

mt_status mt_range_check_outputs(const struct mt_session *s,
                                 const struct mt_program *p,
                                 const struct mt_rows *rows, struct mt_err *err)
{
    size_t n = mt_shape_elements(&p->scores->shape);
    size_t i = mt_range_find(&s->model->loss, p->scores->data, n);

    return i == n ? MT_OK : fail_outside(s, p, rows, i, err);
}
