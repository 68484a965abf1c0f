/*
 * type npz: two arrays of a NumPy .npz file, by their names. All arrays are
 * read into memory, whether they are deflated or not; types are those of npy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/zip.h"
#include "base/utf8.h"
#include "data/format.h"

struct npz_args {
    const char *x, *y, *val_x, *val_y;
};

#define ARG(member) offsetof(struct npz_args, member)

static const struct mt_key npz_keys[] = {
    { "x", MT_KEY_STRING, ARG(x),
      .doc = "name of the array of inputs; found out where it is plain" },
    { "y", MT_KEY_STRING, ARG(y),
      .doc = "name of the array of targets; found out where it is plain" },
    { "val_x", MT_KEY_STRING, ARG(val_x), .doc = "the same in \"val\"" },
    { "val_y", MT_KEY_STRING, ARG(val_y), .doc = "the same in \"val\"" },
    { .name = NULL },
};

/* Customary names of a pair. */
struct pair {
    const char *x, *y;
};

enum { PAIRS = 4 };

static const struct pair train_pairs[PAIRS] = { { "x", "y" },
                                                { "X", "y" },
                                                { "x_train", "y_train" },
                                                { "X_train", "y_train" } };

/* For validation, tried before those above. */
static const struct pair val_pairs[PAIRS] = { { "x_val", "y_val" },
                                              { "X_val", "y_val" },
                                              { "x_test", "y_test" },
                                              { "X_test", "y_test" } };

/* --- arrays of a file ----------------------------------------------------- */

static bool is_array(const struct mt_zip_member *m, const char *name)
{
    size_t n = strlen(name);

    return strncmp(m->name, name, n) == 0 && strcmp(m->name + n, ".npy") == 0;
}

/* The array of that name, or NULL. */
static const struct mt_zip_member *find(const struct mt_zip *zip,
                                        const char *name)
{
    for (size_t i = 0; name && i < mt_zip_count(zip); i++) {
        if (is_array(mt_zip_member(zip, i), name))
            return mt_zip_member(zip, i);
    }
    return NULL;
}

/* Lists the arrays, for a message. */
static void list_arrays(const struct mt_zip *zip, struct mt_strbuf *out)
{
    size_t n = mt_zip_count(zip);

    for (size_t i = 0; i < n && i < 20; i++) {
        const char *name = mt_zip_member(zip, i)->name;

        mt_strbuf_printf(out, "%s\"%s\"", i ? ", " : "",
                         mt_excerpt(name, mt_stem_length(name, ".npy")).text);
    }
    if (n > 20)
        mt_strbuf_printf(out, " and %zu more", n - 20);
    if (!n)
        mt_strbuf_puts(out, "nothing");
}

static mt_status fail_choice(const struct mt_zip *zip, const char *what,
                             const char *key, struct mt_err *err)
{
    struct mt_strbuf names = MT_STRBUF_INIT;
    mt_status status;

    list_arrays(zip, &names);
    status = names.failed ? mt_fail_memory(err)
                          : mt_fail(err, MT_INVALID,
                                    "%s: %s; the file holds %s: name one with "
                                    "data.%s",
                                    mt_zip_path(zip), what, names.text, key);
    mt_strbuf_free(&names);
    return status;
}

/* The only pair of the table whose arrays are there; *n: how many are. */
static const struct pair *find_pair(const struct mt_zip *zip,
                                    const struct pair *pairs, bool inputs_only,
                                    size_t *n)
{
    const struct pair *found = NULL;

    *n = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        if (!find(zip, pairs[i].x) || (!inputs_only && !find(zip, pairs[i].y)))
            continue;
        found = &pairs[i];
        ++*n;
    }
    return found;
}

/* Sets the names that are not given. */
static mt_status choose(const struct mt_zip *zip, bool val, bool inputs_only,
                        struct pair *names, struct mt_err *err)
{
    const char *x_key = val ? "val_x" : "x", *y_key = val ? "val_y" : "y";
    const struct pair *pair = NULL;
    size_t n = 0;

    if (!names->x || (!names->y && !inputs_only)) {
        if (val)
            pair = find_pair(zip, val_pairs, inputs_only, &n);
        if (!n)
            pair = find_pair(zip, train_pairs, inputs_only, &n);
        if (n > 1)
            return fail_choice(zip, "has several pairs of arrays", x_key, err);
    }
    if (!names->x)
        names->x = pair ? pair->x : NULL;
    if (!names->y)
        names->y = pair ? pair->y : NULL;
    if (!find(zip, names->x))
        return fail_choice(zip,
                           names->x ? "has no array of that name"
                                    : "no array is known as the inputs",
                           x_key, err);
    if (!inputs_only && !find(zip, names->y))
        return fail_choice(zip,
                           names->y ? "has no array of that name"
                                    : "no array is known as the targets",
                           y_key, err);
    return MT_OK;
}

/* --- reading -------------------------------------------------------------- */

/* Where an array is, for messages: "mnist.npz: x_train". */
static const char *place_of(const struct mt_zip *zip, const char *name,
                            struct mt_dataset *data)
{
    return mt_arena_printf(&data->arena, "%s: %s", mt_zip_path(zip),
                           mt_excerpt(name, strlen(name)).text);
}

static mt_status read_array(const struct mt_data_request *request,
                            const struct mt_zip *zip, const char *name,
                            struct mt_dataset *data, struct mt_column *column,
                            const char **place, size_t *samples,
                            struct mt_err *err)
{
    const struct mt_zip_member *m = find(zip, name);
    size_t n = (size_t)m->size;
    unsigned char *bytes = malloc(n + 1);
    struct mt_zip_stream *s = NULL;
    mt_status status;

    *place = place_of(zip, name, data);
    status = bytes && *place ? mt_zip_stream_open(zip, m, &s, err)
                             : mt_fail_memory(err);
    if (status == MT_OK)
        status = mt_zip_stream_read(s, bytes, n, err);
    mt_zip_stream_close(s);
    if (status != MT_OK) {
        free(bytes);
        return status;
    }
    return mt_npy_take(*place, bytes, n, request->purpose == MT_DATA_CHECK,
                       data, column, samples, err);
}

static mt_status add_fingerprint(const struct mt_data_file *file, int fd,
                                 uint64_t size, struct mt_dataset *data,
                                 struct mt_err *err)
{
    enum { PART = 256 << 10 };
    unsigned char *part = malloc(PART);
    struct sha256_ctx sha;
    mt_status status = part ? MT_OK : mt_fail_memory(err);

    sha256_init(&sha);
    for (uint64_t at = 0; status == MT_OK && at < size;) {
        size_t n = size - at < PART ? (size_t)(size - at) : PART;

        status = mt_file_pread(fd, file->path, at, part, n, err);
        if (status == MT_OK)
            sha256_update(&sha, n, part);
        at += n;
    }
    free(part);
    return status == MT_OK
               ? mt_data_add_fingerprint(data, file->role, size, &sha, err)
               : status;
}

static mt_status open_zip(const struct mt_data_request *request,
                          const struct mt_data_file *file,
                          struct mt_dataset *data, struct mt_zip **zip,
                          struct mt_err *err)
{
    uint64_t size;
    int fd = -1;
    mt_status status = mt_data_open_file(request, file, &fd, &size, err);

    if (status == MT_OK && mt_data_hashes(request))
        status = add_fingerprint(file, fd, size, data, err);
    if (status == MT_OK)
        return mt_zip_open(file->path, fd, size, NULL, zip, err);
    if (fd >= 0)
        close(fd);
    return status;
}

static mt_status npz_part(const struct mt_data_request *request,
                          const struct mt_data_keys *keys, const char *key,
                          struct mt_dataset *data, struct mt_part *part,
                          struct mt_err *err)
{
    const struct npz_args *a = keys->args;
    bool val = part == &data->val;
    struct pair names = { val ? a->val_x : a->x, val ? a->val_y : a->y };
    struct mt_data_file file;
    struct mt_zip *zip = NULL;
    size_t targets = 0;
    mt_status status =
        mt_data_files(request, data, key, 1, "an .npz file", &file, err);

    if (status == MT_OK)
        status = open_zip(request, &file, data, &zip, err);
    if (status == MT_OK)
        status = choose(zip, val, false, &names, err);
    if (status == MT_OK)
        status = read_array(request, zip, names.x, data, &part->x,
                            &part->source, &part->samples, err);
    if (status == MT_OK)
        status = read_array(request, zip, names.y, data, &part->y,
                            &part->y_source, &targets, err);
    if (status == MT_OK && targets != part->samples)
        status =
            mt_fail(err, MT_MISMATCH, "%s: %zu samples; expected %zu as in %s",
                    part->y_source, targets, part->samples, part->source);
    mt_zip_close(zip);
    return status;
}

static bool npz_knows(const unsigned char *head, size_t n)
{
    return n >= 4 && !memcmp(head, "PK\3\4", 4);
}

/* The array that the spec names, if the file has it, else one with a customary
 * name of inputs. */
static mt_status npz_inputs(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err)
{
    const struct npz_args *a = keys->args;
    struct mt_data_file file = mt_data_input(request);
    struct mt_part *part = &data->val;
    struct pair names = { NULL, NULL };
    struct mt_zip *zip = NULL;
    mt_status status = open_zip(request, &file, data, &zip, err);

    if (status == MT_OK) {
        names.x = find(zip, a->val_x) ? a->val_x
                  : find(zip, a->x)   ? a->x
                                      : NULL;
        status = choose(zip, true, true, &names, err);
    }
    if (status == MT_OK)
        status = read_array(request, zip, names.x, data, &part->x,
                            &part->source, &part->samples, err);
    mt_zip_close(zip);
    return status;
}

extern const struct mt_format mt_format_npz;

const struct mt_format mt_format_npz = {
    .name = "npz",
    .doc = "two arrays of a NumPy .npz file",
    .keys = npz_keys,
    .args_size = sizeof(struct npz_args),
    .flags = MT_FORMAT_TOKENS,
    .files = 1,
    .part = npz_part,
    .knows = npz_knows,
    .inputs = npz_inputs,
};
