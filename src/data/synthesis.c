#include "data/synthesis.h"

#include <math.h>
#include <string.h>

void mt_synthesis_start(struct mt_synthesis *s, uint64_t seed)
{
    static const struct {
        const char *x, *y, *constant;
    } streams[] = {
        [MT_REGRESSION] = { "x", "noise", "weight" },
        [MT_CLASSIFICATION] = { "noise", "label", "centre" },
        [MT_TOKENS] = { "step", "step", "successor" },
    };

    s->x = mt_philox_key(seed, "synthetic", streams[s->task].x);
    s->y = mt_philox_key(seed, "synthetic", streams[s->task].y);
    s->constant = mt_philox_key(seed, "synthetic", streams[s->task].constant);
}

/* --- random numbers ------------------------------------------------------- */

/* 0 ... n-1 */
static uint32_t below(uint32_t word, size_t n)
{
    return (uint32_t)((uint64_t)word * n >> 32);
}

/* Numbers first ... first + n - 1 of a stream, uniform in -sqrt(3) ... sqrt(3):
 * mean 0 and variance 1. */
static void fill(struct mt_philox_key key, uint64_t first, size_t n, float *out)
{
    const float width = 1.7320508f * 0x1p-31f;
    uint64_t end = first + n;
    uint32_t words[4];

    for (uint64_t i = first; i < end;) {
        mt_philox_block(key, 0, i / 4, words);
        do {
            *out++ = (float)(int32_t)words[i % 4] * width;
        } while (++i % 4 && i < end);
    }
}

/* --- what all samples share ------------------------------------------- */

void mt_synthesis_table(const struct mt_synthesis *s, size_t *rows,
                        size_t *width)
{
    *rows = s->task == MT_REGRESSION       ? s->elements
            : s->task == MT_CLASSIFICATION ? s->classes
                                           : s->vocab;
    *width = s->task == MT_REGRESSION       ? s->outputs
             : s->task == MT_CLASSIFICATION ? s->elements
                                            : 2;
}

static int32_t successor(const struct mt_synthesis *s, uint64_t i)
{
    return (int32_t)below(mt_philox_word(s->constant, 0, i), s->vocab);
}

void mt_synthesis_draw(struct mt_synthesis *s)
{
    size_t rows, width;

    mt_synthesis_table(s, &rows, &width);
    if (s->task != MT_TOKENS) {
        fill(s->constant, 0, rows * width, s->table);
        return;
    }
    for (size_t i = 0; i < rows * width; i++)
        ((int32_t *)s->table)[i] = successor(s, i);
}

/* n floats of the table, from `first` on; scratch has room for them. */
static const float *constants(const struct mt_synthesis *s, size_t first,
                              size_t n, float *scratch)
{
    if (s->table)
        return (const float *)s->table + first;
    fill(s->constant, first, n, scratch);
    return scratch;
}

/* --- tasks ------------------------------------------------------------ */

size_t mt_synthesis_scratch(const struct mt_synthesis *s)
{
    size_t two = 2 * s->outputs;

    return two > s->elements ? two : s->elements;
}

static void make_regression(const struct mt_synthesis *s, uint64_t i, float *x,
                            float *y, float *scratch)
{
    float root = (float)sqrt((double)s->elements);
    float *u = scratch + s->outputs;
    size_t n = s->outputs;

    fill(s->x, i * s->elements, s->elements, x);
    if (!y)
        return;
    fill(s->y, i * n, n, u);
    memset(y, 0, n * sizeof *y);
    for (size_t e = 0; e < s->elements; e++) {
        const float *w = constants(s, e * n, n, scratch);

        for (size_t o = 0; o < n; o++)
            y[o] += x[e] * w[o];
    }
    for (size_t o = 0; o < n; o++) {
        float t = y[o] / root;

        y[o] = t + (t * t - 1) * 0.25f + (float)s->noise * u[o];
    }
}

static void make_classification(const struct mt_synthesis *s, uint64_t i,
                                float *x, int32_t *y, float *scratch)
{
    size_t each = s->elements;
    uint32_t label = below(mt_philox_word(s->y, 0, i), s->classes);

    if (y)
        *y = (int32_t)label;
    const float *centre = constants(s, label * each, each, scratch);

    fill(s->x, i * each, each, x);
    for (size_t e = 0; e < each; e++)
        x[e] = centre[e] + (float)s->noise * x[e];
}

/* The token after `token`, by two random words. */
static int32_t next_token(const struct mt_synthesis *s, int32_t token,
                          const uint32_t words[2])
{
    uint64_t random = (uint64_t)(s->noise * 0x1p32);
    size_t at = 2 * (size_t)token + (words[1] >> 30 == 3);

    if (words[0] < random)
        return (int32_t)below(words[1], s->vocab);
    return s->table ? ((const int32_t *)s->table)[at] : successor(s, at);
}

static void make_walk(const struct mt_synthesis *s, uint64_t i, int32_t *walk)
{
    uint64_t block = i * s->elements;
    uint32_t words[4];

    mt_philox_block(s->x, 0, block, words);
    walk[0] = (int32_t)below(words[0], s->vocab);
    for (size_t t = 1; t < s->elements; t++) {
        mt_philox_block(s->x, 0, block + t, words);
        walk[t] = next_token(s, walk[t - 1], words);
    }
}

void mt_synthesis_make(const struct mt_synthesis *s, uint64_t i, void *x,
                       void *y, float *scratch)
{
    switch (s->task) {
    case MT_REGRESSION:
        make_regression(s, i, x, y, scratch);
        break;
    case MT_CLASSIFICATION:
        make_classification(s, i, x, y, scratch);
        break;
    default:
        make_walk(s, i, x);
    }
}
