/*
 * A canvas that writes SVG: text stays text. The same drawing gives the same
 * bytes.
 *
 *     struct mt_svg svg;
 *     mt_svg_start(&svg, 640, 420, "title");
 *     mt_chart_draw(&chart, &svg.canvas, err);
 *     mt_svg_end(&svg);                 svg.out is the file; check .failed
 *     mt_strbuf_free(&svg.out);
 */
#ifndef MT_PLOT_SVG_H
#define MT_PLOT_SVG_H

#include "base/strbuf.h"
#include "plot/canvas.h"

struct mt_svg {
    struct mt_canvas canvas;
    struct mt_strbuf out;
};

/* title: for readers who cannot see the picture; may be NULL. */
void mt_svg_start(struct mt_svg *svg, double width, double height,
                  const char *title);
void mt_svg_end(struct mt_svg *svg);

#endif
