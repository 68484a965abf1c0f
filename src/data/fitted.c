/*
 * Copies what was fitted, so that a data set may outlive the checkpoint it
 * comes from.
 */
#include <string.h>

#include "data/format.h"

static void *copy(const void *from, size_t n, size_t size,
                  struct mt_arena *arena, bool *failed)
{
    void *to;

    if (!from)
        return NULL;
    to = mt_arena_calloc(arena, n + 1, size);
    if (!to)
        *failed = true;
    else if (n)
        memcpy(to, from, n * size);
    return to;
}

static const char *copy_text(const char *from, struct mt_arena *arena,
                             bool *failed)
{
    return copy(from, from ? strlen(from) : 0, 1, arena, failed);
}

static const char *const *copy_names(const char *const *from, size_t n,
                                     struct mt_arena *arena, bool *failed)
{
    const char **to = copy(from, n, sizeof *from, arena, failed);

    for (size_t i = 0; to && i < n; i++)
        to[i] = copy_text(from[i], arena, failed);
    return to;
}

static void copy_norm(struct mt_normalization *norm, struct mt_arena *arena,
                      bool *failed)
{
    norm->mean = copy(norm->mean, norm->n, sizeof(double), arena, failed);
    norm->std = copy(norm->std, norm->n, sizeof(double), arena, failed);
}

bool mt_fitted_has_unknown(const struct mt_fitted *f)
{
    return f->vocab_names && f->vocab &&
           strcmp(f->vocab_names[f->vocab - 1], MT_UNKNOWN_TOKEN) == 0;
}

mt_status mt_fitted_copy(const struct mt_fitted *from, struct mt_arena *arena,
                         struct mt_fitted *to, struct mt_err *err)
{
    bool failed = false;
    struct mt_array *arrays;

    *to = *from;
    copy_norm(&to->norm, arena, &failed);
    copy_norm(&to->y_norm, arena, &failed);
    to->class_counts = copy(from->class_counts, from->n_class_counts,
                            sizeof(uint64_t), arena, &failed);
    to->class_names =
        copy_names(from->class_names, from->classes, arena, &failed);
    to->vocab_names =
        copy_names(from->vocab_names, from->vocab, arena, &failed);
    to->feature_names =
        copy_names(from->feature_names, from->n_features, arena, &failed);
    to->target_names = copy_names(from->target_names,
                                  mt_shape_elements(&from->y), arena, &failed);
    to->format = copy_text(from->format, arena, &failed);
    to->facts = copy_text(from->facts, arena, &failed);
    arrays = copy(from->arrays, from->n_arrays, sizeof *arrays, arena, &failed);
    for (size_t i = 0; arrays && i < from->n_arrays; i++) {
        arrays[i].name = copy_text(from->arrays[i].name, arena, &failed);
        arrays[i].data =
            copy(from->arrays[i].data, mt_array_bytes(&from->arrays[i]), 1,
                 arena, &failed);
    }
    to->arrays = arrays;
    return failed ? mt_fail_memory(err) : MT_OK;
}
