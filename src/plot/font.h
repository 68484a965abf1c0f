/*
 * A font of strokes, for pictures made of pixels: each character is a few
 * lines and curves that are drawn with a round pen. Its widths of texts are
 * used for the layout with every back end.
 *
 * It has printable ASCII, the letters of Latin-1, and some marks; any other
 * character is drawn as a small box.
 */
#ifndef MT_PLOT_FONT_H
#define MT_PLOT_FONT_H

#include "plot/canvas.h"

/* As parts of the font size. */
#define MT_FONT_CAPITAL 0.7
#define MT_FONT_STROKE 0.082

/* In pixels. */
double mt_font_width(const char *text, double size);
double mt_font_width_raised(const char *text, const char *raised, double size);

/* Called for each line of the text; it starts at x = y = 0 on the baseline, y
 * is up. */
typedef void mt_font_line(void *ctx, const struct mt_point *p, size_t n);
void mt_font_draw(const char *text, double size, mt_font_line *line, void *ctx);

#endif
