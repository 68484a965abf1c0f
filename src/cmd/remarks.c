#include "cmd/remarks.h"

#include "cmd/report.h"
#include "cmd/warn.h"

mt_status mt_remarks_start(struct mt_remarks *m, struct mt_err *err)
{
    return mt_stall_start(m->session, &m->stall, err);
}

void mt_remarks_free(struct mt_remarks *m)
{
    mt_stall_free(&m->stall);
}

void mt_remarks_add(struct mt_remarks *m, const char *about,
                    const struct mt_err *err, const char *more)
{
    struct mt_err refused = MT_ERR_INIT;
    mt_status status = mt_warn(m->call, m->events, about, &refused, "%s%s",
                               err->text, more);

    if (status != MT_OK && !mt_remarks_refuse(m))
        m->refused = refused;
}

static void warn_stalled(struct mt_remarks *m)
{
    struct mt_warnings list = MT_WARNINGS_INIT;
    struct mt_err err = MT_ERR_INIT;

    mt_stall_epoch(m->session, &m->stall, &list);
    if (mt_warn_all(m->call, m->events, &list, &err) != MT_OK)
        m->refused = err;
    mt_warnings_free(&list);
}

/* Only once, as there may be many. */
static void warn_idle(struct mt_remarks *m)
{
    struct mt_err text = MT_ERR_INIT;

    m->idle_known = true;
    mt_fail(&text, MT_INVALID,
            "step %llu: no target of a batch counts for the loss, by "
            "ignore_index or a weight of 0",
            (unsigned long long)mt_session_at(m->session).step);
    mt_remarks_add(m, "data", &text, ": such batches add nothing");
}

/* At the first evaluation only: all are of the same samples. */
static void note_left_out(struct mt_remarks *m)
{
    const struct mt_epoch *epoch = mt_session_last_epoch(m->session);
    struct mt_strbuf note = MT_STRBUF_INIT;

    m->left_out_known = epoch->val.samples > 0;
    if (!m->left_out_known)
        return;
    mt_session_left_out(m->session, &note);
    mt_report_note(m->call, &note);
}

void mt_remarks_step(struct mt_remarks *m, const struct mt_step_info *info)
{
    if (info->epoch_ended && !m->left_out_known)
        note_left_out(m);
    if (info->idle_batches && !m->idle_known)
        warn_idle(m);
    if (info->epoch_ended)
        warn_stalled(m);
}
