#include "data/inputs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/csvdialect.h"
#include "data/format.h"
#include "data/gzstream.h"
#include "data/inputrows.h"

struct mt_inputs {
    struct mt_inputs_request request;
    const char *source;         /* for messages */
    struct mt_input_rows *rows; /* of a table; NULL: an array */
    struct mt_dataset *data;    /* an array's memory */
    size_t at;                  /* samples of it that were given out */
};

/* ---- tables ---- */

static mt_status open_table(struct mt_inputs *in, int fd, uint64_t size,
                            struct mt_err *err)
{
    struct mt_csv_dialect dialect;
    struct mt_csv *csv = NULL;
    mt_status status =
        mt_csv_dialect_read(in->request.doc, in->request.spec, &dialect, err);

    if (status != MT_OK) {
        if (fd >= 0)
            close(fd);
        return status;
    }
    status = fd >= 0 ? mt_csv_open(in->source, fd, size, &dialect, &csv, err)
                     : mt_csv_open_pipe(in->source, STDIN_FILENO, &dialect,
                                        &csv, err);
    if (status != MT_OK)
        return status;
    return mt_input_rows_open(&in->request, in->source, csv, dialect.delimiter,
                              &in->rows, err);
}

/* ---- arrays ---- */

static mt_status check_array(struct mt_inputs *in, struct mt_err *err)
{
    const struct mt_part *part = &in->data->train;

    if (mt_shape_elements(&part->x.shape) !=
        mt_shape_elements(&in->request.shape))
        return mt_fail(err, MT_MISMATCH,
                       "%s: each sample has the shape %s; expected %s (the "
                       "first dimension counts the samples)",
                       in->source, mt_shape_text(&part->x.shape).text,
                       mt_shape_text(&in->request.shape).text);
    if (!in->request.tokens && part->x.reader)
        return mt_data_scan(in->source, (struct mt_stream *)part->x.reader,
                            part->samples, true, NULL, err);
    if (!in->request.tokens)
        return mt_data_check_finite(in->source, &part->x, part->samples, err);
    if (!mt_dtype_is_integer(part->x.dtype))
        return mt_fail(err, MT_MISMATCH,
                       "%s: the elements are %s; expected integers, because "
                       "the model reads tokens",
                       in->source, mt_dtype_name(part->x.dtype));
    return mt_dataset_check_tokens(in->data, in->request.tokens, err);
}

enum array_kind { NPY, NPZ, IDX, NO_ARRAY };

/* What the first bytes, inflated, say. */
static enum array_kind array_kind(const unsigned char head[6])
{
    return memcmp(head, "\x93NUMPY", 6) == 0 ? NPY
           : memcmp(head, "PK\3\4", 4) == 0  ? NPZ
           : memcmp(head, "\0\0", 2) == 0    ? IDX
                                             : NO_ARRAY;
}

static mt_status open_array(struct mt_inputs *in, enum array_kind kind,
                            struct mt_err *err)
{
    struct mt_data_request request = { .doc = in->request.doc,
                                       .purpose = MT_DATA_CHECK };
    struct mt_data_file file = { in->source, "input", NULL };
    mt_status status;

    in->data = calloc(1, sizeof *in->data);
    if (!in->data)
        return mt_fail_memory(err);
    struct mt_part *part = &in->data->train;

    part->source = part->y_source = in->source;
    status = kind == NPY ? mt_npy_read(&request, &file, in->data, &part->x,
                                       &part->samples, err)
             : kind == NPZ
                 ? mt_npz_read(&request, &file, NULL, in->data, &part->x,
                               &part->samples, err)
                 : mt_idx_read(&request, &file, true, in->data, &part->x,
                               &part->samples, err);
    return status == MT_OK ? check_array(in, err) : status;
}

static mt_status next_samples(struct mt_inputs *in, size_t max,
                              struct mt_column *column, size_t *n)
{
    size_t left = in->data->train.samples - in->at;

    *n = left < max ? left : max;
    *column = in->data->train.x;
    if (column->data)
        column->data = (const char *)column->data + in->at * column->stride;
    else
        column->first = in->at;
    in->at += *n;
    return MT_OK;
}

/* ---- all ---- */

/* The first bytes, inflated. */
static mt_status peek(const struct mt_inputs *in, int fd, uint64_t size,
                      unsigned char head[6], struct mt_err *err)
{
    struct mt_gzstream *stream;
    mt_status status;
    size_t got;

    memset(head, 0xff, 6);
    status = mt_gzstream_open(in->source, fd, size, &stream, err);
    if (status != MT_OK)
        return status;
    status = mt_gzstream_read(stream, head, 6, &got, err);
    mt_gzstream_close(stream);
    return status;
}

static mt_status open_file(struct mt_inputs *in, struct mt_err *err)
{
    unsigned char head[6];
    uint64_t size;
    enum array_kind kind;
    int fd;
    mt_status status = mt_file_open(in->source, &fd, &size, err);

    if (status == MT_OK)
        status = peek(in, fd, size, head, err);
    if (status != MT_OK)
        return status;
    kind = array_kind(head);
    if (kind != NO_ARRAY)
        return open_array(in, kind, err);
    status = mt_file_open(in->source, &fd, &size, err);
    return status == MT_OK ? open_table(in, fd, size, err) : status;
}

mt_status mt_inputs_open(const struct mt_inputs_request *request,
                         struct mt_inputs **out, struct mt_err *err)
{
    struct mt_inputs *in = calloc(1, sizeof *in);
    bool piped = strcmp(request->path, "-") == 0;
    mt_status status;

    if (!in)
        return mt_fail_memory(err);
    in->request = *request;
    in->source = piped ? "standard input" : request->path;
    status = piped ? open_table(in, -1, 0, err) : open_file(in, err);
    if (status != MT_OK) {
        mt_inputs_close(in);
        return status;
    }
    *out = in;
    return MT_OK;
}

void mt_inputs_close(struct mt_inputs *in)
{
    if (!in)
        return;
    mt_input_rows_close(in->rows);
    mt_dataset_close(in->data);
    free(in);
}

mt_status mt_inputs_next(struct mt_inputs *in, size_t max,
                         struct mt_column *column, size_t *n,
                         struct mt_err *err)
{
    return in->rows ? mt_input_rows_next(in->rows, max, column, n, err)
                    : next_samples(in, max, column, n);
}

struct mt_input_rows *mt_inputs_rows(struct mt_inputs *in)
{
    return in->rows;
}

const char *mt_inputs_ignored(const struct mt_inputs *in)
{
    return in->rows ? mt_input_rows_ignored(in->rows) : NULL;
}

const char *mt_inputs_warning(struct mt_inputs *in)
{
    return in->rows ? mt_input_rows_warning(in->rows) : NULL;
}
