/*
 * System calls that a signal interrupted are retried, but not for ever: after
 * MT_INTERRUPTS retries the operation fails with EINTR.
 */
#ifndef MT_BASE_INTERRUPT_H
#define MT_BASE_INTERRUPT_H

#include <errno.h>
#include <stdbool.h>

enum { MT_INTERRUPTS = 10000 };

/* After a call that failed: should it be retried, because a signal interrupted
 * it? *times counts the retries; it starts at 0. */
static inline bool mt_call_again(int *times)
{
    return errno == EINTR && (*times)++ < MT_INTERRUPTS;
}

#endif
