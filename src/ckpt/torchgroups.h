/*
 * The groups of parameters of an optimizer's state dict.
 */
#ifndef MT_CKPT_TORCHGROUPS_H
#define MT_CKPT_TORCHGROUPS_H

#include "ckpt/statefile.h"
#include "ckpt/torchvalue.h"

/* "param_groups" of an optimizer's dictionary: *groups (n), with all they
 * contain, are in arena. source names the file in messages. most: the limit of
 * parameters and options of all groups, which a file can only exceed if groups
 * share them (mt_pickle_doc.n_pushes). A parameter in two groups is an
 * error. */
mt_status mt_torch_groups(const char *source,
                          const struct mt_torch_value *optimizer, size_t most,
                          struct mt_arena *arena,
                          struct mt_state_group **groups, size_t *n,
                          struct mt_err *err);

#endif
