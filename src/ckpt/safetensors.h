/*
 * The safetensors format: a u64 with the length of a JSON header, the header,
 * the tensors' bytes. Everything is checked when a file is opened; tensors are
 * read one at a time. A row of the table in statefile.c.
 *
 * The header is {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets":
 * [begin, end]}, ...}, with offsets from the end of the header, and optionally
 * "__metadata__": {"KEY": "TEXT", ...}, of which arrays as text (textarray.h)
 * are read and the rest is ignored. The metadata also name arrays that are too
 * long for text, so that all keep their order. Tensors must cover the rest of
 * the file exactly. Those of unknown types, such as F8_E4M3 and C64, or with
 * too many dimensions are listed as MT_OTHER.
 */
#ifndef MT_CKPT_SAFETENSORS_H
#define MT_CKPT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/status.h"
#include "base/team.h"

/* The format allows headers of 100 MB; a header of this size already names
 * more than a hundred thousand tensors. */
enum { MT_SAFETENSORS_MAX_HEADER = 16 << 20 };

struct mt_safetensors;

/* Does the file start like a .safetensors? */
bool mt_safetensors_is(const void *head, size_t n);

struct mt_state_opening; /* stateformat.h */

/* Takes over fd, open on the file of that size, even if it fails; path is for
 * messages. A file that is cut off, or has too many bytes, can be salvaged if
 * its header is intact. */
mt_status mt_safetensors_open(const char *path, int fd, uint64_t size,
                              struct mt_state_opening *opening,
                              struct mt_safetensors **out, struct mt_err *err);
void mt_safetensors_close(struct mt_safetensors *file); /* NULL is allowed */

/* In the order of the header; data is NULL. */
size_t mt_safetensors_count(const struct mt_safetensors *file);
const struct mt_array *mt_safetensors_array(const struct mt_safetensors *file,
                                            size_t i);

/* Reads an array that the function above returned. */
mt_status mt_safetensors_read(const struct mt_safetensors *file,
                              const struct mt_array *array, void *out,
                              struct mt_err *err);

/* The same for n of its elements, from number `first` on. */
mt_status mt_safetensors_read_part(const struct mt_safetensors *file,
                                   const struct mt_array *array, size_t first,
                                   size_t n, void *out, struct mt_err *err);

/* Writes a file atomically: the header names the arrays in the given order;
 * their bytes are laid out by decreasing element size, so that each is aligned.
 * Arrays may have sources (blockstream.h); the team (may be NULL) reads them.
 * bytes (may be NULL): the size of the file. */
mt_status mt_safetensors_write(const char *path, const struct mt_array *arrays,
                               size_t n, struct mt_team *team, uint64_t *bytes,
                               struct mt_err *err);

/* "F32" for float32 and so on. */
const char *mt_safetensors_dtype(enum mt_dtype dtype);

#endif
