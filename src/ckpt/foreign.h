/*
 * Recognizes files that are not state files.
 */
#ifndef MT_CKPT_FOREIGN_H
#define MT_CKPT_FOREIGN_H

#include <stddef.h>

/* "a Git LFS pointer ...", with what to do about it, by the file's first n
 * bytes; NULL: unknown. */
const char *mt_foreign_file(const unsigned char *head, size_t n);

#endif
