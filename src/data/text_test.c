#include "base/philox.h"
#include "base/utf8.h"
#include "data/testing.h"

#define TEXT "{'type':'text','train':'t.txt','seq_len':3"

static void row(const struct mt_column *column, size_t i, int32_t *out)
{
    mt_gather_i32(column, &(const struct mt_samples){ NULL, i, 1 }, out, &test_err);
}

START_TEST(test_char)
{
    struct mt_dataset *data;
    int32_t x[3], y[3];

    /* sorted: ' ' a b c; three windows of "abc abcab c" and one token left */
    test_puts("t.txt", "abc abcab c");
    test_request.classification = true;
    data = test_open(TEXT "}");
    ck_assert_uint_eq(data->fitted.vocab, 4);
    ck_assert_uint_eq(data->fitted.classes, 4);
    ck_assert_str_eq(data->fitted.vocab_names[0], " ");
    ck_assert_str_eq(data->fitted.vocab_names[3], "c");
    ck_assert_ptr_null(data->fitted.class_names);
    ck_assert_uint_eq(data->train.samples, 3);
    ck_assert_int_eq(data->train.x.dtype, MT_U8);
    ck_assert_uint_eq(data->train.x.stride, 3);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 3);
    ck_assert_int_eq(data->token_min, 0);
    ck_assert_int_eq(data->token_max, 3);
    row(&data->train.x, 0, x);
    row(&data->train.y, 0, y);
    ck_assert(x[0] == 1 && x[1] == 2 && x[2] == 3);
    ck_assert(y[0] == 2 && y[1] == 3 && y[2] == 0);
    row(&data->train.x, 2, x);
    row(&data->train.y, 2, y);
    ck_assert(x[0] == 3 && x[1] == 1 && x[2] == 2);
    ck_assert(y[0] == 1 && y[1] == 2 && y[2] == 0);
    ck_assert_str_eq(data->fingerprints[0].role, "train");
    ck_assert_uint_eq(data->fingerprints[0].bytes, 11);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_byte)
{
    struct mt_dataset *data;
    int32_t x[3];

    test_write("t.txt", "\xff\0\xc3\x28z", 5);
    data = test_open(TEXT ",'tokenizer':'byte'}");
    ck_assert_uint_eq(data->fitted.vocab, 256);
    ck_assert_ptr_null(data->fitted.vocab_names);
    ck_assert_uint_eq(data->train.samples, 1);
    row(&data->train.x, 0, x);
    ck_assert(x[0] == 255 && x[1] == 0 && x[2] == 0xc3);
    row(&data->train.y, 0, x);
    ck_assert(x[0] == 0 && x[1] == 0xc3 && x[2] == 0x28);
    mt_dataset_close(data);
}
END_TEST

/* More than 256 characters need a wider type. */
START_TEST(test_wide)
{
    char text[1200];
    size_t n = 0;
    struct mt_dataset *data;
    int32_t x[3];

    for (unsigned code = 0x400 + 300; code-- > 0x400;) {
        text[n++] = (char)(0xc0 | code >> 6);
        text[n++] = (char)(0x80 | (code & 0x3f));
    }
    test_write("t.txt", text, n);
    data = test_open(TEXT "}");
    ck_assert_uint_eq(data->fitted.vocab, 300);
    ck_assert_int_eq(data->train.x.dtype, MT_I32);
    ck_assert_uint_eq(data->train.x.stride, 12);
    row(&data->train.x, 1, x);
    ck_assert(x[0] == 296 && x[1] == 295);
    row(&data->train.y, 1, x);
    ck_assert(x[0] == 295 && x[2] == 293);
    ck_assert_str_eq(data->fitted.vocab_names[0], "\xd0\x80");
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_tail)
{
    struct mt_dataset *data;
    int32_t x[3];

    test_puts("t.txt", "aaaaaaaaaabbbbbbb");
    /* 17 * 0.4 = 6.8: 7 tokens are held out, 10 stay */
    data = test_open(TEXT ",'val_split':0.4}");
    ck_assert_uint_eq(data->train.samples, 3);
    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 3);
    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].n, 2);
    ck_assert_uint_eq(data->val.samples, 2);
    for (size_t i = 0; i < 3; i++) {
        row(&data->train.y, i, x);
        ck_assert(x[0] == 0 && x[1] == 0 && x[2] == 0);
    }
    for (size_t i = 0; i < 2; i++) {
        row(&data->val.x, i, x);
        ck_assert(x[0] == 1 && x[1] == 1 && x[2] == 1);
    }
    mt_dataset_close(data);
    test_fails(TEXT ",'val_split':0.1}", MT_INVALID, "val_split: ",
               "0.1 of 17 tokens leaves 2 for validation; expected at least "
               "seq_len + 1 = 4");
    test_fails(TEXT ",'val_split':0.9}", MT_INVALID,
               "val_split: ", "leaves 2 for training");
    /* 8 to train, 5 to validate, 4 to test */
    data = test_open(TEXT ",'val_split':0.3,'test_split':0.25}");
    ck_assert_uint_eq(data->train.samples, 2);
    ck_assert_uint_eq(data->val.samples, 1);
    ck_assert_uint_eq(data->subset[MT_SPLIT_TEST].n, 1);
    row(&data->val.x, 0, x);
    ck_assert(x[0] == 0 && x[1] == 0 && x[2] == 1);
    row(&data->test.x, 0, x);
    ck_assert(x[0] == 1 && x[1] == 1 && x[2] == 1);
    mt_dataset_close(data);
    test_fails(TEXT ",'val_split':0.3,'test_split':0.1}", MT_INVALID,
               "test_split: ", "leaves 2 for test");
    test_fails(TEXT ",'val_split':0.4,'split':'random'}", MT_INVALID,
               "split: ", "expected \"tail\"");
}
END_TEST

START_TEST(test_val)
{
    struct mt_dataset *data;
    int32_t x[3];

    test_puts("t.txt", "abcdab");
    test_puts("v.txt", "ddcba");
    data = test_open(TEXT ",'val':'v.txt'}");
    ck_assert_uint_eq(data->val.samples, 1);
    row(&data->val.x, 0, x);
    ck_assert(x[0] == 3 && x[1] == 3 && x[2] == 2);
    mt_dataset_close(data);
    test_puts("v.txt", "ab\nd");
    test_fails(TEXT ",'val':'v.txt'}", MT_INVALID, "v.txt: byte 2 (line 1): ",
               "the character \"?\" (U+000A) is not in the vocabulary of");
    test_puts("v.txt", "abc\xc3\xa9");
    test_fails(TEXT ",'val':'v.txt'}", MT_INVALID, "v.txt: byte 3 (line 1): ",
               "the character \"\xc3\xa9\" (U+00E9)");
    test_puts("v.txt", "abc");
    test_fails(TEXT ",'val':'v.txt'}", MT_INVALID,
               "v.txt: ", "3 tokens; expected at least 4");
}
END_TEST

/* Runs of ASCII between other characters: tokens are in the order of code
 * points. With many characters beyond ASCII, tokens are wide. */
static void check_mixed(uint32_t others)
{
    static char text[40000];
    static uint32_t codes[10000];
    static int32_t x[10000], number[0x1000];
    struct mt_philox_key key = mt_philox_key(others, "test", "text");
    struct mt_dataset *data;
    size_t n = 0, count = 0;
    int32_t tokens = 0;

    memset(number, 0, sizeof number);
    for (; count < 10000; count++) {
        uint32_t code = 1 + mt_philox_word(key, 0, count) % 0x7f;

        if (mt_philox_word(key, 1, count) % 5 == 0)
            code = 0x7f0 + mt_philox_word(key, 2, count) % others;
        codes[count] = code;
        number[code] = 1;
        n += mt_utf8_encode(code, text + n);
    }
    for (size_t i = 0; i < 0x1000; i++)
        number[i] = number[i] ? tokens++ : -1;
    test_write("t.txt", text, n);
    data = test_open("{'type':'text','train':'t.txt','seq_len':9999}");
    ck_assert_uint_eq(data->fitted.vocab, (size_t)tokens);
    ck_assert_int_eq(data->train.x.dtype, tokens > 256 ? MT_I32 : MT_U8);
    row(&data->train.x, 0, x);
    row(&data->train.y, 0, x + 1);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(x[i], number[codes[i]]);
    mt_dataset_close(data);
}

START_TEST(test_mixed)
{
    check_mixed(40);
    check_mixed(400);
}
END_TEST

/* ASCII that is not in the vocabulary is <unk>, too, or reported with its
 * line. */
START_TEST(test_unknown_ascii)
{
    struct mt_dataset *data;
    int32_t x[6];

    test_puts("t.txt", "abc\n\xc3\xa9" "abc");
    test_puts("v.txt", "a\nzc\n\xe2\x82\xac" "b");
    data = test_open(TEXT ",'unknown':'<unk>','val':'v.txt'}");
    ck_assert_uint_eq(data->fitted.vocab, 6);
    row(&data->val.x, 0, x);
    row(&data->val.x, 1, x + 3);
    ck_assert(x[0] == 1 && x[1] == 0 && x[2] == 5 && x[3] == 3 && x[4] == 0 &&
              x[5] == 5);
    ck_assert_ptr_nonnull(strstr(data->warning, "2 of 7 characters"));
    mt_dataset_close(data);
    test_puts("v.txt", "a\nb\xc3\xa9\n\n\xc3\xa9z");
    test_fails(TEXT ",'val':'v.txt'}", MT_INVALID, "v.txt: byte 9 (line 4): ",
               "the character \"z\" (U+007A)");
}
END_TEST

/* Tokens replace the bytes, of which there are more here; errors after them are
 * still reported with their line. */
START_TEST(test_long_characters)
{
    struct mt_dataset *data;
    int32_t x[3];

    test_puts("t.txt", "\u00e4\u20acb\u20ac\u00e4b\u00e4");
    data = test_open(TEXT ",'unknown':'<unk>'}");
    ck_assert_uint_eq(data->fitted.vocab, 4);
    row(&data->train.x, 1, x); /* b \u00e4 \u20ac */
    ck_assert(x[0] == 2 && x[1] == 1 && x[2] == 0);
    ck_assert_uint_eq(data->held, 7);
    ck_assert_uint_eq(data->most, 2 + 3 + 1 + 3 + 2 + 1 + 2);
    mt_dataset_close(data);
    test_puts("v.txt", "\u00e4b\nb\n\u20ac\xff");
    test_fails(TEXT ",'unknown':'<unk>','val':'v.txt'}", MT_INVALID,
               "v.txt: byte 9 (line 3): ", "not UTF-8");
}
END_TEST

/* A check of bytes does not read them, unless they may not fit the model. */
START_TEST(test_look)
{
    const char *spec = TEXT ",'tokenizer':'byte','val_split':0.4}";
    struct mt_dataset *look;
    int32_t x[3], y[3];

    test_puts("t.txt", "abcdefghijklmn");
    test_request.purpose = MT_DATA_CHECK;
    test_request.classification = true;
    look = test_open(spec);
    ck_assert(!look->train.x.data && !look->val.y.data);
    ck_assert_uint_eq(look->train.samples, 2);
    ck_assert_uint_eq(look->val.samples, 1);
    ck_assert_uint_eq(look->held, 14);
    row(&look->val.x, 0, x);
    row(&look->val.y, 0, y);
    ck_assert(x[0] == 'i' && x[2] == 'k' && y[0] == 'j' && y[2] == 'l');
    ck_assert_int_eq(mt_dataset_check_tokens(look, 'n', &test_err), MT_OK);
    ck_assert_int_eq(mt_dataset_check_tokens(look, 'k', &test_err), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "token 107 is out of range"));
    mt_dataset_close(look);
    test_puts("t.txt", "abc");
    test_fails(TEXT ",'tokenizer':'byte'}", MT_INVALID, "t.txt: ", "3 tokens");
}
END_TEST

START_TEST(test_saved_vocab)
{
    static const char *const names[] = { "b", "\xe2\x82\xac", "a" };
    static const char *const twice[] = { "a", "a" };
    static const char *const longer[] = { "ab" };
    struct mt_dataset *data;
    int32_t x[3];

    test_request.fitted = &test_fitted;
    test_fitted.vocab_names = names;
    test_fitted.vocab = 3;
    test_request.purpose = MT_DATA_EVAL;
    test_puts("v.txt", "ab\xe2\x82\xac"
                       "b");
    data = test_open("{'type':'text','train':'none','val':'v.txt',"
                     "'seq_len':3}");
    ck_assert_uint_eq(data->fitted.vocab, 3);
    ck_assert_str_eq(data->fitted.vocab_names[1], names[1]);
    ck_assert_uint_eq(data->train.samples, 0);
    row(&data->val.x, 0, x);
    ck_assert(x[0] == 2 && x[1] == 0 && x[2] == 1);
    mt_dataset_close(data);
    test_puts("t.txt", "abcd");
    test_request.purpose = MT_DATA_TRAIN;
    test_fails(TEXT "}", MT_INVALID, "t.txt: byte 2 (line 1): ",
               "not in the vocabulary of the checkpoint");
    test_fitted.vocab_names = twice;
    test_fitted.vocab = 2;
    test_fails(TEXT "}", MT_INVALID, "token 1 of the saved vocabulary",
               "got \"a\"");
    test_fitted.vocab_names = longer;
    test_fitted.vocab = 1;
    test_fails(TEXT "}", MT_INVALID, "token 0 of the saved vocabulary",
               "got \"ab\"");
}
END_TEST

START_TEST(test_refused)
{
    test_write("t.txt",
               "ab\n\xff"
               "cd",
               6);
    test_fails(TEXT "}", MT_INVALID, "t.txt: byte 3 (line 2): ", "not UTF-8");
    test_write("t.txt", "ab\0cd", 5);
    test_fails(TEXT "}", MT_INVALID, "t.txt: byte 2 (line 1): ", "a NUL byte");
    test_puts("t.txt", "abc\xe2\x82");
    test_fails(TEXT "}", MT_INVALID, "t.txt: byte 3 (line 1): ", "not UTF-8");
    test_puts("t.txt", "");
    test_fails(TEXT "}", MT_INVALID, "t.txt: ",
               "0 tokens; expected at least 4, for one sample of seq_len 3");
    test_fails(TEXT ",'tokenizer':'byte'}", MT_INVALID, "t.txt: ", "0 tokens");
    test_puts("t.txt", "abcdef");
    test_fails(TEXT ",'tokenizer':'bpe'}", MT_INVALID,
               "tokenizer: ", "\"char\"");
    test_fails(TEXT ",'scale':2}", MT_INVALID, "scale: ", "not for text");
    test_fails(TEXT ",'mean':2}", MT_INVALID, "mean: ", "not for text");
    test_fails(TEXT ",'std':2}", MT_INVALID, "std: ", "not for text");
    test_fails("{'type':'text','train':'t.txt','seq_len':0}", MT_INVALID,
               "seq_len: ", "got 0");
    test_fails("{'type':'text','train':'u.txt'}", MT_IO,
               "train: ", "u.txt: cannot open: No such file");
    test_fails("{'type':'text','train':['t.txt','t.txt']}", MT_INVALID,
               "train: ", "expected one text file, got 2 files");
}
END_TEST

START_TEST(test_given_data)
{
    struct mt_dataset *data;

    test_request.dir = "testdata/data";
    data = test_open("{'type':'text','train':'words.txt','seq_len':32,"
                     "'val_split':0.1}");
    ck_assert_uint_gt(data->train.samples, 40);
    ck_assert_uint_ge(data->val.samples, 4);
    ck_assert_str_eq(data->fitted.vocab_names[data->fitted.vocab - 1],
                     "\xc3\xa9");
    mt_dataset_close(data);
}
END_TEST

Suite *text_suite(void);

Suite *text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tc = test_case(suite, "text");

    tcase_add_test(tc, test_char);
    tcase_add_test(tc, test_byte);
    tcase_add_test(tc, test_wide);
    tcase_add_test(tc, test_tail);
    tcase_add_test(tc, test_val);
    tcase_add_test(tc, test_mixed);
    tcase_add_test(tc, test_unknown_ascii);
    tcase_add_test(tc, test_long_characters);
    tcase_add_test(tc, test_look);
    tcase_add_test(tc, test_saved_vocab);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_given_data);
    return suite;
}
