#include "ckpt/statefile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/size.h"
#include "ckpt/stateformat.h"
#include "ckpt/textarray.h"

enum { HEAD = 16 }; /* first bytes, by which formats are told apart */

static const struct mt_state_format *const formats[] = {
    &mt_state_mtc,
    &mt_state_safetensors,
    &mt_state_npz,
    &mt_state_npy,
};

enum { N_FORMATS = sizeof formats / sizeof *formats };

struct mt_statefile {
    char *path;
    const struct mt_state_format *format;
    void *handle;
    size_t n;
    struct mt_state_entry *entries; /* (n) in file order */
    size_t *by_name;                /* (n) sorted by section, then key */
    struct mt_arena arena;
};

static mt_status find_format(const char *path, int fd, uint64_t size,
                             const struct mt_state_format **out,
                             struct mt_err *err)
{
    unsigned char head[HEAD];
    struct mt_strbuf names = MT_STRBUF_INIT;
    size_t n = size < HEAD ? (size_t)size : HEAD;
    mt_status status = mt_file_pread(fd, path, 0, head, n, err);

    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (formats[i]->is(head, n)) {
            *out = formats[i];
            return MT_OK;
        }
    }
    for (size_t i = 0; i < N_FORMATS; i++)
        mt_strbuf_printf(&names, i ? ", %s" : "%s", formats[i]->name);
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

/* One descriptor from the first look at the file on. */
static mt_status open_handle(struct mt_statefile *f, struct mt_err *err)
{
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(f->path, &fd, &size, err);

    if (status != MT_OK)
        return status;
    status = find_format(f->path, fd, size, &f->format, err);
    if (status != MT_OK) {
        close(fd);
        return status;
    }
    return f->format->open(f->path, fd, size, &f->handle, err);
}

mt_status mt_statefile_open(const char *path, struct mt_statefile **out,
                            struct mt_err *err)
{
    struct mt_statefile *f = calloc(1, sizeof *f);
    mt_status status;

    if (!f)
        return mt_fail_memory(err);
    f->path = strdup(path);
    status = f->path ? open_handle(f, err) : mt_fail_memory(err);
    if (status == MT_OK)
        status = list_entries(f, err);
    if (status != MT_OK) {
        mt_statefile_close(f);
        return status;
    }
    *out = f;
    return MT_OK;
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
    return file->format == &mt_state_mtc ? file->handle : NULL;
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

struct mt_state_place mt_statefile_place(const struct mt_source *source)
{
    const struct mt_statefile *f = source->file;
    size_t i = (size_t)(source->entry - f->entries);

    return (struct mt_state_place){ f->format, f->handle,
                                    f->format->array(f->handle, i) };
}

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), tail = strlen(ending);

    return n > tail && strcmp(text + n - tail, ending) == 0;
}

/* The format that path's ending asks for; NULL, with the message set, where
 * there is none that can be written. */
static const struct mt_state_format *writable_format(const char *path,
                                                     struct mt_err *err)
{
    struct mt_strbuf endings = MT_STRBUF_INIT;

    for (size_t i = 0; i < N_FORMATS; i++) {
        if (!formats[i]->write)
            continue;
        if (ends_with(path, formats[i]->ending)) {
            mt_strbuf_free(&endings);
            return formats[i];
        }
        mt_strbuf_printf(&endings, endings.len ? ", %s" : "%s",
                         formats[i]->ending);
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
                             size_t n, struct mt_team *team, uint64_t *bytes,
                             struct mt_err *err)
{
    struct mt_err own = MT_ERR_INIT;

    err = err ? err : &own;
    const struct mt_state_format *format = writable_format(path, err);

    return format ? format->write(path, arrays, n, team, bytes, err)
                  : err->status;
}
