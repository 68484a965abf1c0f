/*
 * The binary batches of CIFAR-10 and CIFAR-100: records of one or two label
 * bytes and 3 x 32 x 32 bytes of pixels, red, green and blue planes.
 */
#include <stdlib.h>
#include <string.h>

#include "data/format.h"

enum {
    PIXELS = 3 * 32 * 32,
    CIFAR10 = 1 + PIXELS,  /* bytes of a record: the label, */
    CIFAR100 = 2 + PIXELS, /* or the coarse and the fine one */
};

enum { FINE, COARSE };

static const char *const label_kinds[] = { "fine", "coarse", NULL };

struct cifar_args {
    int labels;
};

static const struct mt_key cifar_keys[] = {
    { "labels", MT_KEY_ENUM, offsetof(struct cifar_args, labels),
      .def = "\"fine\"", .choices = label_kinds,
      .doc = "of CIFAR-100: the 100 fine or the 20 coarse classes" },
    { .name = NULL },
};

/* All files are read into one block of records; the first file decides on their
 * size. */
static mt_status read_file(const struct mt_data_request *request,
                           const struct mt_data_file *file, size_t *record,
                           struct mt_owned *own, size_t *bytes,
                           struct mt_dataset *data, struct mt_err *err)
{
    struct mt_bytes in = { NULL, 0 };
    struct sha256_ctx sha;
    uint8_t *grown;
    mt_status status =
        mt_data_read_file(request, file, (size_t)1 << 31, &in, err);

    if (status != MT_OK)
        return status;
    if (!*record)
        *record = in.n % CIFAR10 == 0 ? CIFAR10 : CIFAR100;
    if (in.n == 0 || in.n % *record)
        status = mt_fail(err, MT_INVALID,
                         "%s: %zu bytes; expected records of %s", file->path,
                         in.n,
                         *bytes == 0 ? "3073 bytes (CIFAR-10) or 3074 "
                                       "(CIFAR-100)"
                         : *record == CIFAR10
                             ? "3073 bytes, as in the file before"
                             : "3074 bytes, as in the file before");
    grown = status == MT_OK ? realloc(own->memory, *bytes + in.n) : NULL;
    if (grown) {
        memcpy(grown + *bytes, in.data, in.n);
        own->memory = grown;
        *bytes += in.n;
        mt_data_takes(data, in.n, in.n);
    } else if (status == MT_OK) {
        status = mt_fail_memory(err);
    }
    if (status == MT_OK && mt_data_hashes(request)) {
        sha256_init(&sha);
        sha256_update(&sha, in.n, in.data);
        status = mt_data_add_fingerprint(data, file->role, in.n, &sha, err);
    }
    free(in.data);
    return status;
}

static mt_status cifar_part(const struct mt_data_request *request,
                            const struct mt_data_keys *keys, const char *key,
                            struct mt_dataset *data, struct mt_part *part,
                            struct mt_err *err)
{
    const struct cifar_args *args = keys->args;
    const struct mt_strings *names =
        part == &data->val ? &keys->val : &keys->train;
    struct mt_data_file *files =
        mt_arena_calloc(&data->arena, names->n + 1, sizeof *files);
    struct mt_owned *own = mt_data_own(data);
    size_t bytes = 0, record = 0, labels;
    mt_status status;

    if (!files || !own)
        return mt_fail_memory(err);
    if (names->list && names->n == 0)
        return mt_json_fail(request->doc, mt_json_get(request->spec, key), err,
                            "the list is empty; expected batch files");
    status = mt_data_files(request, data, key, names->n ? names->n : 1,
                           "one batch file or a list of them", files, err);
    for (size_t i = 0; i < names->n && status == MT_OK; i++)
        status = read_file(request, &files[i], &record, own, &bytes, data, err);
    if (status != MT_OK)
        return status;
    labels = record - PIXELS;
    part->samples = bytes / record;
    part->source = part->y_source = files[0].path;
    part->x = (struct mt_column){ .data = (uint8_t *)own->memory + labels,
                                  .dtype = MT_U8, .stride = record,
                                  .shape = { .rank = 3, .dim = { 3, 32, 32 } } };
    part->y = (struct mt_column){ .data = (uint8_t *)own->memory +
                                          (labels == 2 && args->labels == FINE),
                                  .dtype = MT_U8, .stride = record };
    return MT_OK;
}

extern const struct mt_format mt_format_cifar;

const struct mt_format mt_format_cifar = {
    .name = "cifar",
    .doc = "the binary batches of CIFAR-10 and CIFAR-100",
    .keys = cifar_keys,
    .args_size = sizeof(struct cifar_args),
    .files = MT_FILES_ANY,
    .part = cifar_part,
};
