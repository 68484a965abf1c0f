/*
 * Python's pickles, as data. A pickle is a program for a stack machine, and
 * Python's own reader calls whatever it names. This one builds values and calls
 * nothing: a call becomes a value that describes it.
 *
 *     struct mt_pickle_doc doc;
 *     mt_pickle_parse("x.pt: data.pkl", bytes, n, &doc, err);
 *     ... doc.root ...
 *     mt_pickle_free(&doc);
 *
 * All protocols (0 to 5) are read, except extension codes and out-of-band
 * buffers. The opcodes are those of Python's pickletools module.
 *
 * Values may be shared, and even contain themselves: a few bytes can make
 * nested lists with billions of places, so code that walks values must bound
 * depth and number of steps. Memory is bounded by the limits below (a value
 * takes about 100 bytes), whatever a pickle says, and nothing here recurses.
 */
#ifndef MT_CKPT_PICKLE_H
#define MT_CKPT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/names.h"
#include "base/status.h"

enum {
    MT_PICKLE_MAX_BYTES = 64 << 20,
    MT_PICKLE_MAX_VALUES = 1 << 21,
    MT_PICKLE_MAX_PUSHES = 1 << 23,
    MT_PICKLE_MAX_GLOBALS = 4096, /* different ones */
};

enum mt_pickle_kind {
    MT_PK_NONE,
    MT_PK_BOOL,  /* i */
    MT_PK_INT,   /* i */
    MT_PK_BIG,   /* an integer of more than 64 bits */
    MT_PK_FLOAT, /* f */
    MT_PK_TEXT,  /* text, n */
    MT_PK_BYTES, /* text, n */
    MT_PK_TUPLE, /* list */
    MT_PK_LIST,
    MT_PK_SET,
    MT_PK_DICT,       /* list: key, value, key, value ... */
    MT_PK_GLOBAL,     /* text: "module.name", with a NUL after it */
    MT_PK_OBJECT,     /* object: the result of a call */
    MT_PK_PERSISTENT, /* object->args: the id of a value outside the pickle */
};

struct mt_pickle;

struct mt_pickle_list {
    const struct mt_pickle **at;
    size_t n, size;
};

struct mt_pickle_object {
    const struct mt_pickle *callee, *args; /* of the call */
    const struct mt_pickle *state;         /* set on it afterwards, or NULL */
    struct mt_pickle_list items;           /* appended or added afterwards */
    struct mt_pickle_list pairs;           /* set afterwards: key, value, ... */
};

struct mt_pickle {
    enum mt_pickle_kind kind;
    unsigned number; /* of the value in the pickle, from 1 */
    union {
        int64_t i;
        double f;
        struct {
            const char *text; /* not NUL-terminated, except for GLOBAL */
            size_t n;
        };
        struct mt_pickle_list *list; /* NULL: empty */
        struct mt_pickle_object *object;
    };
};

struct mt_pickle_doc {
    const struct mt_pickle *root;
    size_t used;     /* bytes of the pickle, with the opcode that ends it */
    size_t n_values; /* values made: their numbers are 1 to n_values */
    size_t n_pushes; /* at least the number of places in all containers: each
                        value was on the stack first */
    /* Every global that it names, reachable from the root or not. */
    const char *globals[MT_PICKLE_MAX_GLOBALS];
    size_t n_globals;
    struct mt_names names;            /* of the globals */
    struct mt_pickle_list persistent; /* every value of that kind */
    struct mt_arena arena;
};

/* bytes must outlive doc; other bytes may follow the pickle. source names it in
 * messages. On failure doc is empty. */
mt_status mt_pickle_parse(const char *source, const void *bytes, size_t n,
                          struct mt_pickle_doc *doc, struct mt_err *err);
void mt_pickle_free(struct mt_pickle_doc *doc);

bool mt_pickle_is_text(const struct mt_pickle *v, const char *text);
bool mt_pickle_is_global(const struct mt_pickle *v, const char *name);

/* Items of a tuple, list, set or dictionary (keys and values). */
size_t mt_pickle_count(const struct mt_pickle *v);
const struct mt_pickle *mt_pickle_at(const struct mt_pickle *v, size_t i);

#endif
