/*
 * The spec's "train" section, and the top level of the spec.
 */
#ifndef MT_TRAIN_SETTINGS_H
#define MT_TRAIN_SETTINGS_H

#include "spec/keys.h"

struct mt_checkpoint_settings {
    const struct mt_item *object; /* in the spec; NULL: it is not there */
    size_t every_steps;  /* MT_SIZE_ABSENT: not by steps */
    size_t every_epochs; /* 0: not by epochs */
    const char *best;    /* the monitor whose best epoch is saved, or NULL */
    size_t keep;         /* how many earlier checkpoints are kept */
};

struct mt_stopping_settings {
    const struct mt_item *object; /* in the spec; NULL: there is no early stopping */
    const char *monitor;
    size_t patience;
    double min_delta;
    bool restore_best;
};

struct mt_ema_settings {
    double decay; /* NAN: no mean is kept */
};

struct mt_settings {
    size_t epochs, steps;      /* one is MT_SIZE_ABSENT */
    uint64_t seed;
    struct mt_strings metrics;
    double clip_grad_norm, clip_grad_value; /* NAN: none */
    size_t accumulate;         /* batches per step */
    size_t shards;             /* parts of a batch */
    size_t eval_every;         /* epochs */
    struct mt_checkpoint_settings checkpoint;
    struct mt_stopping_settings early_stopping;
    struct mt_ema_settings ema;
};

/* Reads and checks doc's "train" section, and checks that the top level has all
 * required sections and no unknown ones. */
mt_status mt_settings_read(const struct mt_json *doc, struct mt_arena *arena,
                           struct mt_settings *out, struct mt_err *err);

/* The tables, for the schema and the manual. */
extern const struct mt_key mt_train_keys[], mt_checkpoint_keys[],
    mt_early_stopping_keys[], mt_ema_keys[], mt_spec_keys[];

#endif
