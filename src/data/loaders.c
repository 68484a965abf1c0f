/*
 * The table of data formats, in the order of the manual.
 */
#include "data/loader.h"

extern const struct mt_loader mt_loader_csv, mt_loader_idx, mt_loader_npy,
    mt_loader_text, mt_loader_synthetic;

const struct mt_loader *const mt_loaders[] = {
    &mt_loader_csv,  &mt_loader_idx,       &mt_loader_npy,
    &mt_loader_text, &mt_loader_synthetic, NULL,
};
