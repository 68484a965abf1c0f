#include "cmd/plotdata.h"

#include <math.h>
#include <string.h>

#include "base/nearest.h"
#include "base/strbuf.h"
#include "cmd/report.h"
#include "plot/label.h"

static const char *const parts[] = { "train", "val", "" };

enum { N_PARTS = 3, MOST_LABEL = 60 /* characters */ };

/* --- runs --------------------------------------------------------------- */

static char *base_label(struct mt_plot_data *d, const char *path)
{
    const char *base = strrchr(path, '/');

    base = base ? base + 1 : path;
    return mt_arena_strndup(&d->arena, base, mt_stem_length(base, ".mtc"));
}

/* Base names, or whole paths where two files have the same one. */
static mt_status label_runs(struct mt_plot_data *d, struct mt_err *err)
{
    for (size_t i = 0; i < d->n_runs; i++) {
        d->runs[i].label = base_label(d, d->runs[i].path);
        if (!d->runs[i].label)
            return mt_fail_memory(err);
    }
    for (size_t i = 0; i < d->n_runs; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(d->runs[i].label, d->runs[k].label) == 0)
                d->runs[i].label = d->runs[i].path;
        }
        for (size_t k = 0; k < i; k++) {
            char *base = base_label(d, d->runs[i].path);

            if (!base)
                return mt_fail_memory(err);
            if (strcmp(base, d->runs[k].label) == 0)
                d->runs[k].label = d->runs[k].path;
        }
    }
    return MT_OK;
}

static mt_status cut_labels(struct mt_plot_data *d, struct mt_err *err)
{
    for (size_t i = 0; i < d->n_runs; i++) {
        struct mt_strbuf cut = MT_STRBUF_INIT;

        mt_label_cut(&cut, d->runs[i].label, MOST_LABEL, false);
        d->runs[i].label = mt_arena_strdup(&d->arena, cut.text ? cut.text : "");
        mt_strbuf_free(&cut);
        if (!d->runs[i].label)
            return mt_fail_memory(err);
    }
    return MT_OK;
}

/* Runs without a finished epoch are reported and left out; it is an error if
 * none remains. */
static mt_status read_runs(struct mt_plot_data *d, const struct mt_call *call,
                           struct mt_err *err)
{
    size_t found = 0;
    mt_status status;

    d->runs = mt_arena_calloc(&d->arena, call->n_args, sizeof *d->runs);
    if (!d->runs)
        return mt_fail_memory(err);
    for (size_t i = 0; i < call->n_args; i++) {
        struct mt_plot_run *run = &d->runs[d->n_runs++];

        run->path = call->args[i];
        if ((status = mt_history_read(run->path, call->team, &run->history,
                                      err)) != MT_OK)
            return status;
        found += run->history.n > 0;
    }
    for (size_t i = 0; i < d->n_runs; i++) {
        if (d->runs[i].history.n)
            continue;
        if (!found)
            return mt_fail(err, MT_INVALID,
                           "%s: has no finished epoch, so "
                           "there is nothing to plot; 'mtrain resume' trains "
                           "on",
                           d->runs[i].path);
        mt_report(call, "%s: has no finished epoch and is left out",
                  d->runs[i].path);
    }
    if ((status = label_runs(d, err)) != MT_OK)
        return status;
    return cut_labels(d, err);
}

/* --- metrics ------------------------------------------------------------ */

static bool has(const struct mt_history *h, const char *metric)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        if (mt_history_find(h, parts[i], metric))
            return true;
    }
    return false;
}

/* The names of the columns that the runs have, each once. */
static size_t list_metrics(const struct mt_plot_data *d, const char **out,
                           size_t max)
{
    size_t n = 0;

    for (size_t r = 0; r < d->n_runs; r++) {
        const struct mt_history *h = &d->runs[r].history;

        for (size_t c = 0; c < h->n_columns; c++) {
            size_t k = 0;

            while (k < n && strcmp(out[k], h->columns[c].name) != 0)
                k++;
            if (k == n && n < max)
                out[n++] = h->columns[c].name;
        }
    }
    return n;
}

static mt_status fail_metric(const struct mt_plot_data *d, const char *metric,
                             struct mt_err *err)
{
    const char *names[MT_HISTORY_MAX_COLUMNS] = { NULL };
    size_t n = list_metrics(d, names, MT_HISTORY_MAX_COLUMNS);
    const char *near = mt_nearest(metric, names, n);
    struct mt_strbuf list = MT_STRBUF_INIT;
    mt_status status;

    for (size_t i = 0; i < n; i++)
        mt_strbuf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    status = mt_fail(err, MT_INVALID,
                     "--metric: no history has \"%s\"%s%s%s; there %s "
                     "%s",
                     metric, near ? "; did you mean \"" : "", near ? near : "",
                     near ? "\"?" : "", n == 1 ? "is" : "are",
                     list.text ? list.text : "none");
    mt_strbuf_free(&list);
    return status;
}

static mt_status add_metric(struct mt_plot_data *d, const char *metric,
                            struct mt_err *err)
{
    if (!*metric)
        return mt_fail(err, MT_INVALID,
                       "--metric: expected names with commas "
                       "between, such as loss,accuracy");
    if (d->chart.n_panels == MT_MAX_PANELS)
        return mt_fail(err, MT_INVALID, "--metric: more than %d",
                       MT_MAX_PANELS);
    for (size_t i = 0; i < d->chart.n_panels; i++) {
        if (strcmp(d->panels[i].title, metric) == 0)
            return mt_fail(err, MT_INVALID, "--metric: \"%s\" is given twice",
                           metric);
    }
    for (size_t i = 0; i < d->n_runs; i++) {
        if (has(&d->runs[i].history, metric)) {
            d->panels[d->chart.n_panels++].title = metric;
            return MT_OK;
        }
    }
    return fail_metric(d, metric, err);
}

static mt_status read_metrics(struct mt_plot_data *d, const char *const *lists,
                              struct mt_err *err)
{
    mt_status status;

    if (!*lists)
        return add_metric(d, "loss", err);
    for (; *lists; lists++) {
        const char *rest = *lists;

        for (;;) {
            size_t n = strcspn(rest, ",");
            const char *name = mt_arena_strndup(&d->arena, rest, n);

            if (!name)
                return mt_fail_memory(err);
            if ((status = add_metric(d, name, err)) != MT_OK)
                return status;
            if (!rest[n])
                break;
            rest += n + 1;
        }
    }
    return MT_OK;
}

/* --- curves ------------------------------------------------------------- */

/* Reports how many values the chart cannot show. */
static size_t count_hidden(const struct mt_curve *curve, bool log_y)
{
    struct mt_scale scale;
    size_t n = 0;

    mt_scale_start(&scale, log_y, false);
    for (size_t i = 0; i < curve->n; i++)
        n += !mt_scale_shows(&scale, curve->y[i]);
    return n;
}

static void report_hidden(const struct mt_plot_data *d,
                          const struct mt_call *call,
                          const struct mt_plot_source *source,
                          const char *metric, const struct mt_curve *curve)
{
    size_t hidden = count_hidden(curve, d->chart.log_y);

    if (hidden)
        mt_report(call, "%s: %s%s%s: %zu of %zu values %s %s and %s not drawn",
                  source->run->path, source->part, *source->part ? " " : "",
                  metric, hidden, curve->n, hidden == 1 ? "is" : "are",
                  d->chart.log_y ? "not above 0 or not finite" : "not finite",
                  hidden == 1 ? "is" : "are");
}

/* An epoch without an evaluation makes no gap: the curve connects the epochs
 * that were evaluated. */
static mt_status fill_curve(struct mt_plot_data *d, const struct mt_history *h,
                            const struct mt_history_column *column,
                            bool by_step, struct mt_curve *out,
                            struct mt_err *err)
{
    const double *at = by_step ? h->step : h->epoch;
    bool val = strcmp(column->part, "val") == 0 && h->samples;
    double *x = mt_arena_calloc(&d->arena, h->n, sizeof *x);
    double *y = mt_arena_calloc(&d->arena, h->n, sizeof *y);

    if (!x || !y)
        return mt_fail_memory(err);
    for (size_t i = 0; i < h->n; i++) {
        if (val && !(h->samples[i] > 0))
            continue;
        x[out->n] = at[i];
        y[out->n++] = column->values[i];
    }
    out->x = x;
    out->y = y;
    return MT_OK;
}

/* "digits, train" */
static const char *curve_label(struct mt_plot_data *d, const char *run,
                               const char *part)
{
    return *part
               ? mt_arena_printf(&d->arena, "%s, %s", run,
                                 strcmp(part, "val") == 0 ? "validation" : part)
               : run;
}

static mt_status add_curve(struct mt_plot_data *d, const struct mt_call *call,
                           size_t panel, size_t run, const char *part,
                           bool by_step, struct mt_err *err)
{
    struct mt_panel *p = &d->panels[panel];
    const struct mt_plot_run *r = &d->runs[run];
    const struct mt_history_column *column =
        mt_history_find(&r->history, part, p->title);
    struct mt_curve curve = { .run = run, .faint = strcmp(part, "train") == 0 };
    mt_status status;

    if (!column)
        return MT_OK;
    if ((status = fill_curve(d, &r->history, column, by_step, &curve, err)) !=
        MT_OK)
        return status;
    if (curve.n == 0) /* never evaluated */
        return MT_OK;
    curve.label = curve_label(d, r->label, part);
    if (!curve.label)
        return mt_fail_memory(err);
    d->sources[panel][p->n_curves] = (struct mt_plot_source){ r, part };
    report_hidden(d, call, &d->sources[panel][p->n_curves], p->title, &curve);
    ((struct mt_curve *)p->curves)[p->n_curves++] = curve;
    return MT_OK;
}

static mt_status check_panel(const struct mt_plot_data *d,
                             const struct mt_panel *p, struct mt_err *err)
{
    for (size_t i = 0; i < p->n_curves; i++) {
        if (count_hidden(&p->curves[i], d->chart.log_y) < p->curves[i].n)
            return MT_OK;
    }
    return mt_fail(err, MT_INVALID, "%s: no value can be drawn: %s", p->title,
                   d->chart.log_y ? "none is finite and above 0, as --log-y "
                                    "needs it"
                                  : "none is finite");
}

static mt_status fill_panel(struct mt_plot_data *d, const struct mt_call *call,
                            size_t panel, bool by_step, struct mt_err *err)
{
    struct mt_panel *p = &d->panels[panel];
    mt_status status;

    p->curves =
        mt_arena_calloc(&d->arena, N_PARTS * d->n_runs, sizeof *p->curves);
    d->sources[panel] =
        mt_arena_calloc(&d->arena, N_PARTS * d->n_runs, sizeof **d->sources);
    if (!p->curves || !d->sources[panel])
        return mt_fail_memory(err);
    for (size_t r = 0; r < d->n_runs; r++) {
        const struct mt_history *h = &d->runs[r].history;

        if (h->n && !has(h, p->title))
            mt_report(call, "%s: its history has no %s", d->runs[r].path,
                      p->title);
        for (size_t i = 0; i < N_PARTS; i++) {
            if ((status = add_curve(d, call, panel, r, parts[i], by_step,
                                    err)) != MT_OK)
                return status;
        }
    }
    return check_panel(d, p, err);
}

/* --- keys --------------------------------------------------------------- */

static bool is_drawn(const struct mt_plot_data *d, size_t run)
{
    for (size_t p = 0; p < d->chart.n_panels; p++) {
        for (size_t i = 0; i < d->panels[p].n_curves; i++) {
            if (d->panels[p].curves[i].run == run)
                return true;
        }
    }
    return false;
}

static bool has_part(const struct mt_plot_data *d, const char *part)
{
    for (size_t p = 0; p < d->chart.n_panels; p++) {
        for (size_t i = 0; i < d->panels[p].n_curves; i++) {
            if (strcmp(d->sources[p][i].part, part) == 0)
                return true;
        }
    }
    return false;
}

static void add_key(struct mt_plot_data *d, struct mt_key key)
{
    d->keys[d->chart.n_keys++] = key;
}

/* One run: a key for each of its parts. */
static void add_parts(struct mt_plot_data *d, size_t run, bool train, bool val)
{
    const char *label = d->runs[run].label;

    if (train)
        add_key(d, (struct mt_key){ curve_label(d, label, "train"), run, true,
                                    false });
    if (val)
        add_key(d, (struct mt_key){ curve_label(d, label, "val"), run, false,
                                    false });
}

/* Several: a key for each run, and for the parts if there are two. */
static mt_status make_keys(struct mt_plot_data *d, struct mt_err *err)
{
    bool train = has_part(d, "train"), val = has_part(d, "val");

    d->keys = mt_arena_calloc(&d->arena, d->n_runs + N_PARTS, sizeof *d->keys);
    if (!d->keys)
        return mt_fail_memory(err);
    for (size_t r = 0; r < d->n_runs; r++)
        d->n_drawn += is_drawn(d, r);
    for (size_t r = 0; r < d->n_runs; r++) {
        if (!is_drawn(d, r))
            continue;
        if (d->n_drawn == 1 && (train || val))
            add_parts(d, r, train, val);
        else
            add_key(d, (struct mt_key){ d->runs[r].label, r, false, false });
    }
    if (d->n_drawn > 1 && train)
        add_key(d, (struct mt_key){ "train", 0, true, true });
    if (d->n_drawn > 1 && train && val)
        add_key(d, (struct mt_key){ "validation", 0, false, true });
    for (size_t i = 0; i < d->chart.n_keys; i++) {
        if (!d->keys[i].label)
            return mt_fail_memory(err);
    }
    return MT_OK;
}

mt_status mt_plot_data_read(const struct mt_call *call,
                            const char *const *metrics, bool by_step,
                            bool log_y, struct mt_plot_data *out,
                            struct mt_err *err)
{
    mt_status status;

    *out = (struct mt_plot_data){ .arena = MT_ARENA_INIT };
    out->chart.log_y = log_y;
    if ((status = read_runs(out, call, err)) != MT_OK ||
        (status = read_metrics(out, metrics, err)) != MT_OK)
        return status;
    for (size_t i = 0; i < out->chart.n_panels; i++) {
        if ((status = fill_panel(out, call, i, by_step, err)) != MT_OK)
            return status;
    }
    if ((status = make_keys(out, err)) != MT_OK)
        return status;
    out->chart.x_title = by_step ? "step" : "epoch";
    out->chart.panels = out->panels;
    out->chart.keys = out->keys;
    out->chart.marked = out->n_drawn > 1;
    return MT_OK;
}

void mt_plot_data_free(struct mt_plot_data *d)
{
    for (size_t i = 0; i < d->n_runs; i++)
        mt_history_free(&d->runs[i].history);
    mt_arena_free(&d->arena);
    *d = (struct mt_plot_data){ .arena = MT_ARENA_INIT };
}
