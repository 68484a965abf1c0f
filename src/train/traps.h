/*
 * Specs that train, but probably not as intended: a layer and a loss that both
 * apply the softmax, a schedule made for a run of another length. Each is a
 * warning, which names the place in the spec and the remedy.
 */
#ifndef MT_TRAIN_TRAPS_H
#define MT_TRAIN_TRAPS_H

#include "base/warnings.h"
#include "train/session.h"

/* before: the spec before it was changed by overrides, or NULL. A OneCycleLR
 * must be as long as the run; any other schedule only if it was so before the
 * change, since a "T_max" of another length may be intended. The schedule is
 * ignored if the session only evaluates. */
void mt_traps_find(const struct mt_session *s, const struct mt_json *before,
                   struct mt_warnings *out);

#endif
