/* This instruction set's row of the choice in ../isa.c. */
#include "kernels/isa/internal.h"

#define MT_TEXT_(a) #a
#define MT_TEXT(a)  MT_TEXT_(a)

extern const struct mt_kernels MT_FN(mt_kernels);

const struct mt_kernels MT_FN(mt_kernels) = {
    .isa = MT_TEXT(MT_ISA),
    .gemm_mr = GEMM_MR,
    .gemm_nr = GEMM_NRV * VL,
    /* a cache line, or what is needed, if that is much less */
    .gemm_step = GEMM_MR > 16 / 2 ? 16 : GEMM_MR,
#define X(type, name, args) .name = MT_FN(name),
    MT_KERNELS(X)
#undef X
};
