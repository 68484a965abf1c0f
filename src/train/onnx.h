/*
 * A checkpoint's model for inference as an ONNX file: the network, in
 * evaluation, and before it what the data's normalisation does.
 *
 *     input    [batch, shape of the data's sample], float32; tokens int64
 *     output   [batch, ...], float32: what the last layer gives
 *
 * The metadata have "mtrain.digest", the state's digest; with target_normalize
 * "mtrain.target_mean" and "mtrain.target_std", the numbers by which an output
 * becomes a target: output * std + mean.
 */
#ifndef MT_TRAIN_ONNX_H
#define MT_TRAIN_ONNX_H

#include "graph/onnx.h"
#include "train/bundle.h"

/* Calls put for the file's bytes, in order. The bundle must have a spec; source
 * names it in messages; digest: NULL where there is none. */
mt_status mt_onnx_export(const struct mt_bundle *from, const char *source,
                         const char *digest, mt_onnx_put *put, void *ctx,
                         struct mt_err *err);

#endif
