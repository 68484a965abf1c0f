#include "plot/svg.h"

#include <stdio.h>
#include <string.h>

#include "plot/label.h"

/* Appends a length with at most two decimal places and no trailing zeros. */
static void add_number(struct mt_strbuf *out, double x)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.2f", x);

    while (n > 0 && text[n - 1] == '0')
        n--;
    if (n > 0 && text[n - 1] == '.')
        n--;
    if (n == 2 && memcmp(text, "-0", 2) == 0)
        mt_strbuf_putc(out, '0');
    else
        mt_strbuf_add(out, text, (size_t)n);
}

static void add_attribute(struct mt_strbuf *out, const char *name, double x)
{
    mt_strbuf_printf(out, " %s=\"", name);
    add_number(out, x);
    mt_strbuf_putc(out, '"');
}

static void add_color(struct mt_strbuf *out, const char *name, uint32_t color)
{
    mt_strbuf_printf(out, " %s=\"#%06x\"", name, (unsigned)color);
}

static void add_text(struct mt_strbuf *out, const char *text)
{
    uint32_t c;

    while ((c = mt_label_next(&text))) {
        switch (c) {
        case '&':
            mt_strbuf_puts(out, "&amp;");
            break;
        case '<':
            mt_strbuf_puts(out, "&lt;");
            break;
        case '>':
            mt_strbuf_puts(out, "&gt;");
            break;
        default:
            mt_label_add(out, c);
        }
    }
}

static void add_path(struct mt_strbuf *out, const struct mt_point *p, size_t n,
                     const char *end)
{
    mt_strbuf_puts(out, "<path d=\"");
    for (size_t i = 0; i < n; i++) {
        /* lines short enough for editors */
        mt_strbuf_puts(out, i == 0 ? "M" : i % 16 ? " " : "\n");
        add_number(out, p[i].x);
        mt_strbuf_putc(out, ',');
        add_number(out, p[i].y);
    }
    mt_strbuf_puts(out, end);
}

static struct mt_strbuf *out_of(struct mt_canvas *c)
{
    return &((struct mt_svg *)c)->out;
}

static void svg_line(struct mt_canvas *c, const struct mt_point *p, size_t n,
                     const struct mt_pen *pen)
{
    struct mt_strbuf *out = out_of(c);

    add_path(out, p, n, "\" fill=\"none\" stroke-linejoin=\"round\"");
    add_color(out, "stroke", pen->color);
    add_attribute(out, "stroke-width", pen->width);
    if (pen->off > 0) {
        mt_strbuf_puts(out, " stroke-dasharray=\"");
        add_number(out, pen->on);
        mt_strbuf_putc(out, ' ');
        add_number(out, pen->off);
        mt_strbuf_putc(out, '"');
    } else {
        mt_strbuf_puts(out, " stroke-linecap=\"round\"");
    }
    mt_strbuf_puts(out, "/>\n");
}

static void svg_fill(struct mt_canvas *c, const struct mt_point *p, size_t n,
                     uint32_t color)
{
    struct mt_strbuf *out = out_of(c);

    add_path(out, p, n, "Z\"");
    add_color(out, "fill", color);
    mt_strbuf_puts(out, "/>\n");
}

static void svg_disc(struct mt_canvas *c, struct mt_point center, double radius,
                     uint32_t color)
{
    struct mt_strbuf *out = out_of(c);

    mt_strbuf_puts(out, "<circle");
    add_attribute(out, "cx", center.x);
    add_attribute(out, "cy", center.y);
    add_attribute(out, "r", radius);
    add_color(out, "fill", color);
    mt_strbuf_puts(out, "/>\n");
}

static void svg_text(struct mt_canvas *c, struct mt_point at, const char *text,
                     const char *raised, const struct mt_type *type)
{
    static const char *const anchors[] = { "start", "middle", "end" };
    struct mt_strbuf *out = out_of(c);

    mt_strbuf_puts(out, "<text");
    add_attribute(out, "x", at.x);
    add_attribute(out, "y", at.y);
    add_attribute(out, "font-size", type->size);
    add_color(out, "fill", type->color);
    if (type->anchor != MT_ANCHOR_START)
        mt_strbuf_printf(out, " text-anchor=\"%s\"", anchors[type->anchor]);
    if (type->upward) {
        mt_strbuf_puts(out, " transform=\"rotate(-90 ");
        add_number(out, at.x);
        mt_strbuf_putc(out, ' ');
        add_number(out, at.y);
        mt_strbuf_puts(out, ")\"");
    }
    mt_strbuf_putc(out, '>');
    add_text(out, text);
    if (raised) {
        mt_strbuf_puts(out, "<tspan");
        add_attribute(out, "dy", -MT_RAISED_BY * type->size);
        add_attribute(out, "font-size", MT_RAISED_SIZE * type->size);
        mt_strbuf_putc(out, '>');
        add_text(out, raised);
        mt_strbuf_puts(out, "</tspan>");
    }
    mt_strbuf_puts(out, "</text>\n");
}

static const struct mt_canvas_ops svg_ops = { svg_line, svg_fill, svg_disc,
                                              svg_text };

/* The viewer's font may be a wide one. */
static const double slack = 1.18;

void mt_svg_start(struct mt_svg *svg, double width, double height,
                  const char *title)
{
    struct mt_strbuf *out = &svg->out;

    *svg = (struct mt_svg){ .canvas = { &svg_ops, width, height, slack },
                            .out = MT_STRBUF_INIT };
    mt_strbuf_puts(out, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    add_attribute(out, "width", width);
    add_attribute(out, "height", height);
    mt_strbuf_puts(out, " viewBox=\"0 0 ");
    add_number(out, width);
    mt_strbuf_putc(out, ' ');
    add_number(out, height);
    mt_strbuf_puts(out, "\" role=\"img\" font-family=\"Helvetica, Arial, "
                        "'Liberation Sans', sans-serif\">\n");
    if (title) {
        mt_strbuf_puts(out, "<title>");
        add_text(out, title);
        mt_strbuf_puts(out, "</title>\n");
    }
    mt_strbuf_puts(out, "<rect width=\"100%\" height=\"100%\" "
                        "fill=\"#ffffff\"/>\n");
}

void mt_svg_end(struct mt_svg *svg)
{
    mt_strbuf_puts(&svg->out, "</svg>\n");
}
