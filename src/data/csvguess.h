/*
 * A first look at a table that nobody described yet: what separates fields,
 * which columns are numbers, and whether the target is a class or a number.
 * `mtrain init csv --data FILE` writes a spec from it.
 */
#ifndef MT_DATA_CSVGUESS_H
#define MT_DATA_CSVGUESS_H

#include "data/csvcolumns.h"

/* Why a column cannot be a feature. */
enum mt_csv_use {
    MT_CSV_FEATURE,
    MT_CSV_TARGET,
    MT_CSV_TEXT,    /* some field is not a finite number */
    MT_CSV_MISSING, /* some field is empty; all others are numbers */
};

struct mt_csv_guess {
    char delimiter;         /* the one of , ; tab | that the first line has most
                               of */
    struct mt_csv_columns columns; /* features: those that can be */
    enum mt_csv_use *use;   /* [columns.n] */
    size_t rows, target;    /* target: a column */

    /* The target is a class if some value of it is no number, or if it has few
     * distinct whole numbers: at most 20, and at least 5 rows for each. */
    bool classification;
    bool numeric;           /* all values of the target are numbers */
    size_t classes;         /* distinct values; no more than
                               MT_CSV_GUESS_CLASSES are counted */
    const char *const *class_names; /* the first MT_CSV_GUESS_SHOWN of them */
    double min, max, mean, std; /* of a numeric target; std of the population */
};

enum { MT_CSV_GUESS_CLASSES = 1000, MT_CSV_GUESS_SHOWN = 6 };

/* Reads the whole file once. target: the name of a column, or its index, as a
 * spec has it; NULL: the last one. Everything in *out is in the arena.
 * MT_INVALID: no table, no such column, no column of numbers beside it. */
mt_status mt_csv_guess(const char *path, const char *target,
                       struct mt_arena *arena, struct mt_csv_guess *out,
                       struct mt_err *err);

#endif
