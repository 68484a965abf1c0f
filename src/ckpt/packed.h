/*
 * What a writer remembers of an array that grows at its end from one
 * checkpoint to the next, as the columns of a history do: what is packed and
 * hashed of its chunks already. With it the next checkpoint costs the elements
 * that came since, and the copying of what is packed. The file's bytes are the
 * same with it and without.
 *
 *     struct mt_packed packed = { 0 };
 *     struct mt_array a = { ..., .packed = &packed };
 *     mt_ckpt_write(path, &a, 1, team, &info, err);
 *     (elements are added)
 *     mt_ckpt_write(path, &a, 1, team, &info, err);
 *     mt_packed_free(&packed);
 *
 * Whoever changes elements says so before the next write, by mt_packed_cut.
 */
#ifndef MT_CKPT_PACKED_H
#define MT_CKPT_PACKED_H

#include <stddef.h>

struct mt_packed_chunk; /* packed_internal.h */

/* All zero: nothing is packed. */
struct mt_packed {
    struct mt_packed_chunk *chunk; /* (n) */
    size_t n;
};

void mt_packed_free(struct mt_packed *p);

/* Only the first n elements are still what they were. */
void mt_packed_cut(struct mt_packed *p, size_t n);

#endif
