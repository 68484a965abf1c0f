#include "base/dtype.h"

#include <check.h>
#include <math.h>
#include <string.h>

static const struct {
    enum mt_dtype dtype;
    const char *name;
    size_t size;
} types[] = {
    { MT_F32, "float32", 4 }, { MT_F64, "float64", 8 },
    { MT_F16, "float16", 2 }, { MT_BF16, "bfloat16", 2 },
    { MT_I32, "int32", 4 },   { MT_I64, "int64", 8 },
    { MT_U8, "uint8", 1 },
};

START_TEST(types_have_names_and_sizes)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        enum mt_dtype found = MT_F32;

        ck_assert_str_eq(mt_dtype_name(types[i].dtype), types[i].name);
        ck_assert_uint_eq(mt_dtype_size(types[i].dtype), types[i].size);
        ck_assert(mt_dtype_from_name(types[i].name, &found));
        ck_assert_int_eq(found, types[i].dtype);
    }
}
END_TEST

START_TEST(other_names_are_no_types)
{
    const char *names[] = { "",     "float",  "Float32", "float32 ",
                            "other", "float6", "float640" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        enum mt_dtype found = MT_I64;

        ck_assert_msg(!mt_dtype_from_name(names[i], &found), "%s", names[i]);
        ck_assert_int_eq(found, MT_I64);
    }
}
END_TEST

START_TEST(shapes_compare_by_rank_and_dimensions)
{
    struct mt_shape a = mt_shape_of(2, (size_t)3, (size_t)4);
    struct mt_shape b = mt_shape_of(2, (size_t)3, (size_t)4);
    struct mt_shape c = mt_shape_of(3, (size_t)3, (size_t)4, (size_t)1);
    struct mt_shape d = mt_shape_of(2, (size_t)4, (size_t)3);
    struct mt_shape scalar = mt_shape_of(0), other = { .dim = { 9 } };

    b.dim[5] = 77; /* past the rank: ignored */
    ck_assert(mt_shape_equal(&a, &b));
    ck_assert(!mt_shape_equal(&a, &c));
    ck_assert(!mt_shape_equal(&a, &d));
    ck_assert(!mt_shape_equal(&a, &scalar));
    ck_assert(mt_shape_equal(&scalar, &other));
}
END_TEST

START_TEST(elements_are_counted_with_care)
{
    struct mt_shape shape = mt_shape_of(3, (size_t)3, (size_t)4, (size_t)5);
    struct mt_shape scalar = mt_shape_of(0);
    struct mt_shape none = mt_shape_of(2, (size_t)0, (size_t)9);
    struct mt_shape huge =
        mt_shape_of(3, (size_t)1 << 32, (size_t)1 << 31, (size_t)2);
    size_t n = 17;

    ck_assert(mt_shape_count(&shape, &n));
    ck_assert_uint_eq(n, 60);
    ck_assert_uint_eq(mt_shape_elements(&shape), 60);
    ck_assert(mt_shape_count(&scalar, &n));
    ck_assert_uint_eq(n, 1);
    ck_assert(mt_shape_count(&none, &n));
    ck_assert_uint_eq(n, 0);
    ck_assert(!mt_shape_count(&huge, &n));
    ck_assert_uint_eq(n, 0);
    huge.dim[2] = 1;
    ck_assert(mt_shape_count(&huge, &n));
    ck_assert_uint_eq(n, (size_t)1 << 63);
}
END_TEST

START_TEST(shapes_are_printed)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    struct mt_shape shape = mt_shape_of(2, (size_t)120, (size_t)400);
    struct mt_shape one = mt_shape_of(1, (size_t)7), scalar = { 0 };

    mt_strbuf_puts(&out, "is ");
    mt_shape_print(&shape, &out);
    ck_assert_str_eq(out.text, "is [120, 400]");
    mt_shape_print(&scalar, &out);
    ck_assert_str_eq(out.text, "is [120, 400][]");
    ck_assert_str_eq(mt_shape_text(&shape).text, "[120, 400]");
    ck_assert_str_eq(mt_shape_text(&one).text, "[7]");
    ck_assert_str_eq(mt_shape_text(&scalar).text, "[]");
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(the_longest_shape_fits_its_text)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    struct mt_shape shape = { .rank = MT_MAX_RANK };

    for (int i = 0; i < MT_MAX_RANK; i++)
        shape.dim[i] = (size_t)-1;
    mt_shape_print(&shape, &out);
    ck_assert_str_eq(mt_shape_text(&shape).text, out.text);
    ck_assert_int_eq(out.text[out.len - 1], ']');
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(arrays_have_bytes)
{
    struct mt_array array = { "a", MT_F64, mt_shape_of(2, (size_t)3, (size_t)5),
                              NULL };

    ck_assert_uint_eq(mt_array_bytes(&array), 120);
    array.dtype = MT_U8;
    ck_assert_uint_eq(mt_array_bytes(&array), 15);
    array.shape.rank = 0;
    ck_assert_uint_eq(mt_array_bytes(&array), 1);
}
END_TEST

/* The value of a float with these numbers of exponent and mantissa bits. */
static double value_of(unsigned bits, int exponent_bits, int mantissa_bits)
{
    int sign = bits >> 15 ? -1 : 1;
    int exponent = (int)(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    int mantissa = (int)(bits & ((1u << mantissa_bits) - 1));
    int bias = (1 << (exponent_bits - 1)) - 1;

    if (exponent == (1 << exponent_bits) - 1)
        return mantissa ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * ldexp(mantissa + (1 << mantissa_bits),
                        exponent - bias - mantissa_bits);
}

static bool is_same(double a, double b)
{
    return (a == b && signbit(a) == signbit(b)) || (isnan(a) && isnan(b));
}

START_TEST(short_floats_are_read_exactly)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        double half = (double)mt_f16_to_f32((uint16_t)bits);
        double brain = (double)mt_bf16_to_f32((uint16_t)bits);

        if (!is_same(half, value_of(bits, 5, 10)))
            ck_abort_msg("float16 %#x: got %a", bits, half);
        if (!is_same(brain, value_of(bits, 8, 7)))
            ck_abort_msg("bfloat16 %#x: got %a", bits, brain);
    }
}
END_TEST

/* Halfway between two neighbors rounds to the even one; anything else to the
 * nearer one. The neighbor above the largest finite value is the next power of
 * two. */
static void check_rounding(uint16_t bits, int exponent, int mantissa,
                           uint16_t (*from)(double))
{
    unsigned infinite = ((1u << exponent) - 1) << mantissa;
    double bias = ldexp(1, (1 << (exponent - 1)) - 1);
    double here = value_of(bits, exponent, mantissa);
    double next = (bits & 0x7fffu) + 1u == infinite
                      ? (signbit(here) ? -2 * bias : 2 * bias)
                      : value_of((uint16_t)(bits + 1), exponent, mantissa);
    double middle = here / 2 + next / 2;

    ck_assert_uint_eq(from(here), bits);
    if ((bits & 0x7fffu) >= infinite)
        return;
    ck_assert_uint_eq(from(middle), bits & 1 ? bits + 1u : bits);
    ck_assert_uint_eq(from(nextafter(middle, here)), bits);
    ck_assert_uint_eq(from(nextafter(middle, next)), bits + 1u);
}

START_TEST(short_floats_are_rounded_to_nearest_even)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        if (!isnan(value_of((uint16_t)bits, 5, 10)))
            check_rounding((uint16_t)bits, 5, 10, mt_f16_from_f64);
        if (!isnan(value_of((uint16_t)bits, 8, 7)))
            check_rounding((uint16_t)bits, 8, 7, mt_bf16_from_f64);
    }
    ck_assert_uint_eq(mt_f16_from_f64((double)NAN) & 0x7fffu, 0x7e00);
    ck_assert_uint_eq(mt_bf16_from_f64((double)NAN) & 0x7fffu, 0x7fc0);
    ck_assert_uint_eq(mt_f16_from_f64(65519.99), 0x7bff);
    ck_assert_uint_eq(mt_f16_from_f64(65520), 0x7c00);
    ck_assert_uint_eq(mt_f16_from_f64(-1e300), 0xfc00);
    ck_assert_uint_eq(mt_bf16_from_f64(1e300), 0x7f80);
    ck_assert_uint_eq(mt_f16_from_f64(-0x1p-25), 0x8000);
    ck_assert_uint_eq(mt_f16_from_f64(0x1.000001p-25), 1);
    ck_assert_uint_eq(mt_bf16_from_f64(5e-324), 0);
    ck_assert_uint_eq(mt_bf16_from_f64(-0.0), 0x8000);
}
END_TEST

Suite *dtype_suite(void);

Suite *dtype_suite(void)
{
    Suite *s = suite_create("dtype");
    TCase *t = tcase_create("core");

    tcase_add_test(t, types_have_names_and_sizes);
    tcase_add_test(t, other_names_are_no_types);
    tcase_add_test(t, shapes_compare_by_rank_and_dimensions);
    tcase_add_test(t, elements_are_counted_with_care);
    tcase_add_test(t, shapes_are_printed);
    tcase_add_test(t, the_longest_shape_fits_its_text);
    tcase_add_test(t, arrays_have_bytes);
    tcase_add_test(t, short_floats_are_read_exactly);
    tcase_add_test(t, short_floats_are_rounded_to_nearest_even);
    suite_add_tcase(s, t);
    return s;
}
