/*
 * Signals of commands that take long.
 *
 * The first INT, TERM, HUP or USR2 is remembered, so that the step can finish
 * and be saved; the second ends the process at once (the old checkpoint is
 * whole: files are replaced). HUP stays ignored where it was ignored. USR2 is
 * included because Open MPI's mpirun passes it on at once, but TERM only with a
 * KILL soon after.
 */
#ifndef MT_CMD_SIGNALS_H
#define MT_CMD_SIGNALS_H

#include <stdbool.h>

void mt_signals_catch(void);

/* The number of the signal that asks to stop, or 0. */
int mt_signal_stop(void);

/* Has USR1 asked for a save since the last call? */
bool mt_signal_save(void);

#endif
