#include "plot/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/label.h"
#include "plot/palette.h"
#include "plot/ticks.h"

/* The curve a character belongs to is the last one drawn there. */
struct cell {
    unsigned char dots;
    char mark;    /* a letter in place of the dots, or 0 */
    size_t curve; /* plus 1 */
};

struct grid {
    const struct mt_chart *chart;
    const struct mt_panel *panel;
    const struct mt_term *term;
    struct mt_scale x, y;
    struct mt_ticks x_ticks, y_ticks;
    size_t left;          /* columns of the y axis's texts */
    size_t columns, rows; /* characters */
    size_t across, down;  /* dots in a character */
    struct cell *cells;   /* (rows, columns) */
};

/* Braille's bits, by row and column of the dot. */
static const unsigned char braille[4][2] = {
    { 0x01, 0x08 },
    { 0x02, 0x10 },
    { 0x04, 0x20 },
    { 0x40, 0x80 },
};

static const char marks[] = "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static char mark_of(size_t curve)
{
    return marks[curve % (sizeof marks - 1)];
}

/* Are letters needed? */
static bool is_marked(const struct grid *g)
{
    return !g->term->unicode || (!g->term->color && g->panel->n_curves > 1);
}

/* --- dots --------------------------------------------------------------- */

struct dot {
    long x, y; /* from the upper left */
};

static struct dot dot_at(const struct grid *g, double x, double y)
{
    double w = (double)(g->columns * g->across - 1);
    double h = (double)(g->rows * g->down - 1);

    return (struct dot){ lround(mt_scale_at(&g->x, x) * w),
                         lround((1 - mt_scale_at(&g->y, y)) * h) };
}

static struct cell *cell_at(const struct grid *g, struct dot d)
{
    size_t column = (size_t)d.x / g->across, row = (size_t)d.y / g->down;

    return &g->cells[row * g->columns + column];
}

static void set_dot(const struct grid *g, struct dot d, size_t curve)
{
    struct cell *cell = cell_at(g, d);

    cell->dots |= braille[(size_t)d.y % g->down][(size_t)d.x % g->across];
    cell->curve = curve + 1;
    if (!g->term->unicode)
        cell->mark = mark_of(curve);
}

/* Sets a line of dots; for a faint curve, every other pair. */
static void set_line(const struct grid *g, struct dot a, struct dot b,
                     size_t curve, size_t *walked)
{
    long dx = b.x - a.x, dy = b.y - a.y;
    long n = labs(dx) > labs(dy) ? labs(dx) : labs(dy);
    bool faint = g->panel->curves[curve].faint && g->term->unicode;

    for (long i = 0; i <= n; i++) {
        struct dot d = { a.x + (n ? lround((double)(i * dx) / (double)n) : 0),
                         a.y + (n ? lround((double)(i * dy) / (double)n) : 0) };

        if (!faint || *walked % 4 < 2)
            set_dot(g, d, curve);
        *walked += i < n;
    }
}

static bool shows(const struct grid *g, const struct mt_curve *c, size_t i)
{
    return isfinite(c->x[i]) && mt_scale_shows(&g->y, c->y[i]);
}

static void set_curve(const struct grid *g, size_t curve)
{
    const struct mt_curve *c = &g->panel->curves[curve];
    struct dot last = { 0, 0 };
    bool on = false;
    size_t walked = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (!shows(g, c, i)) {
            on = false;
            continue;
        }
        struct dot d = dot_at(g, c->x[i], c->y[i]);

        if (!on)
            set_dot(g, d, curve);
        set_line(g, on ? last : d, d, curve, &walked);
        last = d;
        on = true;
    }
}

static void set_letter(const struct grid *g, struct dot d, size_t curve)
{
    struct cell *cell = cell_at(g, d);

    cell->mark = mark_of(curve);
    cell->curve = curve + 1;
}

/* Sets letters between two points, in the columns chosen for them. */
static void set_letters_between(const struct grid *g, struct dot a,
                                struct dot b, size_t curve, size_t every,
                                size_t *next)
{
    while (*next * g->across <= (size_t)b.x) {
        long x = (long)(*next * g->across);
        double part = b.x > a.x ? (double)(x - a.x) / (double)(b.x - a.x) : 1;

        if (x >= a.x)
            set_letter(
                g, (struct dot){ x, a.y + lround(part * (double)(b.y - a.y)) },
                curve);
        *next += every;
    }
}

/* Sets four letters on the curve, not in the same places as other curves'. If
 * it is too short for that, sets one at its end. */
static void set_letters(const struct grid *g, size_t curve)
{
    const struct mt_curve *c = &g->panel->curves[curve];
    size_t every = g->columns / 4 > 0 ? g->columns / 4 : 1;
    size_t first = (2 * curve + 1) * every / (2 * g->panel->n_curves);
    size_t next = first;
    struct dot last = { 0, 0 };
    bool on = false, any = false;

    for (size_t i = 0; i < c->n; i++) {
        if (!shows(g, c, i)) {
            on = false;
            continue;
        }
        struct dot d = dot_at(g, c->x[i], c->y[i]);

        set_letters_between(g, on ? last : d, d, curve, every, &next);
        last = d;
        on = any = true;
    }
    if (any && next <= first + every)
        set_letter(g, last, curve);
}

static void set_all(const struct grid *g)
{
    for (int faint = 1; faint >= 0; faint--) {
        for (size_t i = 0; i < g->panel->n_curves; i++) {
            if (g->panel->curves[i].faint == (faint == 1))
                set_curve(g, i);
        }
    }
    for (size_t i = 0;
         is_marked(g) && g->term->unicode && i < g->panel->n_curves; i++)
        set_letters(g, i);
}

/* --- text --------------------------------------------------------------- */

static void add_repeated(struct mt_strbuf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mt_strbuf_puts(out, text);
}

static void start_color(const struct grid *g, size_t run, struct mt_strbuf *out)
{
    if (g->term->color)
        mt_strbuf_printf(out, "\033[38;5;%dm",
                         mt_palette[run % MT_PALETTE].terminal);
}

static void end_color(const struct grid *g, struct mt_strbuf *out)
{
    if (g->term->color)
        mt_strbuf_puts(out, "\033[0m");
}

static void add_cell(const struct cell *cell, struct mt_strbuf *out)
{
    if (cell->mark)
        mt_strbuf_putc(out, cell->mark);
    else if (cell->dots)
        mt_label_add(out, 0x2800u + cell->dots);
    else
        mt_strbuf_putc(out, ' ');
}

/* The color changes where the curve does; there are no trailing blanks. */
static void add_row(const struct grid *g, size_t row, struct mt_strbuf *out)
{
    const struct cell *cells = g->cells + row * g->columns;
    size_t end = g->columns, curve = 0;

    while (end > 0 && !cells[end - 1].curve)
        end--;
    for (size_t i = 0; i < end; i++) {
        if (cells[i].curve != curve && curve)
            end_color(g, out);
        if (cells[i].curve != curve && cells[i].curve)
            start_color(g, g->panel->curves[cells[i].curve - 1].run, out);
        curve = cells[i].curve;
        add_cell(&cells[i], out);
    }
    if (curve)
        end_color(g, out);
}

/* The row of characters in which a value lies. */
static size_t row_of(const struct grid *g, double value)
{
    double at =
        (1 - mt_scale_at(&g->y, value)) * (double)(g->rows * g->down - 1);

    return (size_t)lround(at) / g->down;
}

static size_t column_of(const struct grid *g, double value)
{
    double at =
        mt_scale_at(&g->x, value) * (double)(g->columns * g->across - 1);

    return (size_t)lround(at) / g->across;
}

static void add_rows(const struct grid *g, struct mt_strbuf *out)
{
    const char *bar = g->term->unicode ? "\u2502" : "|";
    const char *tick_bar = g->term->unicode ? "\u2524" : "+";

    for (size_t row = 0; row < g->rows; row++) {
        const struct mt_tick *tick = NULL;

        for (size_t i = 0; i < g->y_ticks.n; i++) {
            if (row_of(g, g->y_ticks.tick[i].value) == row)
                tick = &g->y_ticks.tick[i];
        }
        mt_strbuf_printf(out, "%*s %s", (int)g->left,
                         tick ? mt_tick_text(tick).text : "",
                         tick ? tick_bar : bar);
        add_row(g, row, out);
        mt_strbuf_putc(out, '\n');
    }
}

static bool is_x_tick(const struct grid *g, size_t column)
{
    for (size_t i = 0; i < g->x_ticks.n; i++) {
        if (column_of(g, g->x_ticks.tick[i].value) == column)
            return true;
    }
    return false;
}

/* The x axis, and below it the texts of its ticks, centered. */
static void add_x_axis(const struct grid *g, struct mt_strbuf *out)
{
    size_t at = 0, title = (g->columns + strlen(g->chart->x_title)) / 2;

    mt_strbuf_printf(out, "%*s %s", (int)g->left, "",
                     g->term->unicode ? "\u2514" : "+");
    for (size_t i = 0; i < g->columns; i++)
        mt_strbuf_puts(out, g->term->unicode
                                ? is_x_tick(g, i) ? "\u252C" : "\u2500"
                            : is_x_tick(g, i) ? "+"
                                              : "-");
    mt_strbuf_printf(out, "\n%*s", (int)g->left + 2, "");
    for (size_t i = 0; i < g->x_ticks.n; i++) {
        struct mt_tick_text text = mt_tick_text(&g->x_ticks.tick[i]);
        size_t n = strlen(text.text);
        size_t column = column_of(g, g->x_ticks.tick[i].value);
        size_t start = column > n / 2 ? column - n / 2 : 0;

        if (start + n > g->columns)
            start = g->columns > n ? g->columns - n : 0;
        if ((at && start < at + 1) || start + n > g->columns)
            continue;
        add_repeated(out, " ", start - at);
        mt_strbuf_puts(out, text.text);
        at = start + n;
    }
    mt_strbuf_printf(out, "\n%*s\n", (int)(g->left + 2 + title),
                     g->chart->x_title);
}

static void add_key(const struct grid *g, size_t curve, size_t width,
                    struct mt_strbuf *out)
{
    const struct mt_curve *c = &g->panel->curves[curve];

    start_color(g, c->run, out);
    if (!g->term->unicode)
        add_repeated(out, (char[]){ mark_of(curve), '\0' }, 3);
    else if (is_marked(g))
        mt_strbuf_printf(out, "\u2812%c\u2812", mark_of(curve));
    else
        mt_strbuf_puts(out, c->faint ? "\u2812 \u2812" : "\u2812\u2812\u2812");
    end_color(g, out);
    mt_strbuf_putc(out, ' ');
    mt_label_cut(out, c->label, width, !g->term->unicode);
}

/* As many keys per line as fit. */
static void add_legend(const struct grid *g, struct mt_strbuf *out)
{
    size_t width = g->term->width - g->left - 2, at = 0;

    for (size_t i = 0; i < g->panel->n_curves; i++) {
        size_t n = mt_label_count(g->panel->curves[i].label) + 4;

        n = n < width ? n : width;
        if (at && at + 3 + n > width) {
            mt_strbuf_putc(out, '\n');
            at = 0;
        }
        mt_strbuf_printf(out, "%*s", at ? 3 : (int)g->left + 2, "");
        add_key(g, i, width - 4, out);
        at += n + (at ? 3 : 0);
    }
    mt_strbuf_putc(out, '\n');
}

/* --- places ------------------------------------------------------------- */

static size_t widest(const struct mt_ticks *ticks)
{
    size_t most = 0;

    for (size_t i = 0; i < ticks->n; i++) {
        size_t n = strlen(mt_tick_text(&ticks->tick[i]).text);

        most = n > most ? n : most;
    }
    return most;
}

/* Sets ticks and sizes: one line for the title, three for the x axis. */
static void place(struct grid *g)
{
    g->across = g->term->unicode ? 2 : 1;
    g->down = g->term->unicode ? 4 : 1;
    g->rows = g->term->height - 4;
    mt_panel_scales(g->chart, g->panel, &g->x, &g->y);
    mt_ticks_choose(&g->y, g->rows / 3 + 1, &g->y_ticks);
    g->left = widest(&g->y_ticks) + 1;
    if (g->left + 12 > g->term->width)
        g->left = g->term->width - 12;
    g->columns = g->term->width - g->left - 2;
    for (size_t max = g->columns / 6 + 1; max >= 2; max--) {
        mt_ticks_choose(&g->x, max, &g->x_ticks);
        if ((widest(&g->x_ticks) + 2) * g->x_ticks.n <=
            g->columns - g->columns / 8)
            break;
    }
}

void mt_term_title(const char *title, const struct mt_term *term,
                   struct mt_strbuf *out)
{
    size_t n = title ? mt_label_count(title) : 0;

    if (n == 0)
        return;
    mt_strbuf_printf(out, "%*s",
                     n < term->width ? (int)(term->width - n) / 2 : 0, "");
    mt_label_cut(out, title, term->width, !term->unicode);
    mt_strbuf_putc(out, '\n');
}

static void add_title(const struct grid *g, struct mt_strbuf *out)
{
    size_t width = g->term->width - g->left - 2;

    mt_strbuf_printf(out, "%*s", (int)g->left + 2, "");
    mt_label_cut(out, g->panel->title, width, !g->term->unicode);
    mt_strbuf_putc(out, '\n');
}

mt_status mt_term_draw(const struct mt_chart *chart,
                       const struct mt_panel *panel, const struct mt_term *term,
                       struct mt_strbuf *out, struct mt_err *err)
{
    struct grid g = { .chart = chart, .panel = panel, .term = term };

    place(&g);
    g.cells = calloc(g.rows * g.columns, sizeof *g.cells);
    if (!g.cells)
        return mt_fail_memory(err);
    set_all(&g);
    add_title(&g, out);
    add_rows(&g, out);
    add_x_axis(&g, out);
    add_legend(&g, out);
    free(g.cells);
    return out->failed ? mt_fail_memory(err) : MT_OK;
}
