/* mtrain save SRC -o FILE.onnx */
#ifndef MT_CMD_SAVE_ONNX_H
#define MT_CMD_SAVE_ONNX_H

#include "cmd/command.h"
#include "train/bundle.h"

bool mt_is_onnx(const char *path); /* by its ending */

/* Writes the network of source, which needs a spec; with --ema that of the
 * mean of its parameters. *n: the tensors of the model. */
mt_status mt_save_onnx(const struct mt_call *call,
                       const struct mt_bundle *source, const char *out,
                       size_t *n, struct mt_err *err);

#endif
