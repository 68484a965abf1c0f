/*
 * Small arrays as text, for formats whose metadata are strings: the type, the
 * shape, and the little-endian bytes in hexadecimal, so that every bit
 * survives:
 *
 *     "int64 [] 3200000000000000"      "float64 [2] 000000000000f03f0000..."
 */
#ifndef MT_CKPT_TEXTARRAY_H
#define MT_CKPT_TEXTARRAY_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/status.h"

void mt_text_array_encode(const struct mt_array *array, struct mt_strbuf *out);

/* Fails with MT_INVALID if text is not of this form, or MT_NO_MEMORY. array's
 * data is in arena, its name is not set. */
mt_status mt_text_array_decode(const char *text, struct mt_arena *arena,
                               struct mt_array *array);

/* Is it an array that a bare state dict may have as text: the position? */
#define MT_TEXT_ARRAY_PREFIX "progress/"
bool mt_text_array_is(const char *name);

/* Is such an array small enough? Scalars are, and others up to
 * MT_TEXT_ARRAY_MOST bytes, as long as these, which *all counts, are at most
 * MT_TEXT_ARRAY_ALL together. Larger ones, such as a long history and the
 * tensors of the best epoch, are tensors, and have MT_TEXT_ARRAY_ELSEWHERE as
 * their text. */
enum { MT_TEXT_ARRAY_MOST = 4096, MT_TEXT_ARRAY_ALL = 1 << 20 };
#define MT_TEXT_ARRAY_ELSEWHERE "tensor"
bool mt_text_array_fits(const struct mt_array *array, size_t *all);

#endif
