#include "cmd/heldout.h"

#include <string.h>

#include "cmd/warn.h"
#include "train/datastate.h"

static void note_file(void *ctx, const struct mt_data_change *change)
{
    if (strncmp(change->role, "train", 5) == 0)
        *(const char **)ctx = change->now->role;
}

/* The key by which other samples are held out than before, or NULL. */
static const char *changed_key(const struct mt_opened *o)
{
    static const char *const keys[][2] = { { "data", "split" },
                                           { "data", "val_split" },
                                           { "data", "test_split" },
                                           { "train", "seed" } };
    static const char *const names[] = { "data.split", "data.val_split",
                                         "data.test_split", "train.seed" };
    const char *changed = NULL;

    for (size_t i = 0; o->before && i < sizeof names / sizeof *names; i++) {
        const struct mt_item *is = mt_json_root(o->doc);
        const struct mt_item *was = mt_json_root(o->before);

        is = mt_json_get(mt_json_get(is, keys[i][0]), keys[i][1]);
        was = mt_json_get(mt_json_get(was, keys[i][0]), keys[i][1]);
        if (strcmp(is ? mt_json_text(is).text : "",
                   was ? mt_json_text(was).text : "") != 0)
            changed = names[i];
    }
    return changed;
}

mt_status mt_warn_held_out(const struct mt_call *call,
                           const struct mt_opened *o, bool trained,
                           const char *where, struct mt_err *err)
{
    struct mt_err unused = MT_ERR_INIT;
    const char *role = NULL, *key;

    mt_data_state_changes(&o->bundle, mt_session_data(o->session), note_file,
                          &role, &unused);
    if (role)
        return mt_warn(call, NULL, "data", err,
                       "data.%s is another file than in training: samples "
                       "that were trained on may be %s",
                       role, where);
    key = changed_key(o);
    if (key)
        return mt_warn(call, NULL, "data", err,
                       "%s is not what it was in training: samples that were "
                       "trained on %s %s",
                       key, trained ? "are" : "may be", where);
    return MT_OK;
}
