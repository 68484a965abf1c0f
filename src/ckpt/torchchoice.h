/*
 * Chooses the state dict of a file of torch.save, and handles the unknown
 * objects in it.
 */
#ifndef MT_CKPT_TORCHCHOICE_H
#define MT_CKPT_TORCHCHOICE_H

#include "ckpt/stateformat.h"
#include "ckpt/torchfile.h"
#include "ckpt/torchscan.h"

/* The entry that the options name, or the only one. */
mt_status mt_torch_choose(const struct mt_torch_file *file,
                          const struct mt_torch_scan *found,
                          struct mt_state_opening *opening,
                          const struct mt_torch_found **out,
                          struct mt_err *err);

/* Refuses unknown objects, or with `skip_objects` notes them. */
mt_status mt_torch_check_objects(const struct mt_torch_file *file,
                                 const struct mt_torch_scan *found,
                                 struct mt_state_opening *opening,
                                 struct mt_err *err);

/* The optimizer of an entry: the only one, or the one whose path has the most
 * keys in common with it; NULL, with a note, if that is not unique. */
const struct mt_torch_found *mt_torch_optimizer(
    const struct mt_torch_file *file, const struct mt_torch_scan *found,
    const struct mt_torch_found *entry, struct mt_state_opening *opening);

#endif
