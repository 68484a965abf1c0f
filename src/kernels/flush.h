/*
 * Numbers too small to matter, which kernels do not keep. Left alone, the
 * moments and weights of dead units decay until they are subnormal and stay
 * so, and the gradients of a net that fits its data are subnormal themselves;
 * most CPUs compute with those ten to a hundred times slower. The CPU's own
 * flush mode is of no use: what it flushes differs from CPU to CPU.
 *
 * Gradients below 2^-63 (1.1e-19) become +0: as losses, activations and
 * softmaxes give them, and as recurrent cells pass them on. The product of two
 * that are kept is a normal number. See vf_flush (isa/vec.h).
 *
 * State is rounded to multiples of a small unit as it is written: parameters
 * and their exponential means to 2^-70, means of gradients (exp_avg,
 * momentum_buffer, ...) to 2^-100, means of squares (exp_avg_sq, ...) and
 * running statistics to 2^-124. That is adding and then subtracting a number
 * whose last place is the unit, which changes no number of 2^46 units or more.
 * Where it is added to the first term of a sum, no part of that is subnormal,
 * however small the other terms. What decays by 1 - r a step ends at 1 / 2r
 * units or less, for less than half a unit is lost then.
 */
#ifndef MT_KERNELS_FLUSH_H
#define MT_KERNELS_FLUSH_H

/* To be added and subtracted. 1.5, so that the last place stays the unit with
 * tiny numbers of either sign. */
#define MT_UNIT_PARAMETER 0x1.8p-47f  /* 2^-70 */
#define MT_UNIT_MEAN      0x1.8p-77f  /* 2^-100 */
#define MT_UNIT_SQUARE    0x1.8p-101f /* 2^-124 */

#endif
