#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double mt_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool can_redraw(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void mt_progress_start(struct mt_progress *p, const struct mt_call *call,
                       const struct mt_session *s)
{
    *p = (struct mt_progress){
        .bar = !call->quiet && !call->json && can_redraw(),
        .quiet = call->quiet,
        .started = mt_seconds(),
        .first_step = s->at.step,
    };
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return size.ws_col;
    return 80;
}

static void add_time(char *out, size_t size, double seconds)
{
    unsigned long t = seconds < 1e7 ? (unsigned long)(seconds + 0.5) : 9999999;

    if (t >= 3600)
        snprintf(out, size, "%lu:%02lu:%02lu", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(out, size, "%lu:%02lu", t / 60, t % 60);
}

void mt_progress_draw(struct mt_progress *p, const struct mt_session *s,
                      double loss)
{
    char left[32], text[256], bar[64];
    size_t width = terminal_width(), cells = 20, filled;
    double elapsed = mt_seconds() - p->started;
    double done = (double)s->at.step / (double)s->total_steps;
    double rate = (double)(s->at.step - p->first_step) /
                  (elapsed > 0 ? elapsed : 1);

    if (!p->bar || width < 20)
        return;
    add_time(left, sizeof left,
             rate > 0 ? (double)(s->total_steps - s->at.step) / rate : 0);
    filled = (size_t)(done * (double)cells);
    memset(bar, '#', filled);
    memset(bar + filled, '.', cells - filled);
    bar[cells] = '\0';
    snprintf(text, sizeof text,
             "[%s] %3.0f%%  step %llu/%llu  loss %.4g  %.4g steps/s  %s left",
             bar, 100 * done, (unsigned long long)s->at.step,
             (unsigned long long)s->total_steps, loss, rate, left);
    fprintf(stderr, "\r\033[K%.*s", (int)(width - 1), text);
    fflush(stderr);
    p->drawn = true;
}

void mt_progress_clear(struct mt_progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void print_scores(const struct mt_session *s, const char *prefix,
                         const struct mt_scores *scores)
{
    fprintf(stderr, "  %sloss %.4g", prefix, scores->loss);
    for (size_t i = 0; i < s->n_metrics; i++)
        fprintf(stderr, "  %s%s %.4g", prefix, s->metrics[i]->name,
                scores->metric[i]);
}

void mt_progress_epoch(struct mt_progress *p, const struct mt_session *s,
                       const struct mt_epoch *epoch)
{
    if (p->quiet)
        return;
    mt_progress_clear(p);
    fprintf(stderr, "epoch %llu", (unsigned long long)epoch->epoch);
    if (s->settings.epochs != MT_SIZE_ABSENT)
        fprintf(stderr, "/%zu", s->settings.epochs);
    fprintf(stderr, "  step %llu", (unsigned long long)epoch->step);
    print_scores(s, "", &epoch->train);
    if (epoch->val.samples)
        print_scores(s, "val ", &epoch->val);
    fprintf(stderr, "  lr %.4g\n", epoch->lr);
}
