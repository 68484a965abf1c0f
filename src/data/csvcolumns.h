/*
 * Which columns of a CSV file are features and which are targets.
 *
 * If the spec does not say whether there is a header, csvheader.h decides. As
 * in pandas, a repeated name gets a number: `x`, `x.1`, `x.2`, skipping those
 * that the header has; an empty one becomes `Unnamed: 3`, with its column's
 * index. So names identify columns, in every command alike.
 */
#ifndef MT_DATA_CSVCOLUMNS_H
#define MT_DATA_CSVCOLUMNS_H

#include "base/arena.h"
#include "spec/tree.h"
#include "data/csvscan.h"

/* The names of the columns of a table that was read before. */
struct mt_csv_known {
    const char *const *features, *const *targets;
    size_t n_features, n_targets;
    const char *source; /* "train.csv", "the checkpoint" */
    char delimiter;     /* for messages; 0: not known */
};

/* What the spec says; NULL: nothing. */
struct mt_csv_select {
    const struct mt_json *doc;
    const struct mt_item *header;   /* true, false or "auto" (the default) */
    const struct mt_item *target;   /* name, index (from 0; negative: from the end), or
                              a list of them; default: the last column */
    const struct mt_item *features; /* the same; default: all that are not
                                       targets */
    const struct mt_csv_known *known; /* or NULL; a first record that contains
                                         its features is a header */
    bool series; /* targets may be features, too; by default all columns are */
    const char *why; /* where `header` comes from; NULL: the spec */
};

struct mt_csv_columns {
    size_t n;           /* columns of the file */
    const char **names; /* [n], all different; NULL: no header */
    const char **raw;   /* [n], or NULL: as in the file; the same pointer as in
                           names unless it was changed */
    const char *why;    /* there is a header, or none */
    bool sure;          /* no column suggests otherwise */
    size_t n_features, n_targets;
    size_t *features, *targets; /* column numbers, from 0 */
};

/* Reads the start of the file: finds the names and the number of columns.
 * Leaves csv at its first data record. Everything in *out is in the arena. */
mt_status mt_csv_read_header(const struct mt_csv_select *select,
                             struct mt_csv *csv, const char *path,
                             struct mt_arena *arena, struct mt_csv_columns *out,
                             struct mt_err *err);

/* A note for the user: what was assumed of the header without being sure, and
 * which columns were renamed; NULL: nothing, or no memory. */
const char *mt_csv_header_note(const struct mt_csv_columns *c, const char *path,
                               struct mt_arena *arena);

/* Finds which columns are features and targets. */
mt_status mt_csv_choose_columns(const struct mt_csv_select *select,
                                const char *path, struct mt_arena *arena,
                                struct mt_csv_columns *out,
                                struct mt_err *err);

/* The same by the names of a table that was read before; columns may be in
 * another order, and others among them. out->names must not be NULL.
 * MT_MISMATCH: one is missing. */
mt_status mt_csv_choose_known(const struct mt_csv_known *known,
                              const char *path, struct mt_arena *arena,
                              struct mt_csv_columns *out, struct mt_err *err);

/* Fails unless the last record read, of n fields, has all columns and no
 * others. */
mt_status mt_csv_check_width(const struct mt_csv *csv,
                             const struct mt_csv_columns *c,
                             const struct mt_csv_field *fields, size_t n,
                             struct mt_err *err);

/* Fails unless a category or class is on one line: after a quote that is not
 * closed, a field spans rows. f: the field, trimmed. */
mt_status mt_csv_check_line(const struct mt_csv *csv,
                            const struct mt_csv_columns *c, size_t column,
                            const struct mt_csv_field *f, struct mt_err *err);

/* The number in a field of the last record read. */
mt_status mt_csv_number(const struct mt_csv *csv,
                        const struct mt_csv_columns *c,
                        const struct mt_csv_field *fields, size_t column,
                        double *out, struct mt_err *err);

/* `column "age"`, or `column 3` (from 0) if there is no header. */
struct mt_csv_column_text {
    char text[64];
};
struct mt_csv_column_text mt_csv_column_text(const struct mt_csv_columns *c,
                                             size_t column);

#endif
