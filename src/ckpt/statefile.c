#include "ckpt/statefile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/names.h"
#include "ckpt/foreign.h"
#include "ckpt/stateformat.h"

enum { HEAD = 512 }; /* first bytes, by which formats are recognized */

static const struct mt_state_format *const formats[] = {
    &mt_state_mtc,
    &mt_state_safetensors,
    &mt_state_torch,
    &mt_state_npz,
    &mt_state_npy,
};

enum { N_FORMATS = sizeof formats / sizeof *formats };

struct mt_statefile {
    char *path;
    const struct mt_state_format *format;
    void *handle;
    size_t n, lost;
    struct mt_array *arrays; /* (n) in file order */
    struct mt_names names;   /* of the arrays */
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
    const char *other = mt_foreign_file(head, n);

    for (size_t i = 0; i < N_FORMATS; i++)
        mt_strbuf_printf(&names, i ? ", %s" : "%s", formats[i]->name);
    if (names.failed)
        status = mt_fail_memory(err);
    else if (other)
        status = mt_fail(err, MT_INVALID, "%s: %s; expected one of: %s", path,
                         other, names.text);
    else
        status = mt_fail(err, MT_INVALID,
                         "%s: not a file of a kind that holds a state (%s)",
                         path, names.text);
    mt_strbuf_free(&names);
    return status;
}

static const char *name_of(const void *file, size_t i)
{
    return ((const struct mt_statefile *)file)->arrays[i].name;
}

static mt_status list_arrays(struct mt_statefile *f, struct mt_err *err)
{
    size_t n = f->format->count(f->handle);

    f->arrays = mt_arena_calloc(&f->arena, n, sizeof *f->arrays);
    if (!f->arrays)
        return mt_fail_memory(err);
    for (; f->n < n; f->n++) {
        struct mt_array *a = &f->arrays[f->n];

        *a = *f->format->array(f->handle, f->n);
        a->data = NULL;
        if (a->dtype == MT_OTHER && mt_statefile_find(f, a->name)) {
            a->name = mt_arena_printf(&f->arena, "%s (%zu)", a->name, f->n + 1);
            if (!a->name)
                return mt_fail_memory(err);
        }
        if (mt_statefile_find(f, a->name))
            return mt_fail(err, MT_INVALID,
                           "%s: tensor \"%s\": the name is there twice",
                           f->path, a->name);
        if (!mt_names_add(&f->names, name_of, f))
            return mt_fail_memory(err);
    }
    return MT_OK;
}

/* The file is opened once, and recognized and read through one descriptor. */
static mt_status open_handle(struct mt_statefile *f,
                             const struct mt_state_options *options,
                             struct mt_err *err)
{
    struct mt_state_opening opening = { .lost = 0 };
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(f->path, &fd, &size, err);

    if (status != MT_OK)
        return status;
    if (options && options->checkpoint)
        f->format = &mt_state_mtc;
    else
        status = find_format(f->path, fd, size, &f->format, err);
    if (status != MT_OK) {
        close(fd);
        return status;
    }
    if (options)
        opening.options = *options;
    status = f->format->open(f->path, fd, size, &opening, &f->handle, err);
    f->lost = opening.lost;
    return status;
}

mt_status mt_statefile_open(const char *path,
                            const struct mt_state_options *options,
                            struct mt_statefile **out, struct mt_err *err)
{
    struct mt_statefile *f = calloc(1, sizeof *f);
    mt_status status;

    if (!f)
        return mt_fail_memory(err);
    f->path = strdup(path);
    status = f->path ? open_handle(f, options, err) : mt_fail_memory(err);
    if (status == MT_OK)
        status = list_arrays(f, err);
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
    mt_names_free(&file->names);
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

struct mt_ckpt *mt_statefile_ckpt(const struct mt_statefile *file)
{
    return file->format == &mt_state_mtc ? file->handle : NULL;
}

size_t mt_statefile_lost(const struct mt_statefile *file)
{
    return file->lost;
}

const struct mt_state_group *mt_statefile_groups(const struct mt_statefile *f,
                                                 size_t *n)
{
    *n = 0;
    return f->format->groups ? f->format->groups(f->handle, n) : NULL;
}

void mt_state_note(struct mt_state_opening *o, bool damage, const char *fmt,
                   ...)
{
    char text[sizeof(struct mt_err)];
    va_list args;

    if (!o->options.note)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    o->options.note(o->options.ctx, damage, text);
}

size_t mt_statefile_count(const struct mt_statefile *file)
{
    return file->n;
}

const struct mt_array *mt_statefile_array(const struct mt_statefile *f,
                                          size_t i)
{
    return &f->arrays[i];
}

const struct mt_array *mt_statefile_find(const struct mt_statefile *f,
                                         const char *name)
{
    size_t i = mt_names_find(&f->names, name, name_of, f);

    return i < f->n ? &f->arrays[i] : NULL;
}

struct mt_state_place mt_statefile_place(const struct mt_source *source)
{
    const struct mt_statefile *f = source->file;
    size_t i = (size_t)(source->entry - f->arrays);

    return (struct mt_state_place){ f->format, f->handle,
                                    f->format->array(f->handle, i) };
}

/* The format that path's ending asks for. */
static mt_status find_writable(const char *path,
                               const struct mt_state_format **out,
                               struct mt_err *err)
{
    struct mt_strbuf endings = MT_STRBUF_INIT;
    mt_status status;

    *out = NULL;
    for (size_t i = 0; i < N_FORMATS && !*out; i++) {
        if (!formats[i]->write)
            continue;
        if (mt_ends_with(path, formats[i]->ending))
            *out = formats[i];
        mt_strbuf_printf(&endings, endings.len ? ", %s" : "%s",
                         formats[i]->ending);
    }
    if (*out)
        status = MT_OK;
    else if (endings.failed)
        status = mt_fail_memory(err);
    else
        status = mt_fail(err, MT_INVALID,
                         "%s: cannot write a state dict of this kind; the "
                         "ending must be one of: %s",
                         path, endings.text);
    mt_strbuf_free(&endings);
    return status;
}

mt_status mt_statefile_can_write(const char *path, struct mt_err *err)
{
    const struct mt_state_format *format;

    return find_writable(path, &format, err);
}

mt_status mt_statefile_write(const char *path, const struct mt_array *arrays,
                             size_t n, struct mt_team *team, uint64_t *bytes,
                             struct mt_err *err)
{
    const struct mt_state_format *format;
    mt_status status = find_writable(path, &format, err);

    return status == MT_OK ? format->write(path, arrays, n, team, bytes, err)
                           : status;
}
