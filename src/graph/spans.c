#include "graph/spans.h"

struct job {
    mt_span_run *run;
    const void *ctx;
    size_t n, span;
};

static void span_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    size_t at = task * job->span, left = job->n - at;

    (void)worker;
    job->run(job->ctx, at, left < job->span ? left : job->span);
}

static void run_spans(struct mt_team *team, const struct job *job)
{
    if (job->n <= job->span) {
        if (job->n)
            job->run(job->ctx, 0, job->n);
        return;
    }
    mt_team_run(team, (job->n + job->span - 1) / job->span, span_task,
                (void *)job);
}

void mt_spans(struct mt_team *team, size_t n, mt_span_run *run,
              const void *ctx)
{
    run_spans(team, &(struct job){ run, ctx, n, MT_SPAN });
}

size_t mt_row_span(size_t width)
{
    return width >= MT_SPAN ? 1 : MT_SPAN / (width ? width : 1);
}

void mt_row_spans(struct mt_team *team, size_t rows, size_t width,
                  mt_span_run *run, const void *ctx)
{
    run_spans(team, &(struct job){ run, ctx, rows, mt_row_span(width) });
}
