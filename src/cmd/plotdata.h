/*
 * From checkpoints to a chart: reads the histories, picks the metrics, names
 * the curves and their keys.
 */
#ifndef MT_CMD_PLOTDATA_H
#define MT_CMD_PLOTDATA_H

#include "cmd/command.h"
#include "plot/chart.h"
#include "train/historyfile.h"

/* A checkpoint on the command line. */
struct mt_plot_run {
    const char *path;
    const char *label;         /* its base name, or its path where that is not
                                  unique */
    struct mt_history history; /* n = 0: nothing to draw */
};

/* Where a curve comes from. */
struct mt_plot_source {
    const struct mt_plot_run *run;
    const char *part;          /* "train", "val", "" */
};

struct mt_plot_data {
    struct mt_arena arena;
    struct mt_plot_run *runs;
    size_t n_runs, n_drawn;    /* n_drawn have a curve */
    struct mt_panel panels[MT_MAX_PANELS];
    struct mt_plot_source *sources[MT_MAX_PANELS]; /* of the panel's curves */
    struct mt_key *keys;
    struct mt_chart chart;     /* refers to all of this */
};

/* Reads the checkpoints in call->args. metrics: lists, NULL-terminated; none
 * is "loss". Remarks go to stderr. Free in any case. */
mt_status mt_plot_data_read(const struct mt_call *call,
                            const char *const *metrics, bool by_step,
                            bool log_y, struct mt_plot_data *out,
                            struct mt_err *err);
void mt_plot_data_free(struct mt_plot_data *d);

#endif
