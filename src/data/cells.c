#include "data/cells.h"

#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

enum {
    BLOCK_BYTES = 256 << 10, /* of unpacked rows; */
    FEW_BYTES = 16 << 20,    /* more for up to FEW_ROWS, as a block takes 8 */
    FEW_ROWS = 16,           /* bytes for each column in addition */
    MAX_ROWS = 4096,      /* of a block */
    MAX_PLACES = 15,
    DOUBLE = 64, /* bits of a column of doubles */
    WIDEST = 56, /* of one of integers: with 7 bits before, it fits a word */
    RAW = 255    /* `places` of a value stored as the bits of a double */
};

/* How a column of a block is packed: in `bits` bits, from bit `at` of a row, as
 * an integer and, in `choice` bits, its number of places less `places`:
 *
 *     integer << choice | places
 *
 * If some are missing, the lowest integer means NaN. */
struct packed {
    uint32_t at;
    uint8_t bits, places, choice;
    bool sign : 1, missing : 1; /* the highest bit is a sign; there is NaN */
};

/* columns[width], then the rows, then 8 bytes that a load may read beyond the
 * last row. */
struct block {
    size_t stride;
    bool simple; /* no column has doubles, a choice, or NaN */
    struct packed columns[];
};

struct mt_cells {
    size_t width, rows;
    unsigned shift; /* rows of a block: 1 << shift */
    struct block **blocks;
    size_t n_blocks, room, bytes;
    /* Rows to be packed: digits / 10^places, MISSING, or RAW bits. */
    int64_t *digits;            /* [1 << shift, width] */
    uint8_t *places;            /* [1 << shift, width] */
    size_t at;                  /* where the next row begins */
    struct packed *columns;     /* [width] of the block being packed */
    struct mt_cells_seen *seen; /* [width] in the rows to be packed */
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
    for (size_t rows = 2; rows <= MAX_ROWS; rows *= 2, cells->shift++)
        if (rows * width * sizeof(int64_t) >
            (rows <= FEW_ROWS ? FEW_BYTES : BLOCK_BYTES))
            break;
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

/* ---- rows to be packed ---- */

static size_t in_block(const struct mt_cells *cells)
{
    return cells->rows & (((size_t)1 << cells->shift) - 1);
}

struct mt_cells_next mt_cells_next(struct mt_cells *cells)
{
    return (struct mt_cells_next){ cells->digits + cells->at,
                                   cells->places + cells->at, cells->seen };
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
    struct mt_cells_next next = mt_cells_next(cells);
    int64_t digits = 0;
    unsigned places = 0;

    if (v != v) {
        next.digits[column] = MISSING;
        next.places[column] = 0;
        next.seen[column].missing = true;
        return;
    }
    if (next.seen[column].raw) /* then all are doubles */
        places = RAW;
    while (places <= MAX_PLACES && !has_places(v, places, &digits))
        places++;
    if (places <= MAX_PLACES) {
        mt_cells_put_decimal(
            next, column, digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits,
            digits < 0, places);
        return;
    }
    mt_cells_put_raw(cells, column, v + 0.0);
}

void mt_cells_put_raw(struct mt_cells *cells, size_t column, double v)
{
    struct mt_cells_next next = mt_cells_next(cells);

    memcpy(&next.digits[column], &v, sizeof v);
    next.places[column] = RAW;
    next.seen[column].raw = true;
}

/* ---- packing ---- */

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

static unsigned length_of(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* The bits of the largest integer, if all values get `most` places; DOUBLE:
 * they are more than `longest`, or values would not be exact. */
static unsigned scaled_length(const struct mt_cells *cells, size_t rows,
                              size_t column, unsigned most, unsigned longest)
{
    uint64_t bits = 0, limits[MAX_PLACES + 1];

    for (unsigned i = 0; i <= most; i++)
        limits[i] = ((UINT64_C(1) << (longest < 53 ? longest : 53)) - 1) /
                    whole_powers[most - i];
    for (size_t i = column; i < rows * cells->width; i += cells->width) {
        int64_t digits = cells->digits[i];
        uint64_t n = digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits;
        unsigned places = cells->places[i];

        if (digits == MISSING)
            continue;
        if (n > limits[places])
            return DOUBLE;
        bits |= n * whole_powers[most - places];
    }
    return length_of(bits);
}

/* The packing with the fewest bits: all values with the same places, or each
 * with its own. */
static struct packed size_column(const struct mt_cells *cells, size_t rows,
                                 size_t column)
{
    const struct mt_cells_seen *seen = &cells->seen[column];
    bool sign = (seen->bits & 1) || seen->missing;
    unsigned most = length_of(seen->places >> 1), scaled;
    unsigned least = (unsigned)__builtin_ctzll(seen->places | 1u << most);
    unsigned choice = length_of(most - least), own = length_of(seen->bits >> 1);
    struct packed p = { .bits = DOUBLE, .places = (uint8_t)most };

    if (seen->raw)
        return p;
    scaled =
        choice ? scaled_length(cells, rows, column, most, own + choice) : own;
    if (own + choice < scaled) {
        p.places = (uint8_t)least;
        p.choice = (uint8_t)choice;
        scaled = own;
    }
    if (scaled + sign + p.choice > WIDEST)
        return (struct packed){ .bits = DOUBLE };
    p.bits = (uint8_t)(scaled + sign + p.choice);
    p.bits += !p.bits;
    p.sign = sign;
    p.missing = seen->missing;
    return p;
}

/* Where each column is: doubles first. Returns the bytes of a row. */
static size_t place_columns(struct mt_cells *cells)
{
    size_t bits = 0;

    for (int wide = 1; wide >= 0; wide--)
        for (size_t i = 0; i < cells->width; i++) {
            struct packed *c = &cells->columns[i];

            if ((c->bits == DOUBLE) != wide)
                continue;
            c->at = (uint32_t)bits;
            bits += c->bits;
        }
    return (bits + 7) / 8;
}

static inline uint64_t mask_of(const struct packed *c)
{
    return UINT64_MAX >> (64 - c->bits);
}

static inline uint64_t sign_of(const struct packed *c)
{
    return (uint64_t)c->sign << (c->bits - 1);
}

static uint64_t code_of(const struct packed *c, int64_t digits, unsigned places)
{
    uint64_t n = (uint64_t)digits;

    if (digits == MISSING)
        return sign_of(c);
    if (c->choice)
        n = n << c->choice | (places - c->places);
    else
        n *= whole_powers[c->places - places];
    return n & mask_of(c);
}

/* Adds the code to `bits`, the bits of the row not written yet, and writes
 * their whole bytes. */
static inline uint64_t add_bits(uint64_t bits, const struct packed *c,
                                uint64_t code, char *to)
{
    unsigned shift = c->at % 8;
    uint64_t word = bits | code << shift, little = htole64(word);

    memcpy(to + c->at / 8, &little, sizeof little);
    return word >> ((shift + c->bits) & ~7u);
}

static void pack_row(const struct mt_cells *cells, size_t at, char *to)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < cells->width; i++) {
        const struct packed *c = &cells->columns[i];
        int64_t digits = cells->digits[at + i];
        unsigned places = cells->places[at + i];

        if (c->bits == DOUBLE) {
            double v = value_of(digits, places);
            uint64_t word;

            memcpy(&word, &v, sizeof word);
            word = htole64(word);
            memcpy(to + c->at / 8, &word, sizeof word);
            continue;
        }
        bits = add_bits(bits, c, code_of(c, digits, places), to);
    }
}

/* pack_row of a simple block. */
static void pack_simple(const struct mt_cells *cells, size_t at, char *to)
{
    const struct packed *c = cells->columns, *end = c + cells->width;
    const int64_t *digits = cells->digits + at;
    const uint8_t *places = cells->places + at;
    uint64_t bits = 0;

    for (; c < end; c++)
        bits =
            add_bits(bits, c,
                     (uint64_t)*digits++ * whole_powers[c->places - *places++] &
                         mask_of(c),
                     to);
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
    bool simple = true;
    char *to;

    for (size_t i = 0; i < cells->width; i++) {
        struct packed *c = &cells->columns[i];

        *c = size_column(cells, rows, i);
        simple &= c->bits != DOUBLE && !c->choice && !c->missing;
    }
    stride = place_columns(cells);
    bytes = sizeof *block + cells->width * sizeof *cells->columns +
            rows * stride + sizeof(uint64_t);
    block = malloc(bytes);
    if (!block)
        return mt_fail_memory(err);
    cells->bytes += bytes;
    block->stride = stride;
    block->simple = simple;
    memcpy(block->columns, cells->columns,
           cells->width * sizeof *cells->columns);
    to = rows_of(cells, block);
    for (size_t i = 0; i < rows; i++)
        (simple ? pack_simple : pack_row)(cells, i * cells->width,
                                          to + i * stride);
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

static inline uint64_t load_code(const char *row, const struct packed *c)
{
    uint64_t word;

    memcpy(&word, row + c->at / 8, sizeof word);
    return le64toh(word) >> c->at % 8 & mask_of(c);
}

static double unpack(const char *row, const struct packed *c)
{
    uint64_t code, sign;
    double v;

    if (c->bits == DOUBLE) {
        memcpy(&code, row + c->at / 8, sizeof code);
        code = le64toh(code);
        memcpy(&v, &code, sizeof v);
        return v;
    }
    code = load_code(row, c);
    if (c->missing && code == sign_of(c))
        return NAN;
    sign = sign_of(c) >> c->choice;
    return (double)(int64_t)((code >> c->choice ^ sign) - sign) /
           powers[c->places + (code & ~(UINT64_MAX << c->choice))];
}

static double unpack_simple(const char *row, const struct packed *c)
{
    uint64_t sign = sign_of(c);

    return (double)(int64_t)((load_code(row, c) ^ sign) - sign) /
           powers[c->places];
}

static const char *find_row(const struct mt_cells *cells, size_t row,
                            const struct block **block)
{
    size_t i = row & (((size_t)1 << cells->shift) - 1);

    *block = cells->blocks[row >> cells->shift];
    return rows_of(cells, *block) + i * (*block)->stride;
}

void mt_cells_row(const struct mt_cells *cells, size_t row, size_t n,
                  double *out)
{
    const struct block *block;
    const char *at = find_row(cells, row, &block);

    for (size_t c = 0; c < n && block->simple; c++)
        out[c] = unpack_simple(at, &block->columns[c]);
    for (size_t c = 0; c < n && !block->simple; c++)
        out[c] = unpack(at, &block->columns[c]);
}

double mt_cells_at(const struct mt_cells *cells, size_t row, size_t column)
{
    const struct block *block;
    const char *at = find_row(cells, row, &block);

    return unpack(at, &block->columns[column]);
}
