/*
 * What a checkpoint keeps of its data: what was fitted (struct mt_fitted) and
 * is applied to later data, and fingerprints to recognize changed files.
 *
 *     spec/data.json          {"files": [{"role", "bytes", "sha256"}...],
 *                              "classes", "class_names", "vocab",
 *                              "vocab_names", "feature_names",
 *                              "target_names", "x", "y", "x_dtype",
 *                              "format", "facts"}
 *     spec/data.mean, .std    float64, where inputs are normalised; float32 in
 *                             checkpoints of version 0.1
 *     spec/data.scale         float32 scalar
 *     spec/data.NAME          the format's own arrays
 */
#ifndef MT_TRAIN_DATASTATE_H
#define MT_TRAIN_DATASTATE_H

#include "data/dataset.h"
#include "train/bundle.h"

void mt_data_state_save(const struct mt_dataset *data, struct mt_bundle *out);

/* Strings are the arena's, arrays the bundle's. */
mt_status mt_data_state_read(const struct mt_bundle *from,
                             struct mt_arena *arena, struct mt_fitted *out,
                             struct mt_err *err);

/* A data file whose contents are not those of the checkpoint. */
struct mt_data_change {
    const char *role, *sha256; /* the checkpoint's */
    double bytes;
    const struct mt_fingerprint *now;
};

/* Calls change for each such file, of those that both have. */
typedef void mt_data_change_fn(void *ctx, const struct mt_data_change *change);
mt_status mt_data_state_changes(const struct mt_bundle *from,
                                const struct mt_dataset *data,
                                mt_data_change_fn *change, void *ctx,
                                struct mt_err *err);

/* Fails, and says what changed, if a file is not the one of the checkpoint.
 * Files that an override (KEY=VALUE) replaces, as data.train or data.val, may
 * differ; with an override of data.type all may. */
mt_status mt_data_state_check(const struct mt_bundle *from,
                              const struct mt_dataset *data,
                              const char *const *overrides, size_t n,
                              struct mt_err *err);

#endif
