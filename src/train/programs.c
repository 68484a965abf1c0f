#include "train/programs.h"

#include <assert.h>

static struct mt_program *find(struct mt_programs *p, size_t n)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->of[i].batch == n)
            return &p->of[i];
    }
    return NULL;
}

mt_status mt_programs_add(struct mt_programs *p, struct mt_model *model,
                          size_t n, bool training, size_t workers,
                          struct mt_err *err)
{
    if (n == 0 || find(p, n))
        return MT_OK;
    assert(p->n < MT_PROGRAMS);
    mt_status status =
        mt_model_record(model, n, training, workers, &p->of[p->n], err);

    p->n += status == MT_OK;
    return status;
}

struct mt_program *mt_programs_find(struct mt_programs *p, size_t n)
{
    struct mt_program *program = find(p, n);

    assert(program);
    return program;
}

size_t mt_programs_bytes(const struct mt_programs *p)
{
    size_t most = 0;

    for (size_t i = 0; i < p->n; i++) {
        size_t bytes = mt_graph_bytes(p->of[i].graph);

        most = bytes > most ? bytes : most;
    }
    return most;
}

void mt_programs_bind(struct mt_programs *p, void *memory)
{
    for (size_t i = 0; i < p->n; i++)
        mt_graph_bind(p->of[i].graph, memory);
}

void mt_programs_free(struct mt_programs *p)
{
    for (size_t i = 0; i < p->n; i++)
        mt_graph_free(p->of[i].graph);
    p->n = 0;
}
