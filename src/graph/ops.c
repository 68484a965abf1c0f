/* The table of ops. */
#include "graph/ops_internal.h"

const struct mt_op *const mt_ops[] = {
#define X(name) &mt_op_##name,
    MT_OPS(X)
#undef X
    NULL,
};
