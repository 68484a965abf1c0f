#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/size.h"

enum {
    ALIGN = 64,
    PAGE = 4096,    /* at least: where pages are larger, advice is refused */
    FROM = 4 << 20, /* bytes that ask for large pages of 2 MB */
};

/* Advises the system about all whole pages. */
static void advise(char *memory, size_t bytes, int advice)
{
    size_t skip = mt_size_align((uintptr_t)memory, PAGE) - (uintptr_t)memory;

    madvise(memory + skip, bytes - skip, advice);
}

void *mt_pages_alloc(size_t bytes)
{
    if (bytes >= PTRDIFF_MAX - PAGE)
        return NULL;
    char *memory = aligned_alloc(ALIGN, mt_size_align(bytes + !bytes, ALIGN));

#ifdef MADV_HUGEPAGE
    if (memory && bytes >= FROM)
        advise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void *mt_pages_reserve(size_t bytes)
{
    char *memory =
        bytes < PTRDIFF_MAX - PAGE ? calloc(1, bytes + !bytes) : NULL;

#ifdef MADV_NOHUGEPAGE
    if (memory && bytes >= FROM)
        advise(memory, bytes, MADV_NOHUGEPAGE);
#endif
    return memory;
}
