/*
 * The history of a run in a checkpoint file (history.h), read without the rest
 * of the file, to be shown.
 */
#ifndef MT_TRAIN_HISTORYFILE_H
#define MT_TRAIN_HISTORYFILE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/team.h"

enum {
    MT_HISTORY_MAX_EPOCHS = 10 * 1000 * 1000,
    MT_HISTORY_MAX_COLUMNS = 64,
};

struct mt_history_column {
    const char *part;     /* "train", "val", or "" of what has no part (lr) */
    const char *name;     /* "loss", "accuracy", "lr" */
    const double *values; /* (n) */
};

struct mt_history {
    struct mt_arena arena;
    size_t n;             /* finished epochs */
    const double *epoch;  /* (n), ascending */
    const double *step;   /* (n), ascending */
    const double *samples; /* (n) of validation; 0: not evaluated. NULL: there
                              is no validation */
    struct mt_history_column columns[MT_HISTORY_MAX_COLUMNS];
    size_t n_columns;
};

/* Fails for a file that is not a checkpoint, and for an invalid history. A run
 * without a finished epoch has n = 0. *out must be freed in any case. */
mt_status mt_history_read(const char *path, struct mt_team *team,
                          struct mt_history *out, struct mt_err *err);
void mt_history_free(struct mt_history *h);

/* The column, or NULL. */
const struct mt_history_column *mt_history_find(const struct mt_history *h,
                                                const char *part,
                                                const char *name);

#endif
