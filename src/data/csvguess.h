/*
 * A first look at a table that nobody described yet: what separates fields,
 * which columns are numbers, and whether the target is a class or a number.
 * `mtrain init csv --data FILE` writes a spec from it.
 */
#ifndef MT_DATA_CSVGUESS_H
#define MT_DATA_CSVGUESS_H

#include "data/csvcolumns.h"

/* What a column can be used for: a feature, or why it cannot be one. */
enum mt_csv_use {
    MT_CSV_FEATURE, /* a number in every row */
    MT_CSV_TARGET,
    MT_CSV_GAPS,    /* a feature: a number in every row that has a value */
    MT_CSV_CATEGORY, /* a feature: texts, each of several rows */
    MT_CSV_TEXT,    /* some field is not a number */
    MT_CSV_MISSING, /* some field is empty or NaN; all others are numbers */
    MT_CSV_COMMA,   /* numbers, if "1,5" were one; maybe some are missing */
    MT_CSV_COUNTER, /* the first column, which counts rows from 0 or 1 */
};

/* The fields of a column that are no numbers. */
struct mt_csv_odd {
    size_t n;
    uint64_t line;    /* of the first one that is why, from 1 */
    const char *text; /* its first bytes, fit to be shown; NULL: n is 0 */
};

struct mt_csv_guess {
    char delimiter;         /* the one of , ; tab | that the first line has most
                               of */
    struct mt_csv_columns columns; /* features: those that can be */
    enum mt_csv_use *use;   /* [columns.n] */
    struct mt_csv_odd *odd; /* [columns.n] */
    size_t *gaps;           /* [columns.n]: rows without a value, */
    uint64_t *gap_line;     /* and the line of the first */
    const char *const **values; /* [columns.n]: of categories, in byte order */
    size_t *n_values;
    size_t rows, target;    /* target: a column */
    size_t rows_with_target; /* what is said of it is of these */
    enum mt_csv_use target_use; /* what it would be as a feature */

    /* The target is a class if some value of it is no number, or if it has few
     * distinct whole numbers: at most 20, and at least 5 rows for each. */
    bool classification;
    bool numeric;           /* all values of the target are numbers */
    bool no_classes;        /* they are not, but cannot be classes either: they
                               are numbers with decimal commas, or more than
                               half the rows have a value of their own */
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
