/*
 * A command that several processes run together, under mpirun or srun: one of
 * them prints and writes, the others are silent.
 */
#ifndef MT_CMD_PROCESSES_H
#define MT_CMD_PROCESSES_H

#include "cmd/command.h"

/* Joins the job that this process belongs to, if any; else *out is NULL. A
 * command that does not share its work refuses; NULL: there is no command. From
 * here on all processes but the first are silent, except for errors. */
mt_status mt_processes_join(const struct mt_command *command,
                            struct mt_comm **out, struct mt_err *err);

/* How many threads each of them starts, unless *threads says what is asked for:
 * those that may run on the same processors share them. 0 without other
 * processes: as many as there are processors. All of them call this, also those
 * that were asked. */
mt_status mt_processes_threads(struct mt_comm *comm, size_t *threads,
                               struct mt_err *err);

/* The end: after an error that of all, with this exit code. Returns it. */
int mt_processes_leave(struct mt_comm *comm, int code);

#endif
