/*
 * All JSON goes through here: a strict reader on top of the JSON library (see
 * tree.c) that remembers the place of every value, typed getters that say what
 * was expected, a writer whose numbers survive, and overrides by dotted path.
 *
 * The library alone accepts trailing text, duplicate keys, 01, 1e999 and bad
 * UTF-8. So mt_json_parse first scans the text strictly (RFC 8259, UTF-8,
 * bounded depth, no number that a double cannot hold), and refuses duplicate
 * keys in what the library returns.
 *
 * Messages look like
 *     digits.json:7:15: model.layers[2].out_features: must be at least 1, got 0
 * and for a value that came from the command line
 *     model.layers.2.out_features=0: model.layers[2].out_features: must be ...
 */
#ifndef MT_SPEC_TREE_H
#define MT_SPEC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/strbuf.h"

/* A text beyond any of these is refused. Depth counts lists and objects. The
 * number of values bounds memory, which could be many times the text. */
enum {
    MT_JSON_MAX_DEPTH = 64,
    MT_JSON_MAX_BYTES = 16 << 20,
    MT_JSON_MAX_VALUES = 1 << 20,
};

enum mt_item_kind {
    MT_ITEM_NULL,
    MT_ITEM_BOOL,
    MT_ITEM_NUMBER,
    MT_ITEM_STRING,
    MT_ITEM_LIST,
    MT_ITEM_OBJECT,
};

/* A value of a document. Members of lists and objects are its children, in
 * the order of the text. Read-only; edits go through mt_json_set and
 * mt_json_replace. Lives as long as its document, even if an edit replaces
 * it. */
struct mt_item {
    enum mt_item_kind kind;
    bool truth;                          /* of a bool */
    double number;                       /* of a number */
    const char *text;                    /* of a string */
    const char *key;                     /* of an object's member, else NULL */
    struct mt_item *parent, *next;       /* NULL: the root; the last member */
    struct mt_item *child, *last;        /* first and last member */
    uint32_t line, col;                  /* from 1; of a member: of its key */
    const char *origin;                  /* "KEY=VALUE" of a value that an edit
                                            set; NULL: it was in the text */
};

struct mt_json; /* a document: the tree and its source name */

/* False for NULL, so a missing member needs no separate test. */
static inline bool mt_is(const struct mt_item *item, enum mt_item_kind kind)
{
    return item && item->kind == kind;
}

static inline bool mt_is_null(const struct mt_item *item)
{
    return mt_is(item, MT_ITEM_NULL);
}

static inline bool mt_is_bool(const struct mt_item *item)
{
    return mt_is(item, MT_ITEM_BOOL);
}

static inline bool mt_is_true(const struct mt_item *item)
{
    return mt_is_bool(item) && item->truth;
}

static inline bool mt_is_false(const struct mt_item *item)
{
    return mt_is_bool(item) && !item->truth;
}

static inline bool mt_is_number(const struct mt_item *item)
{
    return mt_is(item, MT_ITEM_NUMBER);
}

static inline bool mt_is_string(const struct mt_item *item)
{
    return mt_is(item, MT_ITEM_STRING);
}

static inline bool mt_is_list(const struct mt_item *item)
{
    return mt_is(item, MT_ITEM_LIST);
}

static inline bool mt_is_object(const struct mt_item *item)
{
    return mt_is(item, MT_ITEM_OBJECT);
}

/* How many members a list or an object has; 0 for anything else, even NULL. */
size_t mt_item_count(const struct mt_item *item);

/* Member i from 0, or NULL. */
const struct mt_item *mt_item_at(const struct mt_item *item, size_t i);

/* text need not be NUL-terminated. source names it in messages (a path). */
mt_status mt_json_parse(const char *source, const char *text, size_t n,
                        struct mt_json **out, struct mt_err *err);
mt_status mt_json_read_file(const char *path, struct mt_json **out,
                            struct mt_err *err);
void mt_json_free(struct mt_json *doc);

const struct mt_item *mt_json_root(const struct mt_json *doc);

/* Sets the value at a dotted path ("optimizer.lr", "model.layers.0.p" or
 * "model.layers[0].p"; list members by index, -1 is the last; missing objects
 * on the way are made, list members are not) to value: JSON text, or else a
 * string. An existing key keeps its place among its siblings. origin (copied)
 * names the value in messages, usually "KEY=VALUE". On failure nothing is
 * changed. */
mt_status mt_json_set(struct mt_json *doc, const char *path, const char *value,
                      const char *origin, struct mt_err *err);

/* Replaces the member `old` of the object at `path` ("" is the root) by `key`
 * = value in the same place, or sets it where `old` is missing; an existing
 * `key` is overwritten in its place and `old` removed. */
mt_status mt_json_replace(struct mt_json *doc, const char *path,
                          const char *old, const char *key, const char *value,
                          const char *origin, struct mt_err *err);

/* Fails with MT_INVALID and "source:line:col: path.to[item]: " before the
 * message ("ORIGIN: path.to[item]: " for an item that was set). item must
 * belong to doc. A missing key is reported at the object that lacks it. */
mt_status mt_json_fail(const struct mt_json *doc, const struct mt_item *item,
                       struct mt_err *err, const char *fmt, ...)
    MT_PRINTF(4, 5);

/* Appends the path of item, such as "model.layers[2].p"; nothing for the root.
 * Keys that are not plain words look like `model.tie["head.weight"]`. */
void mt_json_path(const struct mt_item *item, struct mt_strbuf *out);

/* What a value is, for messages: `"three"` (long strings are cut), `1.5`,
 * `true`, `null`, `a list`, `an empty list`, `an object`:
 *     mt_json_fail(doc, item, err, "expected a list, got %s",
 *                  mt_json_text(item).text); */
struct mt_json_text {
    char text[400];
};
struct mt_json_text mt_json_text(const struct mt_item *item);
struct mt_json_text mt_json_quoted(const char *text); /* for any string */

/* The member of object with that key, case-sensitive; NULL if there is none,
 * or object is not an object or NULL. */
const struct mt_item *mt_json_get(const struct mt_item *object, const char *key);

/* Appends canonical text: two-space indent, members in order, lists of scalars
 * on one line where it has no more than 76 columns, numbers as the shortest
 * decimals that read back to the same double (whole ones below 2^53 without
 * point and exponent, -0 as -0), a newline at the end. Equal trees give equal
 * bytes, and the bytes give an equal tree. */
void mt_json_print(const struct mt_item *item, struct mt_strbuf *out);

/* The same on one line without spaces, as JSON lines use it. */
void mt_json_print_compact(const struct mt_item *item, struct mt_strbuf *out);

/* The same tree for people to read and edit: every object and list that fits on
 * a line of 76 columns is on one line, except the outermost. */
void mt_json_print_short(const struct mt_item *item, struct mt_strbuf *out);

/* Pieces for writing JSON by hand. Bytes that are not UTF-8 become U+FFFD; NaN
 * and infinities, which JSON does not have, become null. */
void mt_json_add_string(struct mt_strbuf *out, const char *text);
void mt_json_add_number(struct mt_strbuf *out, double value);

#endif
