/*
 * The compiler vectorizes loops whose length it knows, so blocks have a fixed
 * size; they also take care of unaligned bytes.
 */
#include "data/convert.h"

#include <string.h>

enum { BLOCK = 16 };

#define DEFINE_CONVERT(name, from, to, convert)                                \
    static void name(const char *restrict at, size_t n, to *restrict out)      \
    {                                                                          \
        size_t i = 0;                                                          \
        from v[BLOCK];                                                         \
                                                                               \
        for (; i + BLOCK <= n; i += BLOCK) {                                   \
            memcpy(v, at + i * sizeof *v, sizeof v);                           \
            for (size_t j = 0; j < BLOCK; j++)                                 \
                out[i + j] = convert(v[j]);                                    \
        }                                                                      \
        for (; i < n; i++) {                                                   \
            memcpy(v, at + i * sizeof *v, sizeof *v);                          \
            out[i] = convert(v[0]);                                            \
        }                                                                      \
    }

#define TO_FLOAT(v)  ((float)(v))
#define TO_DOUBLE(v) ((double)(v))
#define SAME(v)      (v)

static int32_t cut_f64(double v)
{
    if (v != v)
        return 0;
    return v <= INT32_MIN ? INT32_MIN : v >= INT32_MAX ? INT32_MAX : (int32_t)v;
}

DEFINE_CONVERT(f64_to_f32, double, float, TO_FLOAT)
DEFINE_CONVERT(i32_to_f32, int32_t, float, TO_FLOAT)
DEFINE_CONVERT(i64_to_f32, int64_t, float, TO_FLOAT)
DEFINE_CONVERT(u8_to_f32, uint8_t, float, TO_FLOAT)
DEFINE_CONVERT(f32_to_f64, float, double, TO_DOUBLE)
DEFINE_CONVERT(i32_to_f64, int32_t, double, TO_DOUBLE)
DEFINE_CONVERT(i64_to_f64, int64_t, double, TO_DOUBLE)
DEFINE_CONVERT(u8_to_f64, uint8_t, double, TO_DOUBLE)
DEFINE_CONVERT(f32_to_i32, float, int32_t, cut_f64)
DEFINE_CONVERT(f64_to_i32, double, int32_t, cut_f64)
DEFINE_CONVERT(i64_to_i32, int64_t, int32_t, mt_cut_i32)
DEFINE_CONVERT(u8_to_i32, uint8_t, int32_t, SAME)
DEFINE_CONVERT(i32_to_i64, int32_t, int64_t, SAME)
DEFINE_CONVERT(u8_to_i64, uint8_t, int64_t, SAME)

void mt_convert_f32(enum mt_dtype from, const char *at, size_t n, float *out)
{
    switch (from) {
    case MT_F64:
        f64_to_f32(at, n, out);
        break;
    case MT_I32:
        i32_to_f32(at, n, out);
        break;
    case MT_I64:
        i64_to_f32(at, n, out);
        break;
    case MT_U8:
        u8_to_f32(at, n, out);
        break;
    default:
        memcpy(out, at, n * sizeof *out);
    }
}

void mt_convert_f64(enum mt_dtype from, const char *at, size_t n, double *out)
{
    switch (from) {
    case MT_F32:
        f32_to_f64(at, n, out);
        break;
    case MT_I32:
        i32_to_f64(at, n, out);
        break;
    case MT_I64:
        i64_to_f64(at, n, out);
        break;
    case MT_U8:
        u8_to_f64(at, n, out);
        break;
    default:
        memcpy(out, at, n * sizeof *out);
    }
}

void mt_convert_i32(enum mt_dtype from, const char *at, size_t n, int32_t *out)
{
    switch (from) {
    case MT_F32:
        f32_to_i32(at, n, out);
        break;
    case MT_F64:
        f64_to_i32(at, n, out);
        break;
    case MT_I64:
        i64_to_i32(at, n, out);
        break;
    case MT_U8:
        u8_to_i32(at, n, out);
        break;
    default:
        memcpy(out, at, n * sizeof *out);
    }
}

void mt_convert_i64(enum mt_dtype from, const char *at, size_t n, int64_t *out)
{
    switch (from) {
    case MT_I32:
        i32_to_i64(at, n, out);
        break;
    case MT_U8:
        u8_to_i64(at, n, out);
        break;
    default:
        memcpy(out, at, n * sizeof *out);
    }
}

void mt_convert(enum mt_dtype from, const char *at, size_t n, enum mt_dtype to,
                void *out)
{
    if (to == MT_F32)
        mt_convert_f32(from, at, n, out);
    else if (to == MT_F64)
        mt_convert_f64(from, at, n, out);
    else if (to == MT_I32)
        mt_convert_i32(from, at, n, out);
    else
        mt_convert_i64(from, at, n, out);
}
