#include "cmd/processes.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/report.h"
#include "comm/module.h"

mt_status mt_processes_join(const struct mt_command *command,
                            struct mt_comm **out, struct mt_err *err)
{
    mt_status status = mt_comm_open(out, err);

    if (status != MT_OK)
        return status;
    if (mt_comm_rank(*out))
        mt_report_follow(*out);
    if (*out && command && !command->shared)
        return mt_fail(err, MT_INVALID,
                       "%s runs in one process: start it without mpirun",
                       command->name);
    return MT_OK;
}

struct place {
    cpu_set_t processors;
    char host[64];
};

static bool same(const struct place *a, const struct place *b)
{
    return strcmp(a->host, b->host) == 0 &&
           CPU_EQUAL(&a->processors, &b->processors);
}

mt_status mt_processes_threads(struct mt_comm *comm, size_t *threads,
                               struct mt_err *err)
{
    size_t size = mt_comm_size(comm), sharing = 0;
    bool asked = *threads > 0;
    struct place *all;

    if (size == 1)
        return MT_OK;
    all = calloc(size, sizeof *all);
    if (!all)
        return mt_fail_memory(err);
    struct place *own = &all[comm->rank];

    snprintf(own->host, sizeof own->host, "%s", comm->host);
    if (sched_getaffinity(0, sizeof own->processors, &own->processors) != 0)
        CPU_SET(0, &own->processors);
    mt_status status = mt_comm_gather_each(comm, all, sizeof *all, err);

    for (size_t i = 0; i < size; i++)
        sharing += same(&all[i], own);
    if (!asked) {
        *threads =
            (size_t)CPU_COUNT(&own->processors) / (sharing ? sharing : 1);
        *threads = *threads ? *threads : 1;
    }
    free(all);
    return status;
}

int mt_processes_leave(struct mt_comm *comm, int code)
{
    /* until the launcher has passed on what was printed */
    static const struct timespec pause = { 0, 100000000 };

    if (comm && code >= MT_EXIT_TROUBLE && code < MT_EXIT_SIGNAL) {
        mt_report_give_way();
        nanosleep(&pause, NULL);
        mt_comm_abort(comm, code);
    }
    mt_comm_close(comm);
    return code;
}
