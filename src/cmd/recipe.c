#include "cmd/recipe.h"

#include <stdio.h>

static size_t between(size_t least, size_t value, size_t most)
{
    return value < least ? least : value > most ? most : value;
}

static size_t batch_size(size_t rows)
{
    static const struct {
        size_t rows, batch;
    } sizes[] = { { 100000, 256 }, { 10000, 64 }, { 320, 32 }, { 40, 16 } };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (rows >= sizes[i].rows)
            return sizes[i].batch;
    }
    return 4;
}

/* The last epochs of a run are rarely its best ones: small tables are
 * overfitted long before. So the number of epochs is an upper bound, of about
 * 3000 steps, and the state of the best epoch is kept. */
static mt_status set_train(struct mt_json *doc, size_t rows, bool regression,
                           struct mt_err *err)
{
    size_t batches = rows / batch_size(rows) + 1;
    size_t epochs = between(20, 3000 / batches, 400);
    char stopping[96] = "", train[256];

    if (rows >= MT_RECIPE_VAL_ROWS)
        snprintf(stopping, sizeof stopping,
                 ", \"early_stopping\": {\"patience\": %zu, "
                 "\"restore_best\": true}",
                 between(10, epochs / 10, 40));
    snprintf(train, sizeof train,
             "{\"epochs\": %zu, \"seed\": 1, \"metrics\": [%s]%s}", epochs,
             regression ? "\"mae\", \"rmse\", \"r2\"" : "\"accuracy\"", stopping);
    return mt_json_set(doc, "train", train, "--data", err);
}

mt_status mt_recipe_set(struct mt_json *doc, size_t rows, bool regression,
                        struct mt_err *err)
{
    char batch[32];
    mt_status status = MT_OK;

    snprintf(batch, sizeof batch, "%zu", batch_size(rows));
    if (regression)
        status = mt_json_set(doc, "data.target_normalize", "\"standard\"",
                             "--data", err);
    if (status == MT_OK)
        status = mt_json_set(doc, "data.batch_size", batch, "--data", err);
    return status == MT_OK ? set_train(doc, rows, regression, err) : status;
}
