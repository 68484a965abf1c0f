/*
 * A module without MPI, for load_test.c: FAKE_good; FAKE_old, of another
 * version; and FAKE_none, which is a library of something else. MTRAIN_FAKE
 * says what goes wrong in it.
 */
#include <fenv.h>
#include <stdlib.h>
#include <string.h>

#include "comm/module.h"

#ifdef FAKE_none
extern int mt_no_module;
int mt_no_module;
#else
static int is(const char *what)
{
    const char *fault = getenv("MTRAIN_FAKE");

    return fault && strcmp(fault, what) == 0;
}

static void leave(struct mt_comm *comm)
{
    comm->type = NULL;
}

static const struct mt_comm_type type = { .close = leave };

static const char *join(struct mt_comm **out)
{
    static struct mt_comm comm;

    if (is("fails"))
        return "no network";
    comm = (struct mt_comm){ &type, 1, 4, 2, 1, "Fake MPI 1.0", "here", 0 };
    if (is("alone"))
        comm.rank = comm.here_before = 0, comm.size = comm.here = 1;
    fesetround(FE_UPWARD);
    *out = &comm;
    return NULL;
}

#ifdef FAKE_old
enum { VERSION = MT_COMM_MODULE_VERSION - 1 };
#else
enum { VERSION = MT_COMM_MODULE_VERSION };
#endif

extern const struct mt_comm_module mt_comm_module;
const struct mt_comm_module mt_comm_module = { VERSION, join };
#endif
