/* Drawing tokens, and text from a small model. */
#include "train/generate.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/philox.h"
#include "train/state.h"
#include "train/testing.h"

/* --- drawing ------------------------------------------------------------ */

static size_t draw(const float *x, size_t n, double temperature, size_t top_k,
                   uint64_t seed, uint64_t i)
{
    struct mt_sampling s = { temperature, top_k, seed };
    double p[16];

    return mt_sample(x, n, &s, i, p);
}

START_TEST(the_most_likely)
{
    static const float x[] = { 1, 5, 2, 5 };

    for (uint64_t i = 0; i < 50; i++) {
        ck_assert_uint_eq(draw(x, 4, 0, 0, i, i), 1);
        ck_assert_uint_eq(draw(x, 4, 1, 1, i, i), 1);
        ck_assert_uint_eq(draw(x, 3, 1e-300, 0, i, i), 1);
    }
}
END_TEST

/* By definition, with libm. */
START_TEST(the_drawn_one)
{
    static const float x[] = { 0.5f, -1, 2, 0, 1.5f, -3, 0.25f, 1 };
    struct mt_philox_key key = mt_philox_key(9, "generate", "");

    for (uint64_t i = 0; i < 200; i++) {
        double sum = 0, passed = 0, u = mt_philox_uniform(key, 0, i);
        size_t expected = 0;

        for (size_t k = 0; k < 8; k++)
            sum += exp((double)x[k] / 0.7);
        for (; expected < 8; expected++) {
            passed += exp((double)x[expected] / 0.7) / sum;
            if (passed > u)
                break;
        }
        ck_assert_uint_eq(draw(x, 8, 0.7, 0, 9, i), expected);
    }
}
END_TEST

START_TEST(frequencies)
{
    static const float x[] = { 0, 1, 2 };
    size_t count[3] = { 0 };
    double sum = 1 + exp(1) + exp(2);

    for (uint64_t i = 0; i < 20000; i++)
        count[draw(x, 3, 1, 0, 3, i)]++;
    for (int k = 0; k < 3; k++)
        ck_assert_double_eq_tol((double)count[k] / 20000, exp(k) / sum, 0.01);
}
END_TEST

START_TEST(the_largest_k)
{
    static const float x[] = { 3, 1, 3, 3, 2 };
    bool seen[5] = { false };

    for (uint64_t i = 0; i < 500; i++)
        seen[draw(x, 5, 5, 2, 1, i)] = true;
    ck_assert(seen[0] && seen[2] && !seen[1] && !seen[3] && !seen[4]);
    for (uint64_t i = 0; i < 500; i++)
        seen[draw(x, 5, 5, 9, 1, i)] = true; /* as many as there are */
    ck_assert(seen[1] && seen[3] && seen[4]);
}
END_TEST

/* --- text --------------------------------------------------------------- */

#define TEXT_SPEC                                                              \
    "{\"model\":{\"layers\":["                                                 \
    "{\"type\":\"Embedding\",\"num_embeddings\":\"auto\","                     \
    "\"embedding_dim\":8},%s"                                                  \
    "{\"name\":\"out\",\"type\":\"Linear\",\"out_features\":\"auto\"}]},"      \
    "\"loss\":{\"type\":\"CrossEntropyLoss\"},"                                \
    "\"optimizer\":{\"type\":\"Adam\",\"lr\":0.1},"                            \
    "\"data\":{\"type\":\"text\",\"train\":\"%s\",\"seq_len\":4,"              \
    "\"tokenizer\":\"%s\",\"batch_size\":8},"                                  \
    "\"train\":{\"epochs\":50}}"

static char path[64];
static struct mt_test_session made;
static struct mt_bundle bundle;
static struct mt_infer *m;
static struct mt_err error;
static struct mt_strbuf text;

/* A model that has learned the order of characters in a text. */
static void make(const char *layers, const char *tokenizer)
{
    char spec[2048];
    int fd;

    snprintf(path, sizeof path, "/tmp/mtrain-generate-test-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(write(fd, "ab\xc3\xa9.", 5), 5);
    close(fd);
    snprintf(spec, sizeof spec, TEXT_SPEC, layers, path, tokenizer);
    made = mt_test_open(spec, NULL);
    unlink(path); /* the data is no longer needed */
    mt_test_steps(made.s, 60);
    ck_assert_int_eq(mt_state_save(made.s, &bundle, &error), MT_OK);
    ck_assert_msg(mt_infer_open(&bundle, "t.mtc", NULL, &m, &error) == MT_OK,
                  "%s", error.text);
}

static void done(void)
{
    mt_strbuf_free(&text);
    text = (struct mt_strbuf)MT_STRBUF_INIT;
    mt_infer_close(m);
    mt_bundle_free(&bundle);
    mt_test_close(&made);
}

static mt_status emit(void *ctx, size_t token, const char *part, size_t n,
                      struct mt_err *err)
{
    size_t *left = ctx;

    (void)token;
    if (*left == 0)
        return mt_fail(err, MT_IO, "no room");
    --*left;
    mt_strbuf_add(&text, part, n);
    return MT_OK;
}

static mt_status generate(const char *prompt, size_t length, size_t room,
                          double temperature)
{
    struct mt_generation g = { .prompt = prompt, .length = length,
                               .sampling = { .temperature = temperature },
                               .emit = emit, .ctx = &room };

    text.len = 0;
    return mt_generate(m, &g, &error);
}

static void writes(const char *prompt, const char *expected)
{
    size_t n = strlen(expected);

    ck_assert_msg(generate(prompt, n, n, 0) == MT_OK, "%s", error.text);
    ck_assert_msg(text.len >= n && memcmp(text.text, expected, n) == 0,
                  "%s: %.*s", prompt, (int)text.len, text.text);
}

static void refuses(const char *prompt, const char *place, const char *cause)
{
    ck_assert_int_ne(generate(prompt, 3, 3, 0), MT_OK);
    ck_assert_msg(strstr(error.text, place) && strstr(error.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", error.text, place, cause);
}

/* Prompts shorter and longer than seq_len. */
START_TEST(characters)
{
    make("", "char");
    ck_assert(mt_generates(m));
    writes("a", "b\xc3\xa9.ab\xc3\xa9.");
    writes("b\xc3\xa9.ab\xc3\xa9.a", "b\xc3\xa9.ab\xc3\xa9.");
    refuses("ab\xc3\xa9xb", "prompt: byte 4: ", "\"x\" (U+0078)");
    refuses("ab\xc3", "prompt: byte 2: ", "not UTF-8");
    refuses("", "prompt: ", "at least one");
    ck_assert_int_eq(generate("a", 5, 2, 0), MT_IO);
    ck_assert_uint_eq(text.len, 1 + 2);
    ck_assert_int_eq(generate("a", 0, 0, 0), MT_OK);
    done();
}
END_TEST

START_TEST(bytes)
{
    make("", "byte");
    writes("a", "b\xc3\xa9.ab\xc3\xa9.");
    ck_assert_int_eq(generate("\xff\x01", 9, 9, 1), MT_OK);
    ck_assert_uint_eq(text.len, 9);
    done();
}
END_TEST

/* A model whose parameters depend on seq_len. */
START_TEST(fixed_length)
{
    make("{\"type\":\"Flatten\"},{\"type\":\"Linear\",\"out_features\":32},"
         "{\"type\":\"Reshape\",\"shape\":[4,8]},", "char");
    ck_assert_int_eq(generate("ab.ab.", 5, 5, 0), MT_OK);
    ck_assert_int_eq(generate("ab.a", 5, 5, 0), MT_OK);
    refuses("ab.", "reads 4 tokens at a time, no fewer: the prompt has 3",
            "Linear");
    done();
}
END_TEST

START_TEST(hostile_vocabulary)
{
    make("", "char");
    m->facts.vocab = 1000; /* more than the table has rows */
    refuses("a", "a vocabulary of 1000 tokens does not suit", "[4, 4]");
    m->facts.vocab = 4;
    m->facts.vocab_names = NULL; /* bytes, with a table of 4 */
    refuses("a", "a vocabulary of 4 tokens does not suit", "");
    m->format = mt_format_find("npy");
    refuses("a", "not trained on text", "\"npy\"");
    done();
}
END_TEST

START_TEST(not_finite)
{
    make("", "char");
    for (size_t i = 0; i < m->model->store.n; i++)
        ((float *)m->model->store.tensors[i]->data)[0] = (float)INFINITY;
    refuses("a", "not finite", "");
    done();
}
END_TEST

Suite *generate_suite(void);
Suite *generate_suite(void)
{
    Suite *suite = suite_create("generate");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, the_most_likely);
    tcase_add_test(tc, the_drawn_one);
    tcase_add_test(tc, frequencies);
    tcase_add_test(tc, the_largest_k);
    tcase_add_test(tc, characters);
    tcase_add_test(tc, bytes);
    tcase_add_test(tc, fixed_length);
    tcase_add_test(tc, hostile_vocabulary);
    tcase_add_test(tc, not_finite);
    suite_add_tcase(suite, tc);
    return suite;
}
