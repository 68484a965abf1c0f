/*
 * Memory for arrays that are read and written over and over. Large ones are in
 * large pages, if the system has them: a core finds few addresses of small ones
 * without looking into tables, and MPI copies from large ones to other
 * processes of the machine in half the time.
 */
#ifndef MT_BASE_PAGES_H
#define MT_BASE_PAGES_H

#include <stddef.h>

/* So many bytes, aligned to 64 and not zeroed; free() frees them. NULL: there
 * is no memory. 0 bytes are some memory, too. */
void *mt_pages_alloc(size_t bytes);

/* So many bytes, zeroed, of which only pages that are touched take memory, as
 * far as the system can do so: for arrays of which little is used. Aligned to
 * 16; free() frees them. */
void *mt_pages_reserve(size_t bytes);

#endif
