/*
 * Tables of keys. Each type of layer, loss, optimizer, ... describes its JSON
 * keys once, as rows; the rows drive reading, validation, hints for typos,
 * `mtrain check --schema` and the manual.
 *
 *     struct linear_args { size_t out_features; bool bias; };
 *     static const struct mt_key linear_keys[] = {
 *         { "out_features", MT_KEY_SIZE, offsetof(struct linear_args, out_features),
 *           .flags = MT_KEY_REQUIRED | MT_KEY_AUTO, .min = 1,
 *           .doc = "size of each output sample" },
 *         { "bias", MT_KEY_BOOL, offsetof(struct linear_args, bias),
 *           .def = "true", .doc = "add a learned bias" },
 *         { NULL } };
 */
#ifndef MT_BASE_KEYS_H
#define MT_BASE_KEYS_H

#include "base/arena.h"
#include "base/json.h"

/* What a key holds, and the type of the struct member it is stored in. */
enum mt_key_type {
    MT_KEY_BOOL,    /* bool */
    MT_KEY_SIZE,    /* size_t; min and max apply */
    MT_KEY_INT,     /* int64_t; min and max apply */
    MT_KEY_REAL,    /* double; min, max, OPEN_MIN, OPEN_MAX apply */
    MT_KEY_STRING,  /* const char *; one of choices, where given */
    MT_KEY_SIZES,   /* struct mt_sizes: a number or a list of them */
    MT_KEY_REALS,   /* struct mt_reals: a number or a list of them */
    MT_KEY_STRINGS, /* struct mt_strings: a string or a list of them */
    MT_KEY_JSON,    /* const cJSON *, whatever it is; the owner checks it */
};

enum mt_key_flags {
    MT_KEY_REQUIRED = 1,
    MT_KEY_AUTO = 2,     /* SIZE: "auto" is allowed, stored as MT_SIZE_AUTO */
    MT_KEY_NULL = 4,     /* null is allowed, stored as if it were absent */
    MT_KEY_OPEN_MIN = 8, /* min itself is not allowed */
    MT_KEY_OPEN_MAX = 16,
};

/* Absent keys without a default: MT_SIZE_ABSENT, NAN, NULL, n == 0; an INT is
 * INT64_MIN; a BOOL must have a default. */
#define MT_SIZE_AUTO ((size_t)-1)
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
};

struct mt_strings {
    size_t n;
    const char *const *v; /* in the arena */
    bool list;
};

struct mt_key {
    const char *name;
    enum mt_key_type type;
    size_t offset;      /* of the member in the struct that is filled */
    const char *def;    /* the default as JSON text; NULL: none */
    unsigned flags;     /* enum mt_key_flags */
    double min, max;    /* of each number; min == max: unbounded, except that
                           a max of 0 with a min > 0 means "no maximum" */
    const char *const *choices; /* NULL-terminated; strings only */
    const char *doc;    /* one line for the manual and the schema */
};

/* Fills *out (a struct the rows' offsets refer to) from object. Strings stay
 * in doc or arena. Does not look at members that the rows do not name. */
mt_status mt_keys_read(const struct mt_json *doc, const cJSON *object,
                       const struct mt_key *keys, void *out,
                       struct mt_arena *arena, struct mt_err *err);

/* Fails on the first member of object that no table names, with the nearest
 * known key: `unknown key "out_feature"; did you mean "out_features"?` */
mt_status mt_keys_check(const struct mt_json *doc, const cJSON *object,
                        const struct mt_key *const *tables, size_t n_tables,
                        struct mt_err *err);

/* Appends the JSON Schema members of the rows:
 * `"out_features":{"type":"integer","minimum":1,"description":"..."},...`
 * (no braces, no trailing comma). */
void mt_keys_schema(const struct mt_key *keys, struct mt_strbuf *out);

#endif
