#include "train/rows.h"
#include "train/session_internal.h"

struct mt_rows mt_rows_part(const struct mt_rows *rows, size_t at, size_t n)
{
    struct mt_rows part = *rows;

    part.rows = rows->rows ? rows->rows + at : NULL;
    part.first += at;
    part.n = n;
    return part;
}

mt_status mt_rows_gather(const struct mt_session *s, const struct mt_rows *r,
                         float *x, float *t, struct mt_err *err)
{
    struct mt_samples samples = { r->rows, r->first, r->n, r->training,
                                  r->epoch };
    mt_status status =
        s->model->x_dtype == MT_I32
            ? mt_gather_i32(&r->part->x, &samples, (int32_t *)x, err)
            : mt_gather_f32(&r->part->x, &s->data->fitted.norm, &samples, x,
                            err);

    if (status != MT_OK)
        return status;
    if (s->model->loss.type->classification)
        return mt_gather_i32(&r->part->y, &samples, (int32_t *)t, err);
    return mt_gather_f32(&r->part->y, &s->data->fitted.y_norm, &samples, t,
                         err);
}

bool mt_part_has_reader(const struct mt_part *part)
{
    return part->x.reader || part->y.reader;
}
