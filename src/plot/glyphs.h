/*
 * The characters of the stroke font (font.h), as paths. Units: 20 are the font
 * size; the baseline is y = 0, capitals reach to 14, small letters to 10, tails
 * to -4. A path is a row of commands:
 *
 *     M x y                    start a line here
 *     L x y                    straight on
 *     C x1 y1 x2 y2 x y        a cubic Bezier curve on
 *     O cx cy rx ry            an ellipse; a new line
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

/* The glyph of a character; of an accented letter the letter's, with the
 * accent's in *accent (NULL otherwise) and how far it is to be raised. */
const struct mt_glyph *mt_glyph_find(uint32_t code,
                                     const struct mt_glyph **accent,
                                     double *raise);

#endif
