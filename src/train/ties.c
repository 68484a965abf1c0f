#include "train/ties.h"

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
