/*
 * What the tests see of kernels/vec.h and kernels/vmath.h: every primitive and
 * every elementary function, compiled once per instruction set like the
 * kernels. It is part of build/tests alone.
 */
#ifndef MT_KERNELS_PROBE_H
#define MT_KERNELS_PROBE_H

#include <stddef.h>
#include <stdint.h>

/* Lane by lane, on bits: r = f(a, b, c); masks give -1 or 0. */
#define MT_PROBE_LANES(X)                                                      \
    X(vf_add) X(vf_sub) X(vf_mul) X(vf_div) X(vf_sqrt) X(vf_fma) X(vf_fnma)    \
    X(vf_max) X(vf_min) X(vf_neg) X(vf_abs) X(vf_copysign) X(vf_flush)         \
    X(vf_lt) X(vf_le) X(vf_eq) X(vf_sel) X(vm_and) X(vm_or)                    \
    X(vf_round) X(vf_from)                                                     \
    X(vi_add) X(vi_sub) X(vi_and) X(vi_or) X(vi_xor) X(vi_eq) X(vi_lt)         \
    X(vi_shl_1) X(vi_shl_23) X(vi_shr_1) X(vi_shr_9) X(vi_sar_1) X(vi_sar_23)  \
    X(vi_mul_hi) X(vi_mul_lo)

/* y_i = f(x_i) */
#define MT_PROBE_MATH(X)                                                       \
    X(exp) X(exp_cut) X(expm1) X(log) X(log1p) X(tanh) X(sigmoid)              \
    X(sigmoid_cut) X(erf) X(softplus)

struct mt_probe {
    const char *isa;
#define X(name)                                                                \
    void (*name)(uint32_t r[16], const uint32_t a[16], const uint32_t b[16],   \
                 const uint32_t c[16]);
    MT_PROBE_LANES(X)
#undef X
#define X(name) void (*name)(float *y, const float *x, size_t n);
    MT_PROBE_MATH(X)
#undef X
    void (*copy_n)(float *y, const float *x, size_t n); /* load_n, store_n */
    void (*halves)(float y[16], const float first[8], const float second[8]);
    void (*turn)(float *y, size_t y_row, const float *x, size_t x_row,
                 size_t n);
    void (*cut)(float y[16], const float first[16], const float second[16],
                size_t n);
    void (*zip)(float y[32], const float even[16], const float odd[16]);
    void (*unzip)(float even[16], float odd[16], const float x[32]);
    void (*transpose)(float x[256]); /* in place */
    float (*sum)(const float x[16]);
    float (*hmax)(const float x[16]);
};

/* Those this CPU can run, in the order of mt_kernels_available; n <= 4. */
size_t mt_probes_available(const struct mt_probe *out[4]);

#endif
