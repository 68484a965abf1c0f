/*
 * Tensors that stop moving after they were trained for a while: the units
 * before a ReLU that are below 0 for every sample have no gradient, and never
 * will have one. Reported at the end of an epoch in which no step moved a
 * tensor whose gradient is 0, unless the epoch's loss is below 1e-9: then there
 * is nothing to learn, and gradients may be flushed (kernels/flush.h). A
 * learning rate of 0 and steps too small to matter are not reported, as
 * schedules may end so.
 */
#ifndef MT_TRAIN_STALL_H
#define MT_TRAIN_STALL_H

#include "base/warnings.h"
#include "train/audit.h"
#include "train/session.h"

struct mt_stall {
    struct mt_audit audit; /* over the epoch */
    bool *moved;           /* of each tensor: in an epoch before */
    bool *known;           /* it has been reported */
    bool whole;            /* the epoch is seen from its start */
};

/* Where a run starts or goes on. */
mt_status mt_stall_start(const struct mt_session *s, struct mt_stall *out,
                         struct mt_err *err);
void mt_stall_free(struct mt_stall *stall); /* zeroed is allowed */

/* After a step that ended an epoch: adds one warning for all tensors that are
 * noticed now. */
void mt_stall_epoch(const struct mt_session *s, struct mt_stall *stall,
                    struct mt_warnings *out);

#endif
