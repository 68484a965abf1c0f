/*
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw
 * ("Parallel random numbers: as easy as 1, 2, 3", SC'11).
 *
 * There is no generator state anywhere in mtrain: a random number is a
 * function of a key (the spec's seed and what the number is for) and a counter
 * (which step, which element). So a stream can be entered at any point, by any
 * thread, after any number of resumes.
 *
 *     struct mt_philox_key key = mt_philox_key(seed, "init", "fc1.weight");
 *     uint32_t word = mt_philox_word(key, 0, 17);       (the 18th number)
 */
#ifndef MT_BASE_PHILOX_H
#define MT_BASE_PHILOX_H

#include <stdint.h>

struct mt_philox_key {
    uint32_t k0, k1; /* Philox's key, from the seed and the purpose */
    uint32_t c3;     /* the counter's last word, from the name */
};

/* The stream for one purpose ("init", "shuffle", "dropout", ...) and one name
 * (a tensor, a layer, or ""). Different arguments give unrelated streams. */
struct mt_philox_key mt_philox_key(uint64_t seed, const char *purpose,
                                   const char *name);

/* Block (index, step): four words. step < 2^32, index < 2^64. */
void mt_philox_block(struct mt_philox_key key, uint32_t step, uint64_t index,
                     uint32_t out[4]);

/* Word number i of the stream at this step: word i % 4 of block i / 4. */
uint32_t mt_philox_word(struct mt_philox_key key, uint32_t step, uint64_t i);

/* In (0, 1), never 0 and never 1: (b + 1/2) / 2^52, where b is 52 bits of the
 * words 2i and 2i + 1. */
double mt_philox_uniform(struct mt_philox_key key, uint32_t step, uint64_t i);

/* Puts the n values in a random order (Fisher-Yates with Lemire's unbiased
 * bounded numbers), a function of (key, step) alone. */
void mt_philox_shuffle(struct mt_philox_key key, uint32_t step, uint32_t n,
                       uint32_t *values);

/* The same for 0 ... n-1. order has room for n. */
void mt_philox_permutation(struct mt_philox_key key, uint32_t step, uint32_t n,
                           uint32_t *order);

#endif
