#include "graph/planes.h"

#include "graph/spans.h"

struct job {
    mt_planes_run *run;
    const void *ctx;
    size_t planes, group, scratch_size;
    char *scratch;
};

void mt_plane_size(const struct mt_value *v, size_t *h, size_t *w)
{
    int rank = v->shape.rank;

    *w = v->shape.dim[rank - 1];
    *h = rank > 3 ? v->shape.dim[rank - 2] : 1;
}

size_t mt_planes_of_task(size_t planes, size_t size)
{
    size_t group = mt_row_span(size);

    return group < planes ? group : planes;
}

static void planes_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    size_t first = task * job->group, left = job->planes - first;

    job->run(job->ctx, first, left < job->group ? left : job->group,
             job->scratch + worker * job->scratch_size);
}

void mt_planes(const struct mt_run *run, size_t planes, size_t size,
               size_t scratch, mt_planes_run *f, const void *ctx)
{
    struct job job = { f, ctx, planes, mt_planes_of_task(planes, size),
                       scratch, run->scratch };

    if (job.group == planes) {
        f(ctx, 0, planes, run->scratch);
        return;
    }
    mt_team_run(run->team, (planes + job.group - 1) / job.group, planes_task,
                &job);
}
