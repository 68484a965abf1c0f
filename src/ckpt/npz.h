/*
 * NumPy's files as state dicts.
 *
 * An .npz is a zip file (archive/zip.h) whose members NAME.npy are arrays. It
 * is read as np.savez and np.savez_compressed write it, and written as by
 * np.savez, but without times, so that the bytes are always the same. The
 * position is written as arrays "progress/step" and so on. An .npy is one
 * array, whose name is that of the file without ".npy".
 *
 * Types: floats of 16 to 64 bits, integers of 8 to 64 bits, bool; in either
 * byte order, in C or Fortran order. Arrays of other types, and members that
 * are not arrays, are listed as MT_OTHER. Opening a file checks every header,
 * and that each member has exactly the bytes that its shape needs.
 */
#ifndef MT_CKPT_NPZ_H
#define MT_CKPT_NPZ_H

#include "base/dtype.h"
#include "base/status.h"
#include "base/team.h"

/* Writes the arrays (which may have sources) to path, atomically. bfloat16,
 * which NumPy does not know, is refused. bytes and team may be NULL. */
mt_status mt_npz_write(const char *path, const struct mt_array *arrays,
                       size_t n, struct mt_team *team, uint64_t *bytes,
                       struct mt_err *err);

/* The same for a single array, as an .npy; its name is not in the file. */
mt_status mt_npy_write(const char *path, const struct mt_array *arrays,
                       size_t n, struct mt_team *team, uint64_t *bytes,
                       struct mt_err *err);

#endif
