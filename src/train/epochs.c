#include "train/epochs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = sizeof(uint64_t), LEAST = 64 };

#define AT(member) (offsetof(struct mt_epoch, member) / WORD)

_Static_assert(AT(epoch) == 0 && AT(step) == 1 && AT(lr) == 2 &&
                   AT(train.samples) == MT_EPOCH_TRAIN &&
                   AT(train.loss) == MT_EPOCH_TRAIN + 1 &&
                   AT(train.metric) == MT_EPOCH_TRAIN + 2 &&
                   AT(val) == MT_EPOCH_VAL && sizeof(size_t) == WORD &&
                   sizeof(struct mt_scores) == MT_EPOCH_SCORES * WORD,
               "the columns are the words of an epoch");

void mt_epochs_free(struct mt_epochs *e)
{
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++) {
        free(e->column[c]);
        mt_packed_free(&e->packed[c]);
    }
    *e = (struct mt_epochs){ 0 };
}

/* Epochs from number n on are dropped or about to change: forgets what was
 * packed of them. */
static void forget(struct mt_epochs *e, size_t n)
{
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++)
        mt_packed_cut(&e->packed[c], n);
}

/* Is it a column of scores? *i: which of them. */
static bool is_score(size_t column, size_t *i)
{
    *i = column < MT_EPOCH_RUN ? 0 : (column - MT_EPOCH_RUN) % MT_EPOCH_SCORES;
    return column >= MT_EPOCH_RUN;
}

bool mt_epochs_has(const struct mt_epochs *e, size_t column)
{
    size_t i;

    return !is_score(column, &i) || i < 2 + e->n_metrics;
}

enum mt_dtype mt_epochs_dtype(size_t column)
{
    size_t i;
    bool counts = is_score(column, &i) ? i == 0 : column < AT(lr);

    return counts ? MT_I64 : MT_F64;
}

mt_status mt_epochs_reserve(struct mt_epochs *e, size_t size,
                            struct mt_err *err)
{
    size = size < LEAST ? LEAST : size;
    if (e->size >= size)
        return MT_OK;
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++) {
        uint64_t *grown = mt_epochs_has(e, c) && size <= SIZE_MAX / WORD
                              ? realloc(e->column[c], size * WORD)
                              : NULL;

        if (grown)
            e->column[c] = grown;
        else if (mt_epochs_has(e, c))
            return mt_fail_memory(err);
    }
    e->size = size;
    return MT_OK;
}

/* Writes the epoch, or reads it: only the words that have columns. */
static void put(struct mt_epochs *e, size_t i, const struct mt_epoch *epoch)
{
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++) {
        if (e->column[c])
            memcpy(&e->column[c][i], (const char *)epoch + c * WORD, WORD);
    }
}

static struct mt_epoch get(const struct mt_epochs *e, size_t i)
{
    struct mt_epoch epoch = { 0 };

    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++) {
        if (e->column[c])
            memcpy((char *)&epoch + c * WORD, &e->column[c][i], WORD);
    }
    return epoch;
}

mt_status mt_epochs_add(struct mt_epochs *e, const struct mt_epoch *epoch,
                        struct mt_err *err)
{
    mt_status status;

    if (e->n == e->size &&
        (status = mt_epochs_reserve(e, 2 * e->n, err)) != MT_OK)
        return status;
    put(e, e->n++, epoch);
    e->last = *epoch;
    return MT_OK;
}

struct mt_epoch mt_epochs_at(const struct mt_epochs *e, size_t i)
{
    return i == e->n - 1 ? e->last : get(e, i);
}

void mt_epochs_cut(struct mt_epochs *e, size_t n)
{
    if (n >= e->n)
        return;
    forget(e, n);
    e->n = n;
    if (n)
        e->last = get(e, n - 1);
}

void mt_epochs_replace_last(struct mt_epochs *e, const struct mt_epoch *epoch)
{
    forget(e, e->n - 1);
    put(e, e->n - 1, epoch);
    e->last = *epoch;
}

mt_status mt_epochs_set(struct mt_epochs *e,
                        const uint64_t *const columns[MT_EPOCH_COLUMNS],
                        size_t n, struct mt_err *err)
{
    const double unknown = NAN;
    uint64_t other[2] = { 0 }; /* of MT_I64, of MT_F64 */
    mt_status status;

    memcpy(&other[1], &unknown, WORD);
    mt_epochs_cut(e, 0);
    if (!n || (status = mt_epochs_reserve(e, n, err)) != MT_OK)
        return n ? status : MT_OK;
    for (size_t c = 0; c < MT_EPOCH_COLUMNS; c++) {
        if (e->column[c] && columns[c])
            memmove(e->column[c], columns[c], n * WORD);
        for (size_t i = 0; e->column[c] && !columns[c] && i < n; i++)
            e->column[c][i] = other[mt_epochs_dtype(c) == MT_F64];
    }
    e->n = n;
    e->last = get(e, n - 1);
    return MT_OK;
}
