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
    MT_NPY_PREFIX = 12,   /* bytes up to the end of the header's length */
    MT_NPY_WRITTEN = 320, /* room for any header that is written */
};

/* The types a reader wants for bool, for integers of 8 to 64 bits with and
 * without sign, and for floats of 16 to 64 bits. It converts either byte order
 * and Fortran order. */
enum mt_npy_use {
    MT_NPY_DATA,  /* the type that holds all values (except uint64's); all
                     other types are refused */
    MT_NPY_STATE, /* their own type; all others are MT_OTHER */
};

struct mt_npy_header {
    enum mt_dtype dtype; /* see mt_npy_use */
    char kind;           /* 'b', 'i', 'u' or 'f', and */
    size_t size;         /* the bytes of an element, in the file */
    char type[32];       /* of MT_OTHER: as in the header, made printable */
    bool fortran;        /* in Fortran order, if that differs from C order */
    bool big_endian;
    struct mt_shape shape;
    size_t offset; /* of the elements */
};

/* bytes are the n first of the file: all of it, or more than
 * MT_NPY_MAX_HEADER. source names it in messages. */
mt_status mt_npy_header_parse(const char *source, const void *bytes, size_t n,
                              enum mt_npy_use use, struct mt_npy_header *out,
                              struct mt_err *err);

/* Where the elements begin, from the first MT_NPY_PREFIX bytes; 0 if
 * mt_npy_header_parse accepts no header that starts like that. */
size_t mt_npy_header_size(const unsigned char prefix[MT_NPY_PREFIX]);

/* Is this type one of NumPy's? (bfloat16 is not.) */
bool mt_npy_has_dtype(enum mt_dtype dtype);

/* Writes a header of version 1.0, padded to a multiple of 64 bytes as NumPy
 * does, and returns its size. */
size_t mt_npy_header_write(enum mt_dtype dtype, const struct mt_shape *shape,
                           char out[MT_NPY_WRITTEN]);

#endif
