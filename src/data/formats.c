/*
 * The table of data formats, in the order of the manual.
 */
#include <string.h>

#include "data/format.h"

extern const struct mt_format mt_format_csv, mt_format_idx, mt_format_npy,
    mt_format_text, mt_format_synthetic;

const struct mt_format *const mt_formats[] = {
    &mt_format_csv,  &mt_format_idx,       &mt_format_npy,
    &mt_format_text, &mt_format_synthetic, NULL,
};

const struct mt_format *mt_format_find(const char *name)
{
    for (size_t i = 0; mt_formats[i]; i++) {
        if (!strcmp(mt_formats[i]->name, name))
            return mt_formats[i];
    }
    return NULL;
}
