/*
 * The module for MPI: a shared object that is loaded under mpirun or srun, so
 * that the program itself starts without MPI and runs where none is installed.
 * It exports one symbol, mt_comm_module.
 */
#ifndef MT_COMM_MODULE_H
#define MT_COMM_MODULE_H

#include "comm/comm.h"

/* Changes whenever this header or comm.h does. */
enum { MT_COMM_MODULE_VERSION = 2 };

struct mt_comm_module {
    int version; /* MT_COMM_MODULE_VERSION */

    /* Joins the job that this process was started in. Returns NULL, or what
     * went wrong. */
    const char *(*open)(struct mt_comm **out);
};

/* Joins the job that this process is a rank of, if its environment says that it
 * is: *out is NULL outside of mpirun and srun, and for a job of one. A job of
 * several without a module that fits fails, and says what to install. */
mt_status mt_comm_open(struct mt_comm **out, struct mt_err *err);

#endif
