#include "train/reason.h"

static const char *const texts[MT_REASONS] = {
    [MT_NO_REASON] = "",
    [MT_FROZEN] = "frozen",
    [MT_NOT_IN_OPTIMIZER] = "not in the optimizer",
    [MT_LR_IS_0] = "lr is 0",
    [MT_ZERO_GRADIENT] = "zero gradient",
    [MT_ROUNDS_TO_NOTHING] = "update rounds to nothing",
    [MT_NOT_ASKED_FOR] = "not asked for",
    [MT_NOT_LOADED] = "not loaded",
    [MT_NO_STATE] = "the state has none for it",
    [MT_FROZEN_IN_MODEL] = "it is frozen in the model",
    [MT_NO_STEP] = "the state lacks its step",
    [MT_BAD_STEP] = "its step is not a whole number of at least 1:",
    [MT_NO_SLOT] = "the state lacks its",
    [MT_SLOT_DIFFERS] = "it does not fit the tensor:",
    [MT_KEEPS_NONE] = "the model's optimizer keeps none for it",
    [MT_OTHER_OPTIMIZER] = "it is of another optimizer",
    [MT_WAS_FROZEN] = "it was frozen",
    [MT_OPTIMIZER_CHANGED] = "the optimizer was changed",
    [MT_NO_TENSOR] = "the state lacks its tensor",
    [MT_NOT_IN_MODEL] = "its tensor is not in the model",
    [MT_LEFT_OUT] = "its tensor was left out",
};

const char *mt_reason_text(enum mt_reason reason)
{
    return texts[reason];
}
