/* Models of text run position by position: logits and text have the bits of
 * runs over all of them; and which models refuse. */
#include "train/incremental.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "train/generate.h"
#include "train/testing.h"

enum { SEQ_LEN = 12, VOCAB = 5, LENGTH = 20 };

#define SPEC                                                                   \
    "{\"model\":{\"layers\":["                                                 \
    "{\"name\":\"tok\",\"type\":\"Embedding\",\"num_embeddings\":\"auto\","    \
    "\"embedding_dim\":8},%s"                                                  \
    "{\"name\":\"out\",\"type\":\"Linear\",\"out_features\":\"auto\","         \
    "\"bias\":false}]%s},"                                                     \
    "\"loss\":{\"type\":\"CrossEntropyLoss\"},"                                \
    "\"optimizer\":{\"type\":\"Adam\",\"lr\":0.01},"                           \
    "\"data\":{\"type\":\"text\",\"train\":\"%s\",\"seq_len\":12,"             \
    "\"batch_size\":4},\"train\":{\"epochs\":50}}"

#define POSITIONS "{\"type\":\"PositionEmbedding\",\"max_len\":12},"
#define ENCODER(more)                                                          \
    "{\"type\":\"TransformerEncoderLayer\",\"nhead\":2,"                       \
    "\"dim_feedforward\":20,\"activation\":\"gelu\"" more "},"
#define CAUSAL ",\"is_causal\":true"
#define ATTENTION                                                              \
    "{\"type\":\"MultiheadAttention\",\"num_heads\":4,\"is_causal\":true}"

static const struct model {
    const char *layers, *more;
} models[] = {
    { "", "" },
    { POSITIONS ENCODER(CAUSAL ",\"norm_first\":true")
          ENCODER(CAUSAL ",\"norm_first\":true") "{\"type\":\"LayerNorm\"},",
      ",\"tie\":{\"out.weight\":\"tok.weight\"}" },
    { POSITIONS ENCODER(CAUSAL) ENCODER(CAUSAL), "" },
    { POSITIONS ATTENTION ",{\"type\":\"Tanh\"}," ATTENTION ",", "" },
    { "{\"type\":\"Sequential\",\"repeat\":2,\"layers\":["
      "{\"type\":\"Residual\",\"layers\":[{\"type\":\"RMSNorm\"}," ATTENTION
      ",{\"type\":\"Dropout\"}]},{\"type\":\"Residual\",\"layers\":["
      "{\"type\":\"Linear\",\"out_features\":9},{\"type\":\"PReLU\"},"
      "{\"type\":\"Linear\",\"out_features\":8}]}]},",
      "" },
    { "{\"type\":\"LSTM\",\"hidden_size\":9,\"num_layers\":2},", "" },
    { "{\"type\":\"GRU\",\"hidden_size\":20},", "" },
    { "{\"type\":\"GRU\",\"hidden_size\":8,\"bias\":false}," ATTENTION ",",
      "" },
    { "{\"type\":\"RNN\",\"hidden_size\":10},", "" },
    { "{\"type\":\"RNN\",\"hidden_size\":6,\"nonlinearity\":\"relu\"},", "" },
};

static const char *const mixing[] = {
    POSITIONS ENCODER(""),
    "{\"type\":\"MultiheadAttention\",\"num_heads\":2},",
    "{\"type\":\"LSTM\",\"hidden_size\":4,\"bidirectional\":true},",
    "{\"type\":\"Softmax\",\"dim\":1},",
    "{\"type\":\"InstanceNorm1d\"},",
    "{\"type\":\"AvgPool1d\",\"kernel_size\":3,\"stride\":1,"
    "\"padding\":1},",
};

enum {
    N_MODELS = sizeof models / sizeof *models,
    N_MIXING = sizeof mixing / sizeof *mixing,
};

static struct mt_test_session made;
static struct mt_bundle bundle;
static struct mt_infer *m;
static struct mt_team *team;
static struct mt_err error;

static void make(const char *layers, const char *more)
{
    char path[] = "/tmp/mtrain-incremental-test-XXXXXX", spec[2048];
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(write(fd, "abcab.d", 7), 7);
    close(fd);
    snprintf(spec, sizeof spec, SPEC, layers, more, path);
    made = mt_test_open(spec, NULL);
    unlink(path);
    mt_test_steps(made.s, 6);
    bundle = mt_test_save(made.s);
    ck_assert_int_eq(mt_team_new(2, &team, &error), MT_OK);
    ck_assert_msg(mt_infer_open(&bundle, "t.mtc", team, &m, &error) == MT_OK,
                  "%s", error.text);
}

static void done(void)
{
    mt_infer_close(m);
    mt_team_free(team);
    mt_bundle_free(&bundle);
    mt_test_close(&made);
}

/* The logits after n tokens, by a run over all of them. */
static const float *run_all(const int32_t *tokens, size_t n)
{
    struct mt_shape shape = mt_shape_of(1, n);
    struct mt_column column = { tokens, MT_I32, n * sizeof *tokens, shape };

    ck_assert_msg(mt_infer_prepare(m, 1, &shape, &error) == MT_OK, "%s",
                  error.text);
    ck_assert_int_eq(mt_infer_gather(m, &column, &error), MT_OK);
    return mt_infer_run(m) + (n - 1) * VOCAB;
}

static void check_logits(size_t first)
{
    static const int32_t tokens[SEQ_LEN] = {
        1, 2, 3, 1, 2, 0, 4, 4, 1, 2, 3, 3
    };
    float want[SEQ_LEN][VOCAB];
    struct mt_incremental i;

    for (size_t n = 1; n <= SEQ_LEN; n++)
        memcpy(want[n - 1], run_all(tokens, n), sizeof *want);
    run_all(tokens, first); /* prepares and gathers */
    ck_assert(mt_incremental_open(&i, m, SEQ_LEN));
    mt_incremental_begin(&i, true);
    ck_assert_int_eq(memcmp((float *)m->program.y->data + (first - 1) * VOCAB,
                            want[first - 1], sizeof *want),
                     0);
    for (size_t n = first; n < SEQ_LEN; n++) {
        ck_assert_uint_eq(i.known, n);
        ck_assert_int_eq(
            memcmp(mt_incremental_next(&i, tokens[n]), want[n], sizeof *want),
            0);
    }
    run_all(tokens, first);
    mt_incremental_begin(&i, false);
    ck_assert_int_eq(memcmp(mt_incremental_next(&i, tokens[first]),
                            want[first], sizeof *want), 0);
    mt_incremental_close(&i);
}

START_TEST(logits)
{
    make(models[_i].layers, models[_i].more);
    check_logits(1);
    check_logits(2);
    check_logits(SEQ_LEN - 1);
    done();
}
END_TEST

/* --- text --------------------------------------------------------------- */

static mt_status emit(void *ctx, size_t token, const char *part, size_t n,
                      struct mt_err *err)
{
    (void)token, (void)err;
    mt_strbuf_add(ctx, part, n);
    return MT_OK;
}

/* By definition: the model reads all of the last SEQ_LEN tokens. */
static void check_text(const char *prompt, const struct mt_sampling *sampling)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_generation g = { .prompt = prompt,
                               .length = LENGTH,
                               .sampling = *sampling,
                               .emit = emit,
                               .ctx = &text };
    int32_t tokens[100];
    size_t n = strlen(prompt);
    double p[2 * VOCAB];

    for (size_t i = 0; i < n; i++)
        tokens[i] = prompt[i] == '.' ? 0 : prompt[i] - 'a' + 1;
    ck_assert_msg(mt_generate(m, &g, &error) == MT_OK, "%s", error.text);
    ck_assert_uint_eq(text.len, LENGTH);
    for (size_t i = 0; i < LENGTH; i++, n++) {
        size_t seen = n < SEQ_LEN ? n : SEQ_LEN;
        const float *x = run_all(tokens + n - seen, seen);
        size_t token = mt_sample(x, VOCAB, sampling, i, p);

        ck_assert_int_eq(text.text[i], ".abcd"[token]);
        tokens[n] = (int32_t)token;
    }
    mt_strbuf_free(&text);
}

static void check_texts(void)
{
    static const char *const prompts[] = { "a", "bca", "abcab.dabca",
                                           "abcab.dabcab",
                                           "cab.dabcab.dabcab.dd" };
    static const struct mt_sampling samplings[] = { { 0, 0, 0 },
                                                    { 0.8, 0, 1 },
                                                    { 2, 3, 9 } };

    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        for (size_t k = 0; k < sizeof samplings / sizeof *samplings; k++)
            check_text(prompts[i], &samplings[k]);
    }
}

START_TEST(text)
{
    make(models[_i].layers, models[_i].more);
    check_texts();
    done();
}
END_TEST

/* Models that generate text, but cannot be run position by position. */
START_TEST(refused)
{
    static const int32_t tokens[2] = { 1, 2 };
    struct mt_incremental i;

    make(mixing[_i], "");
    for (size_t n = 1; n <= 2; n++) {
        run_all(tokens, n);
        ck_assert(!mt_incremental_open(&i, m, SEQ_LEN));
    }
    check_texts();
    done();
}
END_TEST

START_TEST(no_room)
{
    static const int32_t tokens[3] = { 1, 2, 3 };
    struct mt_shape shape = mt_shape_of(1, (size_t)3);
    struct mt_incremental i;

    make("", "");
    run_all(tokens, 3);
    ck_assert(!mt_incremental_open(&i, m, 3));
    ck_assert(mt_incremental_open(&i, m, 4));
    mt_incremental_close(&i);
    mt_incremental_close(&i);
    ck_assert_int_eq(mt_infer_prepare(m, 2, &shape, &error), MT_OK);
    ck_assert(!mt_incremental_open(&i, m, SEQ_LEN)); /* a batch of two */
    done();
}
END_TEST

Suite *incremental_suite(void);
Suite *incremental_suite(void)
{
    Suite *suite = suite_create("incremental");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, logits, 0, N_MODELS);
    tcase_add_loop_test(tc, text, 0, N_MODELS);
    tcase_add_loop_test(tc, refused, 0, N_MIXING);
    tcase_add_test(tc, no_room);
    suite_add_tcase(suite, tc);
    return suite;
}
