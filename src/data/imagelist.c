#include "data/imagelist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/csvlabels.h"
#include "data/csvscan.h"
#include "data/picture.h"

/* A list of names that grows. */
struct names {
    struct mt_arena *arena;
    const char **v;
    size_t n, room;
};

static mt_status add_name(struct names *names, const char *name,
                          struct mt_err *err)
{
    if (names->n == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        const char **v = mt_arena_calloc(names->arena, room, sizeof *v);

        if (!v)
            return mt_fail_memory(err);
        if (names->n)
            memcpy(v, names->v, names->n * sizeof *v);
        names->v = v;
        names->room = room;
    }
    if (!name)
        return mt_fail_memory(err);
    names->v[names->n++] = name;
    return MT_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The entries of a folder, in byte order, without hidden ones. */
static mt_status list_folder(const char *path, struct names *out,
                             struct mt_err *err)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    mt_status status = MT_OK;

    if (!dir)
        return mt_fail_errno(err, errno, path, "cannot open the folder");
    while (status == MT_OK && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            status = add_name(out, mt_arena_strdup(out->arena, entry->d_name),
                              err);
    closedir(dir);
    if (status == MT_OK && out->n)
        qsort(out->v, out->n, sizeof *out->v, compare);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *inside(struct mt_arena *arena, const char *folder,
                          const char *name)
{
    size_t n = strlen(folder);

    return mt_arena_printf(arena, "%s%s%s", folder,
                           n && folder[n - 1] == '/' ? "" : "/", name);
}

/* --- a folder for each class
 * --------------------------------------------------- */

struct listing {
    struct names paths, classes;
    uint32_t *class_of;
    size_t room;
};

static mt_status add_picture(struct listing *l, const char *path, size_t class,
                             struct mt_err *err)
{
    mt_status status = add_name(&l->paths, path, err);

    if (status != MT_OK)
        return status;
    if (l->paths.n > l->room) {
        uint32_t *grown = mt_arena_calloc(l->paths.arena, l->paths.room,
                                          sizeof *grown);

        if (!grown)
            return mt_fail_memory(err);
        if (l->room)
            memcpy(grown, l->class_of, l->room * sizeof *grown);
        l->class_of = grown;
        l->room = l->paths.room;
    }
    l->class_of[l->paths.n - 1] = (uint32_t)class;
    return MT_OK;
}

static mt_status list_class(struct listing *l, const char *folder,
                            const char *name, struct mt_err *err)
{
    struct names files = { .arena = l->paths.arena };
    const char *path = inside(files.arena, folder, name);
    mt_status status =
        path ? list_folder(path, &files, err) : mt_fail_memory(err);

    if (status == MT_OK && files.n == 0)
        return mt_fail(err, MT_INVALID, "%s: holds no pictures", path);
    if (status == MT_OK)
        status = add_name(&l->classes, name, err);
    for (size_t i = 0; i < files.n && status == MT_OK; i++)
        status = add_picture(l, inside(files.arena, path, files.v[i]),
                             l->classes.n - 1, err);
    return status;
}

static mt_status list_classes(struct listing *l, const char *folder,
                              struct mt_err *err)
{
    struct names entries = { .arena = l->paths.arena };
    mt_status status = list_folder(folder, &entries, err);

    for (size_t i = 0; i < entries.n && status == MT_OK; i++) {
        const char *path = inside(entries.arena, folder, entries.v[i]);

        if (!path)
            return mt_fail_memory(err);
        if (!is_folder(path))
            return mt_fail(err, MT_INVALID,
                           "%s: expected a folder for each class, this is a "
                           "file", path);
        status = list_class(l, folder, entries.v[i], err);
    }
    if (status == MT_OK && l->classes.n == 0)
        return mt_fail(err, MT_INVALID,
                       "%s: expected a folder for each class, it is empty",
                       folder);
    return status;
}

/* --- a table of path and label
 * --------------------------------------------------- */

static const char *beside(struct mt_arena *arena, const char *table,
                          const char *path, size_t n)
{
    const char *slash = strrchr(table, '/');

    if (n == 0 || path[0] == '/' || !slash)
        return mt_arena_strndup(arena, path, n);
    return mt_arena_printf(arena, "%.*s/%.*s", (int)(slash - table), table,
                           (int)n, path);
}

/* The first line is a header if its path is not that of a file. */
static mt_status read_row(struct listing *l, struct mt_csv *csv,
                          const char *table, struct mt_labels *labels,
                          const struct mt_csv_field *fields, size_t n,
                          bool first, struct mt_err *err)
{
    const char *path;
    uint32_t label;
    mt_status status;

    if (n != 2)
        return mt_csv_fail(csv, n < 2 ? n : 2, err,
                           "expected two fields, path and label, got %zu", n);
    path = beside(l->paths.arena, table, fields[0].text, fields[0].n);
    if (!path)
        return mt_fail_memory(err);
    if (first && access(path, F_OK) != 0)
        return MT_OK;
    if (fields[1].n == 0)
        return mt_csv_fail(csv, 1, err, "expected a label, the field is empty");
    status = mt_labels_add(labels, fields[1].text, fields[1].n, &label);
    if (status == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (status != MT_OK)
        return mt_csv_fail(csv, 1, err, "more than %d classes", MT_LABELS_MAX);
    return add_picture(l, path, label, err);
}

static mt_status list_table(struct listing *l, const char *table, int fd,
                            uint64_t size, struct mt_err *err)
{
    struct mt_csv *csv = NULL;
    struct mt_labels labels;
    const struct mt_csv_field *fields;
    size_t n = 0;
    bool first = true;
    mt_status status = mt_csv_open(table, fd, size, &mt_csv_plain, &csv, err);

    mt_labels_init(&labels, l->paths.arena);
    while (status == MT_OK) {
        status = mt_csv_next(csv, &fields, &n, err);
        if (status != MT_OK || n == 0)
            break;
        status = read_row(l, csv, table, &labels, fields, n, first, err);
        first = false;
    }
    if (status == MT_OK && l->paths.n == 0)
        status = mt_fail(err, MT_INVALID, "%s: names no pictures", table);
    if (status == MT_OK && mt_labels_finish(&labels) != MT_OK)
        status = mt_fail_memory(err);
    for (size_t c = 0; status == MT_OK && c < labels.classes; c++)
        status = add_name(&l->classes, labels.names[c], err);
    for (size_t i = 0; status == MT_OK && i < l->paths.n; i++)
        l->class_of[i] = (uint32_t)labels.class_of[l->class_of[i]];
    mt_labels_free(&labels);
    mt_csv_free(csv);
    return status;
}

/* --- contents
 * ---------------------------------------------------------------------- */

static mt_status check_start(const char *path, const void *bytes, size_t n,
                             struct mt_err *err)
{
    if (mt_picture_is(bytes, n))
        return MT_OK;
    return mt_fail(err, MT_INVALID, "%s: is neither a PNG nor a JPEG file",
                   path);
}

/* For a check, the first bytes are enough. */
static mt_status read_start(const char *path, struct mt_err *err)
{
    char start[8] = { 0 };
    uint64_t size = 0;
    int fd;
    mt_status status = mt_file_open(path, &fd, &size, err);

    if (status != MT_OK)
        return status;
    if (size >= sizeof start)
        status = mt_file_pread(fd, path, 0, start, sizeof start, err);
    close(fd);
    return status == MT_OK ? check_start(path, start, sizeof start, err)
                           : status;
}

static mt_status read_whole(const char *path, struct sha256_ctx *sha,
                            uint64_t *bytes, struct mt_err *err)
{
    struct mt_bytes all = { NULL, 0 };
    mt_status status = mt_file_read(path, MT_PICTURE_MAX_FILE, &all, err);

    if (status != MT_OK)
        return status;
    status = check_start(path, all.data, all.n, err);
    sha256_update(sha, all.n, all.data);
    *bytes += all.n;
    free(all.data);
    return status;
}

/* The name for the digest: the path below the folder, or just the file name if
 * a table lists the pictures. */
static const char *digest_name(const char *path, const char *source)
{
    size_t n = strlen(source);
    const char *slash = strrchr(path, '/');

    if (strncmp(path, source, n) == 0)
        return path + n;
    return slash ? slash : path;
}

/* The digest is over each picture's name, class and contents, in order. */
static mt_status read_contents(const struct mt_data_request *request,
                               const struct mt_data_file *file,
                               const struct listing *l,
                               struct mt_dataset *data, struct mt_err *err)
{
    bool whole = request->purpose != MT_DATA_CHECK;
    struct sha256_ctx sha;
    uint64_t bytes = 0;
    mt_status status = MT_OK;

    sha256_init(&sha);
    for (size_t i = 0; i < l->paths.n && status == MT_OK; i++) {
        const char *path = l->paths.v[i];
        const char *name = digest_name(path, file->path);
        const char *class = l->classes.v[l->class_of[i]];

        sha256_update(&sha, strlen(name) + 1, (const uint8_t *)name);
        sha256_update(&sha, strlen(class) + 1, (const uint8_t *)class);
        status = whole ? read_whole(path, &sha, &bytes, err)
                       : read_start(path, err);
    }
    if (status == MT_OK && whole)
        status = mt_data_add_fingerprint(data, file->role, bytes, &sha, err);
    return status;
}

mt_status mt_image_list(const struct mt_data_request *request,
                        const struct mt_data_file *file,
                        struct mt_dataset *data, struct mt_image_list *out,
                        struct mt_err *err)
{
    struct listing l = { .paths.arena = &data->arena,
                         .classes.arena = &data->arena };
    uint64_t size;
    int fd;
    mt_status status;

    if (is_folder(file->path)) {
        status = list_classes(&l, file->path, err);
    } else {
        status = mt_data_open_file(request, file, &fd, &size, err);
        if (status == MT_OK)
            status = list_table(&l, file->path, fd, size, err);
    }
    if (status == MT_OK)
        status = read_contents(request, file, &l, data, err);
    if (status == MT_OK)
        *out = (struct mt_image_list){ l.paths.n, l.paths.v, l.class_of,
                                       l.classes.n, l.classes.v };
    return status;
}

/* path itself, or the files in it, `levels` of folders deep. */
static mt_status add_files(const char *path, int levels, struct names *out,
                           struct mt_err *err)
{
    struct names entries = { .arena = out->arena };
    mt_status status;

    if (!path)
        return mt_fail_memory(err);
    if (!levels || !is_folder(path))
        return add_name(out, path, err);
    status = list_folder(path, &entries, err);
    for (size_t i = 0; i < entries.n && status == MT_OK; i++)
        status = add_files(inside(out->arena, path, entries.v[i]), levels - 1,
                           out, err);
    return status;
}

mt_status mt_image_inputs(const char *const *inputs, size_t n_inputs,
                          struct mt_arena *arena, const char *const **paths,
                          size_t *n, struct mt_err *err)
{
    struct names out = { .arena = arena };
    mt_status status = MT_OK;

    for (size_t i = 0; i < n_inputs && status == MT_OK; i++)
        status = add_files(inputs[i], 2, &out, err);
    *paths = out.v;
    *n = out.n;
    return status;
}
