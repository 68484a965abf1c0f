/*
 * The search for options that would make a state fit. For these files only:
 *
 *     advising.c          what the searches share
 *     transfer_prefix.c   prefixes and inner parts of names to remove or
 *                         replace
 *     transfer_pairs.c    names of the same part in other programs, and
 *                         similar names
 *     transfer_turn.c     matrices to transpose
 *     transfer_advice.c   tensors to except; runs all searches in turn and
 *                         tries their result before it is proposed
 */
#ifndef MT_TRAIN_ADVISING_H
#define MT_TRAIN_ADVISING_H

#include "train/nameglob.h"
#include "train/transfer_match.h"

enum {
    MT_ADVICE_RENAMES = 24, /* most renames in a proposed command */
    MT_ADVICE_STARTS = 64,  /* most prefixes that are tried */
};

struct mt_advising {
    const struct mt_bundle *target;
    const struct mt_item *ties;
    const struct mt_bundle *source;
    const struct mt_transfer_options *options;
    struct mt_transfer_advice *out;
    struct mt_arena *arena;
    bool *taken;   /* (arrays of the target) an item fits there */
    bool *tied;    /* (ties) an item has that name */
    bool *renamed; /* (items) the advice renames it */
    size_t looks;  /* names looked up or compared so far */
    struct mt_err *err;
};

struct mt_starts {
    char *text[MT_ADVICE_STARTS];
    size_t n;
};

/* Adds n bytes of text, unless already there. False: no memory. */
bool mt_starts_add_text(struct mt_starts *s, const char *text, size_t n,
                        struct mt_arena *arena);

/* Adds "", "a." and "a.b." of "a.b.c". False: no memory. */
bool mt_starts_add(struct mt_starts *s, const char *name,
                   struct mt_arena *arena);

/* The edit distance of two names; for long ones, a bound from their lengths. */
size_t mt_advice_distance(struct mt_advising *a, const char *x, const char *y);

/* Has the search used up its budget? What it found so far is still advised. */
bool mt_advice_is_over(const struct mt_advising *a);

/* May the item be renamed? */
bool mt_advice_is_open(const struct mt_advising *a,
                       const struct mt_match_item *item, size_t i);

/* Does the item fit its place, as it is or transposed? */
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

/* The entry of `tied` for that name; NULL if it is no name of a tied tensor. */
bool *mt_advice_tied_mark(const struct mt_advising *a, const char *key);

/* Marks the place of that name as taken. */
void mt_advice_take(struct mt_advising *a, const char *key);

/* Proposes to strip a prefix. Returns false if something is stripped or renamed
 * already: stripping comes before renaming, and only once. */
bool mt_advice_strip(struct mt_advising *a, const char *start);

mt_status mt_advice_add_map(struct mt_advising *a, const char *from,
                            const char *to);

/* Each adds what it finds to the advice and marks the items that it renames.
 * *again: there may be more to find once the items are rebuilt. */
mt_status mt_advise_layout(struct mt_advising *a, const struct mt_match *m,
                           bool *again);
mt_status mt_advise_middles(struct mt_advising *a, const struct mt_match *m,
                            bool *again);
mt_status mt_advise_prefixes(struct mt_advising *a, const struct mt_match *m,
                             bool *again);
mt_status mt_advise_singles(struct mt_advising *a, const struct mt_match *m);
mt_status mt_advise_turns(struct mt_advising *a, const struct mt_match *m);

#endif
