/*
 * The gates of one time step of LSTM and GRU layers, and their gradients, in
 * one pass over the step's numbers; see struct mt_cell_step.
 */
#include "kernels/isa/internal.h"
#include "kernels/isa/vmath.h"

/* Up to 16 consecutive numbers; the zeros where there is no array. */
VINLINE vf get(const float *p, size_t at, size_t n)
{
    if (!p)
        return vf_zero();
    return n == VL ? vf_load(p + at) : vf_load_n(p + at, n);
}

VINLINE void put(float *p, size_t at, vf v, size_t n)
{
    if (n == VL)
        vf_store(p + at, v);
    else
        vf_store_n(p + at, v, n);
}

/* f (1 - f), the slope of a sigmoid f; 1 - f^2, that of a tanh f */
VINLINE vf sigmoid_slope(vf f)
{
    return vf_mul(f, vf_sub(vf_set1(1), f));
}

VINLINE vf tanh_slope(vf f)
{
    return vf_fnma(f, f, vf_set1(1));
}

/* part(s, row, unit, n) for each vector of n <= 16 units */
#define EACH_VECTOR(s, part)                                                   \
    for (size_t row = 0; row < (s)->rows; row++) {                             \
        size_t j = 0;                                                          \
                                                                               \
        for (; j + VL <= (s)->units; j += VL)                                  \
            part(s, row, j, VL);                                               \
        if (j < (s)->units)                                                    \
            part(s, row, j, (s)->units - j);                                   \
    }

/* i = sigma, f = sigma, g = tanh, o = sigma of their sums;
 * c = f c0 + i g; h = o tanh(c) */
VINLINE void lstm_part(const struct mt_cell_step *s, size_t row, size_t j,
                       size_t n)
{
    size_t at = row * s->hidden + j, section = s->hidden;
    float *gates = s->gates + row * 4 * section;
    vf i = vsigmoid(get(gates, j, n));
    vf f = vsigmoid(get(gates, section + j, n));
    vf g = vtanh(get(gates, 2 * section + j, n));
    vf o = vsigmoid(get(gates, 3 * section + j, n));
    vf c = vf_fma(f, get(s->c0, at, n), vf_mul(i, g));

    put(gates, j, i, n);
    put(gates, section + j, f, n);
    put(gates, 2 * section + j, g, n);
    put(gates, 3 * section + j, o, n);
    put(s->c, at, c, n);
    put(s->h, at, vf_mul(o, vtanh(c)), n);
}

void MT_FN(lstm_step)(const struct mt_cell_step *s){ EACH_VECTOR(s, lstm_part) }

/* What comes back from later steps is flushed, for it fades with the steps.
 * dc = dc' + dh o (1 - tanh(c)^2); do = dh tanh(c), di = dc g, df = dc c0,
 * dg = dc i, each times the slope of its gate; dc0 = dc f */
VINLINE void lstm_grad_part(const struct mt_cell_grad *s, size_t row, size_t j,
                            size_t n)
{
    size_t at = row * s->hidden + j, section = s->hidden;
    const float *gates = s->gates + row * 4 * section;
    float *dgates = s->dgates + row * 4 * section;
    vf i = get(gates, j, n), f = get(gates, section + j, n);
    vf g = get(gates, 2 * section + j, n), o = get(gates, 3 * section + j, n);
    vf t = vtanh(get(s->c, at, n));
    vf dh = vf_flush(vf_add(get(s->dy, at, n), get(s->dh, at, n)));
    vf dc = vf_fma(vf_mul(dh, o), tanh_slope(t), get(s->dc, at, n));
    vf c0 = get(s->c0, at, n);

    put(dgates, j, vf_mul(vf_mul(dc, g), sigmoid_slope(i)), n);
    put(dgates, section + j, vf_mul(vf_mul(dc, c0), sigmoid_slope(f)), n);
    put(dgates, 2 * section + j, vf_mul(vf_mul(dc, i), tanh_slope(g)), n);
    put(dgates, 3 * section + j, vf_mul(vf_mul(dh, t), sigmoid_slope(o)), n);
    put(s->dc, at, vf_flush(vf_mul(dc, f)), n);
}

void MT_FN(lstm_grad)(const struct mt_cell_grad *s){
    EACH_VECTOR(s, lstm_grad_part)
}

/* r = sigma, z = sigma of their sums and biases; c = c + b_n;
 * n = tanh(its sum + r c); h = (1 - z) n + z h0 = n + z (h0 - n) */
VINLINE
    void gru_part(const struct mt_cell_step *s, size_t row, size_t j, size_t n)
{
    size_t at = row * s->hidden + j, section = s->hidden;
    float *gates = s->gates + row * 3 * section;
    vf r = vf_add(get(gates, j, n), get(s->bias, j, n));
    vf z = vf_add(get(gates, section + j, n), get(s->bias, section + j, n));
    vf c = vf_add(get(s->c, at, n), get(s->bias, 2 * section + j, n));

    r = vsigmoid(r);
    z = vsigmoid(z);

    vf new = vtanh(vf_fma(r, c, get(gates, 2 * section + j, n)));

    put(gates, j, r, n);
    put(gates, section + j, z, n);
    put(gates, 2 * section + j, new, n);
    put(s->c, at, c, n);
    put(s->h, at, vf_fma(z, vf_sub(get(s->h0, at, n), new), new), n);
}

void MT_FN(gru_step)(const struct mt_cell_step *s){ EACH_VECTOR(s, gru_part) }

/* dn = dh (1 - z) (1 - n^2); dr = dn c r (1 - r); dz = dh (h0 - n) z (1 - z);
 * dc = dn r; what reaches h0 past the gates is dh z */
VINLINE void gru_grad_part(const struct mt_cell_grad *s, size_t row, size_t j,
                           size_t n)
{
    size_t at = row * s->hidden + j, section = s->hidden;
    const float *gates = s->gates + row * 3 * section;
    float *dgates = s->dgates + row * 3 * section;
    vf r = get(gates, j, n), z = get(gates, section + j, n);
    vf new = get(gates, 2 * section + j, n);
    vf dh = vf_flush(vf_add(get(s->dy, at, n), get(s->dh, at, n)));
    vf dn = vf_mul(vf_mul(dh, vf_sub(vf_set1(1), z)), tanh_slope(new));
    vf dr = vf_mul(vf_mul(dn, get(s->c, at, n)), sigmoid_slope(r));
    vf dz =
        vf_mul(vf_mul(dh, vf_sub(get(s->h0, at, n), new)), sigmoid_slope(z));

    put(dgates, j, dr, n);
    put(dgates, section + j, dz, n);
    put(dgates, 2 * section + j, dn, n);
    put(s->dc, at, vf_mul(dn, r), n);
    put(s->dh, at, vf_mul(dh, z), n);
}

void MT_FN(gru_grad)(const struct mt_cell_grad *s)
{
    EACH_VECTOR(s, gru_grad_part)
}
