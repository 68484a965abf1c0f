/* Shared by csv.c, csvpart.c and csvfit.c. */
#ifndef MT_DATA_CSV_INTERNAL_H
#define MT_DATA_CSV_INTERNAL_H

#include "data/csvrows.h"
#include "data/format.h"
#include "data/reader.h"

struct mt_csv_args {
    const struct mt_item *header;
    const char *delimiter, *decimal, *thousands, *comment;
    const struct mt_item *target, *features;
    int normalize; /* -1: not at all */
    const struct mt_item *window;
    struct mt_plan_args plan;
};

enum { MT_CSV_STANDARD, MT_CSV_MINMAX };

/* Reads the file that key names into part. The caller sets request, state,
 * dialect, known, labels and labels_source of t. */
mt_status mt_csv_open_part(const struct mt_csv_args *args, const char *key,
                           struct mt_dataset *data, struct mt_csv_table *t,
                           struct mt_part *part, struct mt_err *err);

/* Appends to data->note. note NULL: making it failed for lack of memory. */
mt_status mt_csv_add_note(struct mt_dataset *data, const char *note,
                          struct mt_err *err);

/* As in struct mt_format. */
mt_status mt_csv_fit(const struct mt_data_request *request,
                     const struct mt_data_keys *keys, struct mt_dataset *data,
                     struct mt_err *err);
mt_status mt_csv_finish(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err);

#endif
