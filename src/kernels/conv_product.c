/*
 * The products of convolutions: weights times the rows that taps read, for a
 * block of positions of the output.
 */
#include "base/size.h"
#include "kernels/conv_internal.h"
#include "kernels/gemm.h"

struct mt_positions mt_conv_positions(size_t rows, size_t width, size_t plane)
{
    struct mt_positions ps = { .width = width,
                               .plane = plane,
                               .block = MT_CONV_CHUNK };

    ps.whole = width % 8 == 0;
    ps.dense = ps.whole || width >= 16;
    if (!ps.dense && plane <= MT_CONV_CHUNK)
        ps.block = MT_CONV_CHUNK / plane * plane;
    ps.total = ps.dense ? rows * width : rows ? (rows - 1) * plane + width : 0;
    return ps;
}

/* Where a position is in a row. */
struct place {
    size_t at, here;
    size_t left; /* dense: positions up to the end of the output's row */
};

static struct place place_of(const struct mt_positions *ps, size_t at)
{
    size_t column;

    if (!ps->dense)
        return (struct place){ at, at, SIZE_MAX };
    column = at % ps->width;
    return (struct place){ at, at / ps->width * ps->plane + column,
                           ps->width - column };
}

static void move_on(const struct mt_positions *ps, struct place *p, size_t n)
{
    p->at += n;
    p->here += n;
    p->left -= n;
    if (p->left == 0) {
        p->left = ps->width;
        p->here += ps->plane - ps->width;
    }
}

/* The columns of 16 positions from p on, which moves past them; some read past
 * the last one. */
static struct mt_columns next_columns(const struct mt_positions *ps,
                                      struct place *p)
{
    struct mt_columns cols = { .at = p->here, .n = mt_size_min(p->left, 16) };

    move_on(ps, p, cols.n);
    if (cols.n == 16)
        return cols;
    cols.rest = ps->whole && p->at >= ps->total ? cols.at : p->here;
    move_on(ps, p, 16 - cols.n);
    return cols;
}

/* Slivers pay if there are enough rows and positions. */
enum { FEW_POSITIONS = 256 };

static size_t tiles_of(size_t m)
{
    return mt_size_ceil_div(m, mt_kernels()->gemm_mr);
}

/* Of one group, with room for what packing writes past their end. */
static size_t group_floats(const struct mt_conv *cv, size_t m, size_t k)
{
    size_t mr = mt_kernels()->gemm_mr;

    if (m < mr / 2 || cv->n * cv->oh * cv->ow < FEW_POSITIONS)
        return 0;
    return mt_size_align(tiles_of(m) * mr * k + 16, 16);
}

size_t mt_conv_sliver_floats(const struct mt_conv *cv, size_t m, size_t k)
{
    return cv->groups * group_floats(cv, m, k);
}

/* Where the sliver of tile t is in block [q, q + depth) of k. */
static size_t sliver_at(size_t tiles, size_t q, size_t depth, size_t t)
{
    return (q * tiles + t * depth) * mt_kernels()->gemm_mr;
}

static void pack_group(const float *a, size_t m, size_t k, float *slivers)
{
    const struct mt_kernels *kernels = mt_kernels();
    size_t tiles = tiles_of(m);

    for (size_t q = 0; q < k; q += MT_GEMM_KC) {
        size_t depth = mt_size_min(MT_GEMM_KC, k - q), i = 0;

        for (size_t t = 0; t < tiles; t++) {
            size_t rows = m / tiles + (t < m % tiles);

            kernels->gemm_pack_a(a + i * k + q, k, 1, rows, depth,
                                 kernels->gemm_mr,
                                 slivers + sliver_at(tiles, q, depth, t));
            i += rows;
        }
    }
}

void mt_conv_pack(const struct mt_conv *cv, const float *a, size_t m, size_t k,
                  float *slivers)
{
    size_t floats = group_floats(cv, m, k);

    for (size_t i = 0; floats && i < cv->groups; i++)
        pack_group(a + i * m * k, m, k, slivers + i * floats);
}

struct mt_conv_left mt_conv_left(const struct mt_conv *cv, const float *a,
                                 const float *slivers, size_t group, size_t m,
                                 size_t k)
{
    size_t floats = group_floats(cv, m, k), tiles = tiles_of(m);

    return (struct mt_conv_left){
        .at = floats ? slivers + group * floats : a + group * m * k,
        .k = k,
        .tiles = tiles,
        .rows = m / tiles,
        .longer = m % tiles,
        .slivers = floats > 0,
    };
}

/* Block [q, q + depth) of k, for a panel of columns. */
static void product_panel(const struct mt_conv_left *a, size_t q, size_t depth,
                          const float *const *rows,
                          const struct mt_columns *cols, size_t columns,
                          float *out, size_t ldc, struct mt_fetch *fetch)
{
    const struct mt_kernels *kernels = mt_kernels();
    size_t i = 0;

    for (size_t t = 0; t < a->tiles; t++) {
        size_t m = a->rows + (t < a->longer);
        struct mt_left left = { a->at + i * a->k + q, a->k, 1 };
        struct mt_soon soon;

        if (a->slivers)
            left = (struct mt_left){ a->at + sliver_at(a->tiles, q, depth, t),
                                     1, kernels->gemm_mr };
        soon = mt_fetch_take(fetch, depth, left.at);
        kernels->gemm_tile_rows(m, columns, depth, &left, rows + q, cols,
                                out + i * ldc, ldc, q > 0, &soon);
        i += m;
    }
}

void mt_conv_product(const struct mt_conv_left *a, const float *const *rows,
                     const struct mt_positions *ps, size_t at, size_t count,
                     float *out, size_t ldc, struct mt_fetch *fetch)
{
    size_t nr = mt_kernels()->gemm_nr;

    for (size_t q = 0; q < a->k; q += MT_GEMM_KC) {
        size_t depth = mt_size_min(MT_GEMM_KC, a->k - q);
        struct place place = place_of(ps, at);

        for (size_t j = 0; j < count; j += nr) {
            struct mt_columns cols[2];

            for (size_t i = 0; i < nr / 16; i++)
                cols[i] = next_columns(ps, &place);
            product_panel(a, q, depth, rows, cols, mt_size_min(nr, count - j),
                          out + j, ldc, fetch);
        }
    }
}

size_t mt_conv_steps(const struct mt_positions *ps, size_t m, size_t k)
{
    return ps->total / mt_kernels()->gemm_nr * tiles_of(m) * k;
}

void mt_conv_store(const struct mt_positions *ps, const float *block, size_t at,
                   size_t count, float *y)
{
    size_t whole = count / ps->plane, i = at / ps->plane, j = at % ps->plane;
    size_t rest = count - whole * ps->plane;

    if (j || !whole) { /* a part of one row */
        if (j < ps->width)
            mt_kernels()->copy_rows(y + i * ps->width + j, 0, block, 0, 1,
                                    mt_size_min(count, ps->width - j));
        return;
    }
    mt_kernels()->copy_rows(y + i * ps->width, ps->width, block, ps->plane,
                            whole, ps->width);
    mt_kernels()->copy_rows(y + (i + whole) * ps->width, 0,
                            block + whole * ps->plane, 0, 1,
                            mt_size_min(rest, ps->width));
}
