/* This instruction set's row of the choice in ../isa.c. */
#include "kernels/isa/internal.h"

#define MT_TEXT_(a) #a
#define MT_TEXT(a)  MT_TEXT_(a)

extern const struct mt_kernels MT_FN(mt_kernels);

const struct mt_kernels MT_FN(mt_kernels) = {
    .isa = MT_TEXT(MT_ISA),
    .gemm_mr = GEMM_MR,
    .gemm_nr = GEMM_NRV * VL,
#define X(type, name, args) .name = MT_FN(name),
    MT_KERNELS(X)
#undef X
};
