/*
 * What the files of tree.h share: scan.c checks a text, tree.c turns it into
 * nodes, edit.c changes documents, print.c writes them.
 */
#ifndef MT_SPEC_TREE_INTERNAL_H
#define MT_SPEC_TREE_INTERNAL_H

#include "spec/tree.h"

/* Lines and columns count from 1; a column is a character (code point). */
struct mt_json_pos {
    uint32_t line, col;
};

/* The position of each value of a text, in preorder; for a member of an
 * object, that of its key. free() pos, whatever mt_json_scan returned. */
struct mt_json_table {
    struct mt_json_pos *pos;
    size_t n, size;
};

/* Checks everything but duplicate keys, and fills *out. */
mt_status mt_json_scan(const char *source, const char *text, size_t n,
                       struct mt_json_table *out, struct mt_err *err);

struct mt_json {
    struct mt_arena arena; /* of all nodes and texts */
    const char *source;
    struct mt_item *root;
};

/* A node without a parent; NULL: no memory. key is copied. */
struct mt_item *mt_item_new(struct mt_arena *arena, enum mt_item_kind kind,
                            const char *key);

/* Appends a member. */
void mt_item_add(struct mt_item *parent, struct mt_item *member);

/* Parses a value into the arena of doc. origin: as in struct mt_item, or NULL
 * for the text of the document itself. */
mt_status mt_json_parse_value(struct mt_json *doc, const char *origin,
                              const char *text, size_t n, struct mt_item **out,
                              struct mt_err *err);

/* Appends text; of more than max bytes, only its two ends and "...". */
void mt_json_add_clipped(struct mt_strbuf *out, const char *text, size_t max);

/* The most bytes of a name that a message shows. */
enum { MT_JSON_CLIP_SOURCE = 1000, MT_JSON_CLIP_PATH = 500 };

#endif
