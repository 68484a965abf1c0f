/* The exponential means of tensors that move. */
#include "train/state.h"
#include "train/statename.h"
#include "train/transfer_match.h"
#include "train/transfer_move.h"

/* Does the bundle's spec keep a mean? */
static mt_status keeps_mean(const struct mt_bundle *b, bool *keeps,
                            struct mt_err *err)
{
    const struct mt_item *train, *ema;
    struct mt_json *doc;
    mt_status status = mt_state_spec(b, "spec", &doc, err);

    if (status != MT_OK)
        return status;
    train = mt_json_get(mt_json_root(doc), "train");
    ema = train ? mt_json_get(train, "ema") : NULL;
    *keeps = ema && !mt_is_null(ema);
    mt_json_free(doc);
    return MT_OK;
}

mt_status mt_ema_transfer(const struct mt_transfer *plan,
                          const struct mt_bundle *target,
                          const struct mt_bundle *source, struct mt_team *team,
                          struct mt_bundle *out, struct mt_err *err)
{
    bool keeps = false;
    mt_status status = keeps_mean(target, &keeps, err);

    for (size_t i = 0; i < plan->n && keeps && status == MT_OK; i++) {
        const struct mt_transfer_pair *p = &plan->pairs[i];
        struct mt_transfer_as as = { p->to->dtype, p->to->shape,
                                     p->transposed };
        const char *from = mt_name_key(p->from->name);
        const struct mt_array *mean =
            mt_bundle_find(source, mt_name_in(MT_EMA, from).text);

        if (mean && p->reset != MT_NOT_ASKED_FOR &&
            mt_match_fits(mean, p->transposed, p->to))
            status = mt_transfer_add_as(
                mean, &as, mt_name_in(MT_EMA, p->key).text, team, out, err);
    }
    return status;
}
