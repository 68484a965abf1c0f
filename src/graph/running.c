#include "graph/ops_internal.h"

#include <string.h>

#include "kernels/flush.h"

void mt_running_found(const struct mt_node *node, const struct mt_run *run,
                      const double *found)
{
    if (run->statistics)
        memcpy(run->statistics, found,
               node->op->statistics(node) * sizeof *found);
    else
        node->op->update(node, found);
}

void mt_running_update(float *r, const double *found, size_t stride, size_t n,
                       double momentum)
{
    for (size_t c = 0; c < n; c++) {
        double x = (1 - momentum) * (double)r[c] + momentum * found[c * stride];

        r[c] = ((float)x + MT_UNIT_SQUARE) - MT_UNIT_SQUARE;
    }
}
