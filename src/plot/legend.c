#include "plot/legend.h"

#include "plot/font.h"
#include "plot/palette.h"

static const double font = 12, row = 18, sample = 26, gap = 7, pad = 8;
static const double apart = 18; /* between keys of one row */
static const uint32_t ink = 0x222222, grey = 0x666666, border = 0xCCCCCC;

/* A third of the way to white. */
static uint32_t lighter(uint32_t color)
{
    uint32_t out = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        uint32_t part = color >> shift & 255;

        out |= (part + (255 - part) / 3) << shift;
    }
    return out;
}

struct mt_pen mt_curve_pen(size_t run, bool faint, bool neutral)
{
    uint32_t color = neutral ? grey : mt_palette[run % MT_PALETTE].rgb;

    if (faint)
        return (struct mt_pen){ lighter(color), 1.3, 4, 2.5 };
    return (struct mt_pen){ color, 1.9, 0, 0 };
}

/* --- markers ------------------------------------------------------------ */

enum { MAX_CORNERS = 4 };

/* Corners as parts of the size; the first shape is a disc. */
static const struct {
    size_t n;
    struct mt_point corner[MAX_CORNERS];
} shapes[] = {
    { 0, { { 0, 0 } } },
    { 4, { { -.9, -.9 }, { .9, -.9 }, { .9, .9 }, { -.9, .9 } } },
    { 3, { { 0, -1.2 }, { 1.1, .8 }, { -1.1, .8 } } },
    { 4, { { 0, -1.3 }, { 1.3, 0 }, { 0, 1.3 }, { -1.3, 0 } } },
    { 3, { { 0, 1.2 }, { -1.1, -.8 }, { 1.1, -.8 } } },
};

static void draw_shape(struct mt_canvas *c, struct mt_point at, size_t shape,
                       double size, uint32_t color)
{
    struct mt_point p[MAX_CORNERS];

    if (shapes[shape].n == 0) {
        c->ops->disc(c, at, size, color);
        return;
    }
    for (size_t i = 0; i < shapes[shape].n; i++)
        p[i] = (struct mt_point){ at.x + size * shapes[shape].corner[i].x,
                                  at.y + size * shapes[shape].corner[i].y };
    c->ops->fill(c, p, shapes[shape].n, color);
}

void mt_marker_draw(struct mt_canvas *c, struct mt_point at, size_t run)
{
    size_t shape = run % (sizeof shapes / sizeof *shapes);

    draw_shape(c, at, shape, 4.6, 0xFFFFFF);
    draw_shape(c, at, shape, 3.4, mt_palette[run % MT_PALETTE].rgb);
}

/* --- keys --------------------------------------------------------------- */

static double key_width(const struct mt_canvas *c, const struct mt_key *key)
{
    return sample + gap + c->slack * mt_font_width(key->label, font);
}

/* y is the middle of its row. */
static void draw_key(const struct mt_chart *chart, struct mt_canvas *c,
                     const struct mt_key *key, double x, double y)
{
    struct mt_pen pen = mt_curve_pen(key->run, key->faint, key->neutral);
    struct mt_point line[] = { { x, y }, { x + sample, y } };
    struct mt_type type = { font, ink, MT_ANCHOR_START, false };
    struct mt_point at = { x + sample + gap, y + font * MT_FONT_CAPITAL / 2 };

    c->ops->line(c, line, 2, &pen);
    if (chart->marked && !key->neutral && !key->faint)
        mt_marker_draw(c, (struct mt_point){ x + sample / 2, y }, key->run);
    c->ops->text(c, at, key->label, NULL, &type);
}

struct mt_rect mt_legend_box(const struct mt_chart *chart,
                             const struct mt_canvas *c)
{
    struct mt_rect box = { 0, 0, 0, row * (double)chart->n_keys + pad };

    for (size_t i = 0; i < chart->n_keys; i++) {
        double w = key_width(c, &chart->keys[i]) + 2 * pad;

        box.w = w > box.w ? w : box.w;
    }
    return box;
}

bool mt_legend_corner(const struct mt_rect *area, const struct mt_lines *lines,
                      size_t n, struct mt_rect *box)
{
    double right = area->x + area->w - box->w - pad, left = area->x + pad;
    double top = area->y + pad, bottom = area->y + area->h - box->h - pad;
    const struct mt_point corners[] = {
        { right, top }, { right, bottom }, { left, bottom }, { left, top }
    };

    /* it should not fill the panel */
    if (box->w > area->w / 2 || box->h > area->h / 2)
        return false;
    for (size_t i = 0; i < 4; i++) {
        struct mt_rect near = { corners[i].x - pad, corners[i].y - pad,
                                box->w + 2 * pad, box->h + 2 * pad };
        bool met = false;

        for (size_t k = 0; k < n && !met; k++)
            met = mt_lines_enter(&lines[k], &near);
        if (met)
            continue;
        box->x = corners[i].x;
        box->y = corners[i].y;
        return true;
    }
    return false;
}

void mt_legend_draw_box(const struct mt_chart *chart, struct mt_canvas *c,
                        const struct mt_rect *box)
{
    const struct mt_point p[] = {
        { box->x, box->y },
        { box->x + box->w, box->y },
        { box->x + box->w, box->y + box->h },
        { box->x, box->y + box->h },
        { box->x, box->y },
    };
    struct mt_pen pen = { border, 0.8, 0, 0 };

    c->ops->fill(c, p, 4, 0xFFFFFF);
    c->ops->line(c, p, 5, &pen);
    for (size_t i = 0; i < chart->n_keys; i++)
        draw_key(chart, c, &chart->keys[i], box->x + pad,
                 box->y + pad / 2 + row * ((double)i + 0.5));
}

/* Returns the place of a key in the rows, and moves *next past it. */
static struct mt_point place_key(const struct mt_canvas *c,
                                 const struct mt_key *key,
                                 const struct mt_rect *area,
                                 struct mt_point *next)
{
    double w = key_width(c, key);
    struct mt_point at = *next;

    if (at.x > area->x && at.x + w > area->x + area->w)
        at = (struct mt_point){ area->x, at.y + row };
    *next = (struct mt_point){ at.x + w + apart, at.y };
    return at;
}

double mt_legend_rows(const struct mt_chart *chart, const struct mt_canvas *c,
                      double width)
{
    struct mt_rect area = { 0, 0, width, 0 };
    struct mt_point next = { 0, row };

    for (size_t i = 0; i < chart->n_keys; i++)
        place_key(c, &chart->keys[i], &area, &next);
    return next.y;
}

void mt_legend_draw_rows(const struct mt_chart *chart, struct mt_canvas *c,
                         const struct mt_rect *area)
{
    struct mt_point next = { area->x, area->y + row / 2 };

    for (size_t i = 0; i < chart->n_keys; i++) {
        struct mt_point at = place_key(c, &chart->keys[i], area, &next);

        draw_key(chart, c, &chart->keys[i], at.x, at.y);
    }
}
