/*
 * A look at every field of a table, for `mtrain init csv`: which columns are
 * numbers, which are categories, and where values are missing.
 */
#ifndef MT_DATA_TABLELOOK_H
#define MT_DATA_TABLELOOK_H

#include "data/csvcolumns.h"
#include "data/csvlabels.h"

enum { MT_LOOK_VALUES = 100 }; /* of a category, at most */

struct mt_look {
    size_t numbers, texts, gaps; /* fields: they add up to the rows */
    uint64_t gap_line;           /* of the first gap, from 1 */
    bool many;                   /* more different values than were counted */
    struct mt_labels labels;     /* the values that are no gaps; true, false,
                                    yes and no in lower case */
    bool whole;                  /* of numbers: they are whole */
    double min, max, sum, squares, first; /* sums about `first` */
};

/* Reads all records from where csv is. looks[c->n] is zeroed; mt_look_free it
 * in any case. target: its values are counted up to `most`. */
mt_status mt_table_look(struct mt_csv *csv, const struct mt_csv_columns *c,
                        size_t target, size_t most, struct mt_arena *arena,
                        struct mt_look *looks, struct mt_err *err);
void mt_look_free(struct mt_look *looks, size_t n);

/* Can it be a category? At most MT_LOOK_VALUES values, each of two rows or more
 * on the average; and if most fields are numbers, one in 20 is none: fewer are
 * faults. */
bool mt_look_is_category(const struct mt_look *look);

/* Numbers wherever there is a value, and some gaps? */
bool mt_look_has_gaps(const struct mt_look *look);

#endif
