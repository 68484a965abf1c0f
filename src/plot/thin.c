#include "plot/thin.h"

#include <math.h>
#include <stdlib.h>

/* Columns are half a pixel wide: pictures have up to two dots per pixel. */
enum { PER_PIXEL = 2, KEPT = 4 };

/* What a column keeps, and the order in which the points came. */
struct column {
    long at;
    size_t n;
    struct mt_point first, low, high, last;
    size_t low_at, high_at;
};

static void add_point(struct mt_lines *out, struct mt_point p)
{
    out->p[out->n_points++] = p;
}

static void start_line(struct mt_lines *out)
{
    if (out->start[out->n] != out->n_points)
        out->start[++out->n] = out->n_points;
}

static void flush(struct mt_lines *out, struct column *c)
{
    if (c->n)
        add_point(out, c->first);
    if (c->n > 3 && c->low_at < c->high_at) {
        add_point(out, c->low);
        add_point(out, c->high);
    } else if (c->n > 3) {
        add_point(out, c->high);
        add_point(out, c->low);
    } else if (c->n == 3) {
        add_point(out, c->low_at == 1 ? c->low : c->high);
    }
    if (c->n > 1)
        add_point(out, c->last);
    c->n = 0;
}

static void collect(struct mt_lines *out, struct column *c, struct mt_point p)
{
    long at = lround(p.x * PER_PIXEL);

    if (c->n && at != c->at)
        flush(out, c);
    if (c->n == 0) {
        *c = (struct column){ .at = at, .first = p, .low = p, .high = p };
    } else if (p.y < c->low.y) {
        c->low = p;
        c->low_at = c->n;
    } else if (p.y > c->high.y) {
        c->high = p;
        c->high_at = c->n;
    }
    c->last = p;
    c->n++;
}

/* With many points, a gap within a column is too narrow to be seen and does not
 * end the line. */
static void trace(const struct mt_curve *curve, const struct mt_scale *x,
                  const struct mt_scale *y, const struct mt_rect *area,
                  bool many, struct mt_lines *out)
{
    struct column column = { 0 };
    bool gap = false;

    for (size_t i = 0; i < curve->n; i++) {
        if (!mt_scale_shows(y, curve->y[i]) || !isfinite(curve->x[i])) {
            gap = true;
            continue;
        }
        struct mt_point p = {
            area->x + mt_scale_at(x, curve->x[i]) * area->w,
            area->y + (1 - mt_scale_at(y, curve->y[i])) * area->h,
        };

        if (gap && (!many || lround(p.x * PER_PIXEL) != column.at)) {
            flush(out, &column);
            start_line(out);
        }
        gap = false;
        if (many)
            collect(out, &column, p);
        else
            add_point(out, p);
    }
    flush(out, &column);
    start_line(out);
}

mt_status mt_thin(const struct mt_curve *curve, const struct mt_scale *x,
                  const struct mt_scale *y, const struct mt_rect *area,
                  struct mt_lines *out, struct mt_err *err)
{
    bool many = (double)curve->n > KEPT * PER_PIXEL * area->w;

    *out =
        (struct mt_lines){ .p = calloc(curve->n + 1, sizeof *out->p),
                           .start = calloc(curve->n + 2, sizeof *out->start) };
    if (!out->p || !out->start) {
        mt_lines_free(out);
        return mt_fail_memory(err);
    }
    trace(curve, x, y, area, many, out);
    return MT_OK;
}

void mt_lines_free(struct mt_lines *lines)
{
    free(lines->p);
    free(lines->start);
    *lines = (struct mt_lines){ 0 };
}

/* Shortens [t0, t1] to where from + t d lies within lo and hi. */
static bool cut(double from, double d, double lo, double hi, double *t0,
                double *t1)
{
    if (d == 0)
        return from >= lo && from <= hi;
    double a = (lo - from) / d, b = (hi - from) / d;

    *t0 = fmax(*t0, fmin(a, b));
    *t1 = fmin(*t1, fmax(a, b));
    return *t0 <= *t1;
}

static bool segment_enters(struct mt_point a, struct mt_point b,
                           const struct mt_rect *r)
{
    double t0 = 0, t1 = 1;

    return cut(a.x, b.x - a.x, r->x, r->x + r->w, &t0, &t1) &&
           cut(a.y, b.y - a.y, r->y, r->y + r->h, &t0, &t1);
}

bool mt_lines_enter(const struct mt_lines *lines, const struct mt_rect *rect)
{
    for (size_t i = 0; i < lines->n; i++) {
        for (size_t k = lines->start[i]; k < lines->start[i + 1]; k++) {
            size_t next = k + 1 < lines->start[i + 1] ? k + 1 : k;

            if (segment_enters(lines->p[k], lines->p[next], rect))
                return true;
        }
    }
    return false;
}
