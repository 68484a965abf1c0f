/*
 * Optimizer passes over flat memory, with the update rules of torch.optim. The
 * arrays may be read and written up to a multiple of 16 values behind n: flat
 * blocks are padded. `zeros` gathers 0 g, which is 0 while all g are finite.
 */
#include "kernels/isa/internal.h"

/* g = sign g + weight_decay p
 * buf = momentum buf + (1 - dampening) g     (g itself on the first step)
 * g = g + momentum buf (Nesterov), or buf
 * p = p - lr g */
bool MT_FN(sgd)(float *p, const float *g, float *buf, size_t n,
                const struct mt_sgd_step *s)
{
    vf lr = vf_set1(s->lr), wd = vf_set1(s->weight_decay);
    vf momentum = vf_set1(s->momentum), sign = vf_set1(s->sign);
    vf damp = vf_set1(s->one_minus_dampening), zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i);
        vf d = vf_fma(wd, w, vf_mul(sign, gi));

        zeros = vf_fma(gi, vf_zero(), zeros);
        if (buf) {
            vf b = d;

            if (!s->first)
                b = vf_fma(damp, d, vf_mul(momentum, vf_load(buf + i)));
            vf_store(buf + i, b);
            d = s->nesterov ? vf_fma(momentum, b, d) : b;
        }
        vf_store(p + i, vf_fnma(lr, d, w));
    }
    return vf_sum(zeros) == 0;
}

/* g = sign g + l2 p;  p = decay p
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2;  vmax = max(vmax, v)
 * p = p - step_size m / (sqrt(v or vmax) / sqrt(1 - beta2^t) + eps) */
bool MT_FN(adam)(float *p, const float *g, float *m, float *v, float *vmax,
                 size_t n, const struct mt_adam_step *s)
{
    vf beta1 = vf_set1(s->beta1), beta2 = vf_set1(s->beta2);
    vf rest1 = vf_set1(s->one_minus_beta1), rest2 = vf_set1(s->one_minus_beta2);
    vf eps = vf_set1(s->eps), size = vf_set1(s->step_size);
    vf inv = vf_set1(s->inv_bc2_sqrt), l2 = vf_set1(s->l2);
    vf decay = vf_set1(s->decay), sign = vf_set1(s->sign);
    vf zeros = vf_zero();

    for (size_t i = 0; i < n; i += VL) {
        vf w = vf_load(p + i);
        vf gi = vf_load(g + i), d = vf_fma(l2, w, vf_mul(sign, gi));
        vf mi = vf_fma(rest1, d, vf_mul(beta1, vf_load(m + i)));
        vf vn = vf_fma(vf_mul(rest2, d), d, vf_mul(beta2, vf_load(v + i)));
        vf top = vn;

        zeros = vf_fma(gi, vf_zero(), zeros);
        vf_store(m + i, mi);
        vf_store(v + i, vn);
        if (s->amsgrad) {
            top = vf_max(vf_load(vmax + i), vn);
            vf_store(vmax + i, top);
        }
        vf denom = vf_fma(vf_sqrt(top), inv, eps);

        w = vf_mul(w, decay);
        vf_store(p + i, vf_fnma(size, vf_div(mi, denom), w));
    }
    return vf_sum(zeros) == 0;
}
