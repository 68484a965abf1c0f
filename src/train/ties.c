#include "train/ties.h"

#include "train/state.h"
#include "train/statename.h"

const struct mt_item *mt_ties_of(const struct mt_json *doc)
{
    const struct mt_item *model = mt_json_get(mt_json_root(doc), "model");
    const struct mt_item *ties = model ? mt_json_get(model, "tie") : NULL;

    return ties && mt_is_object(ties) ? ties : NULL;
}

const char *mt_ties_stored(const struct mt_item *ties, const char *key)
{
    const struct mt_item *tie = ties ? mt_json_get(ties, key) : NULL;

    return tie && mt_is_string(tie) ? tie->text : NULL;
}

void mt_ties_add(const struct mt_item *ties, struct mt_bundle *b)
{
    for (const struct mt_item *tie = ties ? ties->child : NULL; tie;
         tie = tie->next) {
        const struct mt_array *stored =
            mt_is_string(tie)
                ? mt_bundle_find(b, mt_name_in(MT_MODEL, tie->text).text)
                : NULL;
        struct mt_name other = mt_name_in(MT_MODEL, tie->key);

        if (stored && !mt_bundle_find(b, other.text)) {
            struct mt_array array = *stored; /* adding may move the others */

            mt_bundle_add_array(b, other.text, &array);
        }
    }
}

mt_status mt_ties_add_own(struct mt_bundle *b, struct mt_err *err)
{
    struct mt_json *doc;
    mt_status status;

    if (!mt_bundle_find(b, MT_NAME_SPEC))
        return MT_OK;
    status = mt_state_spec(b, MT_NAME_SPEC, &doc, err);
    if (status != MT_OK)
        return status;
    mt_ties_add(mt_ties_of(doc), b);
    mt_json_free(doc);
    return b->failed ? mt_fail_memory(err) : MT_OK;
}
