#include "cmd/summary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/shellwords.h"

void mt_summary_why_stopped(const struct mt_session *s, char *out, size_t size)
{
    snprintf(out, size, "%s did not improve in %s",
             mt_session_stopping(s)->monitor.name,
             mt_count(mt_session_bad(s), "evaluation").text);
}

/* Scores of the validation data, or of the training data where there are
 * none. */
static void print_scores(const struct mt_session *s,
                         const struct mt_epoch *epoch)
{
    bool val = epoch->val.samples > 0;
    const struct mt_scores *scores = val ? &epoch->val : &epoch->train;
    const char *part = val ? "val " : "";

    printf(", %sloss %.6g", part, scores->loss);
    for (size_t i = 0; i < mt_session_n_metrics(s); i++) {
        if (val || !mt_session_metric(s, i)->whole)
            printf(", %s%s %.6g", part, mt_session_metric(s, i)->name,
                   scores->metric[i]);
    }
}

/* ", best epoch 12 (val_loss 0.41)" */
static void print_best(const struct mt_session *s, const struct mt_run_end *end)
{
    unsigned long long best = end->best.epoch, now = mt_session_at(s).epoch;

    if (best)
        printf(", best epoch %llu (%s %.6g)", best, mt_session_judge(s)->name,
               end->best.value);
    if (end->restored && best == now)
        printf(", which was restored");
    else if (end->restored)
        printf(", restored epoch %llu", now);
}

void mt_summary_print(const char *out, const struct mt_session *s,
                      const struct mt_run_end *end)
{
    printf("%s: step %llu of %llu", out,
           (unsigned long long)mt_session_last_step(s),
           (unsigned long long)mt_session_total_steps(s));
    if (mt_session_stopped_early(s)) {
        char why[256];

        mt_summary_why_stopped(s, why, sizeof why);
        printf(", stopped early (%s)", why);
    }
    if (!end->restored && mt_session_last_epoch(s))
        print_scores(s, mt_session_last_epoch(s));
    print_best(s, end);
    if (end->restored && mt_session_last_epoch(s))
        print_scores(s, mt_session_last_epoch(s));
    printf(" (%.3g s, %.4g samples/s)\n", end->seconds, end->samples_per_s);
}

void mt_summary_advise(const struct mt_session *s, const char *saved,
                       uint64_t step, struct mt_err *err)
{
    const struct mt_optimizer *o = mt_session_optimizer(s);
    bool clips = !isnan(mt_session_settings(s)->clip_grad_norm);
    size_t n = strlen(err->text);
    struct mt_strbuf text = MT_STRBUF_INIT;

    if (mt_session_at(s).step == 0)
        mt_strbuf_puts(&text,
                       "; this is the first step: check the data and the "
                       "initial values (model.init)");
    else
        mt_strbuf_printf(&text,
                         "; with the same spec training always ends like "
                         "this: try a smaller optimizer.lr (now %g)%s",
                         mt_optimizer_base(o, o->n_groups - 1).lr,
                         clips ? "" : " or train.clip_grad_norm=1");
    if (mt_session_at(s).step && saved) {
        mt_strbuf_printf(&text, ", from step %llu: mtrain resume ",
                         (unsigned long long)step);
        mt_shell_word(&text, saved);
        mt_strbuf_puts(&text, " --set KEY=VALUE");
    }
    if (text.text)
        snprintf(err->text + n, sizeof err->text - n, "%s", text.text);
    mt_strbuf_free(&text);
}
