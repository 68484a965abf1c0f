/*
 * What pictures are drawn on: operations that each back end (svg.h, raster.h)
 * implements. Lengths are in pixels of the layout, x to the right and y down,
 * from the upper left corner; colors are 0xRRGGBB.
 *
 * A back end's struct starts with a struct mt_canvas. Errors (no memory) are
 * kept in it and reported at the end.
 */
#ifndef MT_PLOT_CANVAS_H
#define MT_PLOT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_point {
    double x, y;
};

struct mt_rect {
    double x, y, w, h;
};

struct mt_pen {
    uint32_t color;
    double width;
    double on, off; /* lengths of dashes and gaps; off 0: one line */
};

enum mt_anchor { MT_ANCHOR_START, MT_ANCHOR_MIDDLE, MT_ANCHOR_END };

struct mt_type {
    double size; /* of the font; capitals are 0.7 of it high */
    uint32_t color;
    enum mt_anchor anchor;
    bool upward; /* turned 90 degrees to the left */
};

struct mt_canvas;

struct mt_canvas_ops {
    /* A line through n points, ends and corners rounded. */
    void (*line)(struct mt_canvas *c, const struct mt_point *p, size_t n,
                 const struct mt_pen *pen);
    /* A convex polygon. */
    void (*fill)(struct mt_canvas *c, const struct mt_point *p, size_t n,
                 uint32_t color);
    void (*disc)(struct mt_canvas *c, struct mt_point center, double radius,
                 uint32_t color);
    /* UTF-8 on a baseline from `at`; raised (may be NULL) follows it, smaller
     * and higher, like an exponent. */
    void (*text)(struct mt_canvas *c, struct mt_point at, const char *text,
                 const char *raised, const struct mt_type *type);
};

struct mt_canvas {
    const struct mt_canvas_ops *ops;
    double width, height;
    double slack; /* texts may be this many times as wide as font.h says */
};

/* How an exponent is set, as parts of the font size. */
#define MT_RAISED_SIZE 0.7
#define MT_RAISED_BY 0.42

#endif
