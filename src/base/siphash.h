/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012): a hash of 64 bits for which collisions cannot be constructed
 * without the key. For tables of names that come from files; no bit of a result
 * may depend on it.
 */
#ifndef MT_BASE_SIPHASH_H
#define MT_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t mt_siphash(const unsigned char key[16], const void *bytes, size_t n);

#endif
