/*
 * The colors of runs: Okabe and Ito's, which color-blind readers can tell
 * apart, in an order whose neighbors differ in greyscale, too; and the nearest
 * of a terminal's 256 colors.
 */
#ifndef MT_PLOT_PALETTE_H
#define MT_PLOT_PALETTE_H

#include <stdint.h>

enum { MT_PALETTE = 7 };

static const struct {
    uint32_t rgb;
    int terminal;
} mt_palette[MT_PALETTE] = {
    { 0x0072B2, 32 },  /* blue */
    { 0xD55E00, 166 }, /* vermillion */
    { 0x009E73, 36 },  /* bluish green */
    { 0xE69F00, 214 }, /* orange */
    { 0xCC79A7, 175 }, /* reddish purple */
    { 0x56B4E9, 74 },  /* sky blue */
    { 0x555555, 245 }, /* grey, not black: visible on light and on dark */
};

#endif
