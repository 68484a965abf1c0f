/*
 * Optimizer state in a file of torch.save, which numbers parameters: finds
 * which number is which tensor.
 *
 * torch numbers parameters through `param_groups` in their order, and within a
 * group usually in the order in which modules register them. That is the order
 * of a model's tensors here, except that TransformerEncoderLayer registers
 * self_attn, linear1, linear2, norm1, norm2. The spec's groups are tried in any
 * order, the default group first or last. A trial succeeds if each group has as
 * many parameters as the file's, with matching shapes and options; frozen
 * parameters may be listed or absent. All successful trials must agree.
 */
#ifndef MT_TRAIN_NUMBERED_H
#define MT_TRAIN_NUMBERED_H

#include "optim/optimizer.h"
#include "train/bundle.h"

/* *numbers is NULL if the source's state is stored by names, else
 * (o->store->n): the number of each tensor as text, or NULL for none. o is
 * bound to the model's tensors; doc is its spec. Memory is taken from arena.
 * MT_MISMATCH: no trial succeeds, or trials disagree. */
mt_status mt_numbered_find(const struct mt_bundle *source,
                           const struct mt_json *doc,
                           const struct mt_optimizer *o, struct mt_arena *arena,
                           const char *const **numbers, struct mt_err *err);

#endif
