/* The user's own data for a template of `mtrain init`. */
#ifndef MT_CMD_OWNDATA_H
#define MT_CMD_OWNDATA_H

#include <stddef.h>

#include "base/status.h"
#include "data/csvguess.h"

/* The files of --data, and the options that describe them. */
struct mt_own_data {
    const char *const *files; /* NULL-terminated */
    size_t n;
    const char *const *targets; /* of a table, NULL-terminated */
    size_t n_targets;
    enum mt_csv_header_hint header; /* of a table */
    size_t window; /* of a table that is a series: rows of a sample; 0: it is
                      not one */
    const char *delimiter, *decimal, *thousands; /* of a table, or NULL */
    void (*report)(void *ctx, const char *text); /* a line for the user */
    void *ctx;
};

/* A line for the user. */
void mt_own_say(const struct mt_own_data *own, const char *fmt, ...)
    MT_PRINTF(2, 3);

#endif
