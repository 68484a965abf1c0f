/* Where everything in a picture goes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plot/chart.h"
#include "plot/font.h"
#include "plot/legend.h"
#include "plot/thin.h"
#include "plot/ticks.h"

static const double edge = 12, small = 11.5, medium = 13, large = 15;
static const double tick_length = 4, minor_length = 2.5, near = 5;
static const double least_axis = 40;
static const double descender = 3; /* of the axis titles */
static const uint32_t ink = 0x222222, soft = 0x444444;
static const uint32_t grid = 0xE4E4E4, minor_grid = 0xF2F2F2;

static const double margin_x = 0.02, margin_y = 0.05;

enum { MARKERS = 8 }; /* on a curve, about */

/* A panel and its place. */
struct plot {
    const struct mt_panel *panel;
    struct mt_rect outer, inner;
    struct mt_scale x, y;
    struct mt_ticks x_ticks, y_ticks;
    struct mt_lines *lines; /* one for each curve */
};

struct picture {
    const struct mt_chart *chart;
    struct mt_canvas *c;
    struct plot *plots; /* one for each panel */
    bool boxed;         /* the legend is in the first panel's box */
    struct mt_rect legend;
};

/* --- scales and ticks --------------------------------------------------- */

void mt_panel_scales(const struct mt_chart *chart, const struct mt_panel *panel,
                     struct mt_scale *x, struct mt_scale *y)
{
    mt_scale_start(x, false, true);
    mt_scale_start(y, chart->log_y, false);
    for (size_t i = 0; i < panel->n_curves; i++) {
        const struct mt_curve *curve = &panel->curves[i];

        for (size_t k = 0; k < curve->n; k++) {
            mt_scale_add(y, curve->y[k]);
            if (mt_scale_shows(y, curve->y[k]))
                mt_scale_add(x, curve->x[k]);
        }
    }
    mt_scale_close(x, margin_x);
    mt_scale_close(y, margin_y);
}

/* A tick's text in a picture: mantissa, times sign, ten, exponent. */
struct written {
    char text[64], raised[16];
};

static void write_minus(char *out, size_t size, const char *digits)
{
    bool minus = *digits == '-';

    snprintf(out, size, "%s%s", minus ? "\xE2\x88\x92" : "", digits + minus);
}

static struct written write_tick(const struct mt_tick *tick)
{
    struct written w = { "", "" };
    char digits[40], power[16];

    write_minus(digits, sizeof digits, tick->digits);
    if (!tick->exponent) {
        snprintf(w.text, sizeof w.text, "%s", digits);
        return w;
    }
    snprintf(w.text, sizeof w.text, "%s%s10", digits,
             *digits ? "\xC3\x97" : "");
    snprintf(power, sizeof power, "%d", tick->exponent);
    write_minus(w.raised, sizeof w.raised, power);
    return w;
}

static double tick_width(const struct mt_tick *tick)
{
    struct written w = write_tick(tick);

    return mt_font_width_raised(w.text, *w.raised ? w.raised : NULL, small);
}

static double widest(const struct mt_ticks *ticks)
{
    double most = 0;

    for (size_t i = 0; i < ticks->n; i++)
        most = fmax(most, tick_width(&ticks->tick[i]));
    return most;
}

/* Chooses as many ticks as have room for their texts side by side. */
static void choose_x_ticks(const struct mt_canvas *c, struct plot *p)
{
    size_t max = (size_t)(p->inner.w / 50) + 1;

    for (; max >= 2; max--) {
        mt_ticks_choose(&p->x, max, &p->x_ticks);
        if ((c->slack * widest(&p->x_ticks) + 14) * (double)p->x_ticks.n <=
            p->inner.w)
            return;
    }
}

/* --- places ------------------------------------------------------------- */

static void place_inner(const struct mt_canvas *c, struct plot *p)
{
    double below = tick_length + near + MT_FONT_CAPITAL * (small + medium) +
                   10 + descender;
    double above = small / 2, right = 10;
    double h = fmax(p->outer.h - below - above, 1);

    mt_ticks_choose(&p->y, (size_t)(h / 34) + 2, &p->y_ticks);
    double left =
        medium + 9 + c->slack * widest(&p->y_ticks) + near + tick_length;

    p->inner = (struct mt_rect){ p->outer.x + left, p->outer.y + above,
                                 fmax(p->outer.w - left - right, 1), h };
    choose_x_ticks(c, p);
}

size_t mt_chart_columns(size_t n_panels, double shape)
{
    static const double wanted = 1.45; /* width / height of a panel */
    size_t best = 1;
    double least = INFINITY;

    for (size_t columns = 1; columns <= n_panels; columns++) {
        size_t rows = (n_panels + columns - 1) / columns;
        double is = shape * (double)rows / (double)columns;
        double off = is > wanted ? is / wanted : wanted / is;

        if (off < least - 1e-9) {
            least = off;
            best = columns;
        }
    }
    return best;
}

/* The panels share the space below top. */
static void place_panels(struct picture *pic, double top)
{
    const struct mt_canvas *c = pic->c;
    size_t n = pic->chart->n_panels;
    size_t columns = mt_chart_columns(n, c->width / c->height);
    size_t rows = (n + columns - 1) / columns;
    double space = 14;
    double w =
        (c->width - 2 * edge - space * (double)(columns - 1)) / (double)columns;
    double h =
        (c->height - top - edge - space * (double)(rows - 1)) / (double)rows;

    for (size_t i = 0; i < n; i++) {
        pic->plots[i].outer =
            (struct mt_rect){ edge + (double)(i % columns) * (w + space),
                              top + (double)(i / columns) * (h + space), w, h };
        place_inner(c, &pic->plots[i]);
    }
}

static void free_lines(struct plot *p)
{
    for (size_t i = 0; p->lines && i < p->panel->n_curves; i++)
        mt_lines_free(&p->lines[i]);
    free(p->lines);
    p->lines = NULL;
}

static mt_status trace(struct plot *p, struct mt_err *err)
{
    mt_status status;

    free_lines(p);
    p->lines = calloc(p->panel->n_curves + 1, sizeof *p->lines);
    if (!p->lines)
        return mt_fail_memory(err);
    for (size_t i = 0; i < p->panel->n_curves; i++) {
        if ((status = mt_thin(&p->panel->curves[i], &p->x, &p->y, &p->inner,
                              &p->lines[i], err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

static double title_height(const struct mt_chart *chart)
{
    return chart->title && *chart->title ? large + 12 : 0;
}

/* Fails if an axis is too short to show anything. */
static mt_status check_room(const struct picture *pic, struct mt_err *err)
{
    const struct mt_chart *chart = pic->chart;

    for (size_t i = 0; i < chart->n_panels; i++) {
        const struct mt_rect *in = &pic->plots[i].inner;

        if (in->w < least_axis || in->h < least_axis)
            return mt_fail(err, MT_INVALID,
                           "a picture of %.0f x %.0f pixels has no room for "
                           "%zu panel%s and a legend of %zu: expected a larger "
                           "--width or --height", pic->c->width,
                           pic->c->height, chart->n_panels,
                           chart->n_panels == 1 ? "" : "s", chart->n_keys);
    }
    return MT_OK;
}

/* If there is only one panel, the legend goes into a corner of it that no curve
 * comes near; else, or if there is none, between title and panels. */
static mt_status place(struct picture *pic, struct mt_err *err)
{
    const struct mt_chart *chart = pic->chart;
    double top = edge + title_height(chart);
    mt_status status;

    place_panels(pic, top);
    if (chart->n_panels == 1) {
        pic->legend = mt_legend_box(chart, pic->c);
        if ((status = trace(&pic->plots[0], err)) != MT_OK)
            return status;
        pic->boxed =
            mt_legend_corner(&pic->plots[0].inner, pic->plots[0].lines,
                             pic->plots[0].panel->n_curves, &pic->legend);
    }
    if (pic->boxed)
        return check_room(pic, err);
    pic->legend =
        (struct mt_rect){ pic->plots[0].inner.x, top,
                          pic->c->width - edge - pic->plots[0].inner.x, 0 };
    pic->legend.h = mt_legend_rows(chart, pic->c, pic->legend.w);
    place_panels(pic, top + pic->legend.h + 8);
    if ((status = check_room(pic, err)) != MT_OK)
        return status;
    for (size_t i = 0; i < chart->n_panels; i++) {
        if ((status = trace(&pic->plots[i], err)) != MT_OK)
            return status;
    }
    return MT_OK;
}

/* --- drawing ------------------------------------------------------------ */

static void stroke(struct mt_canvas *c, double x0, double y0, double x1,
                   double y1, uint32_t color, double width)
{
    const struct mt_point p[] = { { x0, y0 }, { x1, y1 } };
    struct mt_pen pen = { color, width, 0, 0 };

    c->ops->line(c, p, 2, &pen);
}

static void draw_grid(struct mt_canvas *c, const struct plot *p)
{
    const struct mt_rect *in = &p->inner;

    for (size_t i = 0; i < p->y_ticks.n_minor; i++) {
        double y =
            in->y + (1 - mt_scale_at(&p->y, p->y_ticks.minor[i])) * in->h;

        stroke(c, in->x, y, in->x + in->w, y, minor_grid, 0.8);
        stroke(c, in->x - minor_length, y, in->x, y, soft, 0.8);
    }
    for (size_t i = 0; i < p->y_ticks.n; i++) {
        double y =
            in->y + (1 - mt_scale_at(&p->y, p->y_ticks.tick[i].value)) * in->h;

        stroke(c, in->x, y, in->x + in->w, y, grid, 1);
        stroke(c, in->x - tick_length, y, in->x, y, soft, 1);
    }
    for (size_t i = 0; i < p->x_ticks.n; i++) {
        double x = in->x + mt_scale_at(&p->x, p->x_ticks.tick[i].value) * in->w;

        stroke(c, x, in->y, x, in->y + in->h, grid, 1);
        stroke(c, x, in->y + in->h, x, in->y + in->h + tick_length, soft, 1);
    }
}

static void draw_tick_text(struct mt_canvas *c, const struct mt_tick *tick,
                           struct mt_point at, enum mt_anchor anchor)
{
    struct written w = write_tick(tick);
    struct mt_type type = { small, ink, anchor, false };

    c->ops->text(c, at, w.text, *w.raised ? w.raised : NULL, &type);
}

static void draw_axes(struct mt_canvas *c, const struct mt_chart *chart,
                      const struct plot *p)
{
    const struct mt_rect *in = &p->inner;
    double bottom = in->y + in->h;
    struct mt_type across = { medium, ink, MT_ANCHOR_MIDDLE, false };
    struct mt_type upward = { medium, ink, MT_ANCHOR_MIDDLE, true };
    const struct mt_point frame[] = { { in->x, in->y },
                                      { in->x, bottom },
                                      { in->x + in->w, bottom } };
    struct mt_pen pen = { soft, 1, 0, 0 };

    c->ops->line(c, frame, 3, &pen);
    for (size_t i = 0; i < p->y_ticks.n; i++) {
        double y =
            in->y + (1 - mt_scale_at(&p->y, p->y_ticks.tick[i].value)) * in->h;

        draw_tick_text(c, &p->y_ticks.tick[i],
                       (struct mt_point){ in->x - tick_length - near,
                                          y + small * MT_FONT_CAPITAL / 2 },
                       MT_ANCHOR_END);
    }
    for (size_t i = 0; i < p->x_ticks.n; i++) {
        double x = in->x + mt_scale_at(&p->x, p->x_ticks.tick[i].value) * in->w;

        draw_tick_text(c, &p->x_ticks.tick[i],
                       (struct mt_point){ x, bottom + tick_length + near +
                                                 small * MT_FONT_CAPITAL },
                       MT_ANCHOR_MIDDLE);
    }
    c->ops->text(c,
                 (struct mt_point){ in->x + in->w / 2,
                                    p->outer.y + p->outer.h - descender },
                 chart->x_title, NULL, &across);
    c->ops->text(
        c, (struct mt_point){ p->outer.x + medium * 0.8, in->y + in->h / 2 },
        p->panel->title, NULL, &upward);
}

static void draw_curve(struct mt_canvas *c, const struct mt_curve *curve,
                       const struct mt_lines *lines)
{
    struct mt_pen pen = mt_curve_pen(curve->run, curve->faint, false);

    for (size_t i = 0; i < lines->n; i++) {
        const struct mt_point *p = lines->p + lines->start[i];
        size_t n = lines->start[i + 1] - lines->start[i];

        if (n > 1)
            c->ops->line(c, p, n, &pen);
        else
            c->ops->disc(c, *p, curve->faint ? 1.8 : 2.6, pen.color);
    }
}

/* A few markers, not in the same places as those of other runs. */
static void draw_markers(struct mt_canvas *c, const struct mt_curve *curve,
                         const struct mt_lines *lines)
{
    size_t n = lines->n_points, every = n / MARKERS + 1;
    size_t first = curve->run * every / 4 % every;

    for (size_t i = n > 1 ? first : 0; i < n; i += every)
        mt_marker_draw(c, lines->p[i], curve->run);
}

static void draw_plot(const struct picture *pic, const struct plot *p)
{
    const struct mt_panel *panel = p->panel;

    draw_grid(pic->c, p);
    for (int faint = 1; faint >= 0; faint--) {
        for (size_t i = 0; i < panel->n_curves; i++) {
            if (panel->curves[i].faint == (faint == 1))
                draw_curve(pic->c, &panel->curves[i], &p->lines[i]);
        }
    }
    for (size_t i = 0; pic->chart->marked && i < panel->n_curves; i++) {
        if (!panel->curves[i].faint)
            draw_markers(pic->c, &panel->curves[i], &p->lines[i]);
    }
    draw_axes(pic->c, pic->chart, p);
}

static void draw(struct picture *pic)
{
    const struct mt_chart *chart = pic->chart;
    struct mt_type type = { large, ink, MT_ANCHOR_MIDDLE, false };

    for (size_t i = 0; i < chart->n_panels; i++)
        draw_plot(pic, &pic->plots[i]);
    if (pic->boxed)
        mt_legend_draw_box(chart, pic->c, &pic->legend);
    else
        mt_legend_draw_rows(chart, pic->c, &pic->legend);
    if (title_height(chart) > 0)
        pic->c->ops->text(
            pic->c, (struct mt_point){ pic->c->width / 2, edge + large * 0.8 },
            chart->title, NULL, &type);
}

mt_status mt_chart_draw(const struct mt_chart *chart, struct mt_canvas *canvas,
                        struct mt_err *err)
{
    struct picture pic = { .chart = chart, .c = canvas };
    mt_status status;

    pic.plots = calloc(chart->n_panels, sizeof *pic.plots);
    if (!pic.plots)
        return mt_fail_memory(err);
    for (size_t i = 0; i < chart->n_panels; i++) {
        struct plot *p = &pic.plots[i];

        p->panel = &chart->panels[i];
        mt_panel_scales(chart, p->panel, &p->x, &p->y);
    }
    status = place(&pic, err);
    if (status == MT_OK)
        draw(&pic);
    for (size_t i = 0; i < chart->n_panels; i++)
        free_lines(&pic.plots[i]);
    free(pic.plots);
    return status;
}
