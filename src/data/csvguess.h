/*
 * A first look at a table without a description: what separates fields,
 * whether there is a header, what each column is, and whether the target is a
 * class or a number. `mtrain init csv --data FILE` writes a spec from it.
 */
#ifndef MT_DATA_CSVGUESS_H
#define MT_DATA_CSVGUESS_H

#include "data/csvsniff.h"
#include "data/tablelook.h"

/* What a column can be used for: a feature, or why it cannot be one. */
enum mt_csv_use {
    MT_CSV_NUMBER,   /* in every row that has a value */
    MT_CSV_CATEGORY, /* at most MT_CSV_CATEGORIES values, each in two rows or
                        more on average */
    MT_CSV_DATE,
    MT_CSV_TARGET,
    MT_CSV_ORDER,       /* dates of a series, in the order of its rows */
    MT_CSV_EMPTY,       /* no row has a value */
    MT_CSV_CONSTANT,    /* the same value in every row */
    MT_CSV_COUNTER,     /* the first column, which counts rows from 0 or 1 */
    MT_CSV_ID,          /* whole numbers, all different, with such a name */
    MT_CSV_COMMA,       /* numbers with a decimal comma, "1,5" */
    MT_CSV_OTHER_DATES, /* dates of other forms than ISO 8601 */
    MT_CSV_FAULTY,      /* most fields are numbers, or most are dates */
    MT_CSV_TEXT,        /* texts with too many values */
};

enum { MT_CSV_CATEGORIES = 100 };

struct mt_csv_guess {
    struct mt_csv_sniffed form;    /* how it is written */
    struct mt_csv_columns columns; /* features: columns that can be some */
    enum mt_csv_use *use;          /* [columns.n] */
    struct mt_look *looks;         /* [columns.n] */
    size_t rows;
    enum mt_csv_target *targets;   /* [columns.n_targets] */
    bool series; /* no row can be left out; set by the caller only */
};

enum mt_csv_header_hint { MT_HEADER_GUESS, MT_HEADER_YES, MT_HEADER_NO };

/* What the user says of the table; NULL or 0: nothing. */
struct mt_csv_hints {
    const char *const *targets; /* names or indices, as in a spec; none: the
                                   last column */
    size_t n_targets;
    enum mt_csv_header_hint header;
    struct mt_csv_dialect dialect; /* 0: unknown */
};

/* Reads the whole file once. *out must be freed with mt_csv_guess_free in any
 * case; its other memory is in the arena. MT_INVALID: no table, fewer than two
 * rows, no such column. There may be no features. */
mt_status mt_csv_guess(const char *path, const struct mt_csv_hints *hints,
                       struct mt_arena *arena, struct mt_csv_guess *out,
                       struct mt_err *err);
void mt_csv_guess_free(struct mt_csv_guess *guess);

/* The classes of the one target in their order; *n of them. Fails only with
 * MT_NO_MEMORY. */
struct mt_csv_class {
    const char *name;
    size_t rows;
    uint64_t line; /* of the first one */
};
mt_status mt_csv_classes(const struct mt_csv_guess *guess,
                         struct mt_arena *arena, struct mt_csv_class **classes,
                         size_t *n, struct mt_err *err);

#endif
