/* The layers of normalisation: names and shapes, defaults, evaluation, and
 * messages. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"

static struct mt_json *doc;
static struct mt_model *model;
static struct mt_err err;

static void close_model(void)
{
    mt_model_free(model);
    mt_json_free(doc);
    model = NULL;
    doc = NULL;
}

/* A model of that one layer, named "n", on samples of that shape. */
static mt_status open_model(const char *layer, struct mt_shape sample)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_strbuf_printf(&text,
                     "{\"model\":{\"layers\":[{\"name\":\"n\",%s},"
                     "{\"name\":\"f\",\"type\":\"Flatten\"},"
                     "{\"name\":\"fc\",\"type\":\"Linear\","
                     "\"out_features\":2}]},"
                     "\"loss\":{\"type\":\"MSELoss\"}}",
                     layer);
    err = (struct mt_err)MT_ERR_INIT;
    ck_assert(!text.failed);
    ck_assert_msg(mt_json_parse("s.json", text.text, text.len, &doc, &err) ==
                      MT_OK,
                  "%s", err.text);
    mt_strbuf_free(&text);

    struct mt_model_request request = {
        .doc = doc, .x = sample, .y = { 1, { 2 } }, .seed = 1
    };
    mt_status status = mt_model_new(&request, &model, &err);

    return status == MT_OK ? mt_model_init(model, NULL, &err) : status;
}

#define SAMPLE(r, ...) ((struct mt_shape){ (r), { __VA_ARGS__ } })

/* --- state dicts -------------------------------------------------------- */

static const struct {
    const char *layer;
    struct mt_shape sample;
    const char *tensors; /* "name[shape] ..." before those of fc */
} models[] = {
    { "\"type\":\"BatchNorm1d\"",
      { 1, { 5 } },
      "n.weight[5] n.bias[5] n.running_mean[5] n.running_var[5] "
      "n.num_batches_tracked[] " },
    { "\"type\":\"BatchNorm1d\",\"num_features\":3,\"momentum\":null",
      { 2, { 3, 4 } },
      "n.weight[3] n.bias[3] n.running_mean[3] n.running_var[3] "
      "n.num_batches_tracked[] " },
    { "\"type\":\"BatchNorm2d\",\"affine\":false",
      { 3, { 3, 4, 2 } },
      "n.running_mean[3] n.running_var[3] n.num_batches_tracked[] " },
    { "\"type\":\"BatchNorm2d\",\"track_running_stats\":false",
      { 3, { 3, 4, 2 } },
      "n.weight[3] n.bias[3] " },
    { "\"type\":\"InstanceNorm1d\"", { 2, { 3, 4 } }, "" },
    { "\"type\":\"InstanceNorm1d\",\"affine\":true,\"num_features\":3",
      { 2, { 3, 4 } },
      "n.weight[3] n.bias[3] " },
    { "\"type\":\"InstanceNorm2d\",\"affine\":true,"
      "\"track_running_stats\":true",
      { 3, { 3, 4, 2 } },
      "n.weight[3] n.bias[3] n.running_mean[3] n.running_var[3] "
      "n.num_batches_tracked[] " },
    { "\"type\":\"LayerNorm\"", { 2, { 3, 4 } }, "n.weight[4] n.bias[4] " },
    { "\"type\":\"LayerNorm\",\"normalized_shape\":[3,4]",
      { 3, { 2, 3, 4 } },
      "n.weight[3, 4] n.bias[3, 4] " },
    { "\"type\":\"LayerNorm\",\"elementwise_affine\":false", { 1, { 4 } }, "" },
    { "\"type\":\"RMSNorm\",\"normalized_shape\":4,\"eps\":null",
      { 2, { 3, 4 } },
      "n.weight[4] " },
    { "\"type\":\"RMSNorm\",\"elementwise_affine\":false", { 1, { 4 } }, "" },
    { "\"type\":\"GroupNorm\",\"num_groups\":2",
      { 3, { 6, 2, 2 } },
      "n.weight[6] n.bias[6] " },
    { "\"type\":\"GroupNorm\",\"num_groups\":3,\"affine\":false,"
      "\"num_channels\":6",
      { 1, { 6 } },
      "" },
};

START_TEST(state_dicts_are_torchs)
{
    struct mt_strbuf names = MT_STRBUF_INIT;

    ck_assert_msg(open_model(models[_i].layer, models[_i].sample) == MT_OK,
                  "%s", err.text);
    for (size_t i = 0; i + 2 < model->store.n; i++) {
        const struct mt_tensor *t = model->store.tensors[i];
        bool counter = strstr(t->name, "tracked") != NULL;
        bool ones = strstr(t->name, "weight") || strstr(t->name, "var");

        mt_strbuf_printf(&names, "%s%s ", t->name,
                         mt_shape_text(&t->shape).text);
        ck_assert(t->dtype == (counter ? MT_I64 : MT_F32));
        ck_assert(t->buffer == (counter || strstr(t->name, "running")));
        ck_assert(t->requires_grad == !t->buffer);
        if (counter)
            ck_assert(*(const int64_t *)t->data == 0);
        else
            ck_assert(*(const float *)t->data == (ones ? 1 : 0));
    }
    ck_assert_str_eq(names.text ? names.text : "", models[_i].tensors);
    mt_strbuf_free(&names);
    close_model();
}
END_TEST

/* --- training and evaluation -------------------------------------------- */

enum { BATCH = 4, CHANNELS = 3 };

/* Runs one batch; out: BATCH values of channel 0 after layer "n", which fc is
 * made to pass on. */
static void run(bool training, const float *x, float out[BATCH])
{
    struct mt_program p;
    float *w = mt_store_find(&model->store, "fc.weight")->data;
    float *b = mt_store_find(&model->store, "fc.bias")->data;
    float t[2 * BATCH] = { 0 };
    void *memory;

    memset(w, 0, 2 * CHANNELS * sizeof *w);
    w[0] = 1;
    b[0] = 0;
    ck_assert_msg(mt_model_record(model, BATCH, training, 1, &p, &err) == MT_OK,
                  "%s", err.text);
    ck_assert(posix_memalign(&memory, 64, mt_graph_bytes(p.graph) + 64) == 0);
    mt_graph_bind(p.graph, memory);
    p.x->data = (void *)(uintptr_t)x;
    p.t->data = t;
    mt_graph_run(p.graph, NULL, 0);
    for (size_t i = 0; i < BATCH; i++)
        out[i] = ((const float *)p.y->data)[2 * i];
    mt_graph_free(p.graph);
    free(memory);
}

static const float batch[BATCH * CHANNELS] = { 1, 5, 2, 3, 6, 2,
                                               5, 7, 2, 7, 8, 2 };

static void expect(const float out[BATCH], double a, double b, double c,
                   double d)
{
    const double want[BATCH] = { a, b, c, d };

    for (size_t i = 0; i < BATCH; i++)
        ck_assert_msg(fabs((double)out[i] - want[i]) < 1e-5, "%zu: %g, not %g",
                      i, (double)out[i], want[i]);
}

START_TEST(evaluation_uses_running_statistics)
{
    float out[BATCH];

    ck_assert(open_model("\"type\":\"BatchNorm1d\",\"momentum\":0.5,\"eps\":0."
                         "25",
                         SAMPLE(1, CHANNELS)) == MT_OK);
    run(false, batch, out); /* of mean 0 and variance 1 */
    expect(out, 1 / sqrt(1.25), 3 / sqrt(1.25), 5 / sqrt(1.25), 7 / sqrt(1.25));
    run(true, batch, out); /* mean 4, variance 5, unbiased 20/3 */
    expect(out, -3 / sqrt(5.25), -1 / sqrt(5.25), 1 / sqrt(5.25),
           3 / sqrt(5.25));

    double s = sqrt(0.5 + 10. / 3 + 0.25);

    run(false, batch, out);
    expect(out, (1 - 2) / s, (3 - 2) / s, (5 - 2) / s, (7 - 2) / s);
    ck_assert(*(int64_t *)mt_store_find(&model->store, "n.num_batches_tracked")
                   ->data == 1);
    close_model();
}
END_TEST

START_TEST(without_running_statistics_evaluation_uses_its_batch)
{
    float out[BATCH];

    ck_assert(open_model("\"type\":\"BatchNorm1d\",\"eps\":0.25,"
                         "\"track_running_stats\":false",
                         SAMPLE(1, CHANNELS)) == MT_OK);
    run(false, batch, out);
    expect(out, -3 / sqrt(5.25), -1 / sqrt(5.25), 1 / sqrt(5.25),
           3 / sqrt(5.25));
    close_model();
}
END_TEST

/* torch does not count batches here */
START_TEST(instances_are_normalised_alone)
{
    const double mean[BATCH] = { 8. / 3, 11. / 3, 14. / 3, 17. / 3 };
    const double m2[BATCH] = { 78. / 9, 78. / 9, 114. / 9, 186. / 9 };
    struct mt_shape one_channel = SAMPLE(2, 1, CHANNELS);
    double want[BATCH], s = sqrt(0.5 + 19. / 6 + 0.25);
    float out[BATCH];

    for (int i = 0; i < BATCH; i++)
        want[i] = (2 * i + 1 - mean[i]) / sqrt(m2[i] / 3 + 0.25);
    ck_assert(open_model("\"type\":\"InstanceNorm1d\",\"eps\":0.25",
                         one_channel) == MT_OK);
    run(true, batch, out);
    expect(out, want[0], want[1], want[2], want[3]);
    run(false, batch, out);
    expect(out, want[0], want[1], want[2], want[3]);
    close_model();
    ck_assert(open_model("\"type\":\"InstanceNorm1d\",\"eps\":0.25,"
                         "\"track_running_stats\":true,\"momentum\":0.5",
                         one_channel) == MT_OK);
    run(true, batch, out);
    expect(out, want[0], want[1], want[2], want[3]);
    run(false, batch, out); /* mean 25/6, mean unbiased variance 19/3 */
    expect(out, (1 - 25. / 12) / s, (3 - 25. / 12) / s, (5 - 25. / 12) / s,
           (7 - 25. / 12) / s);
    ck_assert(*(int64_t *)mt_store_find(&model->store, "n.num_batches_tracked")
                   ->data == 0);
    close_model();
}
END_TEST

START_TEST(rms_norm_takes_the_epsilon_of_float)
{
    const float tiny[BATCH * CHANNELS] = { 0x1p-12f, 0, 0, 1, 1, 1,
                                           2,        2, 1, 0, 0, 0 };
    float out[BATCH];

    ck_assert(open_model("\"type\":\"RMSNorm\"", SAMPLE(1, CHANNELS)) == MT_OK);
    run(true, tiny, out);
    expect(out, 0x1p-12 / sqrt(0x1p-24 / 3 + 0x1p-23), 1, 2 / sqrt(3.), 0);
    close_model();
}
END_TEST

START_TEST(buffers_have_no_gradient)
{
    float out[BATCH];

    ck_assert(open_model("\"type\":\"BatchNorm1d\"", SAMPLE(1, CHANNELS)) ==
              MT_OK);
    run(true, batch, out);
    ck_assert(mt_store_find(&model->store, "n.weight")->has_grad);
    ck_assert(!mt_store_find(&model->store, "n.running_mean")->requires_grad);
    close_model();
}
END_TEST

/* --- messages ----------------------------------------------------------- */

static const struct {
    const char *layer;
    struct mt_shape sample;
    const char *says[3];
} errors[] = {
    { "\"type\":\"BatchNorm1d\"",
      { 3, { 3, 4, 2 } },
      { "s.json:1:",
        "BatchNorm1d \"n\": needs samples [channels] or "
        "[channels, length] (BatchNorm2d takes",
        "its input [3, 4, 2] comes from the model's input" } },
    { "\"type\":\"BatchNorm1d\"",
      { 4, { 3, 4, 2, 2 } },
      { "needs samples [channels] or [channels, length];" } },
    { "\"type\":\"BatchNorm2d\"",
      { 2, { 3, 4 } },
      { "BatchNorm2d \"n\": needs samples [channels, height, width] "
        "(BatchNorm1d takes",
        "[3, 4]" } },
    { "\"type\":\"BatchNorm2d\",\"num_features\":4",
      { 3, { 3, 4, 2 } },
      { "num_features is 4, but the input has 3" } },
    { "\"type\":\"BatchNorm2d\",\"num_features\":0",
      { 3, { 3, 4, 2 } },
      { "num_features", "at least 1", "0" } },
    { "\"type\":\"BatchNorm2d\",\"momentum\":1.5",
      { 3, { 3, 4, 2 } },
      { "momentum", "1.5" } },
    { "\"type\":\"BatchNorm2d\",\"eps\":-1",
      { 3, { 3, 4, 2 } },
      { "eps", "-1" } },
    { "\"type\":\"BatchNorm2d\",\"eps\":null",
      { 3, { 3, 4, 2 } },
      { "eps", "null" } },
    { "\"type\":\"BatchNorm2d\",\"num_feature\":3",
      { 3, { 3, 4, 2 } },
      { "unknown key \"num_feature\"", "\"num_features\"" } },
    { "\"type\":\"InstanceNorm1d\"",
      { 3, { 3, 4, 2 } },
      { "s.json:1:",
        "InstanceNorm1d \"n\": needs samples of shape [channels, length]; its "
        "input [3, 4, 2] comes from the model's input" } },
    { "\"type\":\"InstanceNorm2d\"",
      { 2, { 3, 4 } },
      { "InstanceNorm2d \"n\": needs samples of shape [channels, height, "
        "width]" } },
    { "\"type\":\"InstanceNorm2d\"",
      { 3, { 3, 1, 1 } },
      { "InstanceNorm2d \"n\": needs more than one value in a channel",
        "[3, 1, 1]" } },
    { "\"type\":\"InstanceNorm1d\",\"track_running_stats\":true",
      { 2, { 3, 1 } },
      { "needs more than one value in a channel" } },
    { "\"type\":\"InstanceNorm1d\",\"num_features\":4",
      { 2, { 3, 4 } },
      { "num_features is 4, but the input has 3" } },
    { "\"type\":\"InstanceNorm1d\",\"momentum\":null",
      { 2, { 3, 4 } },
      { "momentum", "expected a number, got null" } },
    { "\"type\":\"LayerNorm\"",
      { 0, { 0 } },
      { "LayerNorm \"n\": needs samples of one dimension or more" } },
    { "\"type\":\"LayerNorm\",\"normalized_shape\":[2,4]",
      { 2, { 3, 4 } },
      { "normalized_shape is [2, 4], but samples end in [3, 4]" } },
    { "\"type\":\"LayerNorm\",\"normalized_shape\":3",
      { 2, { 3, 4 } },
      { "normalized_shape is [3], but samples end in [4]" } },
    { "\"type\":\"LayerNorm\",\"normalized_shape\":[2,3,4]",
      { 2, { 3, 4 } },
      { "normalized_shape [2, 3, 4] has more dimensions than a sample" } },
    { "\"type\":\"LayerNorm\",\"normalized_shape\":[]",
      { 2, { 3, 4 } },
      { "normalized_shape" } },
    { "\"type\":\"LayerNorm\",\"bias\":false",
      { 2, { 3, 4 } },
      { "unknown key \"bias\"" } },
    { "\"type\":\"RMSNorm\",\"normalized_shape\":3",
      { 1, { 4 } },
      { "RMSNorm \"n\": normalized_shape is [3], but samples end in [4]" } },
    { "\"type\":\"GroupNorm\"", { 2, { 6, 4 } }, { "num_groups" } },
    { "\"type\":\"GroupNorm\",\"num_groups\":4",
      { 2, { 6, 4 } },
      { "GroupNorm \"n\": 6 channels cannot be divided into num_groups 4",
        "[6, 4]" } },
    { "\"type\":\"GroupNorm\",\"num_groups\":2,\"num_channels\":5",
      { 2, { 6, 4 } },
      { "num_channels is 5, but the input has 6" } },
    { "\"type\":\"GroupNorm\",\"num_groups\":1",
      { 0, { 0 } },
      { "needs samples [channels, ...]" } },
};

START_TEST(messages_say_what_is_wrong)
{
    ck_assert(open_model(errors[_i].layer, errors[_i].sample) != MT_OK);
    for (size_t k = 0; k < 3 && errors[_i].says[k]; k++)
        ck_assert_msg(strstr(err.text, errors[_i].says[k]) != NULL,
                      "\"%s\" does not say \"%s\"", err.text,
                      errors[_i].says[k]);
    close_model();
}
END_TEST

START_TEST(one_value_per_channel_cannot_be_trained_on)
{
    struct mt_program p;

    ck_assert(open_model("\"type\":\"BatchNorm1d\"", SAMPLE(1, CHANNELS)) ==
              MT_OK);
    ck_assert(mt_model_record(model, 1, true, 1, &p, &err) != MT_OK);
    ck_assert(!p.graph); /* for its owner to free */
    ck_assert_msg(strstr(err.text, "s.json:1:") &&
                      strstr(err.text, "BatchNorm1d \"n\": needs more than one "
                                       "value per channel in training, but a "
                                       "batch has 1 sample; change") &&
                      strstr(err.text, "drop_last"),
                  "%s", err.text);
    ck_assert(mt_model_record(model, 1, false, 1, &p, &err) == MT_OK);
    mt_graph_free(p.graph);
    ck_assert(mt_model_record(model, 2, true, 1, &p, &err) == MT_OK);
    mt_graph_free(p.graph);
    close_model();
    /* one sample is enough if a channel has more than one value */
    ck_assert(open_model("\"type\":\"BatchNorm1d\"", SAMPLE(2, 3, 2)) == MT_OK);
    ck_assert(mt_model_record(model, 1, true, 1, &p, &err) == MT_OK);
    mt_graph_free(p.graph);
    close_model();
}
END_TEST

Suite *norm_suite(void);

Suite *norm_suite(void)
{
    Suite *s = suite_create("norm");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, state_dicts_are_torchs, 0,
                        sizeof models / sizeof *models);
    tcase_add_test(t, evaluation_uses_running_statistics);
    tcase_add_test(t, without_running_statistics_evaluation_uses_its_batch);
    tcase_add_test(t, instances_are_normalised_alone);
    tcase_add_test(t, rms_norm_takes_the_epsilon_of_float);
    tcase_add_test(t, buffers_have_no_gradient);
    tcase_add_loop_test(t, messages_say_what_is_wrong, 0,
                        sizeof errors / sizeof *errors);
    tcase_add_test(t, one_value_per_channel_cannot_be_trained_on);
    suite_add_tcase(s, t);
    return s;
}
