/*
 * `mtrain init csv --window STEPS`: a table as a series. Its rows are taken in
 * their order, and the targets that are numbers are features too.
 */
#ifndef MT_CMD_TEMPLATESERIES_H
#define MT_CMD_TEMPLATESERIES_H

#include "cmd/owndata.h"
#include "data/csvguess.h"

/* Chooses the features: the targets, if they are numbers, and then the other
 * numbers and categories. Dates only say in which order the rows are. */
void mt_series_choose(struct mt_csv_guess *g, bool regression);

/* That the rows are in the order of time, and that each has a target. */
mt_status mt_series_check(const struct mt_own_data *own,
                          const struct mt_csv_guess *g, struct mt_err *err);

/* How many windows the rows give; 0: too few rows. */
size_t mt_series_windows(const struct mt_own_data *own,
                         const struct mt_csv_guess *g);

#endif
