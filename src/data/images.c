/*
 * Pictures in files: a folder with a folder of PNG or JPEG files for each
 * class, as torchvision's ImageFolder reads, or a CSV table of path and label.
 * Classes and files are in byte order of their names. Pictures are decoded and
 * resized as batches need them, and kept in memory while they fit (the
 * request's resident bytes).
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "data/format.h"
#include "data/imagelist.h"
#include "data/picture.h"
#include "data/reader.h"

struct images_args {
    struct mt_sizes size;
    size_t channels;
};

static const struct mt_key images_keys[] = {
    { "size", MT_KEY_SIZES, offsetof(struct images_args, size),
      .flags = MT_KEY_REQUIRED, .min = 1, .max = 4096,
      .doc = "[height, width] that pictures are resized to, or one number for "
             "both" },
    { "channels", MT_KEY_SIZE, offsetof(struct images_args, channels),
      .def = "3", .min = 1, .max = 3, .doc = "1: grey, 3: RGB" },
    { .name = NULL },
};

/* --- decoding on demand
 * ---------------------------------------------------- */

enum { RESIDENT = 256 << 20 };
enum { EMPTY, BUSY, READY }; /* of a picture in the cache */

struct pictures {
    struct mt_reader reader;
    const char *const *paths;
    size_t height, width, channels;
    uint8_t *cache;       /* (pictures, height, width, channels), or NULL */
    atomic_uchar *state;  /* of each in the cache */
};

static size_t bytes_of(const struct pictures *p)
{
    return p->height * p->width * p->channels;
}

static mt_status decode(const struct pictures *p, size_t i, uint8_t *out,
                        struct mt_err *err)
{
    struct mt_picture picture;
    mt_status status =
        mt_picture_read(p->paths[i], p->channels, &picture, err);

    if (status == MT_OK)
        status = mt_picture_resize(&picture, p->height, p->width, out, err);
    free(picture.pixels);
    return status;
}

/* Points *at to the picture's bytes: in the cache, or else in own. */
static mt_status get(const struct pictures *p, size_t i, uint8_t *own,
                     const uint8_t **at, struct mt_err *err)
{
    unsigned char empty = EMPTY;
    uint8_t *place = p->cache ? p->cache + i * bytes_of(p) : NULL;
    mt_status status;

    *at = place;
    if (place && atomic_load(&p->state[i]) == READY)
        return MT_OK;
    if (!place || !atomic_compare_exchange_strong(&p->state[i], &empty, BUSY)) {
        *at = own;
        return decode(p, i, own, err);
    }
    status = decode(p, i, place, err);
    atomic_store(&p->state[i], status == MT_OK ? READY : EMPTY);
    return status;
}

/* Bytes (height, width, channels) to bytes or floats (channels, height,
 * width). */
static void split(const struct pictures *p, const uint8_t *in, bool floats,
                  void *out)
{
    size_t n = p->height * p->width;

    for (size_t c = 0; c < p->channels; c++)
        for (size_t i = 0; i < n; i++) {
            uint8_t v = in[i * p->channels + c];

            if (floats)
                ((float *)out)[c * n + i] = v;
            else
                ((int32_t *)out)[c * n + i] = v;
        }
}

static mt_status gather(const struct mt_reader *reader,
                        const struct mt_samples *samples,
                        const struct mt_normalization *norm, enum mt_dtype to,
                        void *out, struct mt_err *err)
{
    const struct pictures *p = (const struct pictures *)reader;
    uint8_t *own = malloc(bytes_of(p));
    mt_status status = own ? MT_OK : mt_fail_memory(err);

    for (size_t i = 0; i < samples->n && status == MT_OK; i++) {
        char *x = (char *)out + i * bytes_of(p) * sizeof(float);
        const uint8_t *at;

        status = get(p, mt_sample_number(samples, i), own, &at, err);
        if (status != MT_OK)
            break;
        split(p, at, to == MT_F32, x);
        if (norm)
            mt_normalize(norm, bytes_of(p), 0, MT_F32, x, bytes_of(p),
                         (float *)(void *)x);
    }
    free(own);
    return status;
}

static void close_pictures(struct mt_reader *reader)
{
    struct pictures *p = (struct pictures *)reader;

    free(p->cache);
    free(p->state);
}

static mt_status open_pictures(const struct mt_data_request *request,
                               const struct images_args *args,
                               const struct mt_image_list *list,
                               struct mt_dataset *data, struct mt_part *part,
                               struct mt_err *err)
{
    struct mt_owned *own = mt_data_own(data);
    struct pictures *p = mt_arena_calloc(&data->arena, 1, sizeof *p);
    size_t limit = request->resident ? request->resident : RESIDENT, all;

    if (!own || !p)
        return mt_fail_memory(err);
    p->reader = (struct mt_reader){ .gather = gather, .close = close_pictures,
                                    .max = 255 };
    p->paths = list->paths;
    p->height = args->size.v[0];
    p->width = args->size.v[args->size.n - 1];
    p->channels = args->channels;
    own->reader = &p->reader;
    bool cached = mt_size_mul(bytes_of(p), list->n, &all) && all <= limit;

    mt_data_takes(data, cached ? all : 0, 0);
    if (cached && request->purpose != MT_DATA_CHECK) {
        p->cache = malloc(all);
        p->state = calloc(list->n, sizeof *p->state);
        if (!p->cache || !p->state)
            return mt_fail_memory(err);
    }
    part->samples = list->n;
    part->names = list->paths;
    part->x = (struct mt_column){ .dtype = MT_U8, .reader = &p->reader,
                                  .shape = { .rank = 3,
                                             .dim = { p->channels, p->height,
                                                      p->width } } };
    return MT_OK;
}

/* --- a part
 * ------------------------------------------------------------------ */

static mt_status set_classes(const struct mt_image_list *list,
                             struct mt_dataset *data, struct mt_part *part,
                             struct mt_err *err)
{
    int32_t *classes = mt_arena_calloc(&data->arena, list->n, sizeof *classes);
    struct mt_fitted *f = &data->fitted;

    if (!classes)
        return mt_fail_memory(err);
    if (!f->classes) {
        f->classes = list->n_classes;
        f->class_names = list->classes;
    }
    for (size_t i = 0; i < list->n; i++) {
        const char *name = list->classes[list->class_of[i]];
        size_t c = 0;

        /* classes without names come from data of another format */
        while (f->class_names && c < f->classes &&
               strcmp(f->class_names[c], name))
            c++;
        if (!f->class_names || c == f->classes)
            return mt_fail(
                err, MT_MISMATCH,
                "%s: its class \"%s\" is not one of the %zu classes of "
                "the training data",
                list->paths[i], name, f->classes);
        classes[i] = (int32_t)c;
    }
    part->y = (struct mt_column){ .data = classes, .dtype = MT_I32,
                                  .stride = sizeof *classes };
    return MT_OK;
}

static mt_status check_args(const struct mt_data_request *request,
                            const struct images_args *args, struct mt_err *err)
{
    if (args->size.n > 2)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "size"),
                            err, "expected [height, width], got %zu numbers",
                            args->size.n);
    if (args->channels == 2)
        return mt_json_fail(request->doc,
                            mt_json_get(request->spec, "channels"), err,
                            "expected 1 (grey) or 3 (RGB), got 2");
    if (!request->classification)
        return mt_json_fail(
            request->doc, request->spec, err,
            "pictures have classes as targets: the loss must be "
            "one of classes");
    return MT_OK;
}

static mt_status images_part(const struct mt_data_request *request,
                             const struct mt_data_keys *keys, const char *key,
                             struct mt_dataset *data, struct mt_part *part,
                             struct mt_err *err)
{
    const struct images_args *args = keys->args;
    struct mt_image_list list;
    struct mt_data_file file;
    mt_status status = check_args(request, args, err);

    if (status == MT_OK)
        status = mt_data_files(request, data, key, 1,
                               "a folder of pictures, or a CSV file of "
                               "path and label",
                               &file, err);
    if (status != MT_OK)
        return status;
    part->source = part->y_source = file.path;
    status = mt_image_list(request, &file, data, &list, err);
    if (status == MT_OK)
        status = open_pictures(request, args, &list, data, part, err);
    return status == MT_OK ? set_classes(&list, data, part, err) : status;
}

/* Files, and those in folders, without classes. */
static mt_status images_inputs(const struct mt_data_request *request,
                               const struct mt_data_keys *keys,
                               struct mt_dataset *data, struct mt_err *err)
{
    const struct images_args *args = keys->args;
    struct mt_image_list list = { 0 };
    mt_status status = check_args(request, args, err);

    if (status == MT_OK)
        status = mt_image_inputs(request->inputs, request->n_inputs,
                                 &data->arena, &list.paths, &list.n, err);
    return status == MT_OK
               ? open_pictures(request, args, &list, data, &data->val, err)
               : status;
}

extern const struct mt_format mt_format_images;

const struct mt_format mt_format_images = {
    .name = "images",
    .doc = "PNG and JPEG files in a folder for each class, or named by a table "
           "of path and label",
    .keys = images_keys,
    .args_size = sizeof(struct images_args),
    .flags = MT_FORMAT_PICTURES,
    .files = 1,
    .part = images_part,
    .inputs = images_inputs,
};
