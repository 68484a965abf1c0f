/*
 * What the fuzz targets share. Each target is one file here, a program by
 * itself (make fuzz) with a folder of seeds of its own name; scripts/fuzz runs
 * them. A target lays the bytes it is given before a reader, as a file where
 * the reader wants one (files.h), and uses what comes out, so that the
 * sanitizers see every byte of it.
 */
#ifndef MT_TESTDATA_FUZZ_H
#define MT_TESTDATA_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t max,
                               unsigned seed);

/* Reads every byte, for the sanitizers. */
static inline void fuzz_use(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += p[i];
    if (sum == UINT32_MAX) /* never, but the compiler cannot know */
        abort();
}

/* A failure must say something; success must say nothing. */
static inline void fuzz_said(mt_status status, const struct mt_err *err)
{
    if ((status != MT_OK) != (err->text[0] != '\0') || status != err->status)
        abort();
}

#endif
