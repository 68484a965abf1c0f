/*
 * A panel as text: curves in braille (2 x 4 dots per character) with axes of
 * box-drawing characters, or all in ASCII. Without color, curves are marked
 * with letters.
 */
#ifndef MT_PLOT_TERM_H
#define MT_PLOT_TERM_H

#include "base/strbuf.h"
#include "plot/chart.h"

struct mt_term {
    size_t width, height; /* in characters; the limits are below */
    bool unicode;
    bool color;           /* with escape sequences */
};

enum {
    MT_TERM_LEAST_WIDTH = 24,
    MT_TERM_LEAST_HEIGHT = 8,
    MT_TERM_MOST = 4096, /* of both */
};

/* Appends a centered line, cut to the width; nothing for NULL or "". */
void mt_term_title(const char *title, const struct mt_term *term,
                   struct mt_strbuf *out);

/* Appends height lines and a legend. */
mt_status mt_term_draw(const struct mt_chart *chart,
                       const struct mt_panel *panel,
                       const struct mt_term *term, struct mt_strbuf *out,
                       struct mt_err *err);

#endif
