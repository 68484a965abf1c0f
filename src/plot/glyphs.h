/*
 * The characters of the stroke font (font.h), as paths. The font size is 20
 * units; the baseline is y = 0, capitals reach to 14, small letters to 10,
 * descenders to -4. A path is a list of commands:
 *
 *     M x y                    start a line here
 *     L x y                    continue straight to here
 *     C x1 y1 x2 y2 x y        continue with a cubic Bezier curve
 *     O cx cy rx ry            an ellipse, as a line of its own
 *     . x y                    a dot
 */
#ifndef MT_PLOT_GLYPHS_H
#define MT_PLOT_GLYPHS_H

#include <stdint.h>

struct mt_glyph {
    uint32_t code;
    double advance;
    const char *path;
};

/* The glyph of a character. For an accented letter, that of the letter, with
 * that of the accent in *accent (NULL otherwise) and how far to raise it. */
const struct mt_glyph *mt_glyph_find(uint32_t code,
                                     const struct mt_glyph **accent,
                                     double *raise);

#endif
