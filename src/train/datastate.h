/*
 * What a checkpoint keeps of its data: the statistics that later data is read
 * with, and fingerprints to recognize changed files.
 *
 *     spec/data.json          {"files": [{"role", "bytes", "sha256"}...],
 *                              "classes", "class_names", "vocab",
 *                              "vocab_names", "x", "y", "tokens"}
 *     spec/data.mean, .std    float32, where inputs are normalised
 *     spec/data.scale         float32 scalar
 */
#ifndef MT_TRAIN_DATASTATE_H
#define MT_TRAIN_DATASTATE_H

#include "data/dataset.h"
#include "train/bundle.h"

void mt_data_state_save(const struct mt_dataset *data, struct mt_bundle *out);

/* Sets in request what the checkpoint knows; memory is arena's. */
mt_status mt_data_state_apply(const struct mt_bundle *from,
                              struct mt_arena *arena,
                              struct mt_data_request *request,
                              struct mt_err *err);

/* Fails, and says what changed, if a file is not the one of the checkpoint. */
mt_status mt_data_state_check(const struct mt_bundle *from,
                              const struct mt_dataset *data,
                              struct mt_err *err);

#endif
