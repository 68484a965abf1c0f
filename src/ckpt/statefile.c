#include "ckpt/statefile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/size.h"
#include "ckpt/safetensors.h"
#include "ckpt/textarray.h"

enum { HEAD = 16 }; /* first bytes, by which formats are told apart */

/* One format. handle is what open gave. */
struct format {
    const char *name, *ending;
    bool sections; /* names say their section before the first '/' */
    bool (*is)(const void *head, size_t n);
    mt_status (*open)(const char *path, void **handle, struct mt_err *err);
    void (*close)(void *handle);
    size_t (*count)(const void *handle);
    const struct mt_array *(*array)(const void *handle, size_t i);
    mt_status (*read)(void *handle, const struct mt_array *array, void *out,
                      struct mt_err *err);
    /* NULL: not written here */
    mt_status (*write)(const char *path, const struct mt_array *arrays,
                       size_t n, uint64_t *bytes, struct mt_err *err);
};

static mt_status open_mtc(const char *path, void **handle, struct mt_err *err)
{
    struct mt_ckpt *ckpt = NULL;
    mt_status status = mt_ckpt_open(path, &ckpt, err);

    *handle = ckpt;
    return status;
}

static void close_mtc(void *handle)
{
    mt_ckpt_close(handle);
}

static size_t count_mtc(const void *handle)
{
    return mt_ckpt_count(handle);
}

static const struct mt_array *array_mtc(const void *handle, size_t i)
{
    return mt_ckpt_array(handle, i);
}

static mt_status read_mtc(void *handle, const struct mt_array *array, void *out,
                          struct mt_err *err)
{
    return mt_ckpt_read(handle, array, out, NULL, err);
}

static mt_status open_safetensors(const char *path, void **handle,
                                  struct mt_err *err)
{
    struct mt_safetensors *file = NULL;
    mt_status status = mt_safetensors_open(path, &file, err);

    *handle = file;
    return status;
}

static void close_safetensors(void *handle)
{
    mt_safetensors_close(handle);
}

static size_t count_safetensors(const void *handle)
{
    return mt_safetensors_count(handle);
}

static const struct mt_array *array_safetensors(const void *handle, size_t i)
{
    return mt_safetensors_array(handle, i);
}

static mt_status read_safetensors(void *handle, const struct mt_array *array,
                                  void *out, struct mt_err *err)
{
    return mt_safetensors_read(handle, array, out, err);
}

static const struct format formats[] = {
    { "mtc", ".mtc", true, mt_ckpt_is, open_mtc, close_mtc, count_mtc,
      array_mtc, read_mtc, NULL },
    { "safetensors", ".safetensors", false, mt_safetensors_is, open_safetensors,
      close_safetensors, count_safetensors, array_safetensors, read_safetensors,
      mt_safetensors_write },
};

enum { N_FORMATS = sizeof formats / sizeof *formats };

struct mt_statefile {
    char *path;
    const struct format *format;
    void *handle;
    size_t n;
    struct mt_state_entry *entries; /* (n) in file order */
    size_t *by_name;                /* (n) sorted by section, then key */
    struct mt_arena arena;
};

static mt_status read_head(const char *path, unsigned char head[HEAD],
                           size_t *n, struct mt_err *err)
{
    uint64_t size = 0;
    int fd;
    mt_status status = mt_file_open(path, &fd, &size, err);

    if (status != MT_OK)
        return status;
    *n = size < HEAD ? (size_t)size : HEAD;
    status = mt_file_pread(fd, path, 0, head, *n, err);
    close(fd);
    return status;
}

static mt_status find_format(const char *path, const struct format **out,
                             struct mt_err *err)
{
    unsigned char head[HEAD];
    struct mt_strbuf names = MT_STRBUF_INIT;
    size_t n = 0;
    mt_status status = read_head(path, head, &n, err);

    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (formats[i].is(head, n)) {
            *out = &formats[i];
            return MT_OK;
        }
    }
    for (size_t i = 0; i < N_FORMATS; i++)
        mt_strbuf_printf(&names, i ? ", %s" : "%s", formats[i].name);
    status = names.failed
                 ? mt_fail_memory(err)
                 : mt_fail(err, MT_INVALID,
                           "%s: not a file of a kind that holds a state (%s)",
                           path, names.text);
    mt_strbuf_free(&names);
    return status;
}

/* The section that names of a bare state dict belong to. */
static const char optimizer[] = "optimizer", model[] = "model";

static mt_status split_name(struct mt_statefile *f, struct mt_state_entry *e,
                            struct mt_err *err)
{
    const char *name = e->array.name;
    bool sections = f->format->sections || mt_text_array_is(name);
    const char *slash = sections ? strchr(name, '/') : NULL;
    size_t n = sizeof optimizer - 1;

    e->key = name;
    e->section = model;
    if (slash) {
        e->key = slash + 1;
        e->section = mt_arena_strndup(&f->arena, name, (size_t)(slash - name));
        return e->section ? MT_OK : mt_fail_memory(err);
    }
    if (f->format->sections) {
        e->section = ""; /* a checkpoint's name without a section */
    } else if (strncmp(name, optimizer, n) == 0 && name[n] == '.') {
        e->section = optimizer;
        e->key = name + n + 1;
    }
    return MT_OK;
}

static int compare_keys(const char *section, const char *key,
                        const struct mt_state_entry *e)
{
    int order = strcmp(section, e->section);

    return order ? order : strcmp(key, e->key);
}

static int compare_entries(const void *a, const void *b, void *entries)
{
    const struct mt_state_entry *list = entries;
    const struct mt_state_entry *e = &list[*(const size_t *)a];

    return compare_keys(e->section, e->key, &list[*(const size_t *)b]);
}

static mt_status list_entries(struct mt_statefile *f, struct mt_err *err)
{
    f->n = f->format->count(f->handle);
    f->entries = mt_arena_calloc(&f->arena, f->n, sizeof *f->entries);
    f->by_name = mt_arena_calloc(&f->arena, f->n, sizeof *f->by_name);
    if (!f->entries || !f->by_name)
        return mt_fail_memory(err);
    for (size_t i = 0; i < f->n; i++) {
        f->entries[i].array = *f->format->array(f->handle, i);
        f->entries[i].array.data = NULL;
        f->by_name[i] = i;
        mt_status status = split_name(f, &f->entries[i], err);

        if (status != MT_OK)
            return status;
    }
    qsort_r(f->by_name, f->n, sizeof *f->by_name, compare_entries, f->entries);
    for (size_t i = 1; i < f->n; i++) {
        if (compare_entries(&f->by_name[i - 1], &f->by_name[i], f->entries) ==
            0)
            return mt_fail(err, MT_INVALID,
                           "%s: tensor \"%s\": the name is there twice",
                           f->path, f->entries[f->by_name[i]].array.name);
    }
    return MT_OK;
}

mt_status mt_statefile_open(const char *path, struct mt_statefile **out,
                            struct mt_err *err)
{
    struct mt_statefile *f = calloc(1, sizeof *f);
    mt_status status;

    if (!f)
        return mt_fail_memory(err);
    f->path = strdup(path);
    if (!f->path) {
        status = mt_fail_memory(err);
        goto fail;
    }
    if ((status = find_format(path, &f->format, err)) != MT_OK ||
        (status = f->format->open(path, &f->handle, err)) != MT_OK ||
        (status = list_entries(f, err)) != MT_OK)
        goto fail;
    *out = f;
    return MT_OK;
fail:
    mt_statefile_close(f);
    return status;
}

void mt_statefile_close(struct mt_statefile *file)
{
    if (!file)
        return;
    if (file->handle)
        file->format->close(file->handle);
    mt_arena_free(&file->arena);
    free(file->path);
    free(file);
}

const char *mt_statefile_path(const struct mt_statefile *file)
{
    return file->path;
}

const char *mt_statefile_format(const struct mt_statefile *file)
{
    return file->format->name;
}

struct mt_ckpt *mt_statefile_ckpt(struct mt_statefile *file)
{
    return file->format->open == open_mtc ? file->handle : NULL;
}

size_t mt_statefile_count(const struct mt_statefile *file)
{
    return file->n;
}

const struct mt_state_entry *mt_statefile_entry(const struct mt_statefile *f,
                                                size_t i)
{
    return &f->entries[i];
}

const struct mt_state_entry *mt_statefile_find(const struct mt_statefile *f,
                                               const char *section,
                                               const char *key)
{
    size_t low = 0, high = f->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct mt_state_entry *e = &f->entries[f->by_name[mid]];
        int order = compare_keys(section, key, e);

        if (order == 0)
            return e;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

mt_status mt_statefile_read(struct mt_statefile *file,
                            const struct mt_state_entry *entry, void *out,
                            struct mt_err *err)
{
    size_t i = (size_t)(entry - file->entries);

    return file->format->read(file->handle,
                              file->format->array(file->handle, i), out, err);
}

static void convert_f64(const void *from, size_t n, float *out)
{
    const double *x = from;

    for (size_t i = 0; i < n; i++)
        out[i] = (float)x[i];
}

static void convert_f16(const void *from, size_t n, float *out)
{
    const uint16_t *x = from;

    for (size_t i = 0; i < n; i++)
        out[i] = mt_f16_to_f32(x[i]);
}

static void convert_bf16(const void *from, size_t n, float *out)
{
    const uint16_t *x = from;

    for (size_t i = 0; i < n; i++)
        out[i] = mt_bf16_to_f32(x[i]);
}

typedef void convert(const void *from, size_t n, float *out);

/* How to make float32 of a type; NULL: it is no floating-point type. */
static convert *const converters[] = {
    [MT_F64] = convert_f64, [MT_F16] = convert_f16, [MT_BF16] = convert_bf16,
    [MT_I32] = NULL,        [MT_I64] = NULL,        [MT_U8] = NULL,
};

mt_status mt_statefile_read_f32(struct mt_statefile *file,
                                const struct mt_state_entry *entry, float *out,
                                struct mt_err *err)
{
    const struct mt_array *a = &entry->array;

    if (a->dtype == MT_F32)
        return mt_statefile_read(file, entry, out, err);
    if (!converters[a->dtype])
        return mt_fail(err, MT_MISMATCH,
                       "%s: tensor \"%s\": is %s, expected a floating-point "
                       "type",
                       file->path, a->name, mt_dtype_name(a->dtype));
    size_t bytes = mt_array_bytes(a);
    void *raw = malloc(bytes ? bytes : 1);

    if (!raw)
        return mt_fail_memory(err);
    mt_status status = mt_statefile_read(file, entry, raw, err);

    if (status == MT_OK)
        converters[a->dtype](raw, mt_shape_elements(&a->shape), out);
    free(raw);
    return status;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), tail = strlen(ending);

    return n > tail && strcmp(text + n - tail, ending) == 0;
}

/* The format that path's ending asks for; NULL, with the message set, where
 * there is none that can be written. */
static const struct format *writable_format(const char *path,
                                            struct mt_err *err)
{
    struct mt_strbuf endings = MT_STRBUF_INIT;

    for (size_t i = 0; i < N_FORMATS; i++) {
        if (!formats[i].write)
            continue;
        if (ends_with(path, formats[i].ending)) {
            mt_strbuf_free(&endings);
            return &formats[i];
        }
        mt_strbuf_printf(&endings, endings.len ? ", %s" : "%s",
                         formats[i].ending);
    }
    if (endings.failed)
        mt_fail_memory(err);
    else
        mt_fail(err, MT_INVALID,
                "%s: cannot write a state dict of this kind; the ending must "
                "be one of: %s",
                path, endings.text);
    mt_strbuf_free(&endings);
    return NULL;
}

mt_status mt_statefile_can_write(const char *path, struct mt_err *err)
{
    struct mt_err own = MT_ERR_INIT;

    err = err ? err : &own;
    return writable_format(path, err) ? MT_OK : err->status;
}

mt_status mt_statefile_write(const char *path, const struct mt_array *arrays,
                             size_t n, uint64_t *bytes, struct mt_err *err)
{
    struct mt_err own = MT_ERR_INIT;

    err = err ? err : &own;
    const struct format *format = writable_format(path, err);

    return format ? format->write(path, arrays, n, bytes, err) : err->status;
}
