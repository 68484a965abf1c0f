#include "train/bundle.h"

#include <stdlib.h>
#include <string.h>

void mt_bundle_free(struct mt_bundle *b)
{
    free(b->arrays);
    mt_arena_free(&b->arena);
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

void mt_bundle_add(struct mt_bundle *b, const char *name, enum mt_dtype dtype,
                   const struct mt_shape *shape, const void *data)
{
    char *copy = mt_arena_strdup(&b->arena, name);

    if (!copy || (b->n == b->size && !grow(b))) {
        b->failed = true;
        return;
    }
    b->arrays[b->n++] = (struct mt_array){ copy, dtype, *shape, (void *)data };
}

static void add_copy(struct mt_bundle *b, const char *name,
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
    add_copy(b, name, MT_I64, &(struct mt_shape){ .rank = 0 }, &value);
}

void mt_bundle_f64(struct mt_bundle *b, const char *name, double value)
{
    add_copy(b, name, MT_F64, &(struct mt_shape){ .rank = 0 }, &value);
}

void mt_bundle_list(struct mt_bundle *b, const char *name, enum mt_dtype dtype,
                    const void *data, size_t n)
{
    struct mt_shape shape = mt_shape_of(1, n);

    add_copy(b, name, dtype, &shape, data);
}

void mt_bundle_text(struct mt_bundle *b, const char *name, const char *text)
{
    mt_bundle_list(b, name, MT_U8, text, strlen(text));
}

const struct mt_array *mt_bundle_find(const struct mt_bundle *b,
                                      const char *name)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->arrays[i].name, name) == 0)
            return &b->arrays[i];
    }
    return NULL;
}

int64_t mt_bundle_get_i64(const struct mt_bundle *b, const char *name,
                          int64_t otherwise)
{
    const struct mt_array *a = mt_bundle_find(b, name);

    return a && a->dtype == MT_I64 && a->shape.rank == 0
               ? *(const int64_t *)a->data
               : otherwise;
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

bool mt_in_section(const char *name, const char *section)
{
    size_t n = strlen(section);

    return strncmp(name, section, n) == 0 && name[n] == '/';
}

static mt_status read_array(const struct mt_ckpt *ckpt,
                            const struct mt_array *array, struct mt_team *team,
                            struct mt_bundle *out, struct mt_err *err)
{
    void *data = mt_arena_alloc(&out->arena, mt_array_bytes(array) + 1);

    if (!data)
        return mt_fail_memory(err);
    if (mt_ckpt_read(ckpt, array, data, team, err) != MT_OK)
        return err->status;
    mt_bundle_add(out, array->name, array->dtype, &array->shape, data);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}

mt_status mt_bundle_read(const char *path, struct mt_team *team,
                         struct mt_bundle *out, struct mt_err *err)
{
    struct mt_ckpt *ckpt;

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    if (mt_ckpt_open(path, &ckpt, err) != MT_OK)
        return err->status;
    mt_status status = MT_OK;

    for (size_t i = 0; status == MT_OK && i < mt_ckpt_count(ckpt); i++)
        status = read_array(ckpt, mt_ckpt_array(ckpt, i), team, out, err);
    mt_ckpt_close(ckpt);
    if (status != MT_OK)
        mt_bundle_free(out);
    return status;
}

static mt_status read_entry(struct mt_statefile *file,
                            const struct mt_state_entry *entry,
                            struct mt_bundle *out, struct mt_err *err)
{
    const struct mt_array *array = &entry->array;
    void *data = mt_arena_alloc(&out->arena, mt_array_bytes(array) + 1);
    char *name = mt_arena_printf(&out->arena, "%s/%s", entry->section,
                                 entry->key);

    if (!data || !name)
        return mt_fail_memory(err);
    if (mt_statefile_read(file, entry, data, err) != MT_OK)
        return err->status;
    mt_bundle_add(out, name, array->dtype, &array->shape, data);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}

mt_status mt_bundle_read_state(const char *path, struct mt_bundle *out,
                               struct mt_err *err)
{
    struct mt_statefile *file;
    mt_status status = MT_OK;

    *out = (struct mt_bundle)MT_BUNDLE_INIT;
    if (mt_statefile_open(path, &file, err) != MT_OK)
        return err->status;
    for (size_t i = 0; status == MT_OK && i < mt_statefile_count(file); i++)
        status = read_entry(file, mt_statefile_entry(file, i), out, err);
    mt_statefile_close(file);
    if (status != MT_OK)
        mt_bundle_free(out);
    return status;
}

mt_status mt_bundle_write(const struct mt_bundle *b, const char *path,
                          struct mt_team *team, struct mt_ckpt_info *info,
                          struct mt_err *err)
{
    if (b->failed)
        return mt_fail_memory(err);
    return mt_ckpt_write(path, b->arrays, b->n, team, info, err);
}
