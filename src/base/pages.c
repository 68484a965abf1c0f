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

void *mt_pages_alloc(size_t bytes)
{
    if (bytes >= PTRDIFF_MAX - PAGE)
        return NULL;
    char *memory = aligned_alloc(ALIGN, mt_size_align(bytes + !bytes, ALIGN));

#ifdef MADV_HUGEPAGE
    if (memory && bytes >= FROM) {
        size_t skip =
            mt_size_align((uintptr_t)memory, PAGE) - (uintptr_t)memory;

        madvise(memory + skip, bytes - skip, MADV_HUGEPAGE);
    }
#endif
    return memory;
}
