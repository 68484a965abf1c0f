#include "base/runqueue.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const int64_t period = 20000000; /* nanoseconds */

static int64_t now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The time that the thread has waited; false: not known. */
static bool read_waited(const struct mt_runqueue *q, unsigned long long *waited)
{
    char text[80];
    ssize_t n = q->fd < 0 ? -1 : pread(q->fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return false;
    text[n] = '\0';
    return sscanf(text, "%*u %llu", waited) == 1;
}

void mt_runqueue_open(struct mt_runqueue *q)
{
    *q = (struct mt_runqueue){
        .fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC),
        .looked = now(),
    };
    read_waited(q, &q->waited);
}

void mt_runqueue_close(struct mt_runqueue *q)
{
    if (q->fd >= 0)
        close(q->fd);
}

bool mt_runqueue_crowded(struct mt_runqueue *q)
{
    int64_t elapsed = now() - q->looked;
    unsigned long long waited;

    if (elapsed < period || !read_waited(q, &waited))
        return q->crowded;
    q->crowded = (int64_t)(waited - q->waited) > elapsed / 20;
    q->looked += elapsed;
    q->waited = waited;
    return q->crowded;
}
