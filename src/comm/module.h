/*
 * The module for MPI: a shared object that is loaded only under mpirun or srun,
 * so that the program itself starts without MPI and runs where MPI is not
 * installed.
 * It exports one symbol, mt_comm_module.
 */
#ifndef MT_COMM_MODULE_H
#define MT_COMM_MODULE_H

#include "comm/comm.h"

/* Changes whenever this header or comm.h does. */
enum { MT_COMM_MODULE_VERSION = 3 };

struct mt_comm_module {
    int version; /* MT_COMM_MODULE_VERSION */

    /* Joins the job that this process was started in. Returns NULL, or what
     * went wrong. */
    const char *(*open)(struct mt_comm **out);
};

/* Joins the job of which this process is a rank, according to its environment:
 * *out is NULL outside mpirun and srun, and for a job of one. Fails if the job
 * has several ranks and there is no suitable module; the message says what to
 * install. */
mt_status mt_comm_open(struct mt_comm **out, struct mt_err *err);

#endif
