#include "data/window.h"

#include <string.h>

#include "base/size.h"
#include "spec/keys.h"

static const struct mt_key window_keys[] = {
    { "steps", MT_KEY_SIZE, offsetof(struct mt_window, steps),
      .flags = MT_KEY_REQUIRED, .min = 1, .max = 1 << 24 },
    { "horizon", MT_KEY_SIZE, offsetof(struct mt_window, horizon), .def = "1",
      .min = 1, .max = 1 << 24 },
    { NULL },
};

mt_status mt_window_read(const struct mt_json *doc, const struct mt_item *item,
                         struct mt_window *out, struct mt_err *err)
{
    static const struct mt_key *const tables[] = { window_keys };
    struct mt_arena arena = MT_ARENA_INIT;
    mt_status status;

    *out = (struct mt_window){ 0 };
    if (!item)
        return MT_OK;
    if (!mt_is_object(item))
        return mt_json_fail(doc, item, err,
                            "expected {\"steps\": ROWS, \"horizon\": ROWS}, "
                            "got %s",
                            mt_json_text(item).text);
    status = mt_keys_check(doc, item, tables, 1, err);
    if (status == MT_OK)
        status = mt_keys_read(doc, item, window_keys, out, &arena, err);
    mt_arena_free(&arena);
    return status;
}

size_t mt_window_count(const struct mt_window *w, size_t rows)
{
    size_t needs = w->steps ? w->steps + w->horizon - 1 : 0;

    return rows > needs ? rows - needs : 0;
}

size_t mt_window_rows(const struct mt_window *w, size_t n)
{
    return n && w->steps ? n + w->steps + w->horizon - 1 : n;
}

size_t mt_window_input_rows(const struct mt_window *w, size_t n)
{
    return n && w->steps ? n + w->steps - 1 : n;
}

void mt_window_inputs(const struct mt_window *w, struct mt_column *x)
{
    if (w->steps)
        x->shape = mt_shape_of(2, w->steps, x->shape.dim[0]);
}

mt_status mt_window_norm(const struct mt_window *w, struct mt_arena *arena,
                         struct mt_normalization *norm, struct mt_err *err)
{
    size_t row = norm->n, n;
    double *v;

    if (!w->steps || !row)
        return MT_OK;
    if (!mt_size_mul(w->steps, row, &n) ||
        !(v = mt_arena_calloc(arena, n, 2 * sizeof *v)))
        return mt_fail_memory(err);
    for (size_t i = 0; i < w->steps; i++) {
        memcpy(v + i * row, norm->mean, row * sizeof *v);
        memcpy(v + n + i * row, norm->std, row * sizeof *v);
    }
    norm->n = n;
    norm->mean = v;
    norm->std = v + n;
    return MT_OK;
}
