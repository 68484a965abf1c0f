/*
 * Declares every kernel of kernels.h under this compilation's own name
 * (relu_avx512, ...), so that definitions are checked against the table.
 */
#ifndef MT_KERNELS_ISA_INTERNAL_H
#define MT_KERNELS_ISA_INTERNAL_H

#include "kernels/dispatch.h"
#include "kernels/isa/vec.h"

#define X(type, name, args) type MT_FN(name) args;
MT_KERNELS(X)
#undef X

/* The rows and columns (in vectors) of the largest GEMM tile: as many
 * accumulators as the registers hold in addition to the operands. */
#if defined MT_ISA_avx512
enum { GEMM_MR = 14, GEMM_NRV = 2 };
#elif defined MT_ISA_generic
enum { GEMM_MR = 4, GEMM_NRV = 1 };
#else
enum { GEMM_MR = 6, GEMM_NRV = 1 };
#endif

#endif
