/*
 * Specs that train, but not as their writer means: a layer and a loss that
 * both apply the softmax, a schedule made for a run of another length. Each is
 * a warning, which names the place in the spec and what would be right.
 */
#ifndef MT_TRAIN_TRAPS_H
#define MT_TRAIN_TRAPS_H

#include "base/warnings.h"
#include "train/session.h"

/* before: the spec before it was changed by overrides, or NULL. A OneCycleLR
 * has to be as long as the run; any other schedule only if it was before the
 * change: with "T_max" of another length a spec may well mean what it says. A
 * session that only evaluates has no schedule to look at. */
void mt_traps_find(const struct mt_session *s, const struct mt_json *before,
                   struct mt_warnings *out);

#endif
