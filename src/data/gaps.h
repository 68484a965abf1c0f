/* Fields that mean a missing value. */
#ifndef MT_DATA_GAPS_H
#define MT_DATA_GAPS_H

#include "data/csvfield.h"
#include "spec/keys.h"

/* Is the field, trimmed, one of the list? NULL: of data.missing_values'
 * default. */
bool mt_is_gap(const struct mt_strings *list, const struct mt_csv_field *field);

#endif
