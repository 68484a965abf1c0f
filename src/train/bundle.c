#include "train/bundle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"
#include "train/statename.h"

void mt_bundle_free(struct mt_bundle *b)
{
    mt_statefile_close(b->file);
    mt_names_free(&b->names);
    free(b->arrays);
    mt_arena_free(&b->arena);
    if (b->owner)
        b->free_owner(b->owner);
    *b = (struct mt_bundle)MT_BUNDLE_INIT;
}

static bool grow(struct mt_bundle *b)
{
    size_t size = b->size ? 2 * b->size : 64;
    struct mt_array *arrays = realloc(b->arrays, size * sizeof *arrays);

    if (!arrays)
        return false;
    b->arrays = arrays;
    b->size = size;
    return true;
}

static const char *name_of(const void *ctx, size_t i)
{
    return ((const struct mt_bundle *)ctx)->arrays[i].name;
}

/* --- adding ------------------------------------------------------------- */

void mt_bundle_add_array(struct mt_bundle *b, const char *name,
                         const struct mt_array *array)
{
    char *copy = mt_arena_strdup(&b->arena, name);

    if (!copy || (b->n == b->size && !grow(b))) {
        b->failed = true;
        return;
    }
    b->arrays[b->n] = *array;
    b->arrays[b->n].name = copy;
    if (mt_names_add(&b->names, name_of, b))
        b->n++;
    else
        b->failed = true;
}

void mt_bundle_add(struct mt_bundle *b, const char *name, enum mt_dtype dtype,
                   const struct mt_shape *shape, const void *data)
{
    struct mt_array array = { name, dtype, *shape, (void *)(uintptr_t)data,
                              NULL };

    mt_bundle_add_array(b, name, &array);
}

void mt_bundle_add_copy(struct mt_bundle *b, const char *name,
                        enum mt_dtype dtype, const struct mt_shape *shape,
                        const void *data)
{
    size_t bytes = mt_shape_elements(shape) * mt_dtype_size(dtype);
    void *copy = mt_arena_alloc(&b->arena, bytes + 1);

    if (!copy) {
        b->failed = true;
        return;
    }
    if (bytes)
        memcpy(copy, data, bytes);
    mt_bundle_add(b, name, dtype, shape, copy);
}

void mt_bundle_i64(struct mt_bundle *b, const char *name, int64_t value)
{
    mt_bundle_add_copy(b, name, MT_I64, &(struct mt_shape){ .rank = 0 },
                       &value);
}

void mt_bundle_f64(struct mt_bundle *b, const char *name, double value)
{
    mt_bundle_add_copy(b, name, MT_F64, &(struct mt_shape){ .rank = 0 },
                       &value);
}

void mt_bundle_list(struct mt_bundle *b, const char *name, enum mt_dtype dtype,
                    const void *data, size_t n)
{
    struct mt_shape shape = mt_shape_of(1, n);

    mt_bundle_add_copy(b, name, dtype, &shape, data);
}

void mt_bundle_text(struct mt_bundle *b, const char *name, const char *text)
{
    mt_bundle_list(b, name, MT_U8, text, strlen(text));
}

const struct mt_array *mt_bundle_find(const struct mt_bundle *b,
                                      const char *name)
{
    size_t i = mt_names_find(&b->names, name, name_of, b);

    return i < b->n ? &b->arrays[i] : NULL;
}

int64_t mt_bundle_get_i64(const struct mt_bundle *b, const char *name,
                          int64_t otherwise)
{
    const struct mt_array *a = mt_bundle_find(b, name);

    return a && a->dtype == MT_I64 && a->shape.rank == 0
               ? *(const int64_t *)a->data
               : otherwise;
}

bool mt_array_whole(const struct mt_array *a, int64_t *out)
{
    const double most = 0x1p53; /* doubles hold all integers up to this */
    double value;

    if (a->shape.rank > 1 || mt_shape_elements(&a->shape) != 1)
        return false;
    if (a->dtype == MT_I64) {
        *out = *(const int64_t *)a->data;
        return true;
    }
    value = mt_array_value(a, 0);
    if (!(value >= -most && value <= most) || value != trunc(value))
        return false;
    *out = (int64_t)value;
    return true;
}

mt_status mt_bundle_get_text(const struct mt_bundle *b, const char *name,
                             struct mt_arena *arena, const char **out,
                             struct mt_err *err)
{
    const struct mt_array *a = mt_bundle_find(b, name);

    *out = NULL;
    if (!a || a->dtype != MT_U8)
        return MT_OK;
    *out = mt_arena_strndup(arena, a->data, mt_array_bytes(a));
    return *out ? MT_OK : mt_fail_memory(err);
}

/* --- files -------------------------------------------------------------- */

/* An array of the file under its name in a bundle. */
static struct mt_name name_in(const struct mt_statefile *file,
                              const struct mt_array *array)
{
    const char *mean = mt_name_mean_in_file(array->name);

    if (mean && !mt_statefile_ckpt(file) && mt_statefile_find(file, mean))
        return mt_name_in(MT_EMA, mean);
    return mt_name_from_file(array->name, mt_statefile_ckpt(file) != NULL);
}

/* Arrays that cannot be read are added by name only, without data. */
static mt_status add_other(const struct mt_statefile *file,
                           const struct mt_array *array, struct mt_bundle *out,
                           struct mt_err *err)
{
    struct mt_array other = *array;

    other.type = mt_arena_strdup(&out->arena, mt_array_type(array));
    mt_bundle_add_array(out, name_in(file, array).text, &other);
    return out->failed || !other.type ? mt_fail_memory(err) : MT_OK;
}

static mt_status read_entry(struct mt_statefile *file,
                            const struct mt_array *array,
                            struct mt_bundle *out, struct mt_err *err)
{
    if (array->dtype == MT_OTHER)
        return add_other(file, array, out, err);
    void *data = mt_arena_alloc(&out->arena, mt_array_bytes(array) + 1);

    if (!data)
        return mt_fail_memory(err);
    mt_status status = mt_statefile_read(file, array, data, err);

    if (status != MT_OK)
        return status;
    mt_bundle_add(out, name_in(file, array).text, array->dtype, &array->shape,
                  data);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}

/* Small, and needed as values: spec and progress, also those of the kept
 * state. */
static bool is_small(const char *name)
{
    const char *kept = mt_name_kept_of(name);

    return mt_name_is(name, MT_SPEC) ||
           mt_name_is(kept ? kept : name, MT_PROGRESS);
}

static mt_status add_entry(struct mt_bundle *b, const struct mt_array *entry,
                           struct mt_source *source, struct mt_err *err)
{
    struct mt_name name = name_in(b->file, entry);
    struct mt_array array = *entry;

    if (is_small(name.text))
        return read_entry(b->file, entry, b, err);
    *source = (struct mt_source){ b->file, entry };
    array.source = source;
    mt_bundle_add_array(b, name.text, &array);
    return b->failed ? mt_fail_memory(err) : MT_OK;
}

static mt_status use_nothing(void *ctx, const void *elements, size_t n,
                             struct mt_err *err)
{
    (void)ctx;
    (void)elements;
    (void)n;
    (void)err;
    return MT_OK;
}

static mt_status check_whole(struct mt_bundle *b,
                             const struct mt_array *entry, struct mt_team *team,
                             struct mt_err *err)
{
    struct mt_source source = { b->file, entry };
    struct mt_array array = *entry;

    array.source = &source;
    return mt_block_stream_each(&array, team, use_nothing, NULL, err);
}

static mt_status add_or_leave(struct mt_bundle *b,
                              const struct mt_array *entry,
                              struct mt_source *source,
                              const struct mt_state_options *options,
                              struct mt_team *team, struct mt_err *err)
{
    mt_status status = options->salvage && entry->dtype != MT_OTHER
                           ? check_whole(b, entry, team, err)
                           : MT_OK;

    if (status == MT_DAMAGED) {
        if (options->note)
            options->note(options->ctx, true, err->text);
        *err = (struct mt_err)MT_ERR_INIT;
        b->lost++;
        return MT_OK;
    }
    return status == MT_OK ? add_entry(b, entry, source, err) : status;
}

mt_status mt_bundle_open_state(const char *path,
                               const struct mt_state_options *options,
                               struct mt_team *team, struct mt_bundle *out,
                               struct mt_err *err)
{
    static const struct mt_state_options strict;
    struct mt_source *sources;
    mt_status status;

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    out->team = team;
    options = options ? options : &strict;
    if ((status = mt_statefile_open(path, options, &out->file, err)) != MT_OK)
        return status;
    size_t n = mt_statefile_count(out->file);

    out->lost = mt_statefile_lost(out->file);
    sources = mt_arena_calloc(&out->arena, n, sizeof *sources);
    if (!sources)
        status = mt_fail_memory(err);
    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = add_or_leave(out, mt_statefile_array(out->file, i),
                              &sources[i], options, team, err);
    if (status != MT_OK)
        mt_bundle_free(out);
    return status;
}

mt_status mt_bundle_open(const char *path, struct mt_team *team,
                         struct mt_bundle *out, struct mt_err *err)
{
    struct mt_state_options options = { .checkpoint = true };

    return mt_bundle_open_state(path, &options, team, out, err);
}

mt_status mt_bundle_detach(struct mt_bundle *b, struct mt_err *err)
{
    size_t n = b->n;

    mt_names_free(&b->names);
    b->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!b->arrays[i].data)
            continue;
        b->arrays[b->n] = b->arrays[i];
        if (!mt_names_add(&b->names, name_of, b))
            return mt_fail_memory(err);
        b->n++;
    }
    mt_statefile_close(b->file);
    b->file = NULL;
    return MT_OK;
}

mt_status mt_bundle_write(const struct mt_bundle *b, const char *path,
                          struct mt_team *team, struct mt_ckpt_info *info,
                          struct mt_err *err)
{
    if (b->failed)
        return mt_fail_memory(err);
    return mt_ckpt_write(path, b->arrays, b->n, team, info, err);
}
