/*
 * What a data format provides: one row in the table of loaders.c. To add a
 * format, write one file with its keys and its open function, and add its row.
 */
#ifndef MT_DATA_LOADER_H
#define MT_DATA_LOADER_H

#include "base/keys.h"
#include "data/dataset.h"

struct mt_loader {
    const char *type;          /* "csv" */
    const char *doc;           /* one line for the manual */
    const struct mt_key *keys; /* beside the common ones */

    /* Fills data->train, ->val, ->classes, ->class_names, ->vocab,
     * ->fingerprints, ->release. The split, the common normalisation
     * (scale, mean, std) and the checks that all formats share are done by
     * mt_dataset_open around it. */
    mt_status (*open)(const struct mt_data_request *request,
                      struct mt_dataset *data, struct mt_err *err);
};

extern const struct mt_loader *const mt_loaders[]; /* NULL-terminated */

#endif
