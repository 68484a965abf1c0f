/*
 * Describing one tensor of a state: `show FILE TENSOR`.
 */
#ifndef MT_CMD_TENSORS_H
#define MT_CMD_TENSORS_H

#include "cmd/command.h"
#include "train/bundle.h"

/* Prints type, shape, statistics and a histogram of the array of that name
 * ("fc1.weight", "optimizer.exp_avg.fc1.weight", "history.train.loss", or with
 * the section before it); path names the file in messages. Returns an exit
 * code. */
int mt_tensor_show(const struct mt_call *call, const struct mt_bundle *b,
                   const char *path, const char *name);

#endif
