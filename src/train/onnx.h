/*
 * A checkpoint's model for inference as an ONNX file: the data's normalisation,
 * then the network in evaluation mode.
 *
 *     input    [batch, shape of the data's sample], float32; tokens int64
 *     output   [batch, ...], float32: what the last layer gives
 *
 * The metadata contain "mtrain.digest", the state's digest, and with
 * target_normalize "mtrain.target_mean" and "mtrain.target_std": a prediction
 * in the target's unit is output * std + mean.
 */
#ifndef MT_TRAIN_ONNX_H
#define MT_TRAIN_ONNX_H

#include "graph/onnx.h"
#include "train/bundle.h"

/* Calls put for the file's bytes, in order. The bundle must have a spec; source
 * names it in messages; digest may be NULL. */
mt_status mt_onnx_export(const struct mt_bundle *from, const char *source,
                         const char *digest, mt_onnx_put *put, void *ctx,
                         struct mt_err *err);

#endif
