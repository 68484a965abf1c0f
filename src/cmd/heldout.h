/*
 * Samples held out of the training data that were trained on before: another
 * seed, val_split or file holds out other samples.
 */
#ifndef MT_CMD_HELDOUT_H
#define MT_CMD_HELDOUT_H

#include "cmd/specs.h"

/* Warns if other samples are held out than in the checkpoint that was opened:
 * "samples that were trained on are WHERE", or, where it is not known that the
 * model was trained, "may be". With --strict that is an error, see mt_warn().
 */
mt_status mt_warn_held_out(const struct mt_call *call,
                           const struct mt_opened *o, bool trained,
                           const char *where, struct mt_err *err);

#endif
