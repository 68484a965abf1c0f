/* Finding columns by name, for csvnames.c and csvcolumns.c. */
#ifndef MT_DATA_CSVCOLUMNS_INTERNAL_H
#define MT_DATA_CSVCOLUMNS_INTERNAL_H

#include "data/csvcolumns.h"

/* A name, and the number of its column. */
struct mt_csv_place {
    const char *name;
    size_t column;
};

/* Sorted by bytes, equal names by column. To be freed; NULL: no memory. */
struct mt_csv_place *mt_csv_sort_names(const char *const *names, size_t n);

/* The column of that name, or NULL. */
const struct mt_csv_place *mt_csv_find_name(const struct mt_csv_place *sorted,
                                            size_t n, const char *name);

#endif
