/*
 * How `mtrain init` trains a table: one recipe for all tables, chosen to work
 * for small and large ones, classes and numbers. The layers and the optimizer
 * are those of configs/table.json.
 */
#ifndef MT_CMD_RECIPE_H
#define MT_CMD_RECIPE_H

#include "spec/tree.h"

/* From so many rows on, a part of them is held out. */
#define MT_RECIPE_VAL_ROWS 10

/* Sets, in a spec for a table of so many rows: the batch size, the length of
 * the run, when it stops early, metrics, and the scale of a target that is a
 * number. */
mt_status mt_recipe_set(struct mt_json *doc, size_t rows, bool regression,
                        struct mt_err *err);

#endif
