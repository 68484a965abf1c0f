/*
 * The header of a NumPy .npy file, versions 1.0, 2.0 and 3.0: a magic string,
 * the version, the length of what follows, and a Python dictionary
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
 */
#ifndef MT_BASE_NPYHEADER_H
#define MT_BASE_NPYHEADER_H

#include "base/dtype.h"
#include "base/status.h"

enum { MT_NPY_MAX_HEADER = 64 << 10 };

struct mt_npy_header {
    enum mt_dtype dtype; /* F32, F64, I32, I64, U8 */
    struct mt_shape shape;
    size_t offset; /* of the elements */
};

/* bytes are the n first of the file: all of it, or more than
 * MT_NPY_MAX_HEADER. source names it in messages. */
mt_status mt_npy_header_parse(const char *source, const void *bytes, size_t n,
                              struct mt_npy_header *out, struct mt_err *err);

#endif
