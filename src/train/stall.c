#include "train/stall.h"

#include <math.h>

#include "train/session_internal.h"

#define NOTHING 1e-9 /* a loss of which no gradient need be left */

mt_status mt_stall_start(const struct mt_session *s, struct mt_stall *out,
                         struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    mt_status status;

    *out = (struct mt_stall){ .whole = s->at.batch == 0 };
    status = mt_audit_before(store, &out->audit, err);
    if (status != MT_OK)
        return status;
    out->moved =
        mt_arena_calloc(&out->audit.arena, store->n + 1, sizeof *out->moved);
    out->known =
        mt_arena_calloc(&out->audit.arena, store->n + 1, sizeof *out->known);
    if (out->moved && out->known)
        return MT_OK;
    mt_stall_free(out);
    return mt_fail_memory(err);
}

void mt_stall_free(struct mt_stall *stall)
{
    mt_audit_free(&stall->audit);
    *stall = (struct mt_stall){ .moved = NULL };
}

/* One that never moved is the audit's to report. */
static bool has_stalled(const struct mt_stall *stall,
                        const struct mt_unmoved *u)
{
    return stall->whole && u->reason == MT_ZERO_GRADIENT && !u->structural &&
           !stall->known[u->tensor] && stall->moved[u->tensor];
}

static void add_names(struct mt_stall *stall, struct mt_strbuf *names)
{
    size_t n = 0;

    for (size_t i = 0; i < stall->audit.n_unmoved; i++) {
        const struct mt_unmoved *u = &stall->audit.unmoved[i];

        if (!has_stalled(stall, u))
            continue;
        stall->known[u->tensor] = true;
        if (n++ < 8)
            mt_strbuf_printf(names, "%s%s", n > 1 ? ", " : "", u->name);
    }
    if (n > 8)
        mt_strbuf_printf(names, " and %zu more", n - 8);
}

static void look(const struct mt_session *s, struct mt_stall *stall,
                 struct mt_warnings *out)
{
    struct mt_strbuf names = MT_STRBUF_INIT;

    add_names(stall, &names);
    if (names.len)
        mt_warnings_add(out, "training",
                        "epoch %llu no longer moved %s: the "
                        "gradient is 0, as that of dead units (a ReLU that is "
                        "0 for every sample); a smaller learning rate, "
                        "normalised inputs or a LeakyReLU may help",
                        (unsigned long long)s->at.epoch, names.text);
    out->failed |= names.failed;
    mt_strbuf_free(&names);
}

void mt_stall_epoch(const struct mt_session *s, struct mt_stall *stall,
                    struct mt_warnings *out)
{
    const struct mt_epoch *epoch = &s->history.last;
    struct mt_audit *audit = &stall->audit;

    mt_audit_after(&s->model->store, s->optimizer, s->now, audit);
    if (fabs(epoch->train.loss) >= NOTHING)
        look(s, stall, out);
    for (size_t i = 0, u = 0; i < s->model->store.n; i++) {
        if (u < audit->n_unmoved && audit->unmoved[u].tensor == i)
            u++;
        else
            stall->moved[i] = true;
    }
    stall->whole = true;
}
