/*
 * `mtrain init csv`: what was found out of a table, in words for the user and
 * as keys of the spec. Each column has its line: what it is, how many values it
 * has, how many rows lack one, and what becomes of it.
 */
#ifndef MT_CMD_TEMPLATETABLE_H
#define MT_CMD_TEMPLATETABLE_H

#include "cmd/owndata.h"
#include "data/csvguess.h"

/* The header and all columns; then the targets, once they are checked. */
void mt_table_print_columns(const struct mt_own_data *own,
                            const struct mt_csv_guess *g);
mt_status mt_table_print_targets(const struct mt_own_data *own,
                                 const struct mt_csv_guess *g, bool regression,
                                 struct mt_arena *arena, struct mt_err *err);

/* Checks that the targets can be learnt, and that there is a feature. */
mt_status mt_table_check(bool guess, const struct mt_own_data *own,
                         const struct mt_csv_guess *g, bool regression,
                         struct mt_err *err);

/* Appends `{"type": "csv", ...`: which columns there are, and each rule. */
void mt_table_add_columns(const struct mt_own_data *own,
                          const struct mt_csv_guess *g, bool regression,
                          struct mt_strbuf *out);

#endif
