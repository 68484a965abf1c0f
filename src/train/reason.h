/*
 * Why something did not happen to a tensor: it did not move in a step, or its
 * optimizer state was not transferred. Code compares the enum; people and
 * programs read the texts, which are in one table (reason.c).
 */
#ifndef MT_TRAIN_REASON_H
#define MT_TRAIN_REASON_H

enum mt_reason {
    MT_NO_REASON, /* it did happen */

    /* the step did not move the tensor */
    MT_FROZEN,
    MT_NOT_IN_OPTIMIZER,
    MT_LR_IS_0,
    MT_ZERO_GRADIENT,
    MT_ROUNDS_TO_NOTHING,

    /* its optimizer state starts fresh */
    MT_NOT_ASKED_FOR,
    MT_NOT_LOADED,
    MT_NO_STATE,
    MT_FROZEN_IN_MODEL,
    MT_NO_STEP,
    MT_BAD_STEP,        /* detail: its value */
    MT_NO_SLOT,         /* detail: the slot */
    MT_SLOT_DIFFERS,    /* detail: the slot, its type and shape */
    MT_KEEPS_NONE,
    MT_OTHER_OPTIMIZER,

    MT_WAS_FROZEN,
    MT_OPTIMIZER_CHANGED, /* or it is dropped */

    /* its optimizer state is dropped */
    MT_NO_TENSOR,
    MT_NOT_IN_MODEL,
    MT_LEFT_OUT,

    MT_REASONS,
};

/* "zero gradient"; "" for MT_NO_REASON. A detail follows the text after a
 * space: "the state lacks its" "exp_avg". */
const char *mt_reason_text(enum mt_reason reason);

#endif
