/*
 * Tables of keys. Each type of layer, loss, optimizer, ... describes its JSON
 * keys once, as rows; the rows drive reading, validation, hints for typos,
 * `mtrain check --schema` and the manual.
 *
 *     struct linear_args { size_t out_features; bool bias; };
 *     static const struct mt_key linear_keys[] = {
 *         { "out_features", MT_KEY_SIZE,
 *           offsetof(struct linear_args, out_features),
 *           .flags = MT_KEY_REQUIRED | MT_KEY_AUTO, .min = 1,
 *           .doc = "size of each output sample" },
 *         { "bias", MT_KEY_BOOL, offsetof(struct linear_args, bias),
 *           .def = "true", .doc = "add a learned bias" },
 *         { NULL } };
 */
#ifndef MT_SPEC_KEYS_H
#define MT_SPEC_KEYS_H

#include "base/arena.h"
#include "spec/tree.h"

/* What a key holds, and the type of the struct member it is stored in. */
enum mt_key_type {
    MT_KEY_BOOL,    /* bool */
    MT_KEY_SIZE,    /* size_t; min and max apply */
    MT_KEY_INT,     /* int64_t; min and max apply */
    MT_KEY_REAL,    /* double; min and max apply */
    MT_KEY_STRING,  /* const char *; one of choices, where given */
    MT_KEY_ENUM,    /* int: the index into choices */
    MT_KEY_SIZES,   /* struct mt_sizes: a number or a list of them */
    MT_KEY_REALS,   /* struct mt_reals: a number or a list of them, or one of
                       choices, where given */
    MT_KEY_STRINGS, /* struct mt_strings: a string or a list of them */
    MT_KEY_JSON,    /* const struct mt_item * in doc, of any kind; the owner
                       checks it. Its default is for the schema only */
};

enum mt_key_flags {
    MT_KEY_REQUIRED = 1,
    MT_KEY_AUTO = 2,     /* SIZE: "auto" is allowed, stored as MT_SIZE_AUTO */
    MT_KEY_NULL = 4,     /* null is allowed and means none: it is stored as an
                            absent key without a default, even if the row has
                            one */
    MT_KEY_OPEN_MIN = 8, /* there is a minimum, not itself allowed, maybe 0 */
    MT_KEY_OPEN_MAX = 16,
    MT_KEY_MIN = 32, /* there is a minimum, even if it is 0 */
    MT_KEY_MAX = 64,
};

/* Whole numbers may be written in any way JSON has (2, 2.0, 2e3), up to 2^53
 * in size: beyond that a double cannot hold all of them.
 *
 * Absent keys without a default: MT_SIZE_ABSENT, NAN, NULL, n == 0; an INT is
 * INT64_MIN, an ENUM -1; a BOOL is false, so give it a default. An empty list
 * that was given has n == 0 and list == true; SIZES refuses it. */
#define MT_SIZE_AUTO   ((size_t)-1)
#define MT_SIZE_ABSENT ((size_t)-2)

struct mt_sizes {
    size_t n; /* 1 for a bare number */
    size_t v[8];
    bool list; /* it was written as a list */
};

struct mt_reals {
    size_t n;
    const double *v; /* in the arena */
    bool list;
    int word; /* choices[word - 1] was given in place of numbers; 0: no */
};

struct mt_strings {
    size_t n;
    const char *const *v; /* in the arena */
    bool list;
};

struct mt_key {
    const char *name;
    enum mt_key_type type;
    size_t offset;              /* of the member in the struct that is filled */
    const char *def;            /* the default as JSON text; NULL: none */
    unsigned flags;             /* enum mt_key_flags */
    double min, max;            /* of each number, see below */
    const char *const *choices; /* NULL-terminated; of strings, enums,
                                   reals */
    const char *doc;            /* one line for the manual and the schema */
    const char *schema;         /* more JSON Schema members of a value, as text
                                   ("\"pattern\":\"^a\""); of JSON: all of them */
};

/*
 * The range of a number. A bound applies if it is not 0 or has a flag; a
 * positive max brings its min along, even if that is 0. An infinite bound does
 * not count. SIZE and SIZES are at least 0 in any case.
 *
 *     (nothing)                                  any number
 *     .min = 1                                   at least 1
 *     .flags = MT_KEY_MIN                        at least 0
 *     .flags = MT_KEY_OPEN_MIN                   greater than 0
 *     .min = 0, .max = 1                         0 <= p <= 1
 *     .min = 0, .max = 1, .flags = MT_KEY_OPEN_MAX       0 <= p < 1
 *     .min = -1, .max = 0, .flags = MT_KEY_MAX   -1 <= p <= 0
 *     .min = -INFINITY, .max = 1                 at most 1
 */

/* Fills *out (a struct the rows' offsets refer to) from object. Strings
 * and lists are in arena, JSON stays in doc. Does not look at members that the
 * rows do not name. */
mt_status mt_keys_read(const struct mt_json *doc, const struct mt_item *object,
                       const struct mt_key *keys, void *out,
                       struct mt_arena *arena, struct mt_err *err);

/* The same for the members that are present: what object does not set stays
 * as it is in *out (parameter groups over the optimizer's own settings). */
mt_status mt_keys_override(const struct mt_json *doc, const struct mt_item *object,
                           const struct mt_key *keys, void *out,
                           struct mt_arena *arena, struct mt_err *err);

/* Fails on the first member of object that no table names, with the nearest
 * known key: `unknown key "out_feature"; did you mean "out_features"?` */
mt_status mt_keys_check(const struct mt_json *doc, const struct mt_item *object,
                        const struct mt_key *const *tables, size_t n_tables,
                        struct mt_err *err);

/* The message for a name that is not one of the n names, at item:
 * `unknown WHAT "out_feature"; did you mean "out_features"?`, or the whole list
 * where nothing is near. */
mt_status mt_keys_fail_unknown(const struct mt_json *doc,
                               const struct mt_item *item, const char *what,
                               const char *name, const char *const *names,
                               size_t n, struct mt_err *err);

/* Appends the JSON Schema members of the rows:
 * `"out_features":{"type":"integer","minimum":1,"description":"..."},...`
 * (no braces, no trailing comma). */
void mt_keys_schema(const struct mt_key *keys, struct mt_strbuf *out);

/* Appends the JSON Schema of an object that has the keys of these tables, and
 * no others: `"type":"object","properties":{...},"required":[...],
 * "additionalProperties":false` (no braces, no trailing comma). Only keys of
 * the first n_needed tables are required; what mt_keys_override reads is not.
 */
void mt_keys_schema_object(const struct mt_key *const *tables, size_t n_tables,
                           size_t n_needed, struct mt_strbuf *out);

#endif
