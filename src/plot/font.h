/*
 * A font of strokes, for pictures made of pixels: each character is a few
 * lines and curves that are drawn with a round pen. It also says how wide
 * texts are, which layouts need whatever the back end.
 *
 * It knows printable ASCII, the letters of Latin-1, and some marks; another
 * character is a small box.
 */
#ifndef MT_PLOT_FONT_H
#define MT_PLOT_FONT_H

#include "plot/canvas.h"

/* Of the font size. */
#define MT_FONT_CAPITAL 0.7
#define MT_FONT_STROKE 0.082

/* In pixels. */
double mt_font_width(const char *text, double size);
double mt_font_width_raised(const char *text, const char *raised, double size);

/* Each line of the text, from x = y = 0 on the baseline, y up. */
typedef void mt_font_line(void *ctx, const struct mt_point *p, size_t n);
void mt_font_draw(const char *text, double size, mt_font_line *line, void *ctx);

#endif
