#include "data/gaps.h"

#include <string.h>

/* The default of missing_values. */
static const char *const usual_gaps[] = { "",    "?",    "NA",   "N/A",  "NaN",
                                          "nan", "null", "NULL", "None", "-" };

bool mt_is_gap(const struct mt_strings *list, const struct mt_csv_field *field)
{
    struct mt_csv_field f = mt_csv_trim(*field);
    const char *const *gaps = list ? list->v : usual_gaps;
    size_t n = list ? list->n : sizeof usual_gaps / sizeof *usual_gaps;

    for (size_t i = 0; i < n; i++)
        if ((f.n == 0 || *gaps[i] == *f.text) && strlen(gaps[i]) == f.n &&
            !memcmp(gaps[i], f.text, f.n))
            return true;
    return false;
}
