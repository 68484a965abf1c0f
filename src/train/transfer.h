/*
 * load_state_dict(): copies tensors of one state into another, by name.
 *
 *     mt_transfer_plan(target, source, &options, team, &plan, &advice, err)
 *
 * pairs every tensor of the source's model section, renamed as the options say,
 * with the target's tensor of that name. It is strict unless `partial`: tensors
 * that are missing, unexpected or of another shape are listed, with advice, and
 * the plan fails. mt_transfer_apply then makes the bundle to be written.
 *
 * Only names and shapes matter; elements may stay in their files (bundle.h)
 * until the result is written.
 *
 *     transfer.c             the plan, and the result
 *     transfer_match.c       which tensor is which
 *     transfer_move.c        values, converted and transposed
 *     transfer_optimizer.c   what becomes of the optimizer's state
 *     transfer_advice.c      options that would work (advising.h)
 *     transfer_report.c      the message, when it does not fit
 *     rename.c               globs with captures
 */
#ifndef MT_TRAIN_TRANSFER_H
#define MT_TRAIN_TRANSFER_H

#include "train/session.h"
#include "train/transfer_types.h"

/* On MT_MISMATCH the advice (may be NULL) says what would work. */
mt_status mt_transfer_plan(const struct mt_bundle *target,
                           const struct mt_bundle *source,
                           const struct mt_transfer_options *options,
                           struct mt_team *team, struct mt_transfer *out,
                           struct mt_transfer_advice *advice,
                           struct mt_err *err);

/* Makes the plan leave the source's position out if resume would refuse it. s
 * is a session of the target's spec; its own position is overwritten. */
mt_status mt_transfer_check_position(struct mt_transfer *plan,
                                     const struct mt_bundle *source,
                                     struct mt_session *s, struct mt_err *err);

/* Makes the plan leave it out for that reason. */
mt_status mt_transfer_leave_position(struct mt_transfer *plan,
                                     const char *reason, struct mt_err *err);

/* Makes out: target's spec, its model with the moved values, the optimizer
 * state that moves, and position 0 or the source's. Arrays refer to memory and
 * files of target and source. */
mt_status mt_transfer_apply(const struct mt_transfer *plan,
                            const struct mt_bundle *target,
                            const struct mt_bundle *source,
                            struct mt_team *team, struct mt_bundle *out,
                            struct mt_err *err);

void mt_transfer_free(struct mt_transfer *plan);

#endif
