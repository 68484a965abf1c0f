#include "data/cells.h"

#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

enum {
    BLOCK_BYTES = 256 << 10, /* of rows that wait to be packed */
    MAX_ROWS = 4096,         /* of a block */
    MAX_PLACES = 15,
    DOUBLE = 8 /* bytes of a column that is not integers */
};

/* How a column of a block is packed. */
struct packed {
    uint32_t at; /* bytes from the row's start */
    uint8_t bytes, places;
};

/* columns[width], rows, and 8 bytes that a load may go beyond the last one. */
struct block {
    size_t stride;
    struct packed columns[];
};

struct mt_cells {
    size_t width, rows;
    unsigned shift; /* rows of a block: 1 << shift */
    struct block **blocks;
    size_t n_blocks, room, bytes;
    double *waiting;        /* [1 << shift, width] */
    struct packed *columns; /* of the rows that wait, so far */
    double *largest;        /* [width]: of their magnitudes */
};

static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };

struct mt_cells *mt_cells_new(size_t width)
{
    struct mt_cells *cells = calloc(1, sizeof *cells);

    if (!cells)
        return NULL;
    cells->width = width;
    while ((2u << cells->shift) <= MAX_ROWS &&
           (2u << cells->shift) * width * sizeof(double) <= BLOCK_BYTES)
        cells->shift++;
    cells->waiting = calloc((size_t)1 << cells->shift, width * sizeof(double));
    cells->columns = calloc(width + 1, sizeof *cells->columns);
    cells->largest = calloc(width + 1, sizeof *cells->largest);
    if (!cells->waiting || !cells->columns || !cells->largest) {
        mt_cells_free(cells);
        return NULL;
    }
    return cells;
}

void mt_cells_free(struct mt_cells *cells)
{
    if (!cells)
        return;
    for (size_t i = 0; i < cells->n_blocks; i++)
        free(cells->blocks[i]);
    free(cells->blocks);
    free(cells->waiting);
    free(cells->columns);
    free(cells->largest);
    free(cells);
}

size_t mt_cells_rows(const struct mt_cells *cells)
{
    return cells->rows;
}

size_t mt_cells_width(const struct mt_cells *cells)
{
    return cells->width;
}

size_t mt_cells_bytes(const struct mt_cells *cells)
{
    return cells->bytes;
}

/* ---- packing ---- */

static size_t in_block(const struct mt_cells *cells)
{
    return cells->rows & (((size_t)1 << cells->shift) - 1);
}

double *mt_cells_next(struct mt_cells *cells)
{
    return cells->waiting + in_block(cells) * cells->width;
}

static double scaled(double v, unsigned places)
{
    double x = places ? v * powers[places] : v;

    return x + (x < 0 ? -0.5 : 0.5);
}

/* Is v an integer / 10^places, exactly? */
static bool has_places(double v, unsigned places)
{
    double x = scaled(v, places), back;

    if (!(fabs(x) < 0x1p53))
        return false;
    back = (double)(int64_t)x;
    if (places)
        back /= powers[places];
    return back == v;
}

/* What has so many places has more too, as long as its integer is exact. */
static void look_at_row(struct mt_cells *cells, double *row)
{
    for (size_t i = 0; i < cells->width; i++) {
        struct packed *c = &cells->columns[i];
        double v = row[i] += 0.0; /* -0 is 0 */

        if (v != v || c->bytes == DOUBLE)
            continue;
        while (!has_places(v, c->places)) {
            if (++c->places > MAX_PLACES) {
                c->bytes = DOUBLE;
                break;
            }
        }
        if (fabs(v) > cells->largest[i])
            cells->largest[i] = fabs(v);
    }
}

/* The bytes of integers up to this one, beside the lowest, which is NaN. */
static uint8_t bytes_of(uint64_t magnitude)
{
    uint8_t bytes = 1;

    while (bytes < DOUBLE && magnitude >> (8 * bytes - 1))
        bytes++;
    return bytes;
}

/* Where each column is; returns the bytes of a row. */
static size_t place_columns(struct mt_cells *cells)
{
    size_t stride = 0;

    for (size_t i = 0; i < cells->width; i++) {
        struct packed *c = &cells->columns[i];
        double largest = cells->largest[i];

        if (c->bytes != DOUBLE)
            c->bytes = has_places(largest, c->places)
                           ? bytes_of((uint64_t)scaled(largest, c->places))
                           : DOUBLE;
        c->at = (uint32_t)stride;
        stride += c->bytes;
    }
    return stride;
}

/* Each column writes 8 bytes; the next one writes over those beyond its own. */
static void pack_row(const struct mt_cells *cells, const double *row, char *to)
{
    for (size_t i = 0; i < cells->width; i++) {
        const struct packed *c = &cells->columns[i];
        uint64_t bits;
        double v = row[i];

        if (c->bytes == DOUBLE)
            memcpy(&bits, &v, sizeof bits);
        else if (v != v)
            bits = UINT64_C(1) << (8 * c->bytes - 1);
        else
            bits = (uint64_t)(int64_t)scaled(v, c->places);
        bits = htole64(bits);
        memcpy(to + c->at, &bits, sizeof bits);
    }
}

static char *rows_of(const struct mt_cells *cells, const struct block *block)
{
    return (char *)(uintptr_t)(block->columns + cells->width);
}

static mt_status add_block(struct mt_cells *cells, struct block *block,
                           struct mt_err *err)
{
    if (cells->n_blocks == cells->room) {
        size_t room = cells->room ? 2 * cells->room : 16;
        struct block **grown =
            realloc(cells->blocks, room * sizeof *cells->blocks);

        if (!grown) {
            free(block);
            return mt_fail_memory(err);
        }
        cells->blocks = grown;
        cells->room = room;
    }
    cells->blocks[cells->n_blocks++] = block;
    return MT_OK;
}

static mt_status pack_block(struct mt_cells *cells, size_t rows,
                            struct mt_err *err)
{
    size_t stride = place_columns(cells);
    size_t bytes = sizeof(struct block) +
                   cells->width * sizeof *cells->columns + rows * stride +
                   DOUBLE;
    struct block *block = malloc(bytes);
    char *to;

    if (!block)
        return mt_fail_memory(err);
    cells->bytes += bytes;
    block->stride = stride;
    memcpy(block->columns, cells->columns,
           cells->width * sizeof *cells->columns);
    to = rows_of(cells, block);
    for (size_t i = 0; i < rows; i++)
        pack_row(cells, cells->waiting + i * cells->width, to + i * stride);
    memset(cells->columns, 0, cells->width * sizeof *cells->columns);
    memset(cells->largest, 0, cells->width * sizeof *cells->largest);
    return add_block(cells, block, err);
}

mt_status mt_cells_push(struct mt_cells *cells, struct mt_err *err)
{
    look_at_row(cells, mt_cells_next(cells));
    cells->rows++;
    return in_block(cells) ? MT_OK
                           : pack_block(cells, (size_t)1 << cells->shift, err);
}

mt_status mt_cells_finish(struct mt_cells *cells, struct mt_err *err)
{
    size_t rows = in_block(cells);
    mt_status status = rows ? pack_block(cells, rows, err) : MT_OK;

    free(cells->waiting);
    cells->waiting = NULL;
    return status;
}

/* ---- reading ---- */

static double unpack(const char *at, const struct packed *c)
{
    unsigned unused = 64 - 8u * c->bytes;
    uint64_t bits;
    int64_t n;
    double v;

    memcpy(&bits, at, sizeof bits);
    bits = le64toh(bits);
    if (c->bytes == DOUBLE) {
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    bits <<= unused;
    if (bits == UINT64_C(1) << 63)
        return NAN;
    memcpy(&n, &bits, sizeof n);
    v = (double)(n / ((int64_t)1 << unused));
    return c->places ? v / powers[c->places] : v;
}

void mt_cells_row(const struct mt_cells *cells, size_t row, double *out)
{
    const struct block *block = cells->blocks[row >> cells->shift];
    size_t i = row & (((size_t)1 << cells->shift) - 1);
    const char *at = rows_of(cells, block) + i * block->stride;

    for (size_t c = 0; c < cells->width; c++)
        out[c] = unpack(at + block->columns[c].at, &block->columns[c]);
}

double mt_cells_at(const struct mt_cells *cells, size_t row, size_t column)
{
    const struct block *block = cells->blocks[row >> cells->shift];
    size_t i = row & (((size_t)1 << cells->shift) - 1);

    return unpack(rows_of(cells, block) + i * block->stride +
                      block->columns[column].at,
                  &block->columns[column]);
}
