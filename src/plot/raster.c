#include "plot/raster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/font.h"

/* --- the mask ----------------------------------------------------------- */

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* x as a whole number of dots, from 0 to n. */
static size_t dot(double x, size_t n)
{
    return (size_t)clamp(x, 0, (double)n);
}

static void grow(struct mt_raster *r, size_t left, size_t right, size_t top,
                 size_t bottom)
{
    r->left = left < r->left ? left : r->left;
    r->right = right > r->right ? right : r->right;
    r->top = top < r->top ? top : r->top;
    r->bottom = bottom > r->bottom ? bottom : r->bottom;
}

static void cover(struct mt_raster *r, size_t x, size_t y, double part)
{
    unsigned char *at = &r->mask[y * r->columns + x];
    unsigned char v = (unsigned char)(255 * clamp(part, 0, 1) + 0.5);

    *at = v > *at ? v : *at;
}

/* The distance from p to the segment from a to b. */
static double distance(struct mt_point p, struct mt_point a, struct mt_point b)
{
    double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double t = length > 0
                   ? clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0, 1)
                   : 0;
    double ex = p.x - a.x - t * dx, ey = p.y - a.y - t * dy;

    return sqrt(ex * ex + ey * ey);
}

/* The range of x of the part of a segment within reach of the row at y. */
static void span(struct mt_point a, struct mt_point b, double y, double reach,
                 double *lo, double *hi)
{
    double t0 = 0, t1 = 1, dy = b.y - a.y;

    if (dy != 0) {
        double u = (y - reach - a.y) / dy, v = (y + reach - a.y) / dy;

        t0 = clamp(fmin(u, v), 0, 1);
        t1 = clamp(fmax(u, v), 0, 1);
    }
    *lo = fmin(a.x + t0 * (b.x - a.x), a.x + t1 * (b.x - a.x)) - reach;
    *hi = fmax(a.x + t0 * (b.x - a.x), a.x + t1 * (b.x - a.x)) + reach;
}

/* Covers everything within `half` of the segment; all in dots. */
static void cover_segment(struct mt_raster *r, struct mt_point a,
                          struct mt_point b, double half)
{
    double reach = half + 1;
    size_t top = dot(fmin(a.y, b.y) - reach, r->rows);
    size_t bottom = dot(fmax(a.y, b.y) + reach + 1, r->rows);

    for (size_t y = top; y < bottom; y++) {
        double lo, hi;

        span(a, b, (double)y + 0.5, reach, &lo, &hi);
        size_t left = dot(lo, r->columns), right = dot(hi + 1, r->columns);

        for (size_t x = left; x < right; x++) {
            struct mt_point p = { (double)x + 0.5, (double)y + 0.5 };

            cover(r, x, y, half + 0.5 - distance(p, a, b));
        }
        if (left < right)
            grow(r, left, right, y, y + 1);
    }
}

/* Paints what is covered in the color, and clears the mask. */
static void paint(struct mt_raster *r, uint32_t color)
{
    const int rgb[] = { color >> 16 & 255, color >> 8 & 255, color & 255 };

    for (size_t y = r->top; y < r->bottom; y++) {
        for (size_t x = r->left; x < r->right; x++) {
            unsigned char *at = &r->rgb[3 * (y * r->columns + x)];
            int part = r->mask[y * r->columns + x];

            for (int i = 0; i < 3; i++)
                at[i] = (unsigned char)((at[i] * (255 - part) + rgb[i] * part +
                                         127) /
                                        255);
        }
        if (r->left < r->right)
            memset(&r->mask[y * r->columns + r->left], 0, r->right - r->left);
    }
    r->left = r->columns;
    r->top = r->rows;
    r->right = r->bottom = 0;
}

/* --- lines -------------------------------------------------------------- */

static struct mt_raster *raster_of(struct mt_canvas *c)
{
    return (struct mt_raster *)c;
}

static struct mt_point dots(const struct mt_raster *r, struct mt_point p)
{
    return (struct mt_point){ p.x * r->density, p.y * r->density };
}

static struct mt_point between(struct mt_point a, struct mt_point b, double t)
{
    return (struct mt_point){ a.x + t * (b.x - a.x), a.y + t * (b.y - a.y) };
}

/* Covers the segment's dashes; *at is the place in the pattern. */
static void cover_dashes(struct mt_raster *r, struct mt_point a,
                         struct mt_point b, double half, double on, double off,
                         double *at)
{
    double length = sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
    double done = 0;

    while (done < length) {
        double left = *at < on ? on - *at : on + off - *at;
        double step = fmin(left, length - done);

        if (*at < on)
            cover_segment(r, between(a, b, done / length),
                          between(a, b, (done + step) / length), half);
        done += step;
        *at = step < left ? *at + step : *at < on ? on : 0;
    }
}

static void raster_line(struct mt_canvas *c, const struct mt_point *p, size_t n,
                        const struct mt_pen *pen)
{
    struct mt_raster *r = raster_of(c);
    double half = pen->width * r->density / 2, at = 0;
    /* round ends make dashes longer and gaps shorter */
    double on = (pen->on - pen->width / 2) * r->density;
    double off = (pen->off + pen->width / 2) * r->density;

    for (size_t i = 0; i + 1 < n; i++) {
        if (pen->off > 0)
            cover_dashes(r, dots(r, p[i]), dots(r, p[i + 1]), half, on, off,
                         &at);
        else
            cover_segment(r, dots(r, p[i]), dots(r, p[i + 1]), half);
    }
    paint(r, pen->color);
}

/* --- areas -------------------------------------------------------------- */

/* How far p lies inside the convex polygon (negative: outside). */
static double depth(const struct mt_raster *r, struct mt_point p,
                    const struct mt_point *corners, size_t n, double sign)
{
    double least = INFINITY;

    for (size_t i = 0; i < n; i++) {
        struct mt_point a = dots(r, corners[i]);
        struct mt_point b = dots(r, corners[(i + 1) % n]);
        double dx = b.x - a.x, dy = b.y - a.y;
        double length = sqrt(dx * dx + dy * dy);

        if (length > 0)
            least = fmin(least,
                         sign * (dx * (p.y - a.y) - dy * (p.x - a.x)) / length);
    }
    return least;
}

static double turn_of(const struct mt_point *p, size_t n)
{
    double area = 0;

    for (size_t i = 0; i < n; i++)
        area += p[i].x * p[(i + 1) % n].y - p[(i + 1) % n].x * p[i].y;
    return area < 0 ? -1 : 1;
}

static void raster_fill(struct mt_canvas *c, const struct mt_point *p, size_t n,
                        uint32_t color)
{
    struct mt_raster *r = raster_of(c);
    double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
    double sign = turn_of(p, n);

    for (size_t i = 0; i < n; i++) {
        struct mt_point d = dots(r, p[i]);

        x0 = fmin(x0, d.x);
        x1 = fmax(x1, d.x);
        y0 = fmin(y0, d.y);
        y1 = fmax(y1, d.y);
    }
    size_t left = dot(x0 - 1, r->columns), right = dot(x1 + 2, r->columns);
    size_t top = dot(y0 - 1, r->rows), bottom = dot(y1 + 2, r->rows);

    for (size_t y = top; y < bottom; y++) {
        for (size_t x = left; x < right; x++) {
            struct mt_point at = { (double)x + 0.5, (double)y + 0.5 };

            cover(r, x, y, 0.5 + depth(r, at, p, n, sign));
        }
    }
    grow(r, left, right, top, bottom);
    paint(r, color);
}

static void raster_disc(struct mt_canvas *c, struct mt_point center,
                        double radius, uint32_t color)
{
    struct mt_raster *r = raster_of(c);
    struct mt_point at = dots(r, center);

    cover_segment(r, at, at, radius * r->density);
    paint(r, color);
}

/* --- text --------------------------------------------------------------- */

/* From the font's lines (y up, from the baseline's start) to dots. */
struct writing {
    struct mt_raster *r;
    struct mt_point at;
    bool upward;
    double half;
};

static struct mt_point place(const struct writing *w, struct mt_point p)
{
    struct mt_point q = w->upward
                            ? (struct mt_point){ w->at.x - p.y, w->at.y - p.x }
                            : (struct mt_point){ w->at.x + p.x, w->at.y - p.y };

    return dots(w->r, q);
}

static void write_line(void *ctx, const struct mt_point *p, size_t n)
{
    const struct writing *w = ctx;

    for (size_t i = 0; i + 1 < n || i == 0; i++)
        cover_segment(w->r, place(w, p[i]), place(w, p[n > 1 ? i + 1 : i]),
                      n > 1 ? w->half : 1.25 * w->half);
}

/* Moves along the baseline and above it. */
static struct mt_point shift(struct mt_point at, bool upward, double along,
                             double above)
{
    if (upward)
        return (struct mt_point){ at.x - above, at.y - along };
    return (struct mt_point){ at.x + along, at.y - above };
}

static void raster_text(struct mt_canvas *c, struct mt_point at,
                        const char *text, const char *raised,
                        const struct mt_type *type)
{
    struct mt_raster *r = raster_of(c);
    double width = mt_font_width_raised(text, raised, type->size);
    double back = type->anchor == MT_ANCHOR_START    ? 0
                  : type->anchor == MT_ANCHOR_MIDDLE ? width / 2
                                                     : width;
    double half = MT_FONT_STROKE * type->size * r->density / 2;
    struct writing w = { r, shift(at, type->upward, -back, 0), type->upward,
                         half };

    mt_font_draw(text, type->size, write_line, &w);
    if (raised) {
        w.at = shift(w.at, type->upward, mt_font_width(text, type->size),
                     MT_RAISED_BY * type->size);
        w.half = half * (1 + MT_RAISED_SIZE) / 2;
        mt_font_draw(raised, MT_RAISED_SIZE * type->size, write_line, &w);
    }
    paint(r, type->color);
}

static const struct mt_canvas_ops raster_ops = { raster_line, raster_fill,
                                                 raster_disc, raster_text };

mt_status mt_raster_start(struct mt_raster *r, double width, double height,
                          double density, struct mt_err *err)
{
    double columns = ceil(width * density), rows = ceil(height * density);

    *r = (struct mt_raster){ .canvas = { &raster_ops, width, height, 1 },
                             .density = density };
    if (!(columns >= 1 && rows >= 1 && columns * rows <= MT_RASTER_MAX_DOTS))
        return mt_fail(err, MT_INVALID,
                       "a picture of %.0f x %.0f dots: expected at most %d in "
                       "all; a smaller --density helps",
                       columns, rows, MT_RASTER_MAX_DOTS);
    r->columns = (size_t)columns;
    r->rows = (size_t)rows;
    r->rgb = malloc(3 * r->columns * r->rows);
    r->mask = calloc(r->columns, r->rows);
    if (!r->rgb || !r->mask) {
        mt_raster_free(r);
        return mt_fail_memory(err);
    }
    memset(r->rgb, 255, 3 * r->columns * r->rows);
    r->left = r->columns;
    r->top = r->rows;
    return MT_OK;
}

void mt_raster_free(struct mt_raster *r)
{
    free(r->rgb);
    free(r->mask);
    *r = (struct mt_raster){ 0 };
}
