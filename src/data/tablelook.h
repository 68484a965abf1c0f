/*
 * Looks at every field of a table, for `mtrain init csv`: finds for each column
 * how many fields are numbers, dates, other texts or missing, which values it
 * has, and where the odd ones are.
 */
#ifndef MT_DATA_TABLELOOK_H
#define MT_DATA_TABLELOOK_H

#include "data/csvcolumns.h"
#include "data/csvlabels.h"

enum { MT_LOOK_VALUES = 1000 }; /* different values that are counted */

/* Fields of one kind. */
struct mt_look_some {
    size_t n;
    uint64_t line;    /* of the first one, from 1 */
    const char *text; /* its first bytes, printable; NULL: n is 0 */
};

struct mt_look {
    size_t numbers; /* these four add up to the rows */
    struct mt_look_some dates, texts, gaps;
    struct mt_look_some commas, other_dates; /* among the texts: "1,5",
                                                "01/02/2024" */

    /* The values that are not gaps; true, false, yes and no in lower case. Once
     * there are more than MT_LOOK_VALUES, or one is not UTF-8 or has more than
     * 4 KiB, `many` is set and no more are counted. */
    struct mt_labels labels;
    bool raw; /* a target: values are not put in lower case */
    bool many;
    size_t *counts;  /* [labels.n]: rows with the value, */
    uint64_t *lines; /* [labels.n]: and the first of them */

    struct mt_look_some falls; /* dates earlier than in the row above */
    double last_date;
    bool whole;       /* all numbers are */
    bool counts_rows; /* 0, 1, 2, ... or 1, 2, 3, ... */
    bool coded; /* all have the same number of digits, at least four */
    size_t width, zeros;                  /* coded: digits; rows that begin
                                             with 0 */
    double next;                          /* counts_rows: the next number */
    double min, max, sum, squares, first; /* sums relative to `first` */
};

void mt_look_init(struct mt_look *look, struct mt_arena *arena);
void mt_look_free(struct mt_look *look);

/* Adds a field of the record that csv read last. */
mt_status mt_look_add(struct mt_look *look, const struct mt_csv *csv,
                      const struct mt_csv_field *field, struct mt_err *err);

/* The same for a value that several rows have, the first in `line`. The order
 * of rows is not known: counts_rows, falls and next are meaningless then. */
mt_status mt_look_add_rows(struct mt_look *look, const struct mt_csv *csv,
                           const char *text, size_t rows, uint64_t line,
                           struct mt_err *err);

/* The kinds of targets. */
enum mt_csv_target {
    MT_TARGET_NUMBERS,
    MT_TARGET_FEW,     /* few whole numbers (at most 20, with 5 rows each on
                          average): classes, unless the spec says otherwise */
    MT_TARGET_CLASSES, /* texts; or few values as above, with a text in at least
                          one row in 20 */
    MT_TARGET_EMPTY,   /* no row has a value */
    MT_TARGET_FAULTY,  /* most are numbers, but not all, and not as above */
    MT_TARGET_DATES,
    MT_TARGET_TEXT, /* more than MT_LOOK_VALUES values, or more than 20 and
                       more than half as many as rows */
};

enum mt_csv_target mt_look_target(const struct mt_look *look);

/* Fails unless the values of a target can be classes: they must not be numbers
 * with a few faults, nor more than 20 different numbers with fractions. The
 * message begins with the place, and ends with the remedy for a column of this
 * name. */
mt_status mt_look_check_classes(const struct mt_look *look, const char *path,
                                const char *name, struct mt_err *err);

/* The number of rows that have a value. */
size_t mt_look_values(const struct mt_look *look);

/* Mean and population standard deviation of the numbers. */
double mt_look_mean(const struct mt_look *look);
double mt_look_std(const struct mt_look *look);

#endif
