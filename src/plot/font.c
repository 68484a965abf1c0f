#include "plot/font.h"

#include <stdlib.h>

#include "plot/glyphs.h"
#include "plot/label.h"
#include "kernels/dmath.h"

enum { UNITS = 20, CURVE_PARTS = 12, MAX_POINTS = 256 };

/* Following a path: the line so far. */
struct stroke {
    double x, scale, raise; /* of the character */
    struct mt_point p[MAX_POINTS];
    size_t n;
    mt_font_line *line;
    void *ctx;
};

static void end_line(struct stroke *s)
{
    if (s->n)
        s->line(s->ctx, s->p, s->n);
    s->n = 0;
}

static void add_point(struct stroke *s, double x, double y)
{
    if (s->n < MAX_POINTS)
        s->p[s->n++] = (struct mt_point){ (s->x + x) * s->scale,
                                          (s->raise + y) * s->scale };
}

static void move_to(struct stroke *s, const double *v)
{
    end_line(s);
    add_point(s, v[0], v[1]);
}

static void line_to(struct stroke *s, const double *v)
{
    add_point(s, v[0], v[1]);
}

/* B(t) = (1-t)^3 p0 + 3 (1-t)^2 t p1 + 3 (1-t) t^2 p2 + t^3 p3 */
static void curve_to(struct stroke *s, const double *v)
{
    struct mt_point from = s->p[s->n - 1];
    double x = from.x / s->scale - s->x, y = from.y / s->scale - s->raise;

    for (int i = 1; i <= CURVE_PARTS; i++) {
        double t = (double)i / CURVE_PARTS, u = 1 - t;
        double a = u * u * u, b = 3 * u * u * t, c = 3 * u * t * t;
        double d = t * t * t;

        add_point(s, a * x + b * v[0] + c * v[2] + d * v[4],
                  a * y + b * v[1] + c * v[3] + d * v[5]);
    }
}

static void ellipse(struct stroke *s, const double *v)
{
    end_line(s);
    for (int i = 0; i <= 4 * CURVE_PARTS; i++) {
        double turn = (double)i / (2 * CURVE_PARTS);

        add_point(s, v[0] + v[2] * mt_dcospi(turn),
                  v[1] + v[3] * mt_dsinpi(turn));
    }
}

static const struct {
    char name;
    int numbers;
    void (*draw)(struct stroke *s, const double *v);
} commands[] = {
    { 'M', 2, move_to }, { 'L', 2, line_to }, { 'C', 6, curve_to },
    { 'O', 4, ellipse }, { '.', 2, move_to },
};

static void draw_path(struct stroke *s, const char *path)
{
    while (*path) {
        double v[6];
        size_t c = 0;

        while (commands[c].name != *path)
            c++;
        path++;
        for (int i = 0; i < commands[c].numbers; i++) {
            char *end;

            v[i] = strtod(path, &end);
            path = end;
        }
        commands[c].draw(s, v);
        while (*path == ' ')
            path++;
    }
    end_line(s);
}

double mt_font_width(const char *text, double size)
{
    double width = 0, raise;
    const struct mt_glyph *accent;
    uint32_t c;

    while ((c = mt_label_next(&text)))
        width += mt_glyph_find(c, &accent, &raise)->advance;
    return width * size / UNITS;
}

double mt_font_width_raised(const char *text, const char *raised, double size)
{
    double width = mt_font_width(text, size);

    return raised ? width + mt_font_width(raised, MT_RAISED_SIZE * size)
                  : width;
}

void mt_font_draw(const char *text, double size, mt_font_line *line, void *ctx)
{
    struct stroke s = { .scale = size / UNITS, .line = line, .ctx = ctx };
    const struct mt_glyph *accent;
    double raise, x = 0;
    uint32_t c;

    while ((c = mt_label_next(&text))) {
        const struct mt_glyph *glyph = mt_glyph_find(c, &accent, &raise);

        s.x = x;
        s.raise = 0;
        draw_path(&s, glyph->path);
        if (accent) {
            s.x = x + glyph->advance / 2;
            s.raise = raise;
            draw_path(&s, accent->path);
        }
        x += glyph->advance;
    }
}
