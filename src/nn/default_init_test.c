/*
 * Initial values of every layer with parameters: torch's distribution and
 * bounds, checked by statistics of a large tensor.
 */
#include "nn/model.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *default_init_suite(void);

enum distribution { UNIFORM, NORMAL, CONSTANT };

static const struct expected {
    const char *layers;  /* of the spec */
    const char *tensor;
    enum distribution distribution;
    double a;            /* bound of +-, standard deviation, value */
} expected[] = {
#define LINEAR "{\"type\":\"Linear\",\"out_features\":150}"
    { LINEAR, "0.weight", UNIFORM, 0.158113883 },     /* 1 / sqrt 40 */
    { LINEAR, "0.bias", UNIFORM, 0.158113883 },
#define CONV                                                                   \
    "{\"type\":\"Unflatten\",\"dim\":1,\"unflattened_size\":[10,2,2]},"        \
    "{\"type\":\"Conv2d\",\"out_channels\":60,\"kernel_size\":2,"              \
    "\"groups\":2},{\"type\":\"Flatten\"}"
    { CONV, "1.weight", UNIFORM, 0.223606798 },       /* 1 / sqrt(5 2 2) */
    { CONV, "1.bias", UNIFORM, 0.223606798 },
#define CONV1D                                                                 \
    "{\"type\":\"Unflatten\",\"dim\":1,\"unflattened_size\":[8,5]},"           \
    "{\"type\":\"Conv1d\",\"out_channels\":50,\"kernel_size\":5},"             \
    "{\"type\":\"Flatten\"}"
    { CONV1D, "1.weight", UNIFORM, 0.158113883 },     /* 1 / sqrt(8 5) */
#define TRANSPOSED                                                             \
    "{\"type\":\"Unflatten\",\"dim\":1,\"unflattened_size\":[10,2,2]},"        \
    "{\"type\":\"ConvTranspose2d\",\"out_channels\":40,\"kernel_size\":2},"    \
    "{\"type\":\"Flatten\"}"
    { TRANSPOSED, "1.weight", UNIFORM, 0.0790569415 }, /* 1 / sqrt(40 2 2) */
    { TRANSPOSED, "1.bias", UNIFORM, 0.0790569415 },
#define TRANSPOSED1D                                                           \
    "{\"type\":\"Unflatten\",\"dim\":1,\"unflattened_size\":[8,5]},"           \
    "{\"type\":\"ConvTranspose1d\",\"out_channels\":40,\"kernel_size\":4,"     \
    "\"groups\":2},{\"type\":\"Flatten\"}"
    { TRANSPOSED1D, "1.weight", UNIFORM, 0.111803399 }, /* 1 / sqrt(20 4) */
    { TRANSPOSED1D, "1.bias", UNIFORM, 0.111803399 },
#define STEPS "{\"type\":\"Unflatten\",\"dim\":1,\"unflattened_size\":[4,10]},"
#define LAST ",{\"type\":\"Flatten\"}"
#define RECURRENT(TYPE)                                                        \
    STEPS "{\"type\":\"" TYPE "\",\"hidden_size\":64}" LAST
    { RECURRENT("RNN"), "1.weight_ih_l0", UNIFORM, 0.125 }, /* 1 / sqrt 64 */
    { RECURRENT("LSTM"), "1.weight_hh_l0", UNIFORM, 0.125 },
    { RECURRENT("LSTM"), "1.bias_ih_l0", UNIFORM, 0.125 },
    { RECURRENT("GRU"), "1.bias_hh_l0", UNIFORM, 0.125 },
#define ATTENTION                                                              \
    STEPS "{\"type\":\"MultiheadAttention\",\"num_heads\":2}" LAST
    { ATTENTION, "1.in_proj_weight", UNIFORM, 0.387298335 }, /* sqrt(6/40) */
    { ATTENTION, "1.in_proj_bias", CONSTANT, 0 },
    { ATTENTION, "1.out_proj.weight", UNIFORM, 0.316227766 }, /* 1/sqrt 10 */
    { ATTENTION, "1.out_proj.bias", CONSTANT, 0 },
#define ENCODER                                                                \
    STEPS "{\"type\":\"TransformerEncoderLayer\",\"nhead\":2,"                 \
          "\"dim_feedforward\":100}" LAST
    { ENCODER, "1.linear1.weight", UNIFORM, 0.316227766 },
    { ENCODER, "1.linear2.weight", UNIFORM, 0.1 },
    { ENCODER, "1.linear2.bias", UNIFORM, 0.1 },
    { ENCODER, "1.self_attn.in_proj_weight", UNIFORM, 0.387298335 },
    { ENCODER, "1.norm1.weight", CONSTANT, 1 },
    { ENCODER, "1.norm2.bias", CONSTANT, 0 },
#define POSITIONS                                                              \
    STEPS "{\"type\":\"PositionEmbedding\",\"max_len\":200}" LAST
    { POSITIONS, "1.weight", NORMAL, 1 },
#define BILINEAR                                                               \
    "{\"name\":\"a\",\"type\":\"Tanh\"},{\"name\":\"b\",\"type\":\"ReLU\"},"   \
    "{\"name\":\"bi\",\"type\":\"Bilinear\",\"out_features\":4,"               \
    "\"inputs\":[\"a\",\"b\"]}"
    { BILINEAR, "bi.weight", UNIFORM, 0.158113883 },  /* 1 / sqrt in1 */
#define NORM(TYPE)                                                             \
    "{\"type\":\"" TYPE "\"}"
    { NORM("BatchNorm1d"), "0.weight", CONSTANT, 1 },
    { NORM("BatchNorm1d"), "0.running_mean", CONSTANT, 0 },
    { NORM("BatchNorm1d"), "0.running_var", CONSTANT, 1 },
    { "{\"type\":\"PReLU\",\"num_parameters\":40}", "0.weight", CONSTANT,
      0.25 },
    { "{\"type\":\"PReLU\",\"init\":-3}", "0.weight", CONSTANT, -3 },
#define INSTANCE                                                               \
    "{\"type\":\"Unflatten\",\"dim\":1,\"unflattened_size\":[8,5]},"           \
    "{\"type\":\"InstanceNorm1d\",\"affine\":true,\"track_running_stats\":"    \
    "true},{\"type\":\"Flatten\"}"
    { INSTANCE, "1.weight", CONSTANT, 1 },
    { INSTANCE, "1.bias", CONSTANT, 0 },
    { INSTANCE, "1.running_mean", CONSTANT, 0 },
    { INSTANCE, "1.running_var", CONSTANT, 1 },
    { NORM("LayerNorm"), "0.weight", CONSTANT, 1 },
    { NORM("LayerNorm"), "0.bias", CONSTANT, 0 },
    { NORM("RMSNorm"), "0.weight", CONSTANT, 1 },
};

static struct mt_model *make(const char *layers, bool tokens,
                             struct mt_json **doc)
{
    struct mt_strbuf spec = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_model *m;

    mt_strbuf_printf(&spec, "{\"model\":{\"layers\":[%s,{\"name\":\"end\","
                     "\"type\":\"Linear\",\"out_features\":2}]},"
                     "\"loss\":{\"type\":\"MSELoss\"}}", layers);
    ck_assert_msg(mt_json_parse("t", spec.text, spec.len, doc, &err) == MT_OK,
                  "%s", err.text);
    struct mt_model_request request = { .doc = *doc,
                                        .x = mt_shape_of(1, (size_t)40),
                                        .y = mt_shape_of(1, (size_t)2),
                                        .tokens = tokens, .seed = 3 };

    if (tokens)
        request.y = mt_shape_of(2, (size_t)40, (size_t)2);
    ck_assert_msg(mt_model_new(&request, &m, &err) == MT_OK, "%s", err.text);
    ck_assert_msg(mt_model_init(m, NULL, &err) == MT_OK, "%s", err.text);
    mt_strbuf_free(&spec);
    return m;
}

/* Mean and standard deviation within five standard errors, bounds exactly. */
static void check(const struct mt_tensor *t, enum distribution d, double a)
{
    const float *x = t->data;
    double n = (double)t->count, sum = 0, squares = 0, largest = 0;
    double std = d == UNIFORM ? a / sqrt(3) : d == NORMAL ? a : 0;
    double spread = d == NORMAL ? sqrt(0.5 / n) : sqrt(0.2 / n);

    for (size_t i = 0; i < t->count; i++) {
        double v = (double)x[i] - (d == CONSTANT ? a : 0);

        sum += v;
        squares += v * v;
        largest = fmax(largest, fabs(v));
    }
    ck_assert_msg(fabs(sum / n) <= 5 * std / sqrt(n), "%s: mean %g", t->name,
                  sum / n);
    ck_assert_msg(fabs(sqrt(squares / n) - std) <= 5 * std * spread,
                  "%s: standard deviation %g, expected %g", t->name,
                  sqrt(squares / n), std);
    if (d == UNIFORM)
        ck_assert_msg(largest <= a * (1 + 1e-6) && largest > 0.9 * a,
                      "%s: bound %g, expected %g", t->name, largest, a);
}

START_TEST(defaults_are_torchs)
{
    const struct expected *e = &expected[_i];
    struct mt_json *doc;
    struct mt_model *m = make(e->layers, false, &doc);
    const struct mt_tensor *t = mt_store_find(&m->store, e->tensor);

    ck_assert_msg(t != NULL, "%s is not there", e->tensor);
    check(t, e->distribution, e->a);
    mt_model_free(m);
    mt_json_free(doc);
}
END_TEST

START_TEST(embedding_is_normal_but_for_its_padding)
{
    struct mt_json *doc;
    struct mt_model *m = make("{\"type\":\"Embedding\",\"num_embeddings\":60,"
                              "\"embedding_dim\":50,\"padding_idx\":-2}",
                              true, &doc);
    const struct mt_tensor *t = mt_store_find(&m->store, "0.weight");
    const float *row = (const float *)t->data + 58 * 50;
    struct mt_tensor before = *t;

    before.count = 58 * 50;
    check(&before, NORMAL, 1);
    for (int i = 0; i < 50; i++)
        ck_assert(row[i] == 0);
    ck_assert(row[50] != 0);
    mt_model_free(m);
    mt_json_free(doc);
}
END_TEST

Suite *default_init_suite(void)
{
    Suite *suite = suite_create("default_init");
    TCase *tc = tcase_create("default_init");

    tcase_add_loop_test(tc, defaults_are_torchs, 0,
                        (int)(sizeof expected / sizeof *expected));
    tcase_add_test(tc, embedding_is_normal_but_for_its_padding);
    suite_add_tcase(suite, tc);
    return suite;
}
