/*
 * A chart: panels side by side, each with curves over one x axis; and how
 * it is drawn as a picture. (In a terminal: term.h.)
 *
 *     struct mt_curve curves[] = { { "a, train", x, y, n, 0, true }, ... };
 *     struct mt_panel panel = { "loss", curves, 2 };
 *     struct mt_key keys[] = { { "train", 0, true }, ... };
 *     struct mt_chart chart = { NULL, "epoch", &panel, 1, keys, 2 };
 *     mt_chart_draw(&chart, &canvas, err);
 *
 * Curves point to their numbers and do not copy them. x ascends. A y that
 * cannot be shown (NaN, infinite, or on a logarithmic axis 0 and below) is a
 * gap.
 */
#ifndef MT_PLOT_CHART_H
#define MT_PLOT_CHART_H

#include "base/status.h"
#include "plot/canvas.h"
#include "plot/scale.h"

struct mt_curve {
    const char *label;  /* UTF-8, maybe invalid */
    const double *x, *y; /* (n) each */
    size_t n;
    size_t run;         /* decides color and marker */
    bool faint;         /* thin and dashed: training */
};

struct mt_panel {
    const char *title;  /* of the y axis */
    const struct mt_curve *curves;
    size_t n_curves;
};

/* A line of the legend of a picture. */
struct mt_key {
    const char *label;
    size_t run;
    bool faint;
    bool neutral; /* for all runs: in grey */
};

struct mt_chart {
    const char *title;   /* may be NULL */
    const char *x_title;
    const struct mt_panel *panels;
    size_t n_panels;     /* at least 1 */
    const struct mt_key *keys;
    size_t n_keys;
    bool log_y;
    bool marked;         /* runs have markers as well as colors */
};

enum { MT_MAX_PANELS = 16 };

/* How many columns of panels suit a picture of that shape (width / height). */
size_t mt_chart_columns(size_t n_panels, double shape);

mt_status mt_chart_draw(const struct mt_chart *chart, struct mt_canvas *canvas,
                        struct mt_err *err);

/* The scales that show all curves of a panel, with margins. */
void mt_panel_scales(const struct mt_chart *chart,
                     const struct mt_panel *panel, struct mt_scale *x,
                     struct mt_scale *y);

#endif
