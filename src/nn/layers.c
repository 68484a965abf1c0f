/* The table of layers. To add one, write its row in its family's file and add
 * its name here. */
#include "nn/layer.h"

#define LAYERS(X)                                                              \
    X(linear)                                                                  \
    X(relu) X(leaky_relu) X(elu) X(selu) X(gelu) X(silu) X(mish) X(tanh)       \
    X(sigmoid) X(softplus) X(hardswish) X(relu6) X(hardtanh) X(prelu)          \
    X(softmax) X(log_softmax) X(glu)                                           \
    X(conv1d) X(conv2d) X(conv_transpose1d) X(conv_transpose2d)                \
    X(embedding) X(position_embedding) X(multihead_attention) X(bilinear)      \
    X(batch_norm1d) X(batch_norm2d) X(layer_norm) X(group_norm) X(rms_norm)    \
    X(instance_norm1d) X(instance_norm2d)                                      \
    X(transformer_encoder_layer)                                               \
    X(max_pool1d) X(max_pool2d) X(avg_pool1d) X(avg_pool2d)                    \
    X(adaptive_avg_pool1d) X(adaptive_avg_pool2d) X(adaptive_max_pool1d)       \
    X(adaptive_max_pool2d) X(upsample) X(pixel_shuffle) X(zero_pad2d)          \
    X(flatten) X(unflatten) X(reshape) X(identity) X(dropout)                  \
    X(dropout1d) X(dropout2d)                                                  \
    X(rnn) X(lstm) X(gru)                                                      \
    X(sequential) X(residual) X(add) X(mul) X(concat)

#define X(name) extern const struct mt_layer_type mt_layer_##name;
LAYERS(X)
#undef X

static const struct mt_layer_type *const types[] = {
#define X(name) &mt_layer_##name,
    LAYERS(X)
#undef X
    NULL,
};

const struct mt_type *mt_layer_at(size_t i)
{
    return types[i] ? &types[i]->type : NULL;
}
