#include "train/initfrom.h"
#include "train/session_internal.h"

#include <stdio.h>
#include <string.h>

#include "train/state.h"
#include "train/transfer.h"
#include "train/weightnorm.h"

/* The message may name options of the load command, and must say so. */
static void name_load(struct mt_err *err)
{
    size_t n = strlen(err->text);

    snprintf(err->text + n, sizeof err->text - n,
             "\n--init is strict; 'mtrain load' can rename and leave out");
}

static mt_status load(struct mt_session *s, const struct mt_bundle *source,
                      struct mt_err *err)
{
    struct mt_transfer_options strict = { 0 };
    struct mt_bundle target, loaded = MT_BUNDLE_INIT;
    struct mt_transfer plan = { 0 };
    mt_status status = mt_state_save(s, &target, err);

    if (status == MT_OK)
        status = mt_transfer_plan(&target, source, &strict, s->team, &plan,
                                  NULL, err);
    if (status == MT_MISMATCH)
        name_load(err);
    if (status == MT_OK)
        status = mt_transfer_apply(&plan, &target, source, s->team, &loaded,
                                   err);
    loaded.team = s->team;
    if (status == MT_OK)
        status = mt_state_restore(s, &loaded, err);
    mt_transfer_free(&plan);
    mt_bundle_free(&loaded);
    mt_bundle_free(&target);
    return status;
}

mt_status mt_init_from(struct mt_session *s, const char *path,
                       const struct mt_state_options *options,
                       struct mt_err *err)
{
    struct mt_bundle source, folded;
    size_t n;
    mt_status status;

    if ((status = mt_bundle_open_state(path, options, s->team, &source, err)) !=
        MT_OK)
        return status;
    status = mt_weight_norm_fold(&source, s->team, &folded, &n, err);
    if (status == MT_OK)
        status = load(s, n ? &folded : &source, err);
    mt_bundle_free(&folded);
    mt_bundle_free(&source);
    return status == MT_OK ? MT_OK : mt_context(err, "%s", path);
}
