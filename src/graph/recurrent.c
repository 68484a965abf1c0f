#include "graph/recurrent.h"

#include <string.h>

#include "base/size.h"
#include "kernels/panels.h"

/* --- cells -------------------------------------------------------------- */

#define KERNELS(cell)                                                          \
    .step = offsetof(struct mt_kernels, cell##_step),                          \
    .grad = offsetof(struct mt_kernels, cell##_grad)

static const struct mt_cell cells[] = {
    { .name = "rnn_tanh", .gates = 1, .activation = "tanh" },
    { .name = "rnn_relu", .gates = 1, .activation = "relu" },
    { .name = "lstm", .gates = 4, .saves_state = true, KERNELS(lstm) },
    { .name = "gru",
      .gates = 3,
      .saves_state = true,
      .candidate = true,
      KERNELS(gru) },
    { .name = NULL },
};

const struct mt_cell *mt_cell_find(const char *name)
{
    for (const struct mt_cell *cell = cells; cell->name; cell++) {
        if (strcmp(cell->name, name) == 0)
            return cell;
    }
    return NULL;
}

size_t mt_cell_gates(const struct mt_cell *cell)
{
    return cell->gates;
}

bool mt_cell_takes_bias(const struct mt_cell *cell)
{
    return cell->candidate;
}

/* --- walks -------------------------------------------------------------- */

enum {
    GROUP = 16,       /* most rows of a group */
    SHARED = 1 << 17, /* fewest multiplications of a task */
};

struct mt_walk mt_walk_of(const struct mt_value *gates,
                          const struct mt_cell *cell)
{
    struct mt_walk walk = { gates->shape.dim[0], gates->shape.dim[1],
                            gates->shape.dim[2] / cell->gates };

    walk.group =
        mt_size_ceil_div(walk.rows, mt_size_ceil_div(walk.rows, GROUP));
    walk.step_by_step = walk.group == walk.rows;
    walk.part = walk.step_by_step ? MT_PANEL : walk.units;
    while (walk.step_by_step && walk.part < walk.units &&
           walk.part * cell->gates * walk.units * walk.rows < SHARED)
        walk.part *= 2;
    return walk;
}

struct job {
    const struct mt_walk *walk;
    mt_walk_part *part;
    const void *ctx;
    size_t step;
};

static void run_part(const struct job *job, size_t step, size_t i, size_t j)
{
    const struct mt_walk *w = job->walk;
    size_t m = w->rows - i, n = w->units - j;

    job->part(job->ctx, step, i, m < w->group ? m : w->group, j,
              n < w->part ? n : w->part);
}

static void group_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    const struct mt_walk *w = job->walk;

    (void)worker;
    for (size_t step = 0; step < w->steps; step++) {
        for (size_t j = 0; j < w->units; j += w->part)
            run_part(job, step, task * w->group, j);
    }
}

static void part_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;

    (void)worker;
    run_part(job, job->step, 0, task * job->walk->part);
}

void mt_walk_run(struct mt_team *team, const struct mt_walk *walk,
                 mt_walk_part *part, const void *ctx)
{
    struct job job = { walk, part, ctx, 0 };

    if (!walk->step_by_step) {
        mt_team_run(team, mt_size_ceil_div(walk->rows, walk->group), group_task,
                    &job);
        return;
    }
    for (; job.step < walk->steps; job.step++)
        mt_team_run(team, mt_size_ceil_div(walk->units, walk->part), part_task,
                    &job);
}
