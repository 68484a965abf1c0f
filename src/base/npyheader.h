/*
 * The header of a NumPy .npy file, versions 1.0, 2.0 and 3.0: a magic string,
 * the version, the length of what follows, and a Python dictionary
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
 */
#ifndef MT_BASE_NPYHEADER_H
#define MT_BASE_NPYHEADER_H

#include "base/dtype.h"
#include "base/status.h"

enum {
    MT_NPY_MAX_HEADER = 64 << 10,
    MT_NPY_PREFIX = 12,   /* bytes that tell the header's length */
    MT_NPY_WRITTEN = 320, /* room for any header that is written */
};

/* What a reader takes beyond little-endian F32, F64, I32, I64 and U8. */
enum {
    MT_NPY_F16 = 1,
    MT_NPY_BIG_ENDIAN = 2, /* the caller swaps the bytes */
    MT_NPY_ANY = 4,        /* all of these: bool, integers of 8 to 64 bits with
                              and without sign, floats of 16 to 64; any byte
                              order, Fortran order: the caller converts */
};

struct mt_npy_header {
    enum mt_dtype dtype; /* of the elements, or with MT_NPY_ANY the type that
                            holds all values of theirs (but uint64's) */
    char kind;           /* 'b', 'i', 'u' or 'f', and */
    size_t size;         /* the bytes of an element, in the file */
    bool fortran;        /* in Fortran order, and that is another one */
    bool big_endian;
    struct mt_shape shape;
    size_t offset; /* of the elements */
};

/* bytes are the n first of the file: all of it, or more than
 * MT_NPY_MAX_HEADER. also: a set of the above. source names it in messages. */
mt_status mt_npy_header_parse(const char *source, const void *bytes, size_t n,
                              unsigned also, struct mt_npy_header *out,
                              struct mt_err *err);

/* Where the elements begin, by the first MT_NPY_PREFIX bytes; 0 if no header
 * that parse takes starts like that. */
size_t mt_npy_header_size(const unsigned char prefix[MT_NPY_PREFIX]);

/* Is this type one of NumPy's? (bfloat16 is not.) */
bool mt_npy_has_dtype(enum mt_dtype dtype);

/* Writes a header of version 1.0, padded to a multiple of 64 bytes as NumPy
 * does, and returns its size. */
size_t mt_npy_header_write(enum mt_dtype dtype, const struct mt_shape *shape,
                           char out[MT_NPY_WRITTEN]);

#endif
