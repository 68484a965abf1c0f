/*
 * What a terminal can do and a pipe cannot: colors, and one live line at the
 * bottom that is redrawn.
 *
 * It has to be cleared before a line is printed to stderr; report.h's functions
 * do so themselves:
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

/* Columns of the stream's terminal at the moment; 80 where it is none. */
size_t mt_terminal_width(FILE *stream);

/* Is stderr a terminal that can redraw a line? */
bool mt_live_possible(void);

/* Replaces the live line by the text; columns is its width on the screen,
 * without colors, and less than the terminal's. Does nothing while this process
 * is in the background. */
void mt_live_draw(const char *text, size_t columns);

/* Text (whole lines) to print above the live line, with the next draw or clear;
 * at once if there is no live line. */
void mt_live_above(const char *text);

/* Clears the live line, if there is one. */
void mt_live_clear(void);

/* The same from a signal handler that ends the process. */
void mt_live_abandon(void);

#endif
