/*
 * How each feature column of a table is encoded: the one encoder from records
 * to inputs, for training and for prediction.
 *
 *     field --read--> cell --encode--> elements of x
 *
 *     number      the number; NaN is a gap    [number, flag]
 *     category    the value's code; NaN is    one-hot: [values in byte order,
 *                 a gap, -1 an unknown value   other, missing]
 *     date        seconds (date.h); NaN is    [since the first training date /
 *                 a gap                        range of the training dates,
 *                                              sine, cosine of the day of the
 *                                              year; of the time of day, if a
 *                                              training row is not at midnight;
 *                                              flag]
 *
 *     mt_plan_read(doc, args, ...)       from the keys of "data"
 *     mt_plan_field(...)                 for each field of a record
 *     mt_plan_fit(plan, cells, rows...)  from the training rows: values, fills
 *     mt_plan_encode(plan, cells, x)
 *     mt_plan_save, mt_plan_load         the format's facts in a checkpoint
 *
 * A gap is a field whose trimmed text is among missing_values. A value that the
 * training data did not have becomes all zeros, and is counted.
 */
#ifndef MT_DATA_TABLEPLAN_H
#define MT_DATA_TABLEPLAN_H

#include "base/utf8.h"
#include "data/cells.h"
#include "data/csvcolumns.h"
#include "data/csvlabels.h"
#include "data/dataset.h"
#include "spec/keys.h"

enum mt_missing {
    MT_MISSING_ERROR,
    MT_MISSING_DROP,
    MT_MISSING_MEAN,
    MT_MISSING_MEDIAN,
    MT_MISSING_ZERO,
    MT_MISSING_VALUE, /* of a category: a value of its own */
};

enum mt_plan_type { MT_PLAN_NUMBER, MT_PLAN_CATEGORY, MT_PLAN_DATE };

struct mt_plan_column {
    const char *name; /* or the index as text, if there is no header */
    enum mt_plan_type type;
    enum mt_missing missing;
    bool gaps;   /* the training rows have some */
    double fill; /* of a number or a date */

    double start, range; /* of dates: first, and last - first, in seconds */
    bool times;          /* some training row is not at midnight */

    struct mt_labels labels; /* of a category: codes of its values */
    size_t n_given;          /* lower codes are values that the spec lists */
    const char **values, **rare; /* after fit: those with an element of their
                                    own, and those of `other` */
    size_t n_values, n_rare;
    int32_t *element; /* [codes]: its element; -1: none */
    size_t n_codes;

    size_t first, n; /* the column's elements in a sample */
    bool flag;       /* its last element is 1 for a gap */
    size_t unseen;   /* encoded fields with values unknown from training, */
    struct mt_excerpt example; /* and one of them; "": a gap */

    /* Of a fitted category: training rows without a value, and with one that is
     * not in the spec's list; `unlisted` is the first of these. */
    size_t n_missing, n_unlisted;
    const char *unlisted;
};

struct mt_plan {
    size_t n, elements; /* columns; elements of a sample, after fit */
    struct mt_plan_column *columns;
    struct mt_plan_column *targets; /* [n_targets]: only name and missing */
    size_t n_targets;
    struct mt_strings gaps; /* missing_values, */
    bool digits;            /* one of which has digits: "-999" */
    size_t max_categories;
    bool flags;
    bool fitted;
    bool plain; /* only numbers without gaps: cells are the elements */
};

/* The keys of "data" for it, and what they set. */
struct mt_plan_args {
    const struct mt_item *types, *categories, *missing;
    size_t max_categories;
    bool missing_flags;
    struct mt_strings missing_values;
};

#define MT_PLAN_KEYS(STRUCT)                                                   \
    { "types", MT_KEY_JSON, offsetof(STRUCT, plan.types),                      \
      .doc = "object from a feature (or a glob) to number (default), "         \
             "category (one input for each value) or date",                    \
      .schema = "\"type\":\"object\",\"additionalProperties\":{\"enum\":["     \
                "\"number\",\"category\",\"date\"]}" },                        \
        { "categories", MT_KEY_JSON, offsetof(STRUCT, plan.categories),        \
          .doc = "object from a category to the list of its values; default: " \
                 "those of the training rows",                                 \
          .schema = "\"type\":\"object\",\"additionalProperties\":{\"type\":"  \
                    "\"array\",\"items\":{\"type\":\"string\"}}" },            \
        { "max_categories",                                                    \
          MT_KEY_SIZE,                                                         \
          offsetof(STRUCT, plan.max_categories),                               \
          .def = "100",                                                        \
          .min = 2,                                                            \
          .doc =                                                               \
              "inputs of a category at most: the rarest values share the last" \
              " one" },                                                        \
        { "missing", MT_KEY_JSON, offsetof(STRUCT, plan.missing),              \
          .doc =                                                               \
              "what becomes of fields without a value: error (default), drop " \
              "(the row), mean, median, zero, or an object from a column to "  \
              "one of these; a category's default is a value of its own",      \
          .schema = "\"anyOf\":[{\"enum\":[\"error\",\"drop\",\"mean\","       \
                    "\"median\",\"zero\"]},{\"type\":\"object\","              \
                    "\"additionalProperties\":{\"enum\":[\"error\",\"drop\","  \
                    "\"mean\",\"median\",\"zero\"]}}]" },                      \
        { "missing_flags", MT_KEY_BOOL, offsetof(STRUCT, plan.missing_flags),  \
          .def = "false",                                                      \
          .doc = "add an input that is 1 where a number is missing, for each " \
                 "column with gaps" },                                         \
    {                                                                          \
        "missing_values", MT_KEY_STRINGS,                                      \
            offsetof(STRUCT, plan.missing_values),                             \
            .def =                                                             \
                "[\"\", \"?\", \"NA\", \"N/A\", \"NaN\", \"nan\", \"null\", "  \
                "\"NULL\", \"None\", \"-\"]",                                  \
            .doc = "texts that stand for no value"                             \
    }

/* Makes a plan from the spec, for the chosen columns. Memory is taken from
 * arena. */
mt_status mt_plan_read(const struct mt_json *doc,
                       const struct mt_plan_args *args,
                       const struct mt_csv_columns *c, struct mt_arena *arena,
                       struct mt_plan *out, struct mt_err *err);

/* Makes a plan from a checkpoint's facts; names[n] or NULL. facts NULL: plain
 * numbers. */
mt_status mt_plan_load(const char *facts, const char *const *names, size_t n,
                       struct mt_arena *arena, struct mt_plan *out,
                       struct mt_err *err);
void mt_plan_free(struct mt_plan *plan);

/* Fails with MT_MISMATCH unless the present spec has the types and rules of the
 * training. */
mt_status mt_plan_check_same(const struct mt_plan *saved,
                             const struct mt_plan *spec, struct mt_err *err);

/* A field as the value of a category: trimmed, and true, false, yes, no in
 * lower case. */
struct mt_csv_field mt_plan_value(const struct mt_csv_field *field);

/* The cell of a field. *drop: leave the row out. */
mt_status mt_plan_field(struct mt_plan *plan, size_t i,
                        const struct mt_csv *csv,
                        const struct mt_csv_columns *c,
                        const struct mt_csv_field *fields, double *cell,
                        bool *drop, struct mt_err *err);

/* Finds values and fills from the training rows of cells, unless the plan was
 * loaded. */
mt_status mt_plan_fit(struct mt_plan *plan, const struct mt_cells *cells,
                      const struct mt_subset *rows, struct mt_arena *arena,
                      struct mt_err *err);

/* Encodes cells [n] as x [elements]. */
void mt_plan_encode(const struct mt_plan *plan, const double *cells, double *x);

/* Counts those of cells [n] whose values the training data did not have. */
void mt_plan_count_unseen(struct mt_plan *plan, const double *cells);

/* The facts as JSON; NULL: the plan is plain, or no memory (err->status). */
const char *mt_plan_save(const struct mt_plan *plan, struct mt_arena *arena,
                         struct mt_err *err);

/* A note on what fitting did that is not in the spec, `column "town": ...`, or
 * NULL. */
const char *mt_plan_note(const struct mt_plan *plan, struct mt_arena *arena);

/* `column "town": 3 values that the training data does not have; ...`, or
 * NULL. */
const char *mt_plan_warning(const struct mt_plan *plan, struct mt_arena *arena);

#endif
