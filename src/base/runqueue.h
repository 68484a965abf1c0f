/*
 * Whether a thread gets the CPU when it wants it. Linux counts the time that a
 * thread could have run and did not, since others did:
 * /proc/thread-self/schedstat, whose second number it is, in nanoseconds.
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

/* Of the thread that calls it, which must make all calls. */
void mt_runqueue_open(struct mt_runqueue *q);
void mt_runqueue_close(struct mt_runqueue *q);

/* Whether the thread has lately waited for a twentieth of the time or more.
 * Looks 50 times a second at most, and else makes no system call. */
bool mt_runqueue_crowded(struct mt_runqueue *q);

#endif
