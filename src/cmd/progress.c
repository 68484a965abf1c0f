#include "cmd/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "cmd/terminal.h"

double mt_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void mt_progress_start(struct mt_progress *p, const struct mt_call *call,
                       const struct mt_session *s, uint64_t total)
{
    bool events = call->json && isatty(STDOUT_FILENO);
    double now = mt_seconds();

    *p = (struct mt_progress){
        .bar = !call->quiet && !events && mt_live_possible(),
        .quiet = call->quiet,
        .first_step = mt_session_at(s).step,
        .last_step = mt_session_at(s).step,
        .total = total,
        .started = now,
        .drawn = now,
        .poll_every = 1,
    };
}

/* --- the bar -------------------------------------------------------------- */

/* The parts of the line, in order. */
enum { EPOCH, BAR, PERCENT, STEP, LOSS, METRIC, RATE, LEFT, N_PARTS };

/* Which ones are dropped where the terminal is too narrow, in this order. */
static const int leave_out[] = { STEP, EPOCH, METRIC, RATE, BAR, LEFT, LOSS };

enum { PART_SIZE = 64, WIDE_BAR = 20, NARROW_BAR = 10, GAP = 2 };

struct line {
    char part[N_PARTS][PART_SIZE]; /* "": left out */
    double done;                   /* 0 ... 1 */
};

static void add_time(char *out, size_t size, double seconds)
{
    unsigned long t = seconds < 1e7 ? (unsigned long)(seconds + 0.5) : 9999999;

    if (t >= 3600)
        snprintf(out, size, "%lu:%02lu:%02lu left", t / 3600, t / 60 % 60,
                 t % 60);
    else
        snprintf(out, size, "%lu:%02lu left", t / 60, t % 60);
}

static void fill_bar(struct line *l, size_t cells)
{
    size_t filled = (size_t)(l->done * (double)cells);
    char *bar = l->part[BAR];

    bar[0] = '[';
    for (size_t i = 0; i < cells; i++)
        bar[i + 1] = i < filled ? '#' : '.';
    bar[cells + 1] = ']';
    bar[cells + 2] = '\0';
}

/* The means of the epoch so far; right after its end, those of the epoch. */
static void fill_scores(struct line *l, const struct mt_session *s)
{
    struct mt_scores scores = mt_session_running(s);

    if (!scores.samples)
        return;
    snprintf(l->part[LOSS], PART_SIZE, "loss %6.4g", scores.loss);
    for (size_t i = 0; i < mt_session_n_metrics(s) && !*l->part[METRIC]; i++) {
        if (!mt_session_metric(s, i)->whole)
            snprintf(l->part[METRIC], PART_SIZE, "%s %6.4g",
                     mt_session_metric(s, i)->name, scores.metric[i]);
    }
}

static void fill(struct line *l, const struct mt_progress *p,
                 const struct mt_session *s)
{
    double elapsed = mt_seconds() - p->started;
    uint64_t steps = mt_session_at(s).step - p->first_step;

    *l = (struct line){
        .done = p->total ? (double)mt_session_at(s).step / (double)p->total : 1
    };
    l->done = l->done < 1 ? l->done : 1;
    if (mt_session_settings(s)->epochs != MT_SIZE_ABSENT)
        snprintf(l->part[EPOCH], PART_SIZE, "epoch %llu/%zu",
                 (unsigned long long)mt_session_at(s).epoch +
                     (mt_session_at(s).batch > 0),
                 mt_session_settings(s)->epochs);
    fill_bar(l, WIDE_BAR);
    snprintf(l->part[PERCENT], PART_SIZE, "%3.0f%%", 100 * l->done);
    snprintf(l->part[STEP], PART_SIZE, "step %llu/%llu",
             (unsigned long long)mt_session_at(s).step,
             (unsigned long long)p->total);
    fill_scores(l, s);
    snprintf(l->part[RATE], PART_SIZE, "%.4g steps/s", p->rate);
    if (steps && p->total >= mt_session_at(s).step)
        add_time(l->part[LEFT], PART_SIZE,
                 (double)(p->total - mt_session_at(s).step) * elapsed /
                     (double)steps);
}

static size_t columns(const struct line *l)
{
    size_t n = 0;

    for (int i = 0; i < N_PARTS; i++) {
        size_t part = strlen(l->part[i]);

        n += part ? part + (n ? GAP : 0) : 0;
    }
    return n;
}

/* Makes the line no longer than width. */
static void fit(struct line *l, size_t width)
{
    if (columns(l) > width)
        fill_bar(l, NARROW_BAR);
    for (size_t i = 0; i < sizeof leave_out / sizeof *leave_out; i++) {
        if (columns(l) <= width)
            return;
        l->part[leave_out[i]][0] = '\0';
    }
    if (columns(l) > width)
        l->part[PERCENT][0] = '\0';
}

static void draw(const struct mt_progress *p, const struct mt_session *s)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct line line;

    fill(&line, p, s);
    fit(&line, mt_terminal_width(stderr) - 1); /* the cursor's column is free */
    for (int i = 0; i < N_PARTS; i++) {
        if (!*line.part[i])
            continue;
        mt_strbuf_puts(&text, text.len ? "  " : "");
        mt_strbuf_printf(&text, "%s%s%s",
                         i == BAR ? mt_color(stderr, MT_COLOR_BAR) : "",
                         line.part[i],
                         i == BAR ? mt_color(stderr, MT_COLOR_END) : "");
    }
    if (text.len && !text.failed)
        mt_live_draw(text.text, columns(&line));
    mt_strbuf_free(&text);
}

static const double interval = 0.1; /* seconds between two redraws, at least */

static void redraw_if_due(struct mt_progress *p, const struct mt_session *s,
                          double now)
{
    const double memory = 3; /* seconds that the rate looks back */
    double passed = now - p->drawn;

    if (passed < interval)
        return;
    double rate = (double)(mt_session_at(s).step - p->last_step) / passed;

    p->rate += (rate - p->rate) * (p->rate > 0 ? passed / (passed + memory)
                                               : 1);
    p->last_step = mt_session_at(s).step;
    p->drawn = now;
    draw(p, s);
}

void mt_progress_step(struct mt_progress *p, const struct mt_session *s)
{
    if (!p->bar || ++p->poll < p->poll_every)
        return;
    double now = mt_seconds(), passed = now - p->drawn;

    p->poll = 0;
    if (passed < interval / 2 && p->poll_every < 1u << 20)
        p->poll_every *= 2; /* steps are short: look less often */
    else if (passed > 2 * interval && p->poll_every > 1)
        p->poll_every /= 2;
    redraw_if_due(p, s, now);
}

/* --- lines ---------------------------------------------------------------- */

static void add_scores(const struct mt_session *s, const char *prefix,
                       const struct mt_scores *scores, struct mt_strbuf *out)
{
    mt_strbuf_printf(out, "  %sloss %.4g", prefix, scores->loss);
    for (size_t i = 0; i < mt_session_n_metrics(s); i++) {
        if (*prefix || !mt_session_metric(s, i)->whole)
            mt_strbuf_printf(out, "  %s%s %.4g", prefix,
                             mt_session_metric(s, i)->name, scores->metric[i]);
    }
}

void mt_progress_epoch(struct mt_progress *p, const struct mt_session *s,
                       const struct mt_epoch *epoch)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (p->quiet)
        return;
    mt_strbuf_printf(&line, "epoch %llu", (unsigned long long)epoch->epoch);
    if (mt_session_settings(s)->epochs != MT_SIZE_ABSENT)
        mt_strbuf_printf(&line, "/%zu", mt_session_settings(s)->epochs);
    mt_strbuf_printf(&line, "  step %llu", (unsigned long long)epoch->step);
    add_scores(s, "", &epoch->train, &line);
    if (epoch->val.samples)
        add_scores(s, "val ", &epoch->val, &line);
    mt_strbuf_printf(&line, "  lr %.4g\n", epoch->lr);
    if (line.text)
        mt_live_above(line.text);
    mt_strbuf_free(&line);
    if (p->bar)
        redraw_if_due(p, s, mt_seconds());
}
