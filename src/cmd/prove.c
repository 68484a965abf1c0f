#include "cmd/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/tree.h"
#include "cmd/details.h"
#include "cmd/progress.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"
#include "train/compare.h"
#include "train/datastate.h"
#include "train/outputs.h"
#include "train/state.h"
#include "train/statename.h"

struct proof {
    const struct mt_call *call;
    const char *path;
    struct mt_bundle claim;   /* path's state */
    struct mt_bundle start;   /* the kept one's */
    struct mt_bundle replayed;
    struct mt_json *doc;      /* path's spec */
    struct mt_session *session;
    char *from;               /* its path */
    uint64_t first, last;     /* the steps of both */
    size_t same, differ;      /* arrays */
    struct mt_strbuf list;    /* of the JSON answer */
};

/* --- the kept checkpoint -------------------------------------------------- */

static mt_status fail_no_start(const struct proof *p, struct mt_err *err)
{
    char *first = mt_output_kept(p->path, 1);
    mt_status status;

    if (!first)
        return mt_fail_memory(err);
    status =
        mt_fail(err, MT_INVALID,
                "%s: its folder has no earlier checkpoint of this run to "
                "replay from (%s); to have one, train or resume with "
                "train.checkpoint.keep of at least 1: mtrain resume %s --set "
                "train.checkpoint.keep=1 --epochs N",
                p->path, first, p->path);
    free(first);
    return status;
}

/* The newest kept checkpoint of an earlier step than path: after a failed save
 * the first one is path itself. */
static mt_status find_start(struct proof *p, struct mt_err *err)
{
    int64_t last = mt_bundle_get_i64(&p->claim, MT_NAME_STEP, 0);
    mt_status status;

    /* the last step of a run that ended with the state of its best epoch */
    last = mt_bundle_get_i64(&p->claim, MT_NAME_STOPPING "end_step", last);
    p->last = last > 0 ? (uint64_t)last : 0;
    for (size_t i = 1;; i++) {
        p->from = mt_output_kept(p->path, i);
        if (!p->from)
            return mt_fail_memory(err);
        if (!mt_output_exists(p->from))
            return fail_no_start(p, err);
        if ((status = mt_bundle_open(p->from, p->call->team, &p->start, err)) !=
            MT_OK)
            return status;
        int64_t step = mt_bundle_get_i64(&p->start, MT_NAME_STEP, -1);

        p->first = (uint64_t)step;
        if (step >= 0 && p->first < p->last)
            return MT_OK;
        mt_bundle_free(&p->start);
        p->start = (struct mt_bundle)MT_BUNDLE_INIT;
        free(p->from);
        p->from = NULL;
    }
}

/* --- comparing ------------------------------------------------------------ */

static void report_array(struct proof *p, const struct mt_array *a,
                         const char *what, const struct mt_compared *c)
{
    if (p->call->json) {
        mt_strbuf_puts(&p->list, p->list.len ? ",{\"name\":" : "{\"name\":");
        mt_json_add_string(&p->list, a->name);
        mt_strbuf_printf(&p->list, ",\"n_differ\":%zu,\"max_abs\":",
                         c ? c->n_differ : mt_shape_elements(&a->shape));
        mt_json_add_number(&p->list, c ? c->max_abs : 0);
        mt_strbuf_putc(&p->list, '}');
        return;
    }
    printf("%s%s%s: ", mt_color(stdout, MT_COLOR_BAD), a->name,
           mt_color(stdout, MT_COLOR_END));
    if (c)
        printf("%zu of %zu values differ, max |d| %.3g\n", c->n_differ, c->n,
               c->max_abs);
    else
        printf("%s\n", what);
}

/* The replay's array that a claimed one can be compared with, or NULL. */
static const struct mt_array *partner(const struct proof *p,
                                      const struct mt_array *a)
{
    const struct mt_array *b = mt_bundle_find(&p->replayed, a->name);

    return b && a->dtype == b->dtype && mt_shape_equal(&a->shape, &b->shape)
               ? b
               : NULL;
}

static void judge(struct proof *p, const struct mt_array *a,
                  const struct mt_compared *c)
{
    bool there = mt_bundle_find(&p->replayed, a->name) != NULL;

    if (c && c->n_differ == 0) {
        p->same++;
        return;
    }
    p->differ++;
    report_array(p, a,
                 there ? "has another type or shape in the replay"
                       : "is not in the replay",
                 c);
}

static void judge_all(struct proof *p, const struct mt_compare_pair *pairs)
{
    for (size_t i = 0; i < p->claim.n; i++) {
        const struct mt_array *a = &p->claim.arrays[i];

        judge(p, a, partner(p, a) ? &(pairs++)->result : NULL);
    }
    for (size_t i = 0; i < p->replayed.n; i++) {
        const struct mt_array *b = &p->replayed.arrays[i];

        if (mt_bundle_find(&p->claim, b->name))
            continue;
        report_array(p, b, "is only in the replay", NULL);
        p->differ++;
    }
}

/* The claim is read block by block: it need not fit in memory with the
 * session. */
static mt_status compare_all(struct proof *p, struct mt_err *err)
{
    static const struct mt_tolerance exact;
    struct mt_compare_pair *pairs = calloc(p->claim.n + 1, sizeof *pairs);
    size_t n = 0;
    mt_status status;

    if (!pairs)
        return mt_fail_memory(err);
    for (size_t i = 0; i < p->claim.n; i++) {
        const struct mt_array *a = &p->claim.arrays[i], *b = partner(p, a);

        if (b)
            pairs[n++] = (struct mt_compare_pair){ .a = a, .b = b };
    }
    status = mt_compare_pairs(pairs, n, &exact, p->call->team, err);
    if (status == MT_OK)
        judge_all(p, pairs);
    free(pairs);
    return status;
}

/* --- replaying ------------------------------------------------------------ */

/* A session of its own: with path's spec and data, at the kept position. */
static mt_status open_session(struct proof *p, struct mt_err *err)
{
    struct mt_session_request request = {
        .data_dir = mt_option(p->call, "data-dir"), .team = p->call->team,
        .from = &p->claim,
    };
    mt_status status;

    if ((status = mt_state_spec(&p->claim, p->path, &p->doc, err)) != MT_OK)
        return status;
    request.doc = p->doc;
    if ((status = mt_session_open(&request, &p->session, err)) != MT_OK)
        return status;
    if (mt_data_state_check(&p->claim, mt_session_data(p->session), NULL, 0,
                            err) != MT_OK)
        return mt_context(err, "%s", p->path);
    if (mt_state_restore(p->session, &p->start, err) != MT_OK)
        return mt_context(err, "%s", p->from);
    if ((status = mt_bundle_detach(&p->start, err)) != MT_OK)
        return status;
    return mt_session_prepare(p->session, err);
}

static mt_status replay(struct proof *p, struct mt_err *err)
{
    struct mt_session *s = p->session;
    struct mt_progress progress;
    struct mt_step_info info;
    mt_status status;

    mt_details_report(p->call, s);
    mt_report(p->call, "%s: replays step %llu to %llu from %s", p->path,
              (unsigned long long)p->first + 1, (unsigned long long)p->last,
              p->from);
    mt_signals_catch();
    mt_progress_start(&progress, p->call, s, p->last);
    while (mt_session_at(s).step < p->last && !mt_signal_stop()) {
        if ((status = mt_session_step(s, false, &info, err)) != MT_OK)
            return status;
        mt_progress_step(&progress, s);
    }
    mt_live_clear();
    mt_session_restore_best(s);
    if (mt_signal_stop())
        return MT_OK;
    status = mt_state_save(s, &p->replayed, err);
    return status == MT_OK ? compare_all(p, err) : status;
}

/* --- the answer ----------------------------------------------------------- */

static void answer_json(const struct proof *p)
{
    printf("{\"event\":\"prove\",\"path\":");
    mt_print_json_string(p->path);
    printf(",\"from\":");
    mt_print_json_string(p->from);
    printf(",\"from_step\":%llu,\"step\":%llu,\"steps\":%llu,\"equal\":%s,"
           "\"same\":%zu,\"differ\":[%s]}\n", (unsigned long long)p->first,
           (unsigned long long)p->last,
           (unsigned long long)(p->last - p->first),
           p->differ ? "false" : "true", p->same,
           p->list.text ? p->list.text : "");
}

static int answer(const struct proof *p)
{
    uint64_t steps = p->last - p->first;

    if (p->call->json) {
        answer_json(p);
    } else if (p->differ) {
        printf("%s: %s replayed from %s: %s%zu of %zu arrays differ%s\n",
               p->path, mt_count(steps, "step").text, p->from,
               mt_color(stdout, MT_COLOR_BAD), p->differ, p->same + p->differ,
               mt_color(stdout, MT_COLOR_END));
    } else if (!p->call->quiet) {
        printf("%s: %s replayed from %s: %sthe bits agree%s (%s)\n", p->path,
               mt_count(steps, "step").text, p->from,
               mt_color(stdout, MT_COLOR_GOOD), mt_color(stdout, MT_COLOR_END),
               mt_count(p->same, "array").text);
    }
    return p->differ ? MT_EXIT_NO : MT_EXIT_DONE;
}

static mt_status prove(struct proof *p, struct mt_err *err)
{
    mt_status status;

    if ((status = mt_bundle_open(p->path, p->call->team, &p->claim, err)) !=
            MT_OK ||
        (status = find_start(p, err)) != MT_OK ||
        (status = open_session(p, err)) != MT_OK)
        return status;
    return replay(p, err);
}

int mt_prove(const struct mt_call *call, const char *path)
{
    struct proof p = { .call = call, .path = path, .claim = MT_BUNDLE_INIT,
                       .start = MT_BUNDLE_INIT, .replayed = MT_BUNDLE_INIT };
    struct mt_err err = MT_ERR_INIT;
    int code;

    if (prove(&p, &err) != MT_OK) {
        code = mt_report_error(&err);
    } else if (mt_signal_stop()) {
        code = MT_EXIT_SIGNAL + mt_signal_stop();
    } else {
        code = answer(&p);
    }
    mt_bundle_free(&p.replayed); /* it refers to the session's memory */
    mt_session_close(p.session);
    mt_json_free(p.doc);
    mt_bundle_free(&p.start);
    mt_bundle_free(&p.claim);
    mt_strbuf_free(&p.list);
    free(p.from);
    return code;
}
