/*
 * Which state dict of a file of torch.save is taken, and what becomes of the
 * objects in it that are not known.
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

/* Refuses what is not known, or with `skip_objects` notes it. */
mt_status mt_torch_check_objects(const struct mt_torch_file *file,
                                 const struct mt_torch_scan *found,
                                 struct mt_state_opening *opening,
                                 struct mt_err *err);

/* Notes that the state of several optimizers is not taken. */
void mt_torch_note_optimizers(const struct mt_torch_file *file,
                              const struct mt_torch_scan *found,
                              struct mt_state_opening *opening);

#endif
