/*
 * Preloaded under mtrain: makes an allocation fail.
 *
 *   TORTURE_ALLOC=N:once   the Nth one (from 1) fails
 *   TORTURE_ALLOC=N:on     and all later ones, too
 *   TORTURE_COUNT=FILE     at the end: how many there were
 *
 * Allocations that libc makes for the program (strdup, fopen, threads) count,
 * those before and behind main do not. The real ones are libc's own, under the names that
 * it keeps for this.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t align, size_t n);

static long at;
static int on, begun;
static atomic_long count;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("TORTURE_ALLOC");
    char when[8] = "";

    if (text && sscanf(text, "%ld:%7s", &at, when) != 2)
        abort();
    on = strcmp(when, "on") == 0;
    begun = 1;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("TORTURE_COUNT");
    char text[32];

    begun = 0;
    if (!path)
        return;
    int n = snprintf(text, sizeof text, "%ld\n", atomic_load(&count));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    if (fd < 0 || write(fd, text, (size_t)n) != n)
        abort();
    close(fd);
}

static void stop(void)
{
    begun = 0;
}

/* What runs behind main (the profile of a build for coverage) is spared. */
static int fails(void)
{
    if (!begun)
        return 0;
    long n = atomic_fetch_add(&count, 1) + 1;

    if (n == 1 && atexit(stop))
        abort();
    if (!at || (n != at && !(on && n > at)))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t c, size_t n)
{
    return fails() ? NULL : __libc_calloc(c, n);
}

void *realloc(void *old, size_t n)
{
    return fails() ? NULL : __libc_realloc(old, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    if (fails())
        return ENOMEM;
    *out = __libc_memalign(align, n);
    return *out ? 0 : ENOMEM;
}

void *mmap(void *address, size_t n, int protection, int flags, int fd,
           off_t offset)
{
    if (fails())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, n, protection, flags, fd, offset);
}
