#include "cmd/events.h"

#include <math.h>

#include "spec/tree.h"
#include "kernels/dispatch.h"
#include "train/monitor.h"

/* Rare events are flushed at once; steps wait until the buffer is full. */
static void emit(struct mt_events *e, struct mt_strbuf *line, bool flush)
{
    FILE *const files[] = { e->out, e->log };

    mt_strbuf_putc(line, '\n');
    for (int i = 0; i < 2 && !line->failed; i++) {
        if (!files[i])
            continue;
        fwrite(line->text, 1, line->len, files[i]);
        if (flush)
            fflush(files[i]);
    }
    mt_strbuf_free(line);
}

static bool wanted(const struct mt_events *e)
{
    return e->out || e->log;
}

static void add_number(struct mt_strbuf *out, const char *key, double value)
{
    mt_strbuf_printf(out, ",\"%s\":", key);
    mt_json_add_number(out, value);
}

/* 9 significant digits distinguish any two floats. */
static void add_float(struct mt_strbuf *out, const char *key, double value)
{
    if (isfinite(value))
        mt_strbuf_printf(out, "\"%s\":%.9g", key, value);
    else
        mt_strbuf_printf(out, "\"%s\":null", key);
}

void mt_event_scores(struct mt_strbuf *out, const struct mt_session *s,
                     bool evaluated, const struct mt_scores *scores)
{
    add_float(out, "loss", scores->loss);
    for (size_t i = 0; i < mt_session_n_metrics(s); i++) {
        if (mt_session_metric(s, i)->whole && !evaluated)
            continue;
        mt_strbuf_putc(out, ',');
        add_float(out, mt_session_metric(s, i)->name, scores->metric[i]);
    }
}

void mt_event_start(struct mt_events *e, const char *command,
                    const struct mt_session *s)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (!wanted(e))
        return;
    mt_strbuf_printf(&line,
                     "{\"event\":\"start\",\"command\":\"%s\",\"params\":%zu,"
                     "\"trainable\":%zu,\"threads\":%zu,\"isa\":\"%s\","
                     "\"step\":%llu,\"total_steps\":%llu}",
                     command, mt_model_parameters(mt_session_model(s), false),
                     mt_model_parameters(mt_session_model(s), true),
                     mt_team_size(mt_session_team(s)), mt_kernels()->isa,
                     (unsigned long long)mt_session_at(s).step,
                     (unsigned long long)mt_session_total_steps(s));
    emit(e, &line, true);
}

void mt_event_lines(struct mt_events *e, const char *lines)
{
    if (e->out)
        fputs(lines, e->out);
    if (e->log)
        fputs(lines, e->log);
}

void mt_event_warning(struct mt_events *e, const char *about, const char *text)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (!wanted(e))
        return;
    mt_strbuf_puts(&line, "{\"event\":\"warning\",\"about\":");
    mt_json_add_string(&line, about);
    mt_strbuf_puts(&line, ",\"text\":");
    mt_json_add_string(&line, text);
    mt_strbuf_putc(&line, '}');
    emit(e, &line, true);
}

void mt_event_audit(struct mt_events *e, const struct mt_audit *audit)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (!wanted(e))
        return;
    mt_strbuf_printf(&line,
                     "{\"event\":\"audit\",\"trainable\":%zu,\"moved\":%zu,"
                     "\"unmoved\":[", audit->trainable, audit->moved);
    for (size_t i = 0; i < audit->n_unmoved; i++) {
        mt_strbuf_puts(&line, i ? ",{\"name\":" : "{\"name\":");
        mt_json_add_string(&line, audit->unmoved[i].name);
        mt_strbuf_printf(&line, ",\"reason\":\"%s\"}",
                         mt_reason_text(audit->unmoved[i].reason));
    }
    mt_strbuf_puts(&line, "]}");
    emit(e, &line, true);
}

void mt_event_step(struct mt_events *e, const struct mt_session *s,
                   const struct mt_step_info *info)
{
    struct mt_strbuf line = MT_STRBUF_INIT;
    uint64_t epoch = mt_session_at(s).epoch - info->epoch_ended;

    mt_strbuf_printf(&line, "{\"event\":\"step\",\"step\":%llu,\"epoch\":%llu,",
                     (unsigned long long)mt_session_at(s).step,
                     (unsigned long long)epoch);
    add_float(&line, "loss", info->loss);
    add_number(&line, "lr", info->lr);
    mt_strbuf_putc(&line, ',');
    add_float(&line, "grad_norm", info->grad_norm);
    mt_strbuf_putc(&line, '}');
    emit(e, &line, false);
}

void mt_event_epoch(struct mt_events *e, const struct mt_session *s,
                    const struct mt_epoch *epoch)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (!wanted(e))
        return;
    mt_strbuf_printf(&line,
                     "{\"event\":\"epoch\",\"epoch\":%llu,\"step\":%llu,"
                     "\"train\":{", (unsigned long long)epoch->epoch,
                     (unsigned long long)epoch->step);
    mt_event_scores(&line, s, false, &epoch->train);
    mt_strbuf_putc(&line, '}');
    if (epoch->val.samples) {
        mt_strbuf_puts(&line, ",\"val\":{");
        mt_event_scores(&line, s, true, &epoch->val);
        mt_strbuf_putc(&line, '}');
    }
    if (epoch->unscheduled)
        mt_strbuf_puts(&line, ",\"unscheduled\":true");
    add_number(&line, "lr", epoch->lr);
    mt_strbuf_putc(&line, '}');
    emit(e, &line, true);
}

void mt_event_save(struct mt_events *e, const char *path, uint64_t step,
                   const struct mt_ckpt_info *info)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (!wanted(e))
        return;
    mt_strbuf_puts(&line, "{\"event\":\"save\",\"path\":");
    mt_json_add_string(&line, path);
    mt_strbuf_printf(&line, ",\"step\":%llu,\"bytes\":%llu}",
                     (unsigned long long)step,
                     (unsigned long long)info->bytes);
    emit(e, &line, true);
}

/* "best":{"epoch":12,"step":120,"monitor":"val_loss","value":0.41}, and after
 * restore_best "restored":{"epoch":9,"step":90}, */
static void add_best(struct mt_strbuf *line, const struct mt_session *s,
                     const struct mt_run_end *end)
{
    if (end->best.epoch) {
        mt_strbuf_printf(line,
                         "\"best\":{\"epoch\":%llu,\"step\":%llu,"
                         "\"monitor\":\"%s\",",
                         (unsigned long long)end->best.epoch,
                         (unsigned long long)end->best.step,
                         mt_session_judge(s)->name);
        add_float(line, "value", end->best.value);
        mt_strbuf_puts(line, "},");
    }
    if (end->restored)
        mt_strbuf_printf(line, "\"restored\":{\"epoch\":%llu,\"step\":%llu},",
                         (unsigned long long)mt_session_at(s).epoch,
                         (unsigned long long)mt_session_at(s).step);
}

void mt_event_end(struct mt_events *e, const struct mt_session *s,
                  const struct mt_run_end *end)
{
    struct mt_strbuf line = MT_STRBUF_INIT;
    bool early = mt_session_stopped_early(s);

    if (!wanted(e))
        return;
    mt_strbuf_printf(&line,
                     "{\"event\":\"end\",\"step\":%llu,\"seconds\":%.6f,"
                     "\"samples_per_s\":%.1f,%s",
                     (unsigned long long)mt_session_last_step(s), end->seconds,
                     end->samples_per_s,
                     early ? "\"stopped_early\":true," : "");
    add_best(&line, s, end);
    mt_strbuf_printf(&line, "\"digest\":\"%s\"}", end->digest);
    emit(e, &line, true);
}
