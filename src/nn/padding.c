/* torch.nn.ZeroPad2d */
#include "nn/spatial.h"

struct padding_args {
    struct mt_reals padding;
};

static const struct mt_key zero_pad_keys[] = {
    { "padding", MT_KEY_REALS, offsetof(struct padding_args, padding),
      .flags = MT_KEY_REQUIRED, .min = -INT32_MAX, .max = INT32_MAX,
      .doc = "zeros on every side: a number, or [left, right, top, bottom]; "
             "what is negative is cut off",
      .schema = "\"multipleOf\":1" },
    { NULL },
};

/* sides: left, right, top, bottom */
static mt_status read_sides(const struct mt_record *r,
                            const struct mt_layer *layer, int64_t sides[4],
                            struct mt_err *err)
{
    const struct mt_reals *given =
        &((const struct padding_args *)layer->args)->padding;
    const struct mt_item *item = mt_json_get(layer->object, "padding");

    if (given->n != 1 && given->n != 4)
        return mt_json_fail(r->doc, item, err,
                            "expected a number or a list of 4 (left, right, "
                            "top, bottom), got a list of %zu", given->n);
    for (size_t i = 0; i < 4; i++) {
        double v = given->v[given->n == 1 ? 0 : i];

        sides[i] = (int64_t)v;
        if (v != (double)sides[i])
            return mt_json_fail(r->doc, item, err,
                                "expected whole numbers, got %g", v);
    }
    return MT_OK;
}

/* Checks the padding before and after an axis of `size`: if negative, it must
 * leave some of it. */
static mt_status check_axis(const struct mt_record *r,
                            const struct mt_layer *layer,
                            const struct mt_value *x, const char *name,
                            size_t size, const int64_t sides[2],
                            size_t *padded, struct mt_err *err)
{
    int64_t left = (int64_t)size;

    for (int i = 0; i < 2; i++)
        left += sides[i] < 0 ? sides[i] : 0;
    if (left < 1)
        return mt_layer_fail(r, layer, x, err,
                             "its padding %lld and %lld cuts away all of the "
                             "%s %zu",
                             (long long)sides[0], (long long)sides[1], name,
                             size);
    *padded = (size_t)((int64_t)size + sides[0] + sides[1]);
    return MT_OK;
}

static struct mt_value *pad(struct mt_graph *g, struct mt_value *x, int dim,
                            const int64_t sides[2], size_t padded)
{
    size_t skip = sides[0] < 0 ? (size_t)-sides[0] : 0;
    size_t cut = sides[1] < 0 ? (size_t)-sides[1] : 0;

    if (skip || cut)
        x = mt_slice(g, x, dim, skip, x->shape.dim[dim] - skip - cut);
    if (sides[0] > 0 || sides[1] > 0)
        x = mt_pad(g, x, dim, sides[0] > 0 ? (size_t)sides[0] : 0, padded);
    return x;
}

static mt_status zero_pad2d_record(struct mt_record *r, struct mt_layer *layer,
                                   struct mt_value *const *in,
                                   struct mt_value **out, struct mt_err *err)
{
    struct mt_value *x = in[0];
    int64_t sides[4], *across = sides, *down = sides + 2;
    size_t size[2];
    mt_status status;

    if ((status = mt_layer_check_planes(r, layer, x, 2, err)) != MT_OK ||
        (status = read_sides(r, layer, sides, err)) != MT_OK ||
        (status = check_axis(r, layer, x, "height", x->shape.dim[2], down,
                             &size[0], err)) != MT_OK ||
        (status = check_axis(r, layer, x, "width", x->shape.dim[3], across,
                             &size[1], err)) != MT_OK ||
        (status = mt_layer_check_plane_size(r, layer, x, size, err)) != MT_OK)
        return status;
    x = pad(r->graph, x, 2, down, size[0]);
    *out = pad(r->graph, x, 3, across, size[1]);
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_zero_pad2d;

const struct mt_layer_type mt_layer_zero_pad2d = {
    .name = "ZeroPad2d",
    .doc = "zeros around [channels, height, width]",
    .keys = zero_pad_keys,
    .args_size = sizeof(struct padding_args),
    .record = zero_pad2d_record,
};
