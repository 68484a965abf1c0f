#include "train/grammar.h"

#include "data/augment.h"
#include "data/format.h"
#include "nn/model.h"
#include "optim/optimizer.h"
#include "optim/scheduler.h"
#include "train/metrics.h"
#include "train/settings.h"

static const struct mt_kind *const kinds[] = {
    &mt_layer_kind,     &mt_init_kind,  &mt_loss_kind, &mt_optimizer_kind,
    &mt_group_kind,     &mt_scheduler_kind, &mt_stage_kind, &mt_data_kind, &mt_augment_kind,
    &mt_metric_kind,    NULL,
};

static const struct mt_section sections[] = {
    { "model", mt_model_keys, NULL },
    { "train", mt_train_keys,
      ",\"oneOf\":[{\"required\":[\"epochs\"]},{\"required\":[\"steps\"]}]" },
    { "checkpoint", mt_checkpoint_keys, NULL },
    { "early_stopping", mt_early_stopping_keys, NULL },
    { "ema", mt_ema_keys, NULL },
    { NULL, NULL, NULL },
};

const struct mt_grammar mt_spec_grammar = {
    .title = "A spec of mtrain " MT_VERSION,
    .top = mt_spec_keys,
    .sections = sections,
    .kinds = kinds,
};

const struct mt_exclusive mt_spec_exclusive[] = {
    { "train", "epochs", "steps" },
    { NULL, NULL, NULL },
};
