/*
 * The machine that runs a pickle, for pickle.c (values and the stack) and
 * pickle_ops.c (the opcodes).
 */
#ifndef MT_CKPT_PICKLE_INTERNAL_H
#define MT_CKPT_PICKLE_INTERNAL_H

#include "ckpt/pickle.h"

struct mt_pickler {
    const char *source;
    const unsigned char *begin, *p, *end;
    const unsigned char *op; /* the current opcode */
    struct mt_pickle_doc *doc;
    struct mt_err *err;
    size_t values, pushes;
    const struct mt_pickle *root; /* set by STOP */

    const struct mt_pickle **stack;
    size_t n, size;
    size_t *marks; /* their indices on the stack */
    size_t n_marks, marks_size;
    const struct mt_pickle **memo; /* (memo_size), NULL: unset */
    size_t memo_size, memo_n;
};

/* An opcode's function and its parameters: opcodes that differ only in the kind
 * of values or the width of numbers share one. */
struct mt_pickle_op {
    mt_status (*run)(struct mt_pickler *ps, const struct mt_pickle_op *op);
    enum mt_pickle_kind kind;
    size_t width;
};

extern const struct mt_pickle_op mt_pickle_ops[256];

/* "SOURCE: byte 7 of the pickle (opcode 0x52): WHAT" */
mt_status mt_pk_fail(const struct mt_pickler *ps, const char *what);

/* The next n bytes; a little-endian number of n bytes, at most 8; the rest of a
 * line, whose end is skipped. */
mt_status mt_pk_take(struct mt_pickler *ps, size_t n,
                     const unsigned char **out);
mt_status mt_pk_number(struct mt_pickler *ps, size_t n, uint64_t *out);
mt_status mt_pk_line(struct mt_pickler *ps, const char **text, size_t *n);

mt_status mt_pk_push(struct mt_pickler *ps, const struct mt_pickle *v);
mt_status mt_pk_mark(struct mt_pickler *ps);
/* Are there n values above the last mark? */
mt_status mt_pk_need(const struct mt_pickler *ps, size_t n);
size_t mt_pk_above(const struct mt_pickler *ps);
/* Pops the last mark and the values above it: *n from *first on, which stay in
 * place until something is pushed. */
mt_status mt_pk_pop_mark(struct mt_pickler *ps, const struct mt_pickle ***first,
                         size_t *n);

/* New values, pushed. */
mt_status mt_pk_value(struct mt_pickler *ps, struct mt_pickle v);
mt_status mt_pk_list(struct mt_pickler *ps, enum mt_pickle_kind kind,
                     const struct mt_pickle *const *values, size_t n);
mt_status mt_pk_object(struct mt_pickler *ps, enum mt_pickle_kind kind,
                       const struct mt_pickle *callee,
                       const struct mt_pickle *args);
mt_status mt_pk_global(struct mt_pickler *ps, const char *module, size_t n,
                       const char *name, size_t m);

/* Adds to a list, set or dictionary; to a list of an object. */
mt_status mt_pk_add(struct mt_pickler *ps, const struct mt_pickle *to,
                    const struct mt_pickle *const *values, size_t n);
mt_status mt_pk_append(struct mt_pickler *ps, struct mt_pickle_list *list,
                       const struct mt_pickle *const *values, size_t n);

mt_status mt_pk_memo_put(struct mt_pickler *ps, uint64_t i);
mt_status mt_pk_memo_get(struct mt_pickler *ps, uint64_t i);

#endif
