#include "cmd/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/strbuf.h"

static bool is_dumb(void)
{
    const char *term = getenv("TERM");

    return !term || !*term || strcmp(term, "dumb") == 0;
}

/* --- colors --------------------------------------------------------------- */

static enum mt_color_when chosen = MT_COLOR_AUTO;

static const char *const escapes[] = {
    [MT_COLOR_END] = "\033[0m",
    [MT_COLOR_BAD] = "\033[1;31m",
    [MT_COLOR_WARN] = "\033[1;33m",
    [MT_COLOR_GOOD] = "\033[32m",
    [MT_COLOR_BAR] = "\033[36m",
};

void mt_color_choose(enum mt_color_when when)
{
    chosen = when;
}

bool mt_color_on(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");

    if (chosen != MT_COLOR_AUTO)
        return chosen == MT_COLOR_ALWAYS;
    return !(no_color && *no_color) && !is_dumb() && isatty(fileno(stream));
}

const char *mt_color(FILE *stream, enum mt_color color)
{
    return mt_color_on(stream) ? escapes[color] : "";
}

/* --- the live line -------------------------------------------------------- */

static volatile sig_atomic_t shown; /* columns of the line; 0: there is none */
static struct mt_strbuf above = MT_STRBUF_INIT;

size_t mt_terminal_width(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col)
        return size.ws_col;
    return 80;
}

bool mt_live_possible(void)
{
    return isatty(STDERR_FILENO) && !is_dumb();
}

/* A job in the background does not write to the terminal. */
static bool in_background(void)
{
    pid_t front = tcgetpgrp(STDERR_FILENO);

    return front > 0 && front != getpgrp();
}

/* Moves to the start of the line; a terminal that has become narrower has
 * wrapped it since. Text that waits is printed in its place. */
static void add_rewind(struct mt_strbuf *out)
{
    size_t width = mt_terminal_width(stderr);
    size_t broken = shown ? ((size_t)shown - 1) / width : 0;

    for (size_t i = 0; i < broken; i++)
        mt_strbuf_puts(out, "\033[A");
    mt_strbuf_puts(out, broken ? "\r\033[J" : "\r\033[K");
    if (above.text)
        mt_strbuf_add(out, above.text, above.len);
    mt_strbuf_free(&above);
}

/* In one write, so that nothing flickers. */
static void put(struct mt_strbuf *out)
{
    if (out->text)
        fwrite(out->text, 1, out->len, stderr);
    fflush(stderr);
    mt_strbuf_free(out);
}

void mt_live_above(const char *text)
{
    if (!shown)
        fputs(text, stderr);
    else
        mt_strbuf_puts(&above, text);
}

void mt_live_draw(const char *text, size_t columns)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    if (in_background())
        return;
    add_rewind(&out);
    mt_strbuf_puts(&out, text);
    shown = (sig_atomic_t)columns;
    put(&out);
}

void mt_live_clear(void)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    if (!shown)
        return;
    add_rewind(&out);
    shown = 0;
    put(&out);
}

void mt_live_abandon(void)
{
    static const char clear[] = "\r\033[K";

    if (shown && write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
        return; /* there is no more to be done from here */
}
