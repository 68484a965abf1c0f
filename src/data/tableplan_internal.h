/* Shared by the files of the plan, which read it from the spec, fit it, and
 * save it in a checkpoint. */
#ifndef MT_DATA_TABLEPLAN_INTERNAL_H
#define MT_DATA_TABLEPLAN_INTERNAL_H

#include "data/tableplan.h"

/* The names of enum mt_missing and enum mt_plan_type; they end with NULL. */
extern const char *const mt_plan_rules[], *const mt_plan_types[];

/* Sets the element of each code, once values and rare are set. */
mt_status mt_plan_number_codes(struct mt_plan_column *p, struct mt_arena *arena,
                               struct mt_err *err);

/* Sets where each column's elements are, once all columns are fitted. */
void mt_plan_place(struct mt_plan *plan);

/* May one of them be a number, as "-999"? */
bool mt_plan_gaps_have_digits(const struct mt_strings *gaps);

#endif
