/*
 * Looking for options that would make a state fit. For transfer_advice.c,
 * transfer_prefix.c, transfer_pairs.c and transfer_turn.c only, which find:
 *
 *     advising.c          what the searches share
 *     transfer_prefix.c   starts and middles of names to be taken away or
 *                         replaced
 *     transfer_pairs.c    names of the same part in other programs, and names
 *                         that are near
 *     transfer_turn.c     matrices to be transposed
 *     transfer_advice.c   what is to be excepted; and all of it, one after the
 *                         other, tried before it is proposed
 */
#ifndef MT_TRAIN_ADVISING_H
#define MT_TRAIN_ADVISING_H

#include "train/nameglob.h"
#include "train/transfer_match.h"

enum {
    MT_ADVICE_RENAMES = 24, /* that a command can be proposed with */
    MT_ADVICE_STARTS = 64,  /* different starts of names that are tried */
};

struct mt_advising {
    const struct mt_bundle *target;
    const struct mt_item *ties;
    const struct mt_bundle *source;
    const struct mt_transfer_options *options;
    struct mt_transfer_advice *out;
    struct mt_arena *arena;
    bool *taken;   /* (arrays of the target) something fits in there */
    bool *tied;    /* (ties) something has that name */
    bool *renamed; /* (items) by what is proposed */
    size_t looks;  /* names that were looked up or compared */
    struct mt_err *err;
};

struct mt_starts {
    char *text[MT_ADVICE_STARTS];
    size_t n;
};

/* Adds n bytes of text, unless they are there. False: no memory. */
bool mt_starts_add_text(struct mt_starts *s, const char *text, size_t n,
                        struct mt_arena *arena);

/* Adds "", "a." and "a.b." of "a.b.c". False: no memory. */
bool mt_starts_add(struct mt_starts *s, const char *name,
                   struct mt_arena *arena);

/* The distance of two names; of long ones that of their lengths. */
size_t mt_advice_distance(struct mt_advising *a, const char *x, const char *y);

/* Has it searched for as long as it may? What it found by then is advised. */
bool mt_advice_is_over(const struct mt_advising *a);

/* May the item be renamed? */
bool mt_advice_is_open(const struct mt_advising *a,
                       const struct mt_match_item *item, size_t i);

/* Does the item go into its place, or would, transposed? */
bool mt_advice_fits(const struct mt_advising *a,
                    const struct mt_match_item *item);

/* The free place of the target that the item would fill under that name, as it
 * is or transposed; or NULL. */
const struct mt_array *mt_advice_place(const struct mt_advising *a,
                                       const struct mt_match_item *item,
                                       const char *key);
bool mt_advice_fills(const struct mt_advising *a,
                     const struct mt_match_item *item,
                     const struct mt_array *to, const char *key);

/* The mark in `tied` of that name, or NULL. */
bool *mt_advice_tied_mark(const struct mt_advising *a, const char *key);

/* Marks the place of that name as taken. */
void mt_advice_take(struct mt_advising *a, const char *key);

/* Proposes that a start of names is taken away. Returns false where it cannot
 * be stripped, for something was stripped or renamed before. */
bool mt_advice_strip(struct mt_advising *a, const char *start);

mt_status mt_advice_add_map(struct mt_advising *a, const char *from,
                            const char *to);

/* Each adds what it finds to the advice, and marks what that renames. *again:
 * there may be more to find once the items are rebuilt. */
mt_status mt_advise_layout(struct mt_advising *a, const struct mt_match *m,
                           bool *again);
mt_status mt_advise_middles(struct mt_advising *a, const struct mt_match *m,
                            bool *again);
mt_status mt_advise_prefixes(struct mt_advising *a, const struct mt_match *m,
                             bool *again);
mt_status mt_advise_singles(struct mt_advising *a, const struct mt_match *m);
mt_status mt_advise_turns(struct mt_advising *a, const struct mt_match *m);

#endif
