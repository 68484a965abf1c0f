#include "ckpt/digest.h"

#include "ckpt/ckpt_testing.h"
#include "base/endian.h"

/* The expected values are from another implementation of SHA-256. */
static void is(const struct mt_sha256 *hash, const char *expect)
{
    char text[MT_CKPT_DIGEST_TEXT];

    mt_digest_text(hash, text);
    ck_assert_str_eq(text, expect);
}

START_TEST(chunks_and_arrays)
{
    uint32_t x[2] = { 0x64636261, 0x68676665 }; /* "abcdefgh" */
    struct mt_sha256 chunk, array;
    struct mt_digest_array d;

    mt_digest_chunk(x, 2, 4, &chunk);
    is(&chunk,
       "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab");
    mt_digest_array_init(&d);
    mt_digest_array_add(&d, &chunk);
    mt_digest_array_add(&d, &chunk);
    mt_digest_array_end(&d, &array);
    is(&array,
       "6fff2b76aa69fab9e3b0c3258fb01b6ae58c05bc163b032c079b2c3a7a143a67");
    mt_digest_array_init(&d);
    mt_digest_array_end(&d, &array);
    is(&array,
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

static struct mt_sha256 state_of(const struct mt_array *a, size_t n)
{
    struct mt_sha256 zero = { { 0 } }, out;
    struct mt_digest_state d;

    mt_digest_state_init(&d, n);
    for (size_t i = 0; i < n; i++)
        mt_digest_state_add(&d, &a[i], &zero);
    mt_digest_state_end(&d, &out);
    return out;
}

START_TEST(states_differ)
{
    size_t two = 2, three = 3;
    struct mt_array pairs[][2] = {
        { testing_array("a", MT_F32, mt_shape_of(0), NULL),
          testing_array("b", MT_F32, mt_shape_of(0), NULL) },
        { testing_array("b", MT_F32, mt_shape_of(0), NULL),
          testing_array("a", MT_F32, mt_shape_of(0), NULL) },
        { testing_array("a", MT_I32, mt_shape_of(0), NULL),
          testing_array("b", MT_F32, mt_shape_of(0), NULL) },
        { testing_array("a", MT_F32, mt_shape_of(2, two, three), NULL),
          testing_array("b", MT_F32, mt_shape_of(0), NULL) },
        { testing_array("a", MT_F32, mt_shape_of(2, three, two), NULL),
          testing_array("b", MT_F32, mt_shape_of(0), NULL) },
        { testing_array("a", MT_F32, mt_shape_of(0), NULL),
          testing_array("bb", MT_F32, mt_shape_of(0), NULL) },
    };
    enum { N = sizeof pairs / sizeof *pairs };

    for (size_t i = 0; i < N; i++) {
        struct mt_sha256 x = state_of(pairs[i], 2);

        for (size_t j = 0; j < i; j++) {
            struct mt_sha256 y = state_of(pairs[j], 2);

            ck_assert_mem_ne(&x, &y, sizeof x);
        }
        struct mt_sha256 one = state_of(pairs[i], 1);

        ck_assert_mem_ne(&x, &one, sizeof x);
    }
}
END_TEST

START_TEST(identities)
{
    unsigned char out[MT_IDENTITY_MAX];
    struct mt_array a =
        testing_array("m/w", MT_F64, mt_shape_of(1, (size_t)258), NULL);

    ck_assert_uint_eq(mt_digest_identity(&a, out), 22);
    ck_assert_mem_eq(out,
                     "\003\000m/w"
                     "\007float64"
                     "\001\002\001\000\000\000\000\000\000",
                     22);
}
END_TEST

START_TEST(swaps)
{
    unsigned char x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    mt_swap_bytes(x, 2, 4);
    ck_assert_mem_eq(x, "\4\3\2\1\10\7\6\5", 8);
    mt_swap_bytes(x, 8, 1);
    ck_assert_mem_eq(x, "\4\3\2\1\10\7\6\5", 8);
    mt_swap_bytes(x, 1, 8);
    ck_assert_mem_eq(x, "\5\6\7\10\1\2\3\4", 8);
}
END_TEST

Suite *digest_suite(void);
Suite *digest_suite(void)
{
    Suite *s = suite_create("digest");
    TCase *tc = tcase_create("digest");

    tcase_add_test(tc, chunks_and_arrays);
    tcase_add_test(tc, states_differ);
    tcase_add_test(tc, identities);
    tcase_add_test(tc, swaps);
    suite_add_tcase(s, tc);
    return s;
}
