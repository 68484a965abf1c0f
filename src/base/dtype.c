#include "base/dtype.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"

static const struct {
    const char *name;
    size_t size;
    bool is_float;
} dtypes[] = {
    [MT_F32] = { "float32", 4, true },  [MT_F64] = { "float64", 8, true },
    [MT_F16] = { "float16", 2, true },  [MT_BF16] = { "bfloat16", 2, true },
    [MT_I32] = { "int32", 4, false },   [MT_I64] = { "int64", 8, false },
    [MT_U8] = { "uint8", 1, false },    [MT_BOOL] = { "bool", 1, false },
    [MT_I8] = { "int8", 1, false },     [MT_I16] = { "int16", 2, false },
    [MT_U16] = { "uint16", 2, false },  [MT_U32] = { "uint32", 4, false },
    [MT_U64] = { "uint64", 8, false },  [MT_OTHER] = { "other", 0, false },
};

const char *mt_dtype_name(enum mt_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t mt_dtype_size(enum mt_dtype dtype)
{
    return dtypes[dtype].size;
}

bool mt_dtype_is_float(enum mt_dtype dtype)
{
    return dtypes[dtype].is_float;
}

const char *mt_array_type(const struct mt_array *array)
{
    return array->dtype == MT_OTHER && array->type
               ? array->type
               : mt_dtype_name(array->dtype);
}

bool mt_dtype_from_name(const char *name, enum mt_dtype *dtype)
{
    for (size_t i = 0; i < MT_OTHER; i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            *dtype = (enum mt_dtype)i;
            return true;
        }
    }
    return false;
}

struct mt_shape mt_shape_of(int rank, ...)
{
    struct mt_shape shape = { .rank = rank };
    va_list args;

    va_start(args, rank);
    for (int i = 0; i < rank; i++)
        shape.dim[i] = va_arg(args, size_t);
    va_end(args);
    return shape;
}

bool mt_shape_equal(const struct mt_shape *a, const struct mt_shape *b)
{
    return a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

bool mt_shape_count(const struct mt_shape *shape, size_t *count)
{
    size_t n = 1;

    for (int i = 0; i < shape->rank; i++) {
        if (!mt_size_mul(n, shape->dim[i], &n))
            return false;
    }
    *count = n;
    return true;
}

void mt_shape_print(const struct mt_shape *shape, struct mt_strbuf *out)
{
    mt_strbuf_putc(out, '[');
    for (int i = 0; i < shape->rank; i++)
        mt_strbuf_printf(out, i ? ", %zu" : "%zu", shape->dim[i]);
    mt_strbuf_putc(out, ']');
}

struct mt_shape_text mt_shape_text(const struct mt_shape *shape)
{
    struct mt_shape_text out;
    size_t n = 0;

    n += (size_t)snprintf(out.text, sizeof out.text, "[");
    for (int i = 0; i < shape->rank; i++)
        n += (size_t)snprintf(out.text + n, sizeof out.text - n,
                              i ? ", %zu" : "%zu", shape->dim[i]);
    snprintf(out.text + n, sizeof out.text - n, "]");
    return out;
}

size_t mt_array_bytes(const struct mt_array *array)
{
    return mt_shape_elements(&array->shape) * mt_dtype_size(array->dtype);
}

static float float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

float mt_bf16_to_f32(uint16_t bits)
{
    return float_of_bits((uint32_t)bits << 16);
}

float mt_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023;

    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent)
        return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);

    float small = (float)mantissa * 0x1p-24f; /* zero and subnormals */

    return sign ? -small : small;
}

/* A double rounded to a sign, `exponent` and `mantissa` bits (IEEE 754). */
static uint16_t round_bits(double value, int exponent, int mantissa)
{
    enum { SHIFT = 52 };
    uint64_t bits, bias = (1u << (exponent - 1)) - 1;
    uint64_t infinite = ((1u << exponent) - 1) << mantissa;

    memcpy(&bits, &value, sizeof bits);
    uint64_t sign = bits >> 63 << (exponent + mantissa);
    uint64_t fraction = bits & (((uint64_t)1 << SHIFT) - 1);
    int64_t e = (int64_t)(bits >> SHIFT & 2047);

    if (e == 2047 && fraction)
        return (uint16_t)(sign | infinite | (uint64_t)1 << (mantissa - 1) |
                          fraction >> (SHIFT - mantissa));
    e += (int64_t)bias - 1023;
    if (e >= (1 << exponent) - 1)
        return (uint16_t)(sign | infinite);
    /* Below the smallest normal number the unit in the last place stays. */
    int64_t shift = SHIFT - mantissa + (e < 1 ? 1 - e : 0);

    if (shift > SHIFT + 2)
        return (uint16_t)sign;
    fraction |= (uint64_t)1 << SHIFT;
    uint64_t rest = fraction & (((uint64_t)1 << shift) - 1);
    uint64_t half = (uint64_t)1 << (shift - 1);
    uint64_t kept = fraction >> shift;

    kept += rest > half || (rest == half && (kept & 1));
    if (e > 1)
        kept += (uint64_t)(e - 1) << mantissa; /* it has the leading 1 */
    return (uint16_t)(sign | kept);
}

uint16_t mt_f16_from_f64(double value)
{
    return round_bits(value, 5, 10);
}

uint16_t mt_bf16_from_f64(double value)
{
    return round_bits(value, 8, 7);
}

double mt_array_value(const struct mt_array *a, size_t i)
{
    switch (a->dtype) {
    case MT_F32: return (double)((const float *)a->data)[i];
    case MT_F64: return ((const double *)a->data)[i];
    case MT_F16: return (double)mt_f16_to_f32(((const uint16_t *)a->data)[i]);
    case MT_BF16: return (double)mt_bf16_to_f32(((const uint16_t *)a->data)[i]);
    case MT_I32: return ((const int32_t *)a->data)[i];
    case MT_I64: return (double)((const int64_t *)a->data)[i];
    case MT_U8: return ((const uint8_t *)a->data)[i];
    case MT_BOOL: return ((const uint8_t *)a->data)[i] != 0;
    case MT_I8: return ((const int8_t *)a->data)[i];
    case MT_I16: return ((const int16_t *)a->data)[i];
    case MT_U16: return ((const uint16_t *)a->data)[i];
    case MT_U32: return ((const uint32_t *)a->data)[i];
    case MT_U64: return (double)((const uint64_t *)a->data)[i];
    case MT_OTHER: break;
    }
    return 0;
}
