#include "train/rows.h"

mt_status mt_rows_gather(const struct mt_session *s, const struct mt_rows *r,
                         float *x, float *t, struct mt_err *err)
{
    mt_status status = s->model->x_dtype == MT_I32
                           ? mt_gather_i32(&r->part->x, r->rows, r->first, r->n,
                                           (int32_t *)x, err)
                           : mt_gather_f32(&r->part->x, &s->data->norm, r->rows,
                                           r->first, r->n, x, err);

    if (status != MT_OK)
        return status;
    if (s->model->loss.type->classification)
        return mt_gather_i32(&r->part->y, r->rows, r->first, r->n, (int32_t *)t,
                             err);
    return mt_gather_f32(&r->part->y, NULL, r->rows, r->first, r->n, t, err);
}

bool mt_part_streams(const struct mt_part *part)
{
    return part->x.stream || part->y.stream;
}
