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
    DOUBLE = 8, /* bytes of a column that is not integers */
    RAW = 255   /* places of a value that is not one: its bits */
};

/* How a column of a block is packed. */
struct packed {
    uint32_t at; /* bytes from the row's start */
    uint8_t bytes, places;
};

/* What the values of a column have, so far. */
struct seen {
    uint64_t bits;    /* of their digits, any of them */
    uint64_t sources; /* 1 << places */
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
    /* Of the rows that wait: digits / 10^places, MISSING, or RAW bits. */
    int64_t *digits;        /* [1 << shift, width] */
    uint8_t *places;        /* [1 << shift, width] */
    size_t at;              /* of the next row */
    struct packed *columns; /* [width]: places and DOUBLE, so far */
    struct seen *seen;      /* [width]: of columns that are not */
};

static const int64_t MISSING = INT64_MIN;

static const uint64_t whole_powers[] = { 1,
                                         10,
                                         100,
                                         1000,
                                         10000,
                                         100000,
                                         1000000,
                                         10000000,
                                         100000000,
                                         1000000000,
                                         10000000000,
                                         100000000000,
                                         1000000000000,
                                         10000000000000,
                                         100000000000000,
                                         1000000000000000 };
static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };

struct mt_cells *mt_cells_new(size_t width)
{
    struct mt_cells *cells = calloc(1, sizeof *cells);

    if (!cells)
        return NULL;
    cells->width = width;
    while ((2u << cells->shift) <= MAX_ROWS &&
           (2u << cells->shift) * width * sizeof(int64_t) <= BLOCK_BYTES)
        cells->shift++;
    cells->digits = calloc((size_t)1 << cells->shift, width * sizeof(int64_t));
    cells->places = calloc((size_t)1 << cells->shift, width + 1);
    cells->columns = calloc(width + 1, sizeof *cells->columns);
    cells->seen = calloc(width + 1, sizeof *cells->seen);
    if (!cells->digits || !cells->places || !cells->columns || !cells->seen) {
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
    free(cells->digits);
    free(cells->places);
    free(cells->columns);
    free(cells->seen);
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

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void mt_cells_put_decimal(struct mt_cells *cells, size_t column, int64_t digits,
                          unsigned places)
{
    struct packed *c = &cells->columns[column];

    cells->digits[cells->at + column] = digits;
    cells->places[cells->at + column] = (uint8_t)places;
    c->places = places > c->places ? (uint8_t)places : c->places;
    if (digits == MISSING)
        return;
    cells->seen[column].bits |= magnitude(digits);
    cells->seen[column].sources |= UINT64_C(1) << places;
}

/* Is v an integer / 10^places, exactly? */
static bool has_places(double v, unsigned places, int64_t *digits)
{
    double x = v * powers[places];

    x += x < 0 ? -0.5 : 0.5;
    if (!(fabs(x) < 0x1p53))
        return false;
    *digits = (int64_t)x;
    return (double)*digits / powers[places] == v;
}

void mt_cells_put(struct mt_cells *cells, size_t column, double v)
{
    int64_t digits = MISSING;
    unsigned places = 0;

    if (v == v)
        while (places <= MAX_PLACES && !has_places(v, places, &digits))
            places++;
    if (places <= MAX_PLACES) {
        mt_cells_put_decimal(cells, column, digits, places);
        return;
    }
    memcpy(&cells->digits[cells->at + column], &v, sizeof v);
    cells->places[cells->at + column] = RAW;
    cells->columns[column].bytes = DOUBLE;
}

static double value_of(int64_t digits, unsigned places)
{
    double v;

    if (digits == MISSING && places != RAW)
        return NAN;
    if (places == RAW)
        memcpy(&v, &digits, sizeof v);
    else
        v = (double)digits / powers[places];
    return v;
}

/* The size in bytes of integers up to this one; the lowest value means NaN. */
static uint8_t bytes_of(uint64_t magnitude)
{
    uint8_t bytes = 1;

    while (bytes < DOUBLE && magnitude >> (8 * bytes - 1))
        bytes++;
    return bytes;
}

/* The bytes that a column takes whose values have several numbers of places. */
static uint8_t measure_column(const struct mt_cells *cells, size_t rows,
                              size_t column)
{
    const uint64_t limit = UINT64_C(1) << 53;
    unsigned most = cells->columns[column].places;
    uint64_t bits = 0;

    for (size_t i = column; i < rows * cells->width; i += cells->width) {
        uint64_t power, n;

        if (cells->digits[i] == MISSING)
            continue;
        power = whole_powers[most - cells->places[i]];
        n = magnitude(cells->digits[i]);
        if (n > limit / power)
            return DOUBLE;
        bits |= n * power;
    }
    return bytes_of(bits);
}

static void size_columns(struct mt_cells *cells, size_t rows)
{
    for (size_t i = 0; i < cells->width; i++) {
        struct packed *c = &cells->columns[i];
        const struct seen *seen = &cells->seen[i];

        if (c->bytes != DOUBLE)
            c->bytes = seen->sources & (seen->sources - 1)
                           ? measure_column(cells, rows, i)
                           : bytes_of(seen->bits);
    }
}

/* Where each column is; returns the bytes of a row. */
static size_t place_columns(struct mt_cells *cells)
{
    size_t stride = 0;

    for (size_t i = 0; i < cells->width; i++) {
        struct packed *c = &cells->columns[i];

        c->at = (uint32_t)stride;
        stride += c->bytes;
    }
    return stride;
}

/* Each column writes 8 bytes; the next one writes over those beyond its own. */
static void pack_row(const struct mt_cells *cells, size_t at, char *to)
{
    for (size_t i = 0; i < cells->width; i++) {
        const struct packed *c = &cells->columns[i];
        int64_t digits = cells->digits[at + i];
        unsigned places = cells->places[at + i];
        uint64_t bits;

        if (c->bytes == DOUBLE) {
            double v = value_of(digits, places);

            memcpy(&bits, &v, sizeof bits);
        } else if (digits == MISSING) {
            bits = UINT64_C(1) << (8 * c->bytes - 1);
        } else {
            bits =
                (uint64_t)(digits * (int64_t)whole_powers[c->places - places]);
        }
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
    size_t stride, bytes;
    struct block *block;
    char *to;

    size_columns(cells, rows);
    stride = place_columns(cells);
    bytes = sizeof *block + cells->width * sizeof *cells->columns +
            rows * stride + DOUBLE;
    block = malloc(bytes);
    if (!block)
        return mt_fail_memory(err);
    cells->bytes += bytes;
    block->stride = stride;
    memcpy(block->columns, cells->columns,
           cells->width * sizeof *cells->columns);
    to = rows_of(cells, block);
    for (size_t i = 0; i < rows; i++)
        pack_row(cells, i * cells->width, to + i * stride);
    memset(cells->columns, 0, cells->width * sizeof *cells->columns);
    memset(cells->seen, 0, cells->width * sizeof *cells->seen);
    cells->at = 0;
    return add_block(cells, block, err);
}

mt_status mt_cells_push(struct mt_cells *cells, struct mt_err *err)
{
    cells->rows++;
    cells->at += cells->width;
    return in_block(cells) ? MT_OK
                           : pack_block(cells, (size_t)1 << cells->shift, err);
}

mt_status mt_cells_finish(struct mt_cells *cells, struct mt_err *err)
{
    size_t rows = in_block(cells);
    mt_status status = rows ? pack_block(cells, rows, err) : MT_OK;

    free(cells->digits);
    free(cells->places);
    cells->digits = NULL;
    cells->places = NULL;
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
    v = (double)(n >> unused); /* arithmetic, as compilers do it */
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
