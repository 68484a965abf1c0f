/*
 * What a writer keeps of an array that grows at its end from one checkpoint to
 * the next, as the columns of a history do: the packed bytes and hashes of its
 * chunks. With it, the next checkpoint only has to pack the new elements and
 * copy what is packed. The file's bytes are the same with it and without.
 *
 *     struct mt_packed packed = { 0 };
 *     struct mt_array a = { ..., .packed = &packed };
 *     mt_ckpt_write(path, &a, 1, team, &info, err);
 *     (elements are added)
 *     mt_ckpt_write(path, &a, 1, team, &info, err);
 *     mt_packed_free(&packed);
 *
 * Code that changes earlier elements must call mt_packed_cut before the next
 * write.
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

/* Only the first n elements are unchanged. */
void mt_packed_cut(struct mt_packed *p, size_t n);

#endif
