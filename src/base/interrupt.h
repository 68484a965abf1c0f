/*
 * System calls that a signal interrupted are made again, but not for ever: a
 * system that interrupts each of them without end is given up on, and what
 * the call was for fails with EINTR.
 */
#ifndef MT_BASE_INTERRUPT_H
#define MT_BASE_INTERRUPT_H

#include <errno.h>
#include <stdbool.h>

enum { MT_INTERRUPTS = 10000 };

/* After a call that failed: was it interrupted, and is it to be made again?
 * *times counts, from 0, how often it was. */
static inline bool mt_call_again(int *times)
{
    return errno == EINTR && (*times)++ < MT_INTERRUPTS;
}

#endif
