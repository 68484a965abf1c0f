/*
 * Converts elements from the types of files to those that models take. The
 * bytes need not be aligned. Values beyond int32 are clamped to its range.
 */
#ifndef MT_DATA_CONVERT_H
#define MT_DATA_CONVERT_H

#include <stdint.h>

#include "base/dtype.h"

void mt_convert_f32(enum mt_dtype from, const char *at, size_t n, float *out);
void mt_convert_f64(enum mt_dtype from, const char *at, size_t n, double *out);
void mt_convert_i32(enum mt_dtype from, const char *at, size_t n,
                    int32_t *out);
void mt_convert_i64(enum mt_dtype from, const char *at, size_t n,
                    int64_t *out); /* of integers */

/* to: MT_F32, MT_F64, MT_I32, MT_I64 */
void mt_convert(enum mt_dtype from, const char *at, size_t n, enum mt_dtype to,
                void *out);

static inline int32_t mt_cut_i32(long long v)
{
    return v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

#endif
