/*
 * Whether a thread gets a CPU when it can run. The second number in Linux's
 * /proc/thread-self/schedstat is the time that the thread has spent waiting on
 * a run queue, in nanoseconds.
 */
#ifndef MT_BASE_RUNQUEUE_H
#define MT_BASE_RUNQUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct mt_runqueue {
    int fd;                    /* -1: not known here */
    int64_t looked;            /* when, in nanoseconds */
    unsigned long long waited; /* up to then */
    bool crowded;
};

/* For the calling thread, the only one that may use q. */
void mt_runqueue_open(struct mt_runqueue *q);
void mt_runqueue_close(struct mt_runqueue *q);

/* Whether the thread has lately waited for a twentieth of the time or more.
 * Reads the kernel's count at most 50 times a second; other calls make no
 * system call. */
bool mt_runqueue_crowded(struct mt_runqueue *q);

#endif
