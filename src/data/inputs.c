/*
 * The inputs of a prediction: finds the format that reads them, checks that
 * they suit the model, and returns the samples one after another.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "data/augment.h"
#include "data/format.h"
#include "data/gzstream.h"
#include "data/reader.h"

/* ---- the format ---- */

enum { HEAD = 16 }; /* the first bytes, by which files are recognized */

static mt_status read_head(const char *path, unsigned char head[HEAD],
                           size_t *n, struct mt_err *err)
{
    struct mt_gzstream *stream;
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(path, &fd, &size, err);

    if (status == MT_OK)
        status = mt_gzstream_open(path, fd, size, &stream, err);
    if (status != MT_OK)
        return status;
    status = mt_gzstream_read(stream, head, HEAD, n, err);
    mt_gzstream_close(stream);
    return status;
}

/* The format of the file; NULL: no format recognizes it. */
static mt_status recognize(const char *path, const struct mt_format **out,
                           struct mt_err *err)
{
    unsigned char head[HEAD];
    size_t n = 0;
    const struct mt_type *type;
    mt_status status = read_head(path, head, &n, err);

    *out = NULL;
    for (size_t i = 0;
         status == MT_OK && !*out && (type = mt_data_kind.at(i)) != NULL; i++) {
        const struct mt_format *format = (const struct mt_format *)type;

        if (format->knows && format->knows(head, n))
            *out = format;
    }
    return status;
}

mt_status mt_inputs_choose(const struct mt_data_request *request,
                           struct mt_json **doc, struct mt_err *err)
{
    const struct mt_item *type = mt_json_get(request->spec, "type");
    const struct mt_format *own =
        mt_format_find(mt_is_string(type) ? type->text : "");
    const struct mt_format *format = NULL;
    char spec[64];
    mt_status status = MT_OK;

    *doc = NULL;
    if (own && own->flags & MT_FORMAT_PICTURES)
        return MT_OK;
    if (!mt_data_piped(request))
        status = recognize(request->inputs[0], &format, err);
    if (!format && own && own->inputs && !own->knows)
        format = own;
    if (!format ||
        (mt_data_piped(request) && !(format->flags & MT_FORMAT_TABLE)))
        format = mt_format_find("csv");
    if (status != MT_OK || format == own)
        return status;
    snprintf(spec, sizeof spec, "{\"type\": \"%s\"}", format->name);
    return mt_json_parse(format->name, spec, strlen(spec), doc, err);
}

/* ---- do they suit the model? ---- */

static mt_status check_samples(const struct mt_data_request *request,
                               struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_part *part = &data->val;
    const struct mt_shape *shape = &request->fitted->x;

    if (mt_shape_elements(&part->x.shape) != mt_shape_elements(shape))
        return mt_fail(err, MT_MISMATCH,
                       "%s: each sample has the shape %s; expected %s (the "
                       "first dimension counts the samples)",
                       part->source, mt_shape_text(&part->x.shape).text,
                       mt_shape_text(shape).text);
    if (!request->tokens)
        return MT_OK;
    if (!mt_dtype_is_integer(part->x.dtype))
        return mt_fail(err, MT_MISMATCH,
                       "%s: the elements are %s; expected integers, because "
                       "the model reads tokens",
                       part->source, mt_dtype_name(part->x.dtype));
    return mt_dataset_check_tokens(data, request->tokens, err);
}

mt_status mt_inputs_open(const struct mt_data_request *request,
                         const struct mt_data_keys *keys,
                         const struct mt_format *format,
                         struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_shape *shape = &request->fitted->x;
    struct mt_part *part = &data->val;
    mt_status status;

    part->source =
        mt_data_piped(request) ? "standard input" : request->inputs[0];
    status = format->inputs(request, keys, data, err);
    if (status == MT_OK && !data->feed &&
        mt_shape_elements(&part->x.shape) != mt_shape_elements(shape))
        status = mt_data_augment(request, keys->augment, data, err);
    if (status == MT_OK && !data->feed)
        status = check_samples(request, data, err);
    if (status == MT_OK && request->ahead &&
        !(data->feed && data->feed->append))
        status = mt_fail(err, MT_INVALID,
                         "--horizon: the input is an array; expected a table, "
                         "whose last rows the series continues");
    part->x.shape = *shape;
    return status;
}

/* ---- one after another ---- */

mt_status mt_dataset_next(struct mt_dataset *data, size_t max,
                          struct mt_column *column, size_t *n,
                          struct mt_err *err)
{
    size_t left = data->val.samples - data->given;

    if (data->feed)
        return data->feed->next(data->feed, max, column, n, err);
    *n = left < max ? left : max;
    *column = data->val.x;
    if (column->data)
        column->data =
            (const char *)column->data + data->given * column->stride;
    else
        column->first += data->given;
    data->given += *n;
    return MT_OK;
}

mt_status mt_dataset_append(struct mt_dataset *data, const double *y,
                            struct mt_err *err)
{
    assert(data->feed && data->feed->append);
    return data->feed->append(data->feed, y, err);
}
