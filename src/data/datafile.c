#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/format.h"
#include "data/reader.h"

bool mt_data_wants_train(const struct mt_data_request *request,
                         const struct mt_data_keys *keys)
{
    return !(request->purpose == MT_DATA_EVAL && keys->val.n > 0);
}

static const char *join(struct mt_arena *arena, const char *dir,
                        const char *path)
{
    size_t n = dir ? strlen(dir) : 0;

    if (n == 0 || path[0] == '/')
        return mt_arena_strdup(arena, path);
    return mt_arena_printf(arena, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/",
                           path);
}

static mt_status name_file(const struct mt_data_request *request,
                           struct mt_dataset *data, const char *role,
                           const struct mt_item *item, struct mt_data_file *file,
                           struct mt_err *err)
{
    if (!mt_is_string(item) || !item->text[0])
        return mt_json_fail(request->doc, item, err,
                            "expected the name of a file");
    file->item = item;
    file->role = role;
    file->path = join(&data->arena, request->dir, item->text);
    return role && file->path ? MT_OK : mt_fail_memory(err);
}

mt_status mt_data_files(const struct mt_data_request *request,
                        struct mt_dataset *data, const char *key, size_t n,
                        const char *form, struct mt_data_file *files,
                        struct mt_err *err)
{
    const struct mt_item *given = mt_json_get(request->spec, key);
    size_t count = 1;

    if (!given)
        return mt_json_fail(request->doc, request->spec, err,
                            "\"%s\" is missing: expected %s", key, form);
    if (mt_is_list(given))
        count = mt_item_count(given);
    if (count != n)
        return mt_json_fail(request->doc, given, err,
                            "expected %s, got %zu file%s", form, count,
                            count == 1 ? "" : "s");
    if (!mt_is_list(given))
        return name_file(request, data, key, given, &files[0], err);
    for (size_t i = 0; i < n; i++) {
        const char *role = mt_arena_printf(&data->arena, "%s[%zu]", key, i);
        mt_status status =
            name_file(request, data, role, mt_item_at(given, (int)i),
                      &files[i], err);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

/* Is it a relative path that does not exist? */
static bool is_lost(const struct mt_data_request *request,
                    const struct mt_data_file *file)
{
    return !request->dir && file->path[0] != '/' &&
           access(file->path, F_OK) != 0;
}

/* Prepends the place in the spec that named the file. */
static mt_status name_place(const struct mt_data_request *request,
                            const struct mt_data_file *file, mt_status status,
                            struct mt_err *err)
{
    char cause[1024];

    if (status == MT_OK || status == MT_NO_MEMORY || !file->item)
        return status;
    snprintf(cause, sizeof cause, "%.800s%s", err->text,
             is_lost(request, file)
                 ? "; it is relative to the current directory (--data-dir "
                   "DIR: to another one)"
                 : "");
    mt_json_fail(request->doc, file->item, err, "%s", cause);
    err->status = status;
    return status;
}

mt_status mt_data_open_file(const struct mt_data_request *request,
                            const struct mt_data_file *file, int *fd,
                            uint64_t *size, struct mt_err *err)
{
    return name_place(request, file, mt_file_open(file->path, fd, size, err),
                      err);
}

mt_status mt_data_read_file(const struct mt_data_request *request,
                            const struct mt_data_file *file, size_t max,
                            struct mt_bytes *out, struct mt_err *err)
{
    return name_place(request, file, mt_file_read(file->path, max, out, err),
                      err);
}

bool mt_data_hashes(const struct mt_data_request *request)
{
    return request->purpose == MT_DATA_TRAIN ||
           request->purpose == MT_DATA_EVAL;
}

struct mt_data_file mt_data_input(const struct mt_data_request *request)
{
    return (struct mt_data_file){ request->inputs[0], "input", NULL };
}

bool mt_data_piped(const struct mt_data_request *request)
{
    return strcmp(request->inputs[0], "-") == 0;
}

mt_status mt_data_refuse(const struct mt_data_request *request, const char *key,
                         const char *why, struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(request->spec, key);

    if (!item)
        return MT_OK;
    return mt_json_fail(request->doc, item, err, "%s", why);
}

/* ---- fingerprints ---- */

mt_status mt_data_add_fingerprint(struct mt_dataset *data, const char *role,
                                  uint64_t bytes, struct sha256_ctx *sha,
                                  struct mt_err *err)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    size_t n = data->n_fingerprints;
    struct mt_fingerprint *print;

    /* The room is doubled whenever the number is a power of two. */
    if ((n & (n - 1)) == 0) {
        struct mt_fingerprint *all =
            mt_arena_calloc(&data->arena, n ? 2 * n : 1, sizeof *all);

        if (!all)
            return mt_fail_memory(err);
        if (n)
            memcpy(all, data->fingerprints, n * sizeof *all);
        data->fingerprints = all;
    }
    print = &data->fingerprints[data->n_fingerprints++];
    print->role = role;
    print->bytes = bytes;
    sha256_digest(sha, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        print->sha256[2 * i] = hex[digest[i] >> 4];
        print->sha256[2 * i + 1] = hex[digest[i] & 15];
    }
    return MT_OK;
}

/* ---- memory ---- */

void mt_data_takes(struct mt_dataset *data, size_t held, size_t beside)
{
    size_t most;

    data->held += held;
    most = data->held + beside;
    data->most = most > data->most ? most : data->most;
}

void mt_data_release(struct mt_dataset *data)
{
    for (struct mt_owned *own = data->owned; own; own = own->next)
        if (own->reader && own->reader->close)
            own->reader->close(own->reader);
    for (struct mt_owned *own = data->owned; own; own = own->next)
        free(own->memory);
    data->owned = NULL;
}

struct mt_owned *mt_data_own(struct mt_dataset *data)
{
    struct mt_owned *own = mt_arena_alloc(&data->arena, sizeof *own);

    if (!own)
        return NULL;
    own->next = data->owned;
    data->owned = own;
    return own;
}
