/*
 * How much memory this process may use: that of the machine including swap,
 * within the limits of its control groups (version 1 and 2) and of ulimit.
 *
 *     mt_memlimit_read("", &limit);
 *     if (bytes > limit.most) ... it cannot fit, see limit.by
 *     if (bytes > limit.free) ... it will swap, or be killed
 */
#ifndef MT_BASE_MEMLIMIT_H
#define MT_BASE_MEMLIMIT_H

#include <stdint.h>

struct mt_memlimit {
    uint64_t most;  /* all of it, with swap; UINT64_MAX: unknown */
    const char *by; /* what sets it: "this machine", "its control group" */
    uint64_t free;  /* of that, without swap and what is in use now;
                       UINT64_MAX: unknown */
    uint64_t used;  /* of it by this process, resident; 0: unknown */
    uint64_t room;  /* that ulimit -v and -d leave to be taken; UINT64_MAX: all
                       that there is */
};

/* root is prepended to all paths; other than "" in tests. */
void mt_memlimit_read(const char *root, struct mt_memlimit *out);

/* "2716.8 MB"; from 10 GB on "36.5 GB". */
struct mt_size_text {
    char text[32];
};
struct mt_size_text mt_size_text(uint64_t bytes);

#endif
