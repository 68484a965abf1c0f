/*
 * What the files of the JSON door share with one another, and with nobody
 * else: json_scan.c checks a text, json.c makes it a document, json_edit.c
 * changes documents, json_print.c writes them.
 */
#ifndef MT_BASE_JSON_INTERNAL_H
#define MT_BASE_JSON_INTERNAL_H

#include "base/json.h"

/* Lines and columns count from 1; a column is a character (code point). */
struct mt_json_pos {
    uint32_t line, col;
};

/* Where each value of a text stands, in preorder; a member of an object
 * stands where its key does. free() pos, whatever mt_json_scan returned. */
struct mt_json_table {
    struct mt_json_pos *pos;
    size_t n, size;
};

/* Checks all of RFC 8259 but duplicate keys, and fills *out. */
mt_status mt_json_scan(const char *source, const char *text, size_t n,
                       struct mt_json_table *out, struct mt_err *err);

/* The length of the UTF-8 character that text starts with (n >= 1 bytes are
 * there), or 0 where there is no valid one. */
size_t mt_json_utf8(const char *text, size_t n);
bool mt_json_is_utf8(const char *text);

/* Where an item of a document comes from. */
struct mt_json_place {
    const cJSON *item; /* NULL: a free slot of the hash table */
    uint32_t line;     /* 0: it was set, col is its index in origins */
    uint32_t col;
};

struct mt_json {
    char *source;
    cJSON *root;
    struct mt_json_place *places; /* open addressing, at most half full */
    size_t n_places, places_size; /* the size is a power of two */
    char **origins;
    size_t n_origins;
};

/* Items that were deleted stay in the table; that is harmless, because a new
 * item at the same address is put over them. False: no memory. */
bool mt_json_put_place(struct mt_json *doc, const cJSON *item, uint32_t line,
                       uint32_t col);

/* Appends text; of more than max bytes, only its two ends and "...". */
void mt_json_add_clipped(struct mt_strbuf *out, const char *text, size_t max);

/* Room that messages give to names that may be of any length. */
enum { MT_JSON_CLIP_SOURCE = 1000, MT_JSON_CLIP_PATH = 500 };

#endif
