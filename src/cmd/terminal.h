/*
 * What a terminal can do and a pipe can not: colors, and one live line at the
 * bottom that redraws.
 *
 * Whoever prints a line of its own to stderr takes the live line away first
 * (report.h's functions do so by themselves):
 *
 *     mt_live_draw("45%  loss 0.43", 14);
 *     mt_live_clear();
 *     fprintf(stderr, "epoch 3 ...\n");
 */
#ifndef MT_CMD_TERMINAL_H
#define MT_CMD_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* --- colors --------------------------------------------------------------- */

enum mt_color_when { MT_COLOR_AUTO, MT_COLOR_ALWAYS, MT_COLOR_NEVER };

enum mt_color {
    MT_COLOR_END, /* back to normal */
    MT_COLOR_BAD, /* errors, what differs */
    MT_COLOR_WARN,
    MT_COLOR_GOOD,
    MT_COLOR_BAR,
};

/* AUTO, which holds until another one is chosen: on a terminal that is not
 * dumb, unless NO_COLOR is set and not empty. */
void mt_color_choose(enum mt_color_when when);

/* Does stream (stdout or stderr) get colors? */
bool mt_color_on(FILE *stream);

/* The escape sequence that starts the color; "" where there are none. */
const char *mt_color(FILE *stream, enum mt_color color);

/* --- the live line -------------------------------------------------------- */

/* Columns of the terminal behind the stream, now; 80 where it has none. */
size_t mt_terminal_width(FILE *stream);

/* Is stderr a terminal that can redraw a line? */
bool mt_live_possible(void);

/* Puts text in the place of the live line; columns is what it takes on the
 * screen, colors not counted, and less than the terminal's width. Does nothing
 * while this process is in the background. */
void mt_live_draw(const char *text, size_t columns);

/* Text (whole lines) to stand above the live line; it comes with the next
 * draw or clear, at once if there is no live line. */
void mt_live_above(const char *text);

/* Takes the line away; nothing if there is none. */
void mt_live_clear(void);

/* The same from a signal handler that ends the process. */
void mt_live_abandon(void);

#endif
