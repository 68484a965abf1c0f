#include "train/incremental.h"

#include <assert.h>
#include <stdlib.h>

#include "base/pages.h"
#include "base/size.h"

static mt_status record(struct mt_infer *m, size_t length,
                        struct mt_program *out)
{
    struct mt_shape shape = mt_shape_of(1, length);
    struct mt_err err = MT_ERR_INIT;

    return mt_model_record_outputs(m->model, 1, &shape, mt_team_size(m->team),
                                   out, &err);
}

/* A graph of one position does not show which dimension is the sequence, so it
 * is compared with one of two. */
static bool fits(struct mt_infer *m, const struct mt_program *one)
{
    struct mt_program two = { 0 };
    const struct mt_program *whole = &m->program;
    bool yes;

    if (m->sample.dim[0] == 1) {
        if (record(m, 2, &two) != MT_OK)
            return false;
        whole = &two;
    }
    yes = mt_sequence_fits(whole->graph, whole->x, 1, whole->y, one->graph);
    mt_graph_free(two.graph);
    return yes;
}

bool mt_incremental_open(struct mt_incremental *i, struct mt_infer *m,
                         size_t context)
{
    *i = (struct mt_incremental){ .m = m, .context = context };
    if (m->model->x_dtype != MT_I32 || m->program.batch != 1 ||
        m->sample.rank != 1 || m->sample.dim[0] >= context ||
        record(m, 1, &i->one) != MT_OK)
        return false;
    if (fits(m, &i->one)) {
        i->workspace = mt_pages_alloc(mt_graph_bytes(i->one.graph));
        i->memory = mt_pages_alloc(mt_sequence_bytes(i->one.graph, context));
    }
    if (!i->workspace || !i->memory) {
        mt_incremental_close(i);
        return false;
    }
    i->one.x->data = &i->token;
    mt_graph_bind(i->one.graph, i->workspace);
    return true;
}

void mt_incremental_close(struct mt_incremental *i)
{
    mt_graph_free(i->one.graph);
    free(i->workspace);
    free(i->memory);
    *i = (struct mt_incremental){ 0 };
}

static void run(struct mt_incremental *i, const struct mt_graph *graph,
                size_t positions, bool outputs)
{
    struct mt_sequence sequence = { i->known, i->context, i->memory, !outputs };
    struct mt_turn turn = { .sequence = &sequence };

    mt_graph_run_part(graph, i->m->team, &turn);
    i->known += positions;
}

void mt_incremental_begin(struct mt_incremental *i, bool outputs)
{
    i->known = 0;
    run(i, i->m->program.graph, i->m->sample.dim[0], outputs);
}

const float *mt_incremental_next(struct mt_incremental *i, int32_t token)
{
    assert(i->known && i->known < i->context);
    i->token = token;
    run(i, i->one.graph, 1, true);
    return i->one.y->data;
}
