#include "data/augment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment_types.h"
#include "data/format.h"
#include "data/reader.h"

static const struct mt_transform_type *const types[] = {
#define X(name) &mt_transform_##name,
    MT_TRANSFORMS(X)
#undef X
    NULL,
};

static const struct mt_type *type_at(size_t i)
{
    return types[i] ? &types[i]->type : NULL;
}

const struct mt_kind mt_augment_kind = {
    .name = "augment",
    .what = "augmentation",
    .at = type_at,
};

double mt_draw_between(struct mt_draws *draws, double low, double high)
{
    double u = mt_philox_uniform(draws->key, draws->epoch, draws->next++);

    return low + (high - low) * u;
}

/* --- a column whose samples are changed ----------------------------------- */

enum { MAX_DRAWS = 64 }; /* of one transform for one sample */

struct step {
    const struct mt_transform_type *type;
    const void *args;
    struct mt_philox_key key;
};

struct augmented {
    struct mt_reader reader;
    struct mt_column from;
    struct mt_planar in, out; /* shapes only */
    size_t room;              /* floats of the largest intermediate shape */
    struct step *steps;
    size_t n;
};

static void change(const struct augmented *a, const struct mt_samples *samples,
                   size_t number, struct mt_planar *p)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct step *s = &a->steps[i];
        struct mt_draws draws = { s->key, (uint32_t)samples->epoch,
                                  (uint64_t)number * MAX_DRAWS };

        s->type->apply(s->args, samples->training ? &draws : NULL, p);
    }
}

static mt_status gather(const struct mt_reader *reader,
                        const struct mt_samples *samples,
                        const struct mt_normalization *norm, enum mt_dtype to,
                        void *out, struct mt_err *err)
{
    const struct augmented *a = (const struct augmented *)reader;
    size_t each = a->out.channels * a->out.height * a->out.width;
    float *x = malloc(2 * a->room * sizeof *x);
    mt_status status = x ? MT_OK : mt_fail_memory(err);

    (void)to; /* always floats: the column says so */
    for (size_t i = 0; i < samples->n && status == MT_OK; i++) {
        size_t number = mt_sample_number(samples, i);
        uint32_t row = (uint32_t)number;
        struct mt_samples one = *samples;
        struct mt_planar p = a->in;

        one.rows = a->from.first ? NULL : &row;
        one.first = number;
        one.n = 1;
        status = mt_gather_f32(&a->from, NULL, &one, x, err);
        if (status != MT_OK)
            break;
        p.x = x;
        p.scratch = x + a->room;
        change(a, samples, number, &p);
        mt_normalize(norm, each, 0, MT_F32, (const char *)p.x, each,
                     (float *)out + i * each);
    }
    free(x);
    return status;
}

/* --- reading the list
 * ------------------------------------------------------ */

static mt_status shape_of(const struct mt_data_request *request,
                          const struct mt_item *list,
                          const struct mt_shape *sample, struct mt_planar *p,
                          struct mt_err *err)
{
    bool planes = sample->rank == 3;

    *p = (struct mt_planar){ .channels = 1 };
    if (sample->rank != 2 && !(planes && (sample->dim[0] == 1 ||
                                          sample->dim[0] == 3)))
        return mt_json_fail(request->doc, list, err,
                            "needs pictures of [height, width] or [1 or 3, "
                            "height, width], but a sample is %s",
                            mt_shape_text(sample).text);
    if (planes)
        p->channels = sample->dim[0];
    p->height = sample->dim[sample->rank - 2];
    p->width = sample->dim[sample->rank - 1];
    return MT_OK;
}

static size_t floats_of(const struct mt_planar *p)
{
    return p->channels * p->height * p->width;
}

static mt_status read_list(const struct mt_data_request *request,
                           const struct mt_item *list, struct mt_dataset *data,
                           struct augmented *a, struct mt_err *err)
{
    struct mt_planar p = a->in;
    mt_status status = MT_OK;

    a->room = floats_of(&p);
    for (const struct mt_item *item = list->child; item && status == MT_OK;
         item = item->next) {
        struct step *s = &a->steps[a->n];
        const struct mt_type *type;
        void *args;
        char place[32];

        status = mt_kind_read(&mt_augment_kind, request->doc, item, NULL,
                              &data->arena, &type, &args, err);
        if (status != MT_OK)
            break;
        snprintf(place, sizeof place, "%zu", a->n++);
        s->type = (const struct mt_transform_type *)type;
        s->args = args;
        s->key = mt_philox_key(request->seed, "augment", place);
        if (s->type->prepare)
            status = s->type->prepare(args, &p, request->doc, item, err);
        if (floats_of(&p) > a->room)
            a->room = floats_of(&p);
    }
    a->out = p;
    return status;
}

static mt_status wrap(const struct mt_data_request *request,
                      const struct mt_item *list, struct mt_dataset *data,
                      struct mt_column *x, struct mt_err *err)
{
    struct augmented *a = mt_arena_calloc(&data->arena, 1, sizeof *a);
    mt_status status;

    if (a)
        a->steps = mt_arena_calloc(&data->arena, mt_item_count(list) + 1,
                                   sizeof *a->steps);
    if (!a || !a->steps)
        return mt_fail_memory(err);
    status = shape_of(request, list, &x->shape, &a->in, err);
    if (status == MT_OK)
        status = read_list(request, list, data, a, err);
    if (status != MT_OK)
        return status;
    a->from = *x;
    a->reader.gather = gather;
    *x = (struct mt_column){ .dtype = MT_F32, .shape = x->shape,
                             .reader = &a->reader };
    x->shape.dim[x->shape.rank - 2] = a->out.height;
    x->shape.dim[x->shape.rank - 1] = a->out.width;
    return MT_OK;
}

mt_status mt_data_augment(const struct mt_data_request *request,
                          const struct mt_item *list, struct mt_dataset *data,
                          struct mt_err *err)
{
    mt_status status = MT_OK;

    if (!list)
        return MT_OK;
    if (!mt_is_list(list))
        return mt_json_fail(request->doc, list, err,
                            "expected a list of augmentations, got %s",
                            mt_json_text(list).text);
    if (data->train.samples)
        status = wrap(request, list, data, &data->train.x, err);
    if (status == MT_OK && data->val.samples)
        status = wrap(request, list, data, &data->val.x, err);
    return status;
}
