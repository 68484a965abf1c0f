/* Layers with one input: shapes, and what they refuse. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "spec/testing.h"

/* A model of one layer, written without braces and with ' for ". */
static mt_status make(const char *layer, const struct mt_shape *x,
                      struct mt_shape *out, struct mt_err *err)
{
    struct mt_json *doc;
    struct mt_model *model = NULL;
    char text[1024];
    mt_status status;

    snprintf(text, sizeof text,
             "{'model': {'layers': [\n {%s},\n {'type': 'Flatten'},\n"
             " {'type': 'Linear', 'out_features': 2}]},\n"
             " 'loss': {'type': 'MSELoss'}}",
             layer);
    doc = mt_test_json(text);

    struct mt_model_request request = {
        .doc = doc, .x = *x, .seed = 1, .y = mt_shape_of(1, (size_t)2)
    };

    status = mt_model_new(&request, &model, err);
    if (status == MT_OK)
        *out = model->root.layers[0].out_shape;
    mt_model_free(model);
    mt_json_free(doc);
    return status;
}

static const struct {
    const char *layer;
    size_t x[3]; /* c, h, w; h is 0 for (c, w) */
    size_t out[3];
} shapes[] = {
    { "'type': 'MaxPool2d', 'kernel_size': 2", { 3, 7, 9 }, { 3, 3, 4 } },
    { "'type': 'MaxPool2d', 'kernel_size': [3, 2], 'stride': null",
      { 3, 7, 9 },
      { 3, 2, 4 } },
    { "'type': 'MaxPool2d', 'kernel_size': 3, 'stride': [2, 1], 'padding': 1",
      { 3, 7, 9 },
      { 3, 4, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': 2, 'ceil_mode': true, 'dilation': "
      "[1, 2]",
      { 3, 7, 9 },
      { 3, 4, 4 } },
    { "'type': 'MaxPool1d', 'kernel_size': 3", { 3, 0, 10 }, { 3, 0, 3 } },
    { "'type': 'AvgPool1d', 'kernel_size': [3], 'ceil_mode': true",
      { 3, 0, 10 },
      { 3, 0, 4 } },
    { "'type': 'AvgPool2d', 'kernel_size': 2, 'divisor_override': null",
      { 3, 7, 9 },
      { 3, 3, 4 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': 2",
      { 3, 7, 9 },
      { 3, 2, 2 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': [null, 2]",
      { 3, 7, 9 },
      { 3, 7, 2 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': [5, null]",
      { 3, 7, 9 },
      { 3, 5, 9 } },
    { "'type': 'AdaptiveAvgPool1d', 'output_size': [4]",
      { 3, 0, 9 },
      { 3, 0, 4 } },
    { "'type': 'Upsample', 'scale_factor': 2", { 3, 7, 9 }, { 3, 14, 18 } },
    { "'type': 'Upsample', 'scale_factor': 2.5", { 3, 0, 9 }, { 3, 0, 22 } },
    { "'type': 'Upsample', 'scale_factor': [1, 0.5], 'mode': 'bilinear'",
      { 3, 7, 9 },
      { 3, 7, 4 } },
    { "'type': 'Upsample', 'size': 5, 'mode': 'linear', 'align_corners': true",
      { 3, 0, 9 },
      { 3, 0, 5 } },
    { "'type': 'Upsample', 'size': [5, 6], 'scale_factor': null, "
      "'align_corners': null",
      { 3, 7, 9 },
      { 3, 5, 6 } },
    { "'type': 'AdaptiveMaxPool2d', 'output_size': [5, null]",
      { 3, 7, 9 },
      { 3, 5, 9 } },
    { "'type': 'AdaptiveMaxPool1d', 'output_size': 11",
      { 3, 0, 9 },
      { 3, 0, 11 } },
    { "'type': 'PixelShuffle', 'upscale_factor': 3",
      { 18, 5, 1 },
      { 2, 15, 3 } },
    { "'type': 'PixelShuffle', 'upscale_factor': 1",
      { 3, 7, 9 },
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': 2", { 3, 7, 9 }, { 3, 11, 13 } },
    { "'type': 'ZeroPad2d', 'padding': 0", { 3, 7, 9 }, { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': [1, 0, 5, -6]",
      { 3, 7, 9 },
      { 3, 6, 10 } },
    { "'type': 'ZeroPad2d', 'padding': -3", { 3, 7, 9 }, { 3, 1, 3 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 4, 'kernel_size': 3, "
      "'stride': 2, 'padding': [1], 'output_padding': 1, 'dilation': 2",
      { 3, 0, 9 },
      { 4, 0, 20 } },
    { "'type': 'GLU'", { 3, 0, 8 }, { 3, 0, 4 } },
    { "'type': 'GLU', 'dim': 1", { 6, 7, 9 }, { 3, 7, 9 } },
    { "'type': 'GLU', 'dim': -2", { 3, 8, 9 }, { 3, 4, 9 } },
    { "'type': 'PReLU', 'num_parameters': 3", { 3, 7, 9 }, { 3, 7, 9 } },
    { "'type': 'PReLU', 'init': -1", { 3, 7, 9 }, { 3, 7, 9 } },
    { "'type': 'ReLU6', 'inplace': true", { 3, 7, 9 }, { 3, 7, 9 } },
    { "'type': 'Hardtanh', 'max_val': 0", { 3, 7, 9 }, { 3, 7, 9 } },
    { "'type': 'Dropout1d'", { 3, 0, 9 }, { 3, 0, 9 } },
    { "'type': 'Dropout2d', 'p': 0", { 3, 7, 9 }, { 3, 7, 9 } },
};

static struct mt_shape shape_of(const size_t d[3])
{
    return d[1] ? mt_shape_of(3, d[0], d[1], d[2]) : mt_shape_of(2, d[0], d[2]);
}

START_TEST(shapes_follow)
{
    struct mt_shape x = shape_of(shapes[_i].x), out;
    struct mt_shape want = shape_of(shapes[_i].out);
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(make(shapes[_i].layer, &x, &out, &err) == MT_OK, "%s",
                  err.text);
    ck_assert_msg(mt_shape_equal(&out, &want), "%s: got %s", shapes[_i].layer,
                  mt_shape_text(&out).text);
}
END_TEST

static const struct {
    const char *layer, *where, *what;
    size_t x[3];
} errors[] = {
    { "'type': 'MaxPool2d'",
      "spec.json:2:2: model.layers[0]",
      "missing \"kernel_size\"",
      { 3, 7, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': 0",
      "model.layers[0].kernel_size",
      "1 <= kernel_size",
      { 3, 7, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': [1, 2, 3]",
      "model.layers[0].kernel_size",
      "expected a number or a list of 2, got a list of 3",
      { 3, 7, 9 } },
    { "'type': 'MaxPool1d', 'kernel_size': 2, 'stride': [1, 2]",
      "model.layers[0].stride",
      "expected a number, got a list of 2",
      { 3, 0, 9 } },
    { "'type': 'MaxPool1d', 'kernel_size': 2, 'dilation': [1, 2]",
      "model.layers[0].dilation",
      "expected a number, got a list of 2",
      { 3, 0, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': 3, 'padding': [1, 1, 1]",
      "model.layers[0].padding",
      "got a list of 3",
      { 3, 7, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': 3, 'padding': 2",
      "model.layers[0].padding",
      "at most half of kernel_size 3, got 2",
      { 3, 7, 9 } },
    { "'type': 'AvgPool2d', 'kernel_size': 3, 'padding': [1, 2]",
      "model.layers[0].padding",
      "at most half",
      { 3, 7, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': 2, 'name': 'pool'",
      "model.layers[0]: MaxPool2d \"pool\"",
      "needs samples of shape [channels, height, width]; its input [3, 9] "
      "comes from the model's input",
      { 3, 0, 9 } },
    { "'type': 'AvgPool1d', 'kernel_size': 2",
      "AvgPool1d \"0\"",
      "needs samples of shape [channels, length]; its input [3, 7, 9]",
      { 3, 7, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': 8",
      "MaxPool2d \"0\"",
      "(kernel_size 8, dilation 1) do not fit the height 7 with padding 0",
      { 3, 7, 9 } },
    { "'type': 'MaxPool2d', 'kernel_size': [1, 3], 'dilation': 5",
      "MaxPool2d \"0\"",
      "(kernel_size 3, dilation 5) do not fit the width 9",
      { 3, 7, 9 } },
    { "'type': 'AvgPool1d', 'kernel_size': 2147483647",
      "AvgPool1d \"0\"",
      "do not fit the length 9",
      { 3, 0, 9 } },
    { "'type': 'MaxPool1d', 'kernel_size': 2, 'padding': 1, 'dilation': 3",
      "MaxPool1d \"0\"",
      "window 0 has nothing but padding in it: dilation 3",
      { 3, 0, 2 } },
    { "'type': 'AvgPool2d', 'kernel_size': 2, 'divisor_override': 0",
      "model.layers[0].divisor_override",
      "must not be 0",
      { 3, 7, 9 } },
    { "'type': 'AvgPool1d', 'kernel_size': 2, 'divisor_override': 2",
      "model.layers[0]",
      "unknown key \"divisor_override\"",
      { 3, 0, 9 } },
    { "'type': 'AvgPool2d', 'kernel_size': 2, 'dilation': 2",
      "model.layers[0]",
      "unknown key \"dilation\"",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool2d'",
      "model.layers[0]",
      "missing \"output_size\"",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': [1, 2, 3]",
      "model.layers[0].output_size",
      "expected a whole number or a list of 2, got",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': null",
      "model.layers[0].output_size",
      "got null",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': [1, 0]",
      "model.layers[0].output_size[1]",
      "expected a whole number from 1 to 2147483647, or null in a list, got 0",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': [1.5, 1]",
      "model.layers[0].output_size[0]",
      "got 1.5",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool2d', 'output_size': 100000",
      "AdaptiveAvgPool2d \"0\"",
      "at most 2147483647 elements, got 100000 x 100000",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveAvgPool1d', 'output_size': 3",
      "AdaptiveAvgPool1d \"0\"",
      "[channels, length]",
      { 3, 7, 9 } },
    { "'type': 'Upsample'",
      "Upsample \"0\"",
      "needs either \"size\" or \"scale_factor\"",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': 3, 'scale_factor': 2",
      "Upsample \"0\"",
      "not both",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': 3, 'mode': 'cubic'",
      "model.layers[0].mode",
      "\"bilinear\"",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': 3, 'mode': 'linear'",
      "Upsample \"0\"",
      "mode \"linear\" needs samples of shape [channels, length]; its input "
      "[3, 7, 9]",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': 3, 'mode': 'bilinear'",
      "Upsample \"0\"",
      "mode \"bilinear\" needs samples of shape [channels, height, width]",
      { 3, 0, 9 } },
    { "'type': 'Upsample', 'size': 3, 'align_corners': false",
      "model.layers[0].align_corners",
      "is for the modes linear and bilinear, not for nearest",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': [3, 4]",
      "model.layers[0].size",
      "expected a number, got a list of 2",
      { 3, 0, 9 } },
    { "'type': 'Upsample', 'scale_factor': [1, 2, 3]",
      "model.layers[0].scale_factor",
      "expected a number or a list of 2, got a list of 3",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'scale_factor': 0",
      "model.layers[0].scale_factor",
      "0 < scale_factor",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'scale_factor': 0.1",
      "Upsample \"0\"",
      "scale_factor 0.1 makes a size of 0 out of 7",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'scale_factor': 16777216",
      "Upsample \"0\"",
      "out of 7",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': 1000000",
      "Upsample \"0\"",
      "at most 2147483647 elements, got 1000000 x 1000000",
      { 3, 7, 9 } },
    { "'type': 'Upsample', 'size': 3, 'recompute_scale_factor': true",
      "model.layers[0].recompute_scale_factor",
      "means nothing without \"scale_factor\"",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveMaxPool2d', 'output_size': [1, 0]",
      "model.layers[0].output_size[1]",
      "expected a whole number from 1 to 2147483647, or null in a list, got 0",
      { 3, 7, 9 } },
    { "'type': 'AdaptiveMaxPool1d', 'output_size': 3",
      "AdaptiveMaxPool1d \"0\"",
      "[channels, length]",
      { 3, 7, 9 } },
    { "'type': 'PixelShuffle'",
      "model.layers[0]",
      "missing \"upscale_factor\"",
      { 4, 7, 9 } },
    { "'type': 'PixelShuffle', 'upscale_factor': 2",
      "PixelShuffle \"0\"",
      "6 channels cannot be divided by 4, the square of upscale_factor",
      { 6, 7, 9 } },
    { "'type': 'PixelShuffle', 'upscale_factor': 2",
      "PixelShuffle \"0\"",
      "needs samples of shape [channels, height, width]",
      { 4, 0, 9 } },
    { "'type': 'ZeroPad2d', 'padding': [1, 2]",
      "model.layers[0].padding",
      "expected a number or a list of 4 (left, right, top, bottom), got a "
      "list of 2",
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': [1, 2, 0.5, 0]",
      "model.layers[0].padding",
      "expected whole numbers, got 0.5",
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': [9, -9, 0, 0]",
      "ZeroPad2d \"0\"",
      "its padding 9 and -9 cuts away all of the width 9",
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': [0, 0, -4, -3]",
      "ZeroPad2d \"0\"",
      "cuts away all of the height 7; its input [3, 7, 9]",
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': 2147483647",
      "ZeroPad2d \"0\"",
      "at most 2147483647 elements",
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': 1e300",
      "model.layers[0].padding",
      "got 1e300",
      { 3, 7, 9 } },
    { "'type': 'ZeroPad2d', 'padding': 1",
      "ZeroPad2d \"0\"",
      "[channels, height, width]",
      { 3, 0, 9 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 4, 'kernel_size': 3",
      "ConvTranspose1d \"0\"",
      "needs samples of shape [channels, length]",
      { 3, 7, 9 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 4, 'kernel_size': [3, 3]",
      "model.layers[0].kernel_size",
      "takes one number, got 2",
      { 3, 0, 9 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 4, 'kernel_size': 3, "
      "'output_padding': 1",
      "ConvTranspose1d \"0\"",
      "output_padding must be smaller than stride or dilation",
      { 3, 0, 9 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 4, 'kernel_size': 1, "
      "'padding': 5",
      "ConvTranspose1d \"0\"",
      "its padding cuts the whole output away",
      { 3, 0, 9 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 4, 'kernel_size': 1, "
      "'groups': 2",
      "ConvTranspose1d \"0\"",
      "2 groups must divide both 3 input and 4 output channels",
      { 3, 0, 9 } },
    /* sizes whose products would not fit 64 bits */
    { "'type': 'Conv1d', 'out_channels': 1, 'kernel_size': 1048577, "
      "'dilation': 17592186044416",
      "model.layers[0].dilation",
      "1 <= dilation <= 2147483647",
      { 3, 0, 9 } },
    { "'type': 'Conv1d', 'out_channels': 1, 'kernel_size': 2147483647, "
      "'dilation': 2147483647, 'padding': 2147483647",
      "Conv1d \"0\"",
      "its kernel is larger than the padded input",
      { 3, 0, 9 } },
    { "'type': 'Conv2d', 'out_channels': 1, 'kernel_size': 1, 'padding': "
      "2147483647",
      "Conv2d \"0\"",
      "at most 2147483647 elements, got 4294967301 x 4294967303",
      { 3, 7, 9 } },
    { "'type': 'ConvTranspose1d', 'out_channels': 1, 'kernel_size': 2147483647,"
      "'stride': 2147483647, 'dilation': 2147483647",
      "ConvTranspose1d \"0\"",
      "at most 2147483647 elements",
      { 3, 0, 9 } },
    { "'type': 'Conv2d', 'out_channels': 1, 'kernel_size': 1, 'padding': "
      "[0, 2147483648]",
      "model.layers[0].padding",
      "got 2147483648",
      { 3, 7, 9 } },
    { "'type': 'GLU'",
      "GLU \"0\"",
      "needs an even size to halve, but dimension 3 has 9",
      { 3, 7, 9 } },
    { "'type': 'GLU', 'dim': 0",
      "GLU \"0\"",
      "has no dimension 0 to work along (the batch is 0)",
      { 3, 7, 9 } },
    { "'type': 'GLU', 'dim': 4",
      "GLU \"0\"",
      "has no dimension 4 to work along",
      { 3, 7, 9 } },
    { "'type': 'PReLU', 'num_parameters': 4",
      "PReLU \"0\"",
      "num_parameters must be 1 or the number of channels 3, got 4",
      { 3, 7, 9 } },
    { "'type': 'PReLU', 'num_parameters': 0",
      "model.layers[0].num_parameters",
      "at least 1",
      { 3, 7, 9 } },
    { "'type': 'Hardtanh', 'min_val': 2, 'max_val': 2",
      "Hardtanh \"0\"",
      "max_val must be greater than min_val 2, got 2",
      { 3, 7, 9 } },
    { "'type': 'Dropout1d'",
      "Dropout1d \"0\"",
      "needs samples of shape [channels, length]",
      { 3, 7, 9 } },
    { "'type': 'Dropout2d'",
      "Dropout2d \"0\"",
      "needs samples of shape [channels, height, width]",
      { 3, 0, 9 } },
    { "'type': 'Dropout2d', 'p': 1",
      "model.layers[0].p",
      "expected 0 <= p < 1, got 1",
      { 3, 7, 9 } },
};

START_TEST(errors_say_where_and_what)
{
    struct mt_shape x = shape_of(errors[_i].x), out;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(make(errors[_i].layer, &x, &out, &err) == MT_INVALID, "%s",
                  errors[_i].layer);
    ck_assert_msg(strncmp(err.text, "spec.json:2:", 12) == 0, "%s", err.text);
    ck_assert_msg(strstr(err.text, errors[_i].where) != NULL,
                  "%s\nhas no \"%s\"", err.text, errors[_i].where);
    ck_assert_msg(strstr(err.text, errors[_i].what) != NULL,
                  "%s\nhas no \"%s\"", err.text, errors[_i].what);
}
END_TEST

Suite *layer_suite(void);

Suite *layer_suite(void)
{
    Suite *s = suite_create("layer");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, shapes_follow, 0, sizeof shapes / sizeof *shapes);
    tcase_add_loop_test(t, errors_say_where_and_what, 0,
                        sizeof errors / sizeof *errors);
    suite_add_tcase(s, t);
    return s;
}
