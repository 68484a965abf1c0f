/*
 * The one door for JSON: a strict reader over cJSON that remembers where
 * every value stood, typed getters that say what was expected, a writer whose
 * numbers survive, and overrides by dotted path.
 *
 * cJSON alone takes trailing text, duplicate keys, 01, 1e999 and bad UTF-8;
 * mt_json_parse scans the text strictly (RFC 8259, UTF-8, no duplicate keys,
 * bounded depth, no number that a double cannot hold) before cJSON sees it.
 *
 * Messages look like
 *     digits.json:7:15: model.layers[2].out_features: must be at least 1, got 0
 * and for a value that came from the command line
 *     model.layers.2.out_features=0: model.layers[2].out_features: must be ...
 */
#ifndef MT_BASE_JSON_H
#define MT_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"

/* A text beyond any of these is refused. Depth counts lists and objects; the
 * number of values bounds memory, which is many times the text otherwise. */
enum {
    MT_JSON_MAX_DEPTH = 64,
    MT_JSON_MAX_BYTES = 16 << 20,
    MT_JSON_MAX_VALUES = 1 << 20,
};

struct mt_json; /* a document: the tree, its source name, all positions */

/* text need not be NUL-terminated. source names it in messages (a path). */
mt_status mt_json_parse(const char *source, const char *text, size_t n,
                        struct mt_json **out, struct mt_err *err);
mt_status mt_json_read_file(const char *path, struct mt_json **out,
                            struct mt_err *err);
void mt_json_free(struct mt_json *doc);

/* The root stays owned by doc. Do not edit the tree but by mt_json_set and
 * mt_json_replace; they free what they replace, so keep no items across. */
const cJSON *mt_json_root(const struct mt_json *doc);

/* Sets the value at a dotted path ("optimizer.lr", "model.layers.0.p" or
 * "model.layers[0].p"; list members by index, -1 is the last; missing objects
 * on the way are made, list members are not) to value: JSON text, or else a
 * string. An existing key keeps its place among its siblings. origin (copied)
 * names it in messages, usually "KEY=VALUE". On failure nothing changed. */
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
mt_status mt_json_fail(const struct mt_json *doc, const cJSON *item,
                       struct mt_err *err, const char *fmt, ...)
    MT_PRINTF(4, 5);

/* Appends the path of item, such as "model.layers[2].p"; nothing for the root.
 * Keys that are no plain words look like `model.tie["head.weight"]`. */
void mt_json_path(const struct mt_json *doc, const cJSON *item,
                  struct mt_strbuf *out);

/* What a value is, for messages: `"three"` (long strings are cut), `1.5`,
 * `true`, `null`, `a list`, `an empty list`, `an object`:
 *     mt_json_fail(doc, item, err, "expected a list, got %s",
 *                  mt_json_text(item).text); */
struct mt_json_text {
    char text[400];
};
struct mt_json_text mt_json_text(const cJSON *item);
struct mt_json_text mt_json_quoted(const char *text); /* for any string */

/* Strict, case-sensitive member access; NULL where it is missing, and where
 * object is none (or NULL). */
const cJSON *mt_json_get(const cJSON *object, const char *key);

/* Appends canonical text: two-space indent, members in order, lists of scalars
 * on one line where it has no more than 76 columns, numbers as the shortest
 * decimals that read back to the same double (whole ones below 2^53 without
 * point and exponent, -0 as -0), a newline at the end. Equal trees give equal
 * bytes, and the bytes give an equal tree. */
void mt_json_print(const cJSON *item, struct mt_strbuf *out);

/* The same on one line without spaces, as JSON lines use it. */
void mt_json_print_compact(const cJSON *item, struct mt_strbuf *out);

/* The same tree for people to read and edit: every object and list that fits on
 * a line of 76 columns stands on one, but for the outermost. */
void mt_json_print_short(const cJSON *item, struct mt_strbuf *out);

/* Pieces for writing JSON by hand. Bytes that are not UTF-8 become U+FFFD, and
 * NaN and infinities null, for JSON has none of them. */
void mt_json_add_string(struct mt_strbuf *out, const char *text);
void mt_json_add_number(struct mt_strbuf *out, double value);

#endif
