/*
 * Kinds of objects whose "type" is looked up in a table that gives its keys.
 * Layers, losses, optimizers and their groups, schedulers and their stages,
 * data formats, augmentations, rules of initialisation and metrics are all read
 * by these functions; the JSON Schema, shell completion and the check of the
 * manual are made from the same tables.
 *
 * A type is a row that begins with MT_TYPE_HEAD:
 *
 *     struct mt_loss_type {
 *         MT_TYPE_HEAD;
 *         mt_status (*record)(...);
 *     };
 *     const struct mt_loss_type mt_loss_l1 = {
 *         .name = "L1Loss", .doc = "mean of |y - t|", .keys = l1_keys,
 *         .args_size = sizeof(struct l1_args), .record = l1_record };
 *
 * and a kind lists its rows and what all of them share:
 *
 *     const struct mt_kind mt_loss_kind = {
 *         .name = "loss", .what = "loss", .at = loss_at };
 *
 * Reading {"type": "L1Loss", "reduction": "sum"} takes one call, which also
 * reports an unknown type or key with the nearest valid one:
 *
 *     mt_kind_read(&mt_loss_kind, doc, object, NULL, arena, &type, &args, err)
 */
#ifndef MT_SPEC_KIND_H
#define MT_SPEC_KIND_H

#include "spec/keys.h"

struct mt_type {
    const char *name;          /* "Linear" */
    const char *doc;           /* one line */
    const struct mt_key *keys; /* its own; NULL: none */
    size_t args_size;          /* of the struct that keys fill */
};

/* The first member of a row: its fields can be named directly (row->name), and
 * &row->type is what the functions here take and give. A pointer to the type
 * is a pointer to the row. */
#define MT_TYPE_HEAD \
    union { \
        struct mt_type type; \
        struct { \
            const char *name, *doc; \
            const struct mt_key *keys; \
            size_t args_size; \
        }; \
    }

struct mt_kind {
    const char *name; /* in the schema: "layer" */
    const char *what; /* in messages: unknown WHAT "Linera" */

    /* Row i; NULL after the last. */
    const struct mt_type *(*at)(size_t i);

    /* Keys of every type in addition to "type", and those that only some types
     * have; both fill the caller's struct. NULL: none. */
    const struct mt_key *common;
    const struct mt_key *(*extra)(const struct mt_type *type);

    /* Why a type that exists cannot be used here; NULL where it can. */
    const char *(*refuse)(const struct mt_type *type);

    /* Appends more members to the schema of a type: `,"allOf":[...]`. */
    void (*schema)(const struct mt_type *type, struct mt_strbuf *out);

    /* Its objects have no "type"; the type is known from elsewhere, and all its
     * keys are optional: see mt_kind_override. */
    bool untyped;

    /* Types are chosen by name alone and have no keys: metrics. */
    bool named;
};

/* The type of this name, or NULL. */
const struct mt_type *mt_kind_find(const struct mt_kind *kind,
                                   const char *name);

/* The same for a name in a spec; an unknown one is reported at item:
 *     unknown loss "L2Loss"; did you mean "L1Loss"? */
mt_status mt_kind_lookup(const struct mt_kind *kind, const struct mt_json *doc,
                         const struct mt_item *item, const char *name,
                         const struct mt_type **out, struct mt_err *err);

/* The type that object names by "type". */
mt_status mt_kind_type(const struct mt_kind *kind, const struct mt_json *doc,
                       const struct mt_item *object, const struct mt_type **out,
                       struct mt_err *err);

/* Reads an object whose type is known: checks that it has no unknown key, and
 * fills *common (NULL where the kind has no common keys) and *args. */
mt_status mt_kind_fill(const struct mt_kind *kind, const struct mt_type *type,
                       const struct mt_json *doc, const struct mt_item *object,
                       void *common, void *args, struct mt_arena *arena,
                       struct mt_err *err);

/* Both of the above; *args is allocated in the arena and starts zeroed. */
mt_status mt_kind_read(const struct mt_kind *kind, const struct mt_json *doc,
                       const struct mt_item *object, void *common,
                       struct mt_arena *arena, const struct mt_type **type,
                       void **args, struct mt_err *err);

/* For untyped kinds: members that object lacks stay as they are in *args. */
mt_status mt_kind_override(const struct mt_kind *kind,
                           const struct mt_type *type,
                           const struct mt_json *doc,
                           const struct mt_item *object, void *common,
                           void *args, struct mt_arena *arena,
                           struct mt_err *err);

/* Every table of keys that an object of the type may have, "type" included;
 * n_needed: the first so many, whose required keys are required. */
enum { MT_KIND_TABLES = 4 };
struct mt_kind_tables {
    struct mt_key type[2];
    const struct mt_key *table[MT_KIND_TABLES];
    size_t n, n_needed;
};
void mt_kind_tables(const struct mt_kind *kind, const struct mt_type *type,
                    struct mt_kind_tables *out);

#endif
